"""
What a laptop cloud has left behind and nobody needs: found, and on request removed.

Nothing is garbage that this program did not write itself. The home's lock is held while its
garbage is looked for and removed, so that no cloud is at work on it.
"""

import shutil
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from crawlset.wire import keys
from crawlset_local import disk, postgres, postgres_home, processes
from crawlset_local.disk import StoredObject
from crawlset_local.errors import LocalCloudError
from crawlset_local.home import is_home, open_home
from crawlset_local.keepers import Keepers, read_keepers
from crawlset_local.ports import momentary_port

LOST_DATABASE = "database of a home that is gone"
OTHER_WHEEL = "PostgreSQL of another version"
OUTSIDE = frozenset({LOST_DATABASE, OTHER_WHEEL})
"""What lies outside of any home, where somebody else may use it."""

PARTS = frozenset({"postgres", "emulator", "gateway", "sample_site"})
"""What writes logs."""

NOTES = (keys.PROBE, keys.DEFERRAL)
DAY = 86_400.0
LOG_DAYS = 14
UPLOAD_DAYS, NOTE_DAYS = 30, 7
"""Days after which the template's bucket removes them; the emulator removes nothing by itself."""


@dataclass(frozen=True)
class Garbage:
    kind: str
    what: str
    """For a person: of which job, where."""
    paths: tuple[Path, ...]
    """Files, or directories with all that is in them."""
    n_bytes: int
    bucket: Path | None = None
    """Folders below it go once they are empty."""


@dataclass(frozen=True)
class Survey:
    garbage: tuple[Garbage, ...]
    notes: tuple[str, ...]
    """What was not looked at, and why."""


@contextmanager
def surveyed(home: Path, database_url: str | None = None) -> Iterator[Survey]:
    """
    The garbage of `home` and of homes that are gone, held still for as long as the block lasts.

    PostgreSQL runs for a moment to say whose the objects are. A cloud that is up keeps its home:
    the service removes its objects by itself, each hour.
    """
    garbage = [*_lost_databases()]
    notes = []
    if not is_home(home):
        yield Survey(tuple(garbage), (f"{home} is no home of a laptop cloud.",))
        return
    try:
        lock = open_home(home)
    except LocalCloudError as error:
        note = f"{error} Stop it first; it removes objects without a job by itself, each hour."
        yield Survey(tuple(garbage), (note,))
        return
    with lock:
        if left := processes.still_running(home / "run"):
            note = f"{', '.join(left)} of {home} still runs; the next `crawlset up` stops it."
            yield Survey(tuple(garbage), (note,))
            return
        garbage += [*_old_logs(home), *_scratch(home)]
        try:
            keepers = _keepers(home, database_url)
        except LocalCloudError as error:
            notes.append(f"Objects are kept, as nothing says whose they are: {error}")
        else:
            garbage += _objects(disk.list_objects(home), keepers, time.time())
        yield Survey(tuple(garbage), tuple(notes))


def remove(garbage: Garbage) -> None:
    """Remove it; what is gone already is as good. Raises `OSError`."""
    for path in garbage.paths:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
        if garbage.bucket is not None:
            _remove_empty(path.parent, garbage.bucket)


def _remove_empty(folder: Path, bucket: Path) -> None:
    with suppress(OSError):
        while folder != bucket:
            folder.rmdir()
            folder = folder.parent


def _keepers(home: Path, database_url: str | None) -> Keepers:
    if database_url is not None:
        return read_keepers(database_url, home)
    data = home / "pgdata"
    if not (data / "PG_VERSION").exists():
        raise LocalCloudError(f"{home} has no database; set DATABASE_URL if it is elsewhere.")
    child, dsn = postgres.start(home, momentary_port())
    try:
        return read_keepers(dsn, home)
    finally:
        processes.stop(child)


def _objects(objects: Iterable[StoredObject], keepers: Keepers, now: float) -> list[Garbage]:
    """Gather the objects that nobody keeps by whose they were."""
    found: dict[tuple[str, str], list[StoredObject]] = {}
    for stored in objects:
        if reason := _reason(stored, keepers, now):
            found.setdefault((reason, stored.owner), []).append(stored)
    return [
        Garbage(reason, owner or f"{len(held)} files", _paths(held), _bytes(held), held[0].bucket)
        for (reason, owner), held in sorted(found.items())
    ]


def _reason(stored: StoredObject, keepers: Keepers, now: float) -> str | None:
    """Why nobody needs an object; None where somebody may."""
    days = (now - stored.modified_at) / DAY
    match stored.owner_kind:
        case "crawl_job" if stored.path.name.startswith(NOTES) and days < 1:
            return None  # a search's or a probe's, in a folder named like a job's
        case "crawl_job" if stored.owner not in keepers.crawl_jobs:
            return "objects of a deleted crawl job"
        case "export_job" if stored.owner in keepers.expired_exports:
            return "files of an expired export"
        case "export_job" if stored.owner not in keepers.exports:
            return "files of an export that failed or was deleted"
        case "validation_job" if days > NOTE_DAYS:
            return "notes of a validation that has ended"
    is_old = stored.kind == "uploads" and days > UPLOAD_DAYS
    return f"uploads older than {UPLOAD_DAYS} days" if is_old else None


def _old_logs(home: Path) -> Iterator[Garbage]:
    """Logs set aside for being long, and those that nothing was written to for a while."""
    cutoff = time.time() - LOG_DAYS * DAY
    files = disk.files_below(home / "logs")
    for path, n_bytes, modified_at in sorted(files):
        name = path.name.removesuffix(".1").removesuffix(".log")
        is_old = path.name.endswith(".log.1") or modified_at < cutoff
        if path.parent == home / "logs" and name in PARTS and is_old:
            yield Garbage("old log", path.name, (path,), n_bytes)


def _scratch(home: Path) -> Iterator[Garbage]:
    """The emulator's temporary files, which each start makes anew."""
    n_bytes = sum(size for _, size, _ in disk.files_below(home / "tmp"))
    if n_bytes:
        yield Garbage("emulator scratch", "of a stopped cloud", (home / "tmp",), n_bytes)


def _lost_databases() -> Iterator[Garbage]:
    """What root's clouds keep outside of homes that are gone, and of other versions' wheels."""
    wheels = {postgres_home.relocated_wheel_name(major) for major in postgres_home.DIRECTORIES}
    for base in (*postgres_home.RELOCATED, postgres_home.RELOCATED_TEMPORARY):
        for place in _directories(base):
            is_wheel = place.name.startswith("postgresql-")
            if is_wheel and (place.name in wheels or processes.running_from(place)):
                continue
            home = None if is_wheel else postgres_home.lost_home(place)
            if is_wheel or home is not None:
                kind = OTHER_WHEEL if is_wheel else LOST_DATABASE
                n_bytes = sum(size for _, size, _ in disk.files_below(place))
                yield Garbage(kind, str(home or place.name), (place,), n_bytes)


def _directories(base: Path) -> list[Path]:
    try:
        return sorted(path for path in base.iterdir() if path.is_dir() and not path.is_symlink())
    except OSError:
        return []


def _paths(held: list[StoredObject]) -> tuple[Path, ...]:
    return tuple(stored.path for stored in held)


def _bytes(held: list[StoredObject]) -> int:
    return sum(stored.n_bytes for stored in held)
