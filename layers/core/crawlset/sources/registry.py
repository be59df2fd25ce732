"""Which sources there are, what each permits, and whether this deployment may ask it."""

from collections.abc import Callable, Iterator
from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BaseModel, Field

from crawlset.errors import UnprocessableError
from crawlset.settings import SourceSettings
from crawlset.sources.catalogue import SOURCES
from crawlset.sources.protocol import CandidatePage, Search
from crawlset.sources.source_facts import Source
from crawlset.wire.allowances import Allowance
from crawlset.wire.searches import IntendedUse, SearchRequest

if TYPE_CHECKING:
    import httpx


class AllowanceRead(BaseModel):
    n_left: Annotated[int, Field(description="Questions that the source still takes")]
    limit: Annotated[int, Field(description="Questions in a period, of all jobs together")]
    period_seconds: int
    seen_at: Annotated[datetime, Field(description="When the source said so")]


class SourceRead(BaseModel):
    name: str
    configured: bool
    reason: Annotated[
        str | None, Field(description="Why it is not configured, and what would change that")
    ]
    is_list: Annotated[
        bool, Field(description="Whether a job brings its candidates along, in a list")
    ]
    intended_uses: list[IntendedUse]
    licences: list[str]
    limits: Annotated[str, Field(description="How much a query finds, and how often it is asked")]
    terms_url: str | None
    notes: str
    obstacles: Annotated[
        str | None, Field(description="What stands in its way at the moment, and says where")
    ]
    allowance: Annotated[
        AllowanceRead | None,
        Field(description="What is left of its allowance; null where nobody knows"),
    ]


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
        super().__init__(
            f"{source.name} is not configured in this deployment. {reason_not_to_ask(source)}",
            "/sources",
        )


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


def reason_not_to_ask(source: Source) -> str:
    """Why a source is not configured, and what would change that."""
    if source.load is None:
        return "It is never searched."
    if source.name == "sample":
        return "It comes with a laptop's deployment only."
    needs = f", and give {source.keys}" if source.keys else ""
    return (
        f"Name it in the deployment's Sources{needs}: on a laptop as `sources` and `[keys]` in "
        ".crawlset/secrets.toml, before `crawlset up` is started anew."
    )


def get_adapter(source: Source, settings: SourceSettings) -> Search:
    """Raises `SourceNotConfiguredError`."""
    if source.load is None or not source.is_configured(settings):
        raise SourceNotConfiguredError(source)
    return source.load()


def describe_sources(
    settings: SourceSettings, allowance_of: Callable[[str], Allowance | None] = lambda _: None
) -> list[SourceRead]:
    """Every source by name, those too that may never be asked, with the reason."""
    return [_describe(source, settings, allowance_of) for _, source in sorted(SOURCES.items())]


def _describe(
    source: Source, settings: SourceSettings, allowance_of: Callable[[str], Allowance | None]
) -> SourceRead:
    is_configured = source.load is not None and source.is_configured(settings)
    known = allowance_of(source.name) if is_configured and source.tells_allowance else None
    return SourceRead(
        name=source.name,
        configured=is_configured,
        reason=None if is_configured else reason_not_to_ask(source),
        is_list=source.is_list,
        intended_uses=sorted(source.intended_uses),
        licences=list(source.licences),
        limits=source.limits,
        terms_url=source.terms_url,
        notes=source.notes,
        obstacles=source.obstacles or None,
        allowance=AllowanceRead(**asdict(known)) if known is not None else None,
    )


def search(
    request: SearchRequest,
    *,
    client: "httpx.Client",
    settings: SourceSettings,
    cursor: Any = None,
) -> Iterator[CandidatePage]:
    """
    Ask the source that `request` names, if its terms and the deployment allow it.

    Raises `UnknownSourceError`, `SourceNotPermittedError` or `SourceNotConfiguredError` before
    anything is asked.
    """
    source = get_source(request.source)
    check_use(source, request.intended_use)
    adapter = get_adapter(source, settings)
    return adapter(request, client=client, settings=settings, cursor=cursor)
