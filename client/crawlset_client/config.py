"""
Where the service is and with which key to ask it.

Each setting is taken from the first that has it: the environment, the profile that `crawlset up`
wrote, the user's own `config.toml`, the default.
"""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from crawlset_client.errors import DEFAULT_API_URL, ConfigError

HOME = ".crawlset"
PROFILE = "profile.json"
CONFIG = Path("crawlset", "config.toml")
FIELDS = ("api_url", "api_key", "project")
"""Settings of `config.toml`; in the environment each is CRAWLSET_ and its name."""

DEFAULT_PROJECT = "default"

NamedBy = Literal["environment", "profile", "file", "default"]


@dataclass(frozen=True)
class Setting:
    value: str | None
    origin: str
    """The variable or the file that it was taken from, or `default`."""
    named_by: NamedBy = "default"


DEFAULTS = {
    "api_url": Setting(DEFAULT_API_URL, "default"),
    "api_key": Setting(None, "default"),
    "project": Setting(DEFAULT_PROJECT, "default"),
}


@dataclass(frozen=True)
class Config:
    settings: Mapping[str, Setting]
    """By name, as in `FIELDS`."""
    home: Path
    """The laptop cloud's data, whether or not it is there."""
    file: Path | None
    """The user's own settings, whether or not they are there."""

    @property
    def api_url(self) -> str:
        """Without `/api` at its end."""
        return self.settings["api_url"].value or DEFAULT_API_URL

    @property
    def api_key(self) -> str | None:
        return self.settings["api_key"].value

    @property
    def project(self) -> str:
        """Where jobs go that name none."""
        return self.settings["project"].value or DEFAULT_PROJECT

    @property
    def named_by(self) -> NamedBy:
        """What named the address."""
        return self.settings["api_url"].named_by


def load_config(environ: Mapping[str, str], directory: Path, *, with_file: bool = True) -> Config:
    """
    The settings for a command run in `directory`, the user's own file left out on request.

    A key that a file holds is only ever sent to the address in the same file. Raises
    `ConfigError`.
    """
    home = find_home(environ, directory)
    file = config_file(environ) if with_file else None
    given = {
        name: Setting(value, variable(name), "environment")
        for name in FIELDS
        if (value := environ.get(variable(name), "").strip())
    }
    profile = _settings(_read_profile(home / PROFILE), home / PROFILE, "profile")
    own = _settings(_read_file(file), file, "file") if file else {}
    settings = DEFAULTS | own | profile | given
    address = _base(settings["api_url"].value or "")
    keys = [layer for layer in (own, profile) if _is_of(layer, address)]
    settings["api_key"] = next(
        (layer["api_key"] for layer in (given, *reversed(keys)) if "api_key" in layer),
        DEFAULTS["api_key"],
    )
    settings["api_url"] = replace(settings["api_url"], value=address)
    _check_key_goes_home(settings, address)
    _check_key_is_text(settings["api_key"])
    return Config(settings, home, file)


def _check_key_goes_home(settings: Mapping[str, Setting], address: str) -> None:
    """Raise `ConfigError` where a folder that we happen to be in would be told the user's key."""
    key, url = settings["api_key"], settings["api_url"]
    is_elsewhere = urlsplit(address).hostname not in {"127.0.0.1", "localhost", "::1"}
    if key.named_by == "environment" and url.named_by == "profile" and is_elsewhere:
        raise ConfigError(
            f"CRAWLSET_API_KEY is not sent to {address}, which only {url.origin} names;"
            " if it is meant for it, set CRAWLSET_API_URL as well."
        )


def _check_key_is_text(key: Setting) -> None:
    """Raise `ConfigError` for what no header can hold, without showing it."""
    if not all("!" <= character <= "~" for character in key.value or ""):
        raise ConfigError(f"The API key of {key.origin} has a character that no key has.")


def working_directory() -> Path:
    """Raises `ConfigError` when somebody has deleted it."""
    try:
        return Path.cwd()
    except FileNotFoundError as error:
        raise ConfigError("The working directory is gone; change to another.") from error


def find_home(environ: Mapping[str, str], directory: Path) -> Path:
    """`$CRAWLSET_HOME`, the nearest `.crawlset` with a profile upwards, or `directory`'s own."""
    if given := environ.get("CRAWLSET_HOME"):
        return (directory / given).resolve()
    for place in (directory, *directory.parents):
        if _is_ours(place / HOME / PROFILE):
            return place / HOME
    return directory / HOME


def _is_ours(profile: Path) -> bool:
    """Whether there is a profile that nobody else has put there; root takes anybody's."""
    return profile.is_file() and os.geteuid() in {0, profile.stat().st_uid}


def config_file(environ: Mapping[str, str]) -> Path | None:
    """Where the user's settings are looked for (XDG Base Directory 0.8); None without a home."""
    base = environ.get("XDG_CONFIG_HOME", "")
    if base and Path(base).is_absolute():
        return Path(base) / CONFIG
    return Path(environ["HOME"], ".config") / CONFIG if environ.get("HOME") else None


def variable(name: str) -> str:
    """The environment's name for a setting."""
    return f"CRAWLSET_{name.upper()}"


def _settings(values: Mapping[str, str], path: Path, named_by: NamedBy) -> dict[str, Setting]:
    return {name: Setting(value, str(path), named_by) for name, value in values.items() if value}


def _is_of(layer: Mapping[str, Setting], address: str) -> bool:
    """Whether the settings of a file are for the service at `address`."""
    url = layer["api_url"].value if "api_url" in layer else None
    return url is not None and _base(url) == address


def _others_may_read(path: Path) -> bool:
    return os.name == "posix" and bool(path.stat().st_mode & 0o077)


def _read_profile(path: Path) -> dict[str, str]:
    text = _read(path)
    if text is None:
        return {}
    try:
        profile = json.loads(text)
        said = {name: str(profile[name]) for name in ("api_url", "api_key")}
    except (ValueError, KeyError, TypeError) as error:
        raise ConfigError(
            f"{path} is no profile of Crawlset. Remove it and start `crawlset up` again."
        ) from error
    if _others_may_read(path):
        raise ConfigError(f"{path} holds a key and others may read it: chmod 600 it.")
    return said


def _read_file(path: Path) -> dict[str, str]:
    """Names are told, values never: one may be a key in the wrong place."""
    text = _read(path)
    if text is None:
        return {}
    import tomllib  # noqa: PLC0415 - start-up must be fast

    try:
        said = tomllib.loads(text)
    except ValueError as error:
        raise ConfigError(f"{path} is not TOML: {error}.") from error
    if unknown := sorted(said.keys() - set(FIELDS)):
        raise ConfigError(f"{path}: there is no {unknown[0]!r}; known are {', '.join(FIELDS)}.")
    if others := [name for name, value in said.items() if not isinstance(value, str)]:
        raise ConfigError(f"{path}: {others[0]} is a text, in quotes.")
    if "api_key" in said:
        if "api_url" not in said:
            raise ConfigError(f"{path}: api_key is for one address; set api_url beside it.")
        if _others_may_read(path):
            raise ConfigError(f"{path} holds a key and others may read it: chmod 600 it.")
    return said


def _read(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8")
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path} is not UTF-8.") from error


def _base(url: str) -> str:
    try:
        parts = urlsplit(url)
        is_address = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_address = False
    if not is_address:
        raise ConfigError(
            f"{url!r} is no address of an API; one is https://api.example.org or {DEFAULT_API_URL}."
        )
    return url.rstrip("/").removesuffix("/api")
