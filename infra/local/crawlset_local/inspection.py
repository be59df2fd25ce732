"""Facts about this machine that decide whether a laptop cloud can run on it."""

import os
import shutil
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psycopg

from crawlset_local import processes
from crawlset_local.errors import PostgresError
from crawlset_local.ports import LOOPBACK
from crawlset_local.postgres import DATABASE, USER

LISTENING = "0A"
"""State of a socket in /proc/net/tcp (TCP_LISTEN of include/net/tcp_states.h)."""

TAG = "crawlset="
"""Our children are started with `-X crawlset=HOME`."""


@dataclass(frozen=True)
class Listener:
    """A process that listens on a port; without `pid` where it is somebody else's."""

    uid: int
    pid: int | None = None
    name: str = ""
    home: Path | None = None
    """The home it works for, if it is a laptop cloud's."""


@dataclass(frozen=True)
class Room:
    free_bytes: int
    free_inodes: int | None
    """None where the file system makes them as they are needed."""


@dataclass(frozen=True)
class Database:
    server_version: int
    """Version as PostgreSQL numbers itself: 180001 is 18.1."""
    revision: str | None
    """None where nothing was migrated yet."""

    @property
    def major(self) -> int:
        return self.server_version // 10_000


def find_listener(port: int) -> Listener | None:
    """Who listens on `port` of this machine, as far as /proc tells; None if nobody does."""
    for inode, uid in _listening(port):
        for pid in _holders(inode):
            name, home = _describe(pid)
            return Listener(uid, pid, name, home)
        return Listener(uid)
    return None


def room_for(path: Path) -> Room:
    """Room on the disk of `path`, or of the nearest directory above that is there."""
    while not path.exists():
        path = path.parent
    status = os.statvfs(path)
    return Room(shutil.disk_usage(path).free, status.f_favail if status.f_files else None)


def database_url_of(home: Path) -> str | None:
    """The owner's address of the server that runs on the data of `home`; None if none does."""
    for name, _, argv in processes.recorded(home / "run"):
        port = next((word[5:] for word in argv if word.startswith("port=")), None)
        if name == "postgres" and port is not None:
            with suppress(OSError):
                password = (home / "postgres-password").read_text().strip()
                return f"postgresql://{USER}:{password}@{LOOPBACK}:{port}/{DATABASE}"
    return None


def kept_version(home: Path) -> str | None:
    """The version of PostgreSQL that made the data of `home`; None if there are none."""
    try:
        return (home / "pgdata" / "PG_VERSION").read_text().strip()
    except OSError:
        return None


def examine_database(database_url: str) -> Database:
    """Ask a server for its version and how far it is migrated. Raises `PostgresError`."""
    try:
        with psycopg.connect(database_url, connect_timeout=5) as connection:
            revision = None
            if connection.execute("SELECT to_regclass('alembic_version')").fetchone() != (None,):
                row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
                revision = str(row[0]) if row else None
            return Database(connection.info.server_version, revision)
    except psycopg.Error as error:
        raise PostgresError(" ".join(str(error).split())) from None


def newest_revision(template: Path) -> str:
    """The revision that a database has which the code beside `template` has migrated."""
    versions = template.parent / "alembic" / "versions"
    names = [path.name for path in versions.glob("[0-9]*.py")]
    return max(name.partition("_")[0] for name in names)


def has_kernel() -> bool:
    """Whether pictures are measured by the compiled kernel, not by NumPy."""
    from crawlset.imaging.kernel import KERNEL  # noqa: PLC0415 - loads NumPy and Pillow

    return KERNEL is not None


def _listening(port: int) -> Iterator[tuple[str, int]]:
    """(inode, uid) of sockets that listen on `port`."""
    for table in ("tcp", "tcp6"):
        with suppress(OSError):
            for line in Path("/proc/net", table).read_text().splitlines()[1:]:
                fields = line.split()
                if fields[3] == LISTENING and int(fields[1].rpartition(":")[2], 16) == port:
                    yield fields[9], int(fields[7])


def _holders(inode: str) -> Iterator[int]:
    """Processes that have this socket open, of those that may be looked into."""
    for directory in Path("/proc").glob("[0-9]*/fd"):
        with suppress(OSError):
            if any(_is_socket(link, inode) for link in directory.iterdir()):
                yield int(directory.parent.name)


def _is_socket(link: Path, inode: str) -> bool:
    with suppress(OSError):
        return link.readlink().name == f"socket:[{inode}]"
    return False


def _describe(pid: int) -> tuple[str, Path | None]:
    """Name of a process, and the home that it was started for."""
    try:
        line = Path(f"/proc/{pid}/cmdline").read_bytes().rstrip(b"\0").split(b"\0")
    except OSError:
        return "", None
    words = [os.fsdecode(word) for word in line]
    home = next((Path(word.removeprefix(TAG)) for word in words if word.startswith(TAG)), None)
    module = words[words.index("-m") + 1] if "-m" in words[:-1] else ""
    return module or Path(words[0]).name, home
