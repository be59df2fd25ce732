"""The directory a laptop cloud keeps its data in, and the lock that makes it one cloud's."""

import fcntl
import json
import os
import secrets
from pathlib import Path
from typing import Any, TextIO

from crawlset_local.errors import HomeBusyError, HomeError

PROFILE = "profile.json"
LOCK = "lock"
"""In every home from its first start on."""
SECRETS = "secrets.toml"
"""File of secrets that the user may write before the first start."""
WEBHOOK_KEY = "webhook.key"
"""What webhooks' secrets in the database are encrypted with: without it they cannot be read."""
WEBHOOK_KEY_BYTES = 32
_DIRECTORIES = ("run", "logs")


def default_home() -> Path:
    """`$CRAWLSET_HOME`, or `.crawlset` in the working directory."""
    return Path(os.environ.get("CRAWLSET_HOME") or ".crawlset").absolute()


def open_home(home: Path) -> TextIO:
    """
    Make `home` if it is not there, and hold it until the returned file is closed.

    The lock goes with the process that holds it. Raises `HomeBusyError`, and `HomeError` for a
    directory that cannot be used or has files of somebody else: of what is in a home, a start
    deletes some.
    """
    try:
        if not home.exists():
            home.mkdir(parents=True)
            # Root's PostgreSQL runs as somebody else, who must walk through.
            home.chmod(0o711 if os.geteuid() == 0 else 0o700)
        if not (home / LOCK).exists() and {path.name for path in home.iterdir()} - {SECRETS}:
            raise HomeError(
                f"{home} is not empty and holds no data of Crawlset; choose another directory."
            )
        lock = (home / LOCK).open("a+")
        for name in _DIRECTORIES:
            (home / name).mkdir(mode=0o700, exist_ok=True)
    except OSError as error:
        raise HomeError(f"{home} is not usable: {error.strerror}.") from None
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.seek(0)
        holder = lock.read().strip()
        lock.close()
        raise HomeBusyError(home, holder) from None
    lock.truncate(0)
    lock.write(str(os.getpid()))
    lock.flush()
    return lock


def is_home(home: Path) -> bool:
    """Whether a cloud has ever held `home`."""
    return (home / "lock").is_file() and all((home / name).is_dir() for name in _DIRECTORIES)


def holder_of(home: Path) -> str | None:
    """The process id, as text, of the cloud that holds `home` at this moment."""
    try:
        with (home / "lock").open() as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return lock.read().strip() or "unknown"
    except OSError:
        return None
    return None


def webhook_key(home: Path) -> Path:
    """
    The file of the key of webhooks' secrets, made if there is none; only we may read it.

    Raises `HomeError` for one that is not whole: another would lose every secret in silence.
    """
    path = home / WEBHOOK_KEY
    if not path.exists():
        write_whole(path, secrets.token_bytes(WEBHOOK_KEY_BYTES))
    path.chmod(0o600)
    if path.stat().st_size != WEBHOOK_KEY_BYTES:
        raise HomeError(
            f"{path} does not hold {WEBHOOK_KEY_BYTES} bytes. Bring it back from a copy, "
            "or delete it and make your webhooks anew."
        )
    return path


def read_profile(home: Path) -> dict[str, Any]:
    """What `write_profile` kept; empty if there is none."""
    try:
        content = json.loads((home / PROFILE).read_text())
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def write_profile(home: Path, **profile: str) -> None:
    """Keep the API's address and key where the command line reads them; only we may."""
    write_whole(home / PROFILE, json.dumps(profile, indent=2).encode())


def write_whole(path: Path, content: bytes) -> None:
    """Write whole or not at all, for nobody else to read; what has its name is on the disk."""
    fresh = path.with_name(f"{path.name}.new")
    fresh.unlink(missing_ok=True)
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)
