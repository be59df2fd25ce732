from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest

from crawlset.errors import SourceRefusedError, SourceThrottledError
from crawlset.sources.probing import probe
from crawlset.sources.protocol import Candidate, CandidatePage
from crawlset.wire.searches import IntendedUse, ProbeAnswer, ProbeMessage, SearchRequest

REQUEST = SearchRequest(source="gbif", keyword="cat", limit=20, intended_use=IntendedUse.research)
MESSAGE = ProbeMessage(UUID(int=1), UUID(int=2), REQUEST)


def told(*pages: CandidatePage | Exception) -> ProbeAnswer:
    def ask(_: SearchRequest, cursor: Any) -> Iterator[CandidatePage]:
        for page in pages:
            if isinstance(page, Exception):
                raise page
            yield page

    return probe(MESSAGE, ask=ask)


def test_tells_how_much_there_is_and_under_which_licences() -> None:
    licences = ["cc-by-4.0", "cc-by-2.0", "cc0-1.0", None]
    page = CandidatePage((Candidate(url="u", licence=licence) for licence in licences), total=900)

    assert told(page, RuntimeError("asked for more than the first")) == ProbeAnswer(
        UUID(int=2),
        UUID(int=1),
        total=900,
        n_sampled=4,
        licences={"cc-by": 2, "cc0": 1, "unknown": 1},
    )


def test_tells_that_there_is_nothing() -> None:
    assert told().total == 0


def test_tells_nothing_of_what_the_source_does_not_say() -> None:
    found = told(CandidatePage([Candidate(url="u")]))

    assert (found.total, found.n_sampled) == (None, 1)


@pytest.mark.parametrize("total", [-1, 2**53])
def test_does_not_believe_every_number(total: int) -> None:
    assert told(CandidatePage([Candidate(url="u")], total=total)).total is None


def test_tells_why_the_source_refuses() -> None:
    assert told(SourceRefusedError("gbif refuses.")).error == "gbif refuses."


def test_comes_again_when_asked_to_wait() -> None:
    with pytest.raises(SourceThrottledError):
        told(SourceThrottledError("gbif", 5))
