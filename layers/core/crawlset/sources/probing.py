"""What a source has for a keyword: how much, and under which licences."""

from collections import Counter

from crawlset import licences
from crawlset.errors import AppError, SourceThrottledError
from crawlset.sources.discover import Ask
from crawlset.sources.protocol import CandidatePage, SourceUnavailableError
from crawlset.wire.searches import MAX_PROBE_ERROR, MAX_PROBE_TOTAL, ProbeAnswer, ProbeMessage

SAMPLE = 20
"""Candidates looked at; a source that answers with more gives more."""


def probe(message: ProbeMessage, *, ask: Ask) -> ProbeAnswer:
    """
    Ask for the first answer and say what it tells; a final error of the source is told too.

    Raises `SourceThrottledError` and `SourceUnavailableError`: ask again later.
    """
    error: str | None = None
    try:
        page = next(ask(message.request, None), CandidatePage(total=0))
    except (SourceThrottledError, SourceUnavailableError):
        raise
    except AppError as failure:
        page, error = CandidatePage(total=0), str(failure)[:MAX_PROBE_ERROR]
    families = Counter(
        licences.family(found.licence) if found.licence else "unknown" for found in page
    )
    is_known = page.total is not None and 0 <= page.total < MAX_PROBE_TOTAL
    return ProbeAnswer(
        message.probe_id,
        message.user_id,
        n_sampled=len(page),
        licences=dict(families),
        total=page.total if is_known else None,
        error=error,
    )
