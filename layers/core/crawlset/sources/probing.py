"""What a source has for a keyword: how much, and under which licences."""

from collections import Counter
from collections.abc import Callable
from typing import Any

from crawlset import licences
from crawlset.errors import AppError, SourceThrottledError
from crawlset.sources.discover import Ask
from crawlset.sources.protocol import ProbeMessage, SourceUnavailableError

SAMPLE = 20
"""Candidates looked at; a source that answers with more gives more."""


def probe(message: ProbeMessage, *, ask: Ask, write: Callable[[dict[str, Any]], None]) -> None:
    """
    Ask for the first answer and write down what it tells.

    A final error of the source is written down too.

    Raises `SourceThrottledError` and `SourceUnavailableError`: ask again later.
    """
    told: dict[str, Any] = {"total": 0, "n_sampled": 0, "licences": {}, "error": None}
    try:
        page = next(ask(message.request), None)
    except (SourceThrottledError, SourceUnavailableError):
        raise
    except AppError as failure:
        told["error"] = str(failure)
    else:
        if page is not None:
            families = Counter(
                licences.family(found.licence) if found.licence else "unknown" for found in page
            )
            told |= {"total": page.total, "n_sampled": len(page), "licences": dict(families)}
    write({"v": 1, "probe_id": str(message.probe_id), "user_id": str(message.user_id), **told})
