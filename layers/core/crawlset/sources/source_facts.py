"""What is said of a source, and how its adapter is loaded: only when it is asked."""

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module

from crawlset.settings import SourceSettings
from crawlset.sources.protocol import Search
from crawlset.wire.searches import IntendedUse

EVERY_USE = frozenset(IntendedUse)
CREATIVE_COMMONS = ("cc0", "pdm", "cc-by", "cc-by-sa", "cc-by-nc", "cc-by-nd", "cc-by-nc-sa")


@dataclass(frozen=True, kw_only=True)
class Source:
    name: str
    intended_uses: frozenset[IntendedUse]
    """What the source's terms let a dataset be built for; empty: nothing."""
    licences: tuple[str, ...]
    """Families its works are under, as far as it states them."""
    depth: str
    """How much of it a query finds."""
    pace: str
    """How often it is asked; empty if that is nobody's concern."""
    terms_url: str | None
    notes: str
    obstacles: str = ""
    """What stands in the way at the moment, and where that is known from."""
    load: Callable[[], Search] | None
    """Import the adapter; None for a source that is never asked."""
    is_configured: Callable[[SourceSettings], bool]
    keys: str = ""
    """What it is asked with, by name."""
    tells_allowance: bool = False
    """Whether its answers say how often it may still be asked."""
    is_list: bool = False
    """Whether its candidates are in a manifest that the job brings along."""

    @property
    def limits(self) -> str:
        return ", ".join(filter(None, (self.depth, self.pace)))


def module_of(name: str) -> Callable[[], Search]:
    """Loads the adapter in the module of this name."""

    def load() -> Search:
        search: Search = import_module(f"crawlset.sources.{name}").search
        return search

    return load
