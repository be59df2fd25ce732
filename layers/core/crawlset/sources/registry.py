"""
Which sources there are, and what each permits.

The API imports this module, so adapters are loaded only when they are asked.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pydantic import BaseModel

from crawlset.errors import UnprocessableError
from crawlset.settings import SourceSettings
from crawlset.sources.protocol import IntendedUse, Page, Search, SearchRequest

if TYPE_CHECKING:
    import httpx


@dataclass(frozen=True, kw_only=True)
class Source:
    name: str
    intended_uses: frozenset[IntendedUse]
    """What the source's terms let a dataset be built for; empty: nothing."""
    licences: tuple[str, ...]
    """Families its works are under, as far as it states them."""
    limits: str
    terms_url: str | None
    notes: str
    load: Callable[[], Search] | None
    """Import the adapter; None for a source that is never asked."""
    is_configured: Callable[[SourceSettings], bool]


class SourceRead(BaseModel):
    name: str
    configured: bool
    intended_uses: list[IntendedUse]
    licences: list[str]
    limits: str
    terms_url: str | None
    notes: str


class UnknownSourceError(UnprocessableError):
    def __init__(self, name: str) -> None:
        self.name = name
        known = ", ".join(sorted(SOURCES))
        super().__init__(f"There is no source {name[:100]!r}. Known are {known}.", "/sources")


class SourceNotPermittedError(UnprocessableError):
    """The source's terms forbid what the job is for."""

    def __init__(self, source: Source, use: IntendedUse) -> None:
        self.source = source
        permitted = ", ".join(sorted(source.intended_uses)) or "no dataset"
        super().__init__(
            f"{source.name} does not permit {use}; it permits {permitted}. {source.notes}",
            "/sources",
        )


class SourceNotConfiguredError(UnprocessableError):
    def __init__(self, source: Source) -> None:
        self.source = source
        super().__init__(f"{source.name} is not configured in this deployment.", "/sources")


def get_source(name: str) -> Source:
    """Raises `UnknownSourceError`, which lists the names there are."""
    source = SOURCES.get(name)
    if source is None:
        raise UnknownSourceError(name)
    return source


def check_use(source: Source, use: IntendedUse) -> None:
    """Raises `SourceNotPermittedError`."""
    if use not in source.intended_uses:
        raise SourceNotPermittedError(source, use)


def get_adapter(source: Source, settings: SourceSettings) -> Search:
    """Raises `SourceNotConfiguredError`."""
    if source.load is None or not source.is_configured(settings):
        raise SourceNotConfiguredError(source)
    return source.load()


def describe_sources(settings: SourceSettings) -> list[SourceRead]:
    """Every source by name, those too that may never be asked, with the reason."""
    return [
        SourceRead(
            name=source.name,
            configured=source.load is not None and source.is_configured(settings),
            intended_uses=sorted(source.intended_uses),
            licences=list(source.licences),
            limits=source.limits,
            terms_url=source.terms_url,
            notes=source.notes,
        )
        for source in sorted(SOURCES.values(), key=lambda source: source.name)
    ]


def search(
    request: SearchRequest, *, client: "httpx.Client", settings: SourceSettings
) -> Iterator[Page]:
    """
    Ask the source that `request` names, if its terms and the deployment allow it.

    Raises `UnknownSourceError`, `SourceNotPermittedError` or `SourceNotConfiguredError` before
    anything is asked.
    """
    source = get_source(request.source)
    check_use(source, request.intended_use)
    return get_adapter(source, settings)(request, client=client, settings=settings)


def _load_sample() -> Search:
    from crawlset.sources.sample import search as ask  # noqa: PLC0415 - brings httpx

    return ask


def _load_urls() -> Search:
    from crawlset.sources.urls import search as ask  # noqa: PLC0415 - kept apart like the others

    return ask


def _refused(name: str, *, limits: str, terms_url: str, why: str) -> Source:
    return Source(
        name=name,
        intended_uses=frozenset(),
        licences=(),
        limits=limits,
        terms_url=terms_url,
        notes=why,
        load=None,
        is_configured=lambda _: False,
    )


EVERY_USE = frozenset(IntendedUse)

SOURCES: dict[str, Source] = {
    source.name: source
    for source in (
        Source(
            name="sample",
            intended_uses=EVERY_USE,
            licences=("cc0", "pdm", "cc-by", "cc-by-sa", "cc-by-nc", "all-rights-reserved"),
            limits="50 results a page",
            terms_url=None,
            notes="The pictures that come with Crawlset, for trying it out on a laptop.",
            load=_load_sample,
            is_configured=lambda settings: bool(settings.sample_source_url),
        ),
        Source(
            name="urls",
            intended_uses=EVERY_USE,
            licences=(),
            limits="1,000,000 lines and 1 GiB a manifest",
            terms_url=None,
            notes=(
                "Your own list of URLs. The rights in what it points to are yours to know; "
                "opt-out signals of each host are honoured all the same."
            ),
            load=_load_urls,
            is_configured=lambda _: True,
        ),
        _refused(
            "unsplash",
            limits="50 requests an hour (demo)",
            terms_url="https://help.unsplash.com/en/articles/2511245-unsplash-api-guidelines",
            why=(
                "Its API guidelines forbid data mining and training AI models, "
                "and demand that images be hot-linked."
            ),
        ),
        _refused(
            "pexels",
            limits="200 requests an hour, 20,000 a month",
            terms_url="https://help.pexels.com/hc/en-us/articles/900005880463",
            why='Its API terms say: "Don\'t use the API to build datasets or train ML/AI models."',
        ),
        _refused(
            "pixabay",
            limits="100 requests in 60 s, 500 results a search",
            terms_url="https://pixabay.com/api/docs/",
            why='Its API terms say: "Systematic mass downloads are not allowed."',
        ),
    )
}
