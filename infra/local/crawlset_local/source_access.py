"""Which outside sources a laptop may ask, who answers for it, and with which keys."""

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from crawlset.settings import SourceSettings
from crawlset_local.errors import SourceAccessError

FILE = "secrets.toml"
PREFIX = "CRAWLSET_"
KEY_NAMES = sorted(
    name for name, known in SourceSettings.model_fields.items() if known.annotation is SecretStr
)
FIELDS = {"contact", "sources", "keys"}


@dataclass(frozen=True, slots=True)
class SourceAccess:
    contact: str = ""
    sources: tuple[str, ...] = ()
    keys: Mapping[str, str] = field(default_factory=dict, repr=False)


def read_source_access(home: Path, environment: Mapping[str, str]) -> SourceAccess:
    """
    What `secrets.toml` in `home` says, and over it the environment.

        contact = "you@example.org"
        sources = ["openverse", "flickr"]
        [keys]
        flickr_key = "…"

    The environment has CRAWLSET_CONTACT, CRAWLSET_SOURCES (separated by commas) and a variable
    for each key, such as CRAWLSET_FLICKR_KEY.

    Raises `SourceAccessError` for a file that others may read or that says something else, and
    for sources without a contact.
    """
    said = _read(home / FILE)
    keys = dict(said.get("keys", {}))
    for name in KEY_NAMES:
        if value := environment.get(PREFIX + name.upper()):
            keys[name] = value
    sources = said.get("sources", [])
    if named := environment.get(f"{PREFIX}SOURCES"):
        sources = [name.strip() for name in named.split(",") if name.strip()]
    contact = environment.get(f"{PREFIX}CONTACT") or said.get("contact", "")
    if sources and not contact:
        raise SourceAccessError(
            "Sources are asked in your name: set `contact` to a page or an e-mail address of "
            f"yours, in {home / FILE} or {PREFIX}CONTACT."
        )
    return SourceAccess(contact, tuple(sources), keys)


def _read(path: Path) -> dict[str, Any]:
    try:
        if path.stat().st_mode & 0o077:
            raise SourceAccessError(f"Others may read {path}: chmod 600 it.")
        said = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise SourceAccessError(f"{path} cannot be read: {error.strerror}.") from None
    except ValueError as error:
        raise SourceAccessError(f"{path} is not TOML: {error}.") from None
    _check(path, said)
    return said


def _check(path: Path, said: dict[str, Any]) -> None:
    """Names are told, values never: they may be keys in the wrong place."""
    if unknown := sorted(said.keys() - FIELDS):
        raise SourceAccessError(f"{path}: there is no {unknown[0]!r}; known are {_list(FIELDS)}.")
    if not isinstance(said.get("contact", ""), str):
        raise SourceAccessError(f"{path}: contact is a text.")
    sources = said.get("sources", [])
    if not isinstance(sources, list) or not all(isinstance(name, str) for name in sources):
        raise SourceAccessError(f"{path}: sources is a list of names.")
    keys = said.get("keys", {})
    if not isinstance(keys, dict) or not all(isinstance(key, str) for key in keys.values()):
        raise SourceAccessError(f"{path}: keys is a table of texts.")
    if unknown := sorted(keys.keys() - set(KEY_NAMES)):
        raise SourceAccessError(
            f"{path}: there is no key {unknown[0]!r}; known are {_list(KEY_NAMES)}."
        )


def _list(names: Iterable[str]) -> str:
    return ", ".join(sorted(names))
