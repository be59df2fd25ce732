"""PostgreSQL from a wheel, driven by its binaries: TCP on loopback, a password, no unix socket."""

import os
import secrets
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from crawlset_local import processes
from crawlset_local.errors import PostgresError
from crawlset_local.ports import LOOPBACK, RELEASE_SECONDS, require_free
from crawlset_local.postgres_home import (
    NEWEST,
    Installation,
    erase,
    installation_of,
    remember_home,
    working_in,
)
from crawlset_local.processes import Child, User

NAME = "postgres"
USER = "crawlset"
DATABASE = "crawlset"
START_SECONDS = 60.0
_SETTINGS = {
    "listen_addresses": LOOPBACK,
    "unix_socket_directories": "",
    "max_connections": "100",
    "shared_buffers": "128MB",
    "max_wal_senders": "0",
    "wal_level": "minimal",
    "log_min_messages": "warning",
}


def start(home: Path, port: int, major: int = NEWEST) -> tuple[Child, str]:
    """
    Start the server of `home`, made on the first call, and return it with the owner's DSN.

    The database `crawlset` exists when this returns. A server that an earlier start left behind
    is stopped first. `major` is PostgreSQL's version, one of `DIRECTORIES`. Raises
    `PortBusyError`, `PostgresError` or `HomeError`.
    """
    for name in ("run", "logs"):
        (home / name).mkdir(mode=0o700, exist_ok=True)
    installation = installation_of(home, major)
    was_left = stop_left_behind(home)
    require_free(port, "--postgres-port", seconds=RELEASE_SECONDS if was_left else 0)
    password = _password(home)
    if not (installation.data / "PG_VERSION").exists():
        _initialise(installation, password)
    remember_home(home, installation.data)
    child = _launch(installation, home, port)
    dsn = f"postgresql://{USER}:{password}@{LOOPBACK}:{port}"
    try:
        _wait_for(child, f"{dsn}/postgres")
    except BaseException:
        processes.stop(child)
        raise
    return child, f"{dsn}/{DATABASE}"


@contextmanager
def throwaway(port: int, major: int = NEWEST) -> Iterator[str]:
    """The DSN of a server whose data are gone when the block ends; for tests."""
    with tempfile.TemporaryDirectory(prefix="crawlset-") as name:
        home = Path(name)
        child, dsn = start(home, port, major)
        try:
            yield dsn
        finally:
            processes.stop(child)
            erase(home)


def stop_left_behind(home: Path) -> bool:
    """
    Stop what an earlier start left running on the data of `home`, backends included.

    Says whether it ended without a stop.
    """
    was_left = processes.stop_recorded(NAME, home / "run", signal.SIGINT)
    data = home / "pgdata"
    if data.exists():
        data = data.resolve()
        processes.wait_until(lambda: not working_in(data), 5)
        for pid in working_in(data):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGQUIT)
        if processes.wait_until(lambda: not working_in(data), 5) and Path("/proc/self").exists():
            # A killed server's number lives on until somebody reaps it, and the next server
            # would take it for alive.
            (data / "postmaster.pid").unlink(missing_ok=True)
    return was_left


def _password(home: Path) -> str:
    path = home / "postgres-password"
    with suppress(FileNotFoundError):
        return path.read_text().strip()
    password = secrets.token_urlsafe(24)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(password)
    return password


def _initialise(installation: Installation, password: str) -> None:
    """Make the cluster beside its place and move it there whole."""
    data = installation.data
    if not data.parent.exists():
        data.parent.mkdir()
        data.parent.chmod(0o711)
    fresh = data.with_name("pgdata.new")
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(mode=0o700)
    user = installation.user
    _give(fresh, user)
    with _password_file(data.parent, password, user) as file:
        done = subprocess.run(  # noqa: S603
            [
                installation.binaries / "initdb",
                f"--pgdata={fresh}",
                f"--username={USER}",
                f"--pwfile={file}",
                "--auth=scram-sha-256",
                "--encoding=UTF8",
                "--locale=C",
                "--no-instructions",
                "--no-sync",
            ],
            check=False,
            capture_output=True,
            text=True,
            cwd="/",
            env=_environment(),
            user=user.uid,
            group=user.gid,
            extra_groups=user.groups,
        )
    if done.returncode:
        raise PostgresError(f"PostgreSQL cannot make its data directory: {done.stderr.strip()}")
    fresh.rename(data)


@contextmanager
def _password_file(directory: Path, password: str, user: User) -> Iterator[Path]:
    descriptor, name = tempfile.mkstemp(dir=directory)
    try:
        with os.fdopen(descriptor, "w") as file:
            file.write(password)
        _give(Path(name), user)
        yield Path(name)
    finally:
        Path(name).unlink()


def _give(path: Path, user: User) -> None:
    if user.uid is not None and user.gid is not None:
        os.chown(path, user.uid, user.gid)


def _launch(installation: Installation, home: Path, port: int) -> Child:
    settings = _SETTINGS | {"port": str(port)}
    return processes.spawn(
        NAME,
        [
            str(installation.binaries / "postgres"),
            "-D",
            str(installation.data),
            *(word for name, value in settings.items() for word in ("-c", f"{name}={value}")),
        ],
        run=home / "run",
        log=home / "logs" / f"{NAME}.log",
        environment=_environment(),
        stop_signal=signal.SIGINT,
        user=installation.user,
    )


def _wait_for(child: Child, dsn: str) -> None:
    """Return when the server answers at `dsn`, and has the database."""
    # Slow to import: the server starts meanwhile.
    from crawlset_local import connections  # noqa: PLC0415

    def settled() -> bool:
        return connections.answers(dsn) or child.process.poll() is not None

    if not processes.wait_until(settled, START_SECONDS) or child.process.poll() is not None:
        raise PostgresError(f"PostgreSQL does not start:\n{processes.last_lines(child.log)}")
    connections.create_database(dsn, DATABASE)


def _environment() -> dict[str, str]:
    return processes.clean_environment(LC_ALL="C", PGTZ="UTC")
