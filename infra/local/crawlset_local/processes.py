"""
The child processes of the laptop cloud: started so that none outlives it, found again if one does.

On Linux the kernel signals a child when its parent dies, however the parent dies. Elsewhere a
child may be left behind; the record that `spawn` writes lets the next start stop it.
"""

import ctypes
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

STOP_SECONDS = 15.0
"""How long a child may take to stop before it is killed."""

MAX_LOG_BYTES = 10_000_000
"""A longer log is set aside when its process starts again; the one set aside before goes."""

_PR_SET_PDEATHSIG = 1
_DEAD = {"Z", "X"}
_INHERITED = (
    "PATH",
    "LANG",
    "LC_ALL",
    "TZ",
    "LD_LIBRARY_PATH",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
)

# The kernel's signal is tied to the thread that forked, so one thread, which lives as long as
# the process, forks every child.
_spawner = ThreadPoolExecutor(max_workers=1, thread_name_prefix="spawner")


@dataclass(frozen=True)
class User:
    """The account a child runs as: this process's own unless it names one."""

    uid: int | None = None
    gid: int | None = None

    @property
    def groups(self) -> list[int] | None:
        return None if self.uid is None else []


OURSELVES = User()


@dataclass(frozen=True)
class Child:
    name: str
    process: subprocess.Popen[bytes]
    record: Path
    log: Path
    stop_signal: signal.Signals


def clean_environment(**variables: str) -> dict[str, str]:
    """`variables` and the few of the shell's that say nothing of clouds, accounts or proxies."""
    inherited = {name: os.environ[name] for name in _INHERITED if name in os.environ}
    if inherited.get("SSL_CERT_FILE"):
        # A child runs elsewhere.
        inherited["SSL_CERT_FILE"] = str(Path(inherited["SSL_CERT_FILE"]).absolute())
    return inherited | variables


def spawn(
    name: str,
    argv: Sequence[str],
    *,
    run: Path,
    log: Path,
    environment: Mapping[str, str],
    stop_signal: signal.Signals = signal.SIGTERM,
    user: User = OURSELVES,
) -> Child:
    """
    Start `argv` in its own session, its output appended to `log`, and record it under `run`.

    `stop_signal` is what stops it in good order, and what it gets when this process dies.
    """
    if log.exists() and log.stat().st_size > MAX_LOG_BYTES:
        log.replace(log.with_suffix(".log.1"))
    with log.open("ab") as output:
        process = _spawner.submit(
            lambda: subprocess.Popen(  # noqa: S603
                list(argv),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd="/",
                env=dict(environment),
                start_new_session=True,
                preexec_fn=_die_with_parent(stop_signal),  # noqa: PLW1509, it calls no Python lock
                user=user.uid,
                group=user.gid,
                extra_groups=user.groups,
            )
        ).result()
    record = run / f"{name}.json"
    record.write_text(json.dumps({"pid": process.pid, "argv": list(argv)}))
    return Child(name, process, record, log, stop_signal)


def stop(child: Child) -> None:
    """Stop `child` and whatever it left in its process group; return when it is gone."""
    if child.process.poll() is None:
        child.process.send_signal(child.stop_signal)
        try:
            child.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            child.process.kill()
            child.process.wait()
    _end_group(child.process.pid)
    child.record.unlink(missing_ok=True)


def stop_recorded(name: str, run: Path, stop_signal: signal.Signals = signal.SIGTERM) -> bool:
    """
    Stop the process an earlier start recorded as `name`, and what it left in its process group.

    A process that has taken its number is left alone. Says whether there was a record: a start
    that ended in good order leaves none.
    """
    record = run / f"{name}.json"
    entry = _read_record(record)
    if entry is None:
        return False
    pid, argv = entry
    for signal_ in (stop_signal, signal.SIGKILL):
        if not _runs(pid, argv):
            break
        with suppress(ProcessLookupError):
            os.kill(pid, signal_)
        wait_until(lambda: not _runs(pid, argv), STOP_SECONDS)
    if not _exists(pid):
        _end_group(pid)
    record.unlink(missing_ok=True)
    return True


def still_running(run: Path) -> list[str]:
    """Names of the recorded processes that an earlier start left behind."""
    return [name for name, pid, argv in recorded(run) if _runs(pid, argv)]


def running_from(directory: Path) -> list[int]:
    """Processes whose program lies below `directory`; on Linux."""
    found = []
    for entry in Path("/proc").glob("[0-9]*/exe"):
        with suppress(OSError):
            if entry.readlink().is_relative_to(directory):
                found.append(int(entry.parent.name))
    return found


def wait_until(is_true: Callable[[], bool], seconds: float, every: float = 0.02) -> bool:
    """Poll `is_true` for at most `seconds`; say whether it came true."""
    deadline = time.monotonic() + seconds
    while not is_true():
        if time.monotonic() > deadline:
            return False
        time.sleep(every)
    return True


def last_lines(log: Path, n: int = 8) -> str:
    try:
        return "\n".join(log.read_text(errors="replace").splitlines()[-n:])
    except OSError:
        return ""


def recorded(run: Path) -> Iterator[tuple[str, int, list[str]]]:
    """(name, process id, command) of each process that a start has recorded under `run`."""
    for record in sorted(run.glob("*.json")):
        if (entry := _read_record(record)) is not None:
            yield record.stem, *entry


def _read_record(record: Path) -> tuple[int, list[str]] | None:
    try:
        entry = json.loads(record.read_text())
        return int(entry["pid"]), [str(word) for word in entry["argv"]]
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _runs(pid: int, argv: Sequence[str]) -> bool:
    if Path("/proc/self").exists():
        try:
            line = Path(f"/proc/{pid}/cmdline").read_bytes()
            if not line:
                return _is_exiting(pid)
        except OSError:
            return False
        return [os.fsdecode(word) for word in line.rstrip(b"\0").split(b"\0")] == list(argv)
    answer = subprocess.run(  # noqa: S603
        ["/bin/ps", "-ww", "-o", "command=", "-p", str(pid)],
        capture_output=True,
        text=True,
        check=False,
    )
    return answer.stdout.strip() == " ".join(argv)


def _is_exiting(pid: int) -> bool:
    """
    Whether `pid` has given up its memory and not yet its sockets.

    A zombie has, but only once its other threads, which share them, are gone.
    """
    stat = _stat(pid)
    return stat.state not in _DEAD or stat.n_threads > 1


def _exists(pid: int) -> bool:
    """Whether a process has this number; a zombie keeps it, and has done with it."""
    if Path("/proc/self").exists():
        try:
            return _stat(pid).state not in _DEAD
        except OSError:
            return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _end_group(leader: int) -> None:
    """Kill what is left of a group whose leader is gone; return when that is gone too."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(leader, signal.SIGKILL)
        wait_until(lambda: not _has_members(leader), STOP_SECONDS)


def _has_members(group: int) -> bool:
    if Path("/proc/self").exists():
        return bool(_members(group))
    try:
        os.killpg(group, 0)
    except OSError:
        return False
    return True


def _members(group: int) -> list[int]:
    """The living processes of a process group; on Linux."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            stat = _stat(int(entry.name))
            if stat.group == group and stat.state not in _DEAD:
                found.append(int(entry.name))
    return found


class _Stat(NamedTuple):
    state: str
    group: int
    n_threads: int


def _stat(pid: int) -> _Stat:
    """What Linux says of a process; see proc_pid_stat(5)."""
    fields = Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()
    return _Stat(fields[0], int(fields[2]), int(fields[17]))


def _die_with_parent(signal_: signal.Signals) -> Callable[[], None] | None:
    if sys.platform != "linux":
        return None
    prctl = ctypes.CDLL(None, use_errno=True).prctl
    parent = os.getpid()

    def arrange() -> None:
        prctl(_PR_SET_PDEATHSIG, int(signal_), 0, 0, 0)
        if os.getppid() != parent:
            os._exit(1)

    return arrange
