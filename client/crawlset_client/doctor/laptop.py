"""Checks of what `crawlset up` needs: its home, its ports, its database, its secrets."""

import os
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path

from crawlset_client.doctor.findings import Finding, ok, warning, wrong
from crawlset_client.progress import size
from crawlset_local import inspection
from crawlset_local.cloud import TEMPLATE
from crawlset_local.errors import LocalCloudError
from crawlset_local.home import holder_of, is_home
from crawlset_local.ports import Ports, is_listening
from crawlset_local.processes import recorded
from crawlset_local.source_access import FILE, read_source_access

LITTLE_BYTES, TOO_LITTLE_BYTES = 5 << 30, 500 << 20
LITTLE_INODES = 10_000
DEFAULT_PORTS = Ports()
OLDEST_POSTGRES, NEWEST_POSTGRES = 16, 18


def check_home(home: Path) -> Iterator[Finding]:
    holder = holder_of(home)
    if not home.exists():
        yield ok("home", f"{home}, not made yet")
    else:
        state = "in use" if holder else "not running"
        if holder:
            state += f" by process {holder}"
        yield from _check_access(home, state)
    yield _check_room(home)


def _check_access(home: Path, state: str) -> Iterator[Finding]:
    status = home.stat()
    mode = f"{status.st_mode & 0o777:04o}"
    found = f"{home}, {state}, mode {mode}, owner {_user_name(status.st_uid)}"
    if not is_home(home):
        found += ", never used"
    if not os.access(home, os.W_OK | os.X_OK):
        mend = f"Run as {_user_name(status.st_uid)}, or choose another with CRAWLSET_HOME."
        yield wrong("home", f"{found}, not writable", mend)
    elif status.st_mode & 0o066:
        yield warning("home", f"{found}, open to others", f"chmod go-rw {home}")
    elif status.st_uid != os.geteuid():
        mend = f"Run as {_user_name(status.st_uid)}, or chown it."
        yield warning("home", found, mend)
    else:
        yield ok("home", found)


def _check_room(home: Path) -> Finding:
    room = inspection.room_for(home)
    found = f"{size(room.free_bytes)} free"
    if room.free_inodes is not None:
        found += f", {room.free_inodes:,} inodes"
    mend = "`crawlset du` shows what takes room, `crawlset gc` what can go."
    if room.free_bytes < TOO_LITTLE_BYTES:
        return wrong("disk", found, mend)
    is_little = room.free_bytes < LITTLE_BYTES or (
        room.free_inodes is not None and room.free_inodes < LITTLE_INODES
    )
    return warning("disk", found, mend) if is_little else ok("disk", found)


def check_ports(home: Path, ports: Ports = DEFAULT_PORTS) -> Iterator[Finding]:
    """Who holds the ports that `crawlset up` takes if it is told of no others."""
    ours = {pid for _, pid, _ in recorded(home / "run")} if holder_of(home) else set()
    for name, port, option in (
        ("API", ports.gateway, "--port"),
        ("AWS emulator", ports.emulator, "--emulator-port"),
        ("PostgreSQL", ports.postgres, "--postgres-port"),
        ("sample site", ports.sample, "--sample-port"),
    ):
        label = f"port {port}"
        listener = inspection.find_listener(port)
        if listener is None and not is_listening(port):
            yield ok(label, f"free ({name})")
        elif listener is not None and (listener.pid in ours or listener.home == home):
            yield ok(label, f"our own ({name})")
        else:
            mend = f"Stop it, or choose another with `crawlset up {option} PORT`."
            finding = warning if ours else wrong
            yield finding(label, f"held by {_describe(listener)}, wanted for {name}", mend)


def check_database(home: Path, database_url: str | None) -> Iterator[Finding]:
    name = "database"
    if database_url is None and not holder_of(home):
        version = inspection.kept_version(home)
        yield ok(name, f"PostgreSQL {version}, stopped" if version else "none yet")
        return
    address = database_url or inspection.database_url_of(home)
    if address is None:
        yield ok(name, "none of its own is recorded")
        return
    try:
        database = inspection.examine_database(address)
    except LocalCloudError as error:
        mend = "Mend DATABASE_URL, or unset it." if database_url else "Start `crawlset up` again."
        yield wrong(name, str(error), mend)
        return
    found = f"PostgreSQL {database.major}.{database.server_version % 10_000}"
    if not OLDEST_POSTGRES <= database.major <= NEWEST_POSTGRES:
        mend = f"Versions {OLDEST_POSTGRES} to {NEWEST_POSTGRES} are supported; use one."
        yield wrong(name, found, mend)
    else:
        yield ok(name, found)
    yield _check_revision(database.revision, inspection.newest_revision(TEMPLATE))


def _check_revision(revision: str | None, newest: str) -> Finding:
    name = "migrations"
    if revision == newest:
        return ok(name, f"{revision}, the newest")
    found = f"{revision or 'none'} of {newest}"
    if revision is not None and revision > newest:
        return wrong(name, found, "The database is of a newer Crawlset; bring this one up to date.")
    return warning(name, found, "The next `crawlset up` migrates it.")


def check_secrets(home: Path, environ: Mapping[str, str]) -> Iterator[Finding]:
    path = home / FILE
    try:
        access = read_source_access(home, environ)
    except LocalCloudError as error:
        yield wrong(FILE, str(error), f"Mend {path}; README.md, `Use it`, shows one.")
        return
    if not path.exists() and not access.sources:
        yield ok(FILE, "none; only the sample site and lists of URLs are asked")
        return
    found = f"{len(access.sources)} sources, {len(access.keys)} keys, contact {access.contact}"
    yield ok(FILE, found)


def check_measures() -> Iterator[Finding]:
    """How pictures are measured: the compiled kernel takes a third of the time, to the same end."""
    name = "measures"
    if inspection.has_kernel():
        yield ok(name, "by the compiled kernel")
    else:
        mend = "Only speed is missing. In a checkout: install a C compiler, then `make up`."
        yield warning(name, "by NumPy, since no compiled kernel is here for this machine", mend)


def _describe(listener: inspection.Listener | None) -> str:
    if listener is None:
        return "a process that cannot be seen"
    if listener.home is not None:
        return f"another Crawlset, of {listener.home} (process {listener.pid})"
    if listener.pid is None:
        return f"a process of {_user_name(listener.uid)}"
    return f"{listener.name or 'a process'} (process {listener.pid})"


def _user_name(uid: int) -> str:
    import pwd  # noqa: PLC0415 - not on every system

    with suppress(KeyError):
        return pwd.getpwuid(uid).pw_name
    return f"uid {uid}"
