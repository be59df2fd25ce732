"""Where the service is and with which key to ask it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from crawlset_client.errors import DEFAULT_API_URL, ConfigError

HOME = ".crawlset"
PROFILE = "profile.json"

NamedBy = Literal["environment", "profile", "default"]


@dataclass(frozen=True)
class Config:
    api_url: str
    """Without `/api` at its end."""
    api_key: str | None
    home: Path
    """The laptop cloud's data, whether or not it is there."""
    named_by: NamedBy
    """What named the address."""


def load_config(environ: Mapping[str, str], directory: Path) -> Config:
    """
    The settings for a command run in `directory`.

    CRAWLSET_API_URL and CRAWLSET_API_KEY go before the profile that `crawlset up` wrote. A
    profile's key is only ever sent to the profile's own address. Raises `ConfigError`.
    """
    home = find_home(environ, directory)
    profile_url, profile_key = _read_profile(home / PROFILE)
    given_url = environ.get("CRAWLSET_API_URL", "").strip()
    api_url = _base(given_url or profile_url or DEFAULT_API_URL)
    key = environ.get("CRAWLSET_API_KEY", "").strip() or None
    if key is None and profile_url is not None and _base(profile_url) == api_url:
        key = profile_key
    named_by: NamedBy = "default"
    if given_url or profile_url:
        named_by = "environment" if given_url else "profile"
    return Config(api_url, key, home, named_by)


def find_home(environ: Mapping[str, str], directory: Path) -> Path:
    """`$CRAWLSET_HOME`, the nearest `.crawlset` with a profile upwards, or `directory`'s own."""
    if given := environ.get("CRAWLSET_HOME"):
        return directory / given
    for place in (directory, *directory.parents):
        if (place / HOME / PROFILE).is_file():
            return place / HOME
    return directory / HOME


def _read_profile(path: Path) -> tuple[str | None, str | None]:
    try:
        text = path.read_text(encoding="utf-8")
    except (FileNotFoundError, NotADirectoryError):
        return None, None
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}.") from error
    try:
        profile = json.loads(text)
        return str(profile["api_url"]), str(profile["api_key"])
    except (ValueError, KeyError, TypeError) as error:
        raise ConfigError(
            f"{path} is no profile of Crawlset. Remove it and start `crawlset up` again."
        ) from error


def _base(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ConfigError(f"{url!r} is no address of an API; it begins with https:// or http://.")
    return url.rstrip("/").removesuffix("/api")
