import gzip
from collections.abc import Iterator
from typing import Any

import pytest

from crawlset.errors import SourceError, SourceRefusedError, SourceThrottledError
from crawlset.kit.json_lines import unpack_lines
from crawlset.sources import parts as parts_of
from crawlset.sources.answers import BadQuestionError, MissingError, NotJsonError
from crawlset.sources.discover import CANCELLED, Discovered, discover
from crawlset.sources.protocol import Candidate, CandidatePage, SourceUnavailableError
from crawlset.wire.candidates import CandidateLine, PartHead, Query, SearchError
from crawlset.wire.record import unpack
from crawlset.wire.searches import DiscoverMessage, SearchRequest
from tests.unit.sources.conftest import MakeMessage
from tests.unit.sources.discovered import answering, candidate, run


class TestParts:
    def test_writes_one_part_for_a_search_without_hits(self, make_message: MakeMessage) -> None:
        found, parts = run(make_message())

        assert parts == [(PartHead(attempt=1, n_parts=1), [])]
        assert found == Discovered(n_candidates=0, n_parts=1, error=None)

    @pytest.mark.parametrize(("n", "sizes"), [(3, [3]), (4, [3, 1]), (6, [3, 3]), (7, [3, 3, 1])])
    def test_starts_another_part_when_one_is_full(
        self, make_message: MakeMessage, monkeypatch: pytest.MonkeyPatch, n: int, sizes: list[int]
    ) -> None:
        monkeypatch.setattr(parts_of, "CANDIDATES_PER_PART", 3)

        found, parts = run(make_message(), [candidate(number) for number in range(n)])

        assert [len(lines) for _, lines in parts] == sizes
        assert [head.n_parts for head, _ in parts] == [None] * (len(sizes) - 1) + [len(sizes)]
        ranks = [line.rank for _, lines in parts for line in lines]
        assert ranks == list(range(1, n + 1))
        assert found == Discovered(n_candidates=n, n_parts=len(sizes), error=None)

    def test_starts_another_part_when_the_lines_are_large(
        self, make_message: MakeMessage, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(parts_of, "PART_BYTES", 10_000)
        pages = [candidate(number, title="x" * 1_900) for number in range(10)]

        _, parts = run(make_message(), pages)

        assert len(parts) > 1
        assert sum(len(lines) for _, lines in parts) == 10

    def test_writes_a_full_part_before_the_source_has_ended(
        self, make_message: MakeMessage, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(parts_of, "CANDIDATES_PER_PART", 2)
        written: list[str] = []
        seen: list[int] = []

        def ask(request: SearchRequest, cursor: Any) -> Iterator[CandidatePage]:
            yield CandidatePage([candidate(1), candidate(2), candidate(3)])
            seen.append(len(written))
            yield CandidatePage([candidate(4)])

        discover(
            make_message(),
            ask=ask,
            write=lambda key, _: written.append(key),
            is_cancelled=lambda: False,
        )

        assert seen == [1]

    def test_gives_the_same_bytes_again(self, make_message: MakeMessage) -> None:
        bodies: list[bytes] = []
        for _ in range(2):
            discover(
                make_message(),
                ask=answering([candidate(1), candidate(2)]),
                write=lambda _, body: bodies.append(bytes(body)),
                is_cancelled=lambda: False,
            )

        assert bodies[0] == bodies[1]
        assert len(gzip.decompress(bodies[0]).splitlines()) == 3


class TestLimit:
    @pytest.mark.parametrize(("limit", "n_asked"), [(1, 1), (3, 1), (4, 2), (100, 3)])
    def test_stops_asking_when_reached(
        self, make_message: MakeMessage, limit: int, n_asked: int
    ) -> None:
        asked: list[int] = []

        def ask(request: SearchRequest, cursor: Any) -> Iterator[CandidatePage]:
            for page in range(3):
                asked.append(page)
                yield CandidatePage(candidate(3 * page + number) for number in range(3))

        found = discover(
            make_message(limit=limit), ask=ask, write=lambda *_: None, is_cancelled=lambda: False
        )

        assert found.n_candidates == min(limit, 9)
        assert len(asked) == n_asked


class TestLine:
    def test_tells_everything_of_a_candidate(self, make_message: MakeMessage) -> None:
        page = [
            candidate(
                1,
                landing_url="https://a.example/",
                licence="cc-by-4.0",
                licence_raw="CC BY 4.0",
                creator="Ada",
                title="Cät",
                width=640,
                height=480,
            )
        ]

        _, [(_, [line])] = run(make_message(keyword="cat"), page)

        assert line == CandidateLine(
            url="https://a.example/1.jpg",
            source="sample",
            query="cat",
            keyword="cat",
            rank=1,
            landing_url="https://a.example/",
            licence="cc-by-4.0",
            licence_raw="CC BY 4.0",
            creator="Ada",
            attribution='"Cät" by Ada is licensed under CC BY 4.0. To view the terms, visit '
            "https://creativecommons.org/licenses/by/4.0/.",
            title="Cät",
            width=640,
            height=480,
        )

    def test_prefers_the_class_and_the_sentence_of_the_source(
        self, make_message: MakeMessage
    ) -> None:
        page = [candidate(1, keyword="tabby", attribution="Thank Ada.", creator="Ada")]

        _, [(_, [line])] = run(make_message(keyword="cat"), page)

        assert (line.query, line.keyword) == ("cat", "tabby")
        assert line.attribution == "Thank Ada."

    def test_holds_only_what_postgres_can_store(self, make_message: MakeMessage) -> None:
        page = [
            Candidate(
                url="https://a.example/\0" + "x" * 9_000,
                title="half \ud83d of \0 it",
                creator="c" * 9_000,
                keyword="  ",
                width=-1,
                height=2**31,
            )
        ]

        _, [(_, [line])] = run(make_message(keyword="cat"), page)

        assert line.refused == "invalid_url"
        assert len(line.url) == 8192
        assert line.title == "half \ufffd of \ufffd it"
        assert line.creator == "c" * 2_000
        assert line.keyword == "cat"
        assert (line.width, line.height) == (None, None)


class TestRefusal:
    def test_keeps_what_is_refused_and_says_why(self, make_message: MakeMessage) -> None:
        page = [
            candidate(1, licence="cc0-1.0"),
            candidate(2, licence="cc-by-nc-4.0"),
            candidate(3),
            Candidate(url="not a url", licence="cc0-1.0"),
        ]

        found, [(_, lines)] = run(make_message(licences=["attribution"]), page)

        assert [line.refused for line in lines] == [
            None,
            "refused_licence",
            "refused_licence",
            "invalid_url",
        ]
        assert found.n_candidates == 4

    def test_refuses_no_licence_when_the_job_names_none(self, make_message: MakeMessage) -> None:
        _, [(_, lines)] = run(make_message(), [candidate(1), candidate(2, licence="cc-by-nc-4.0")])

        assert [line.refused for line in lines] == [None, None]


class TestError:
    @pytest.mark.parametrize(
        ("error", "code"),
        [
            (SourceRefusedError("sample refuses the search (HTTP 403)."), "SourceRefusedError"),
            (NotJsonError("sample", "text/html"), "SourceError"),
            (MissingError("sample has nothing there (HTTP 404)."), "SourceRefusedError"),
            (BadQuestionError("sample refuses the search (HTTP 400)."), "SourceRefusedError"),
        ],
    )
    def test_ends_the_last_part_after_what_was_found(
        self, make_message: MakeMessage, error: SourceError, code: str
    ) -> None:
        found, [(head, lines)] = run(make_message(), [candidate(1)], error)

        assert head.error == SearchError(code, str(error))
        assert head.n_parts == 1
        assert [line.url for line in lines] == ["https://a.example/1.jpg"]
        assert found.error == code

    @pytest.mark.parametrize(
        "error", [SourceThrottledError("sample", 5), SourceUnavailableError("sample", "HTTP 500")]
    )
    def test_leaves_the_search_open_when_it_may_be_asked_again(
        self, make_message: MakeMessage, error: SourceError
    ) -> None:
        with pytest.raises(type(error)):
            run(make_message(), [candidate(1)], error)


class TestCancelled:
    def test_ends_before_the_first_question(self, make_message: MakeMessage) -> None:
        found, [(head, lines)] = run(make_message(), [candidate(1)], cancelled_at=0)

        assert head.error == CANCELLED
        assert head.n_parts == 1
        assert lines == []
        assert found == Discovered(n_candidates=0, n_parts=1, error="cancelled")

    def test_ends_between_two_pages(
        self, make_message: MakeMessage, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(parts_of, "CANDIDATES_PER_PART", 2)

        found, parts = run(
            make_message(),
            [candidate(1), candidate(2), candidate(3)],
            [candidate(4)],
            cancelled_at=1,
        )

        assert [len(lines) for _, lines in parts] == [2, 0]
        assert [head.n_parts for head, _ in parts] == [None, 2]
        assert parts[1][0].error == CANCELLED
        assert found.n_candidates == 2


class TestExpandedSearch:
    QUERIES = (Query("cat", "keyword"), Query("cats", "plural"), Query("Katze", "language:de"))

    def run(
        self, message: DiscoverMessage, supply: dict[str, int]
    ) -> tuple[list[tuple[str, int]], PartHead, list[CandidateLine]]:
        """What was asked (query, limit), and the header and lines of the one part."""
        asked: list[tuple[str, int]] = []
        written: list[bytes] = []

        def ask(request: SearchRequest, cursor: Any) -> Iterator[CandidatePage]:
            query = request.keyword or ""
            asked.append((query, request.limit))
            yield CandidatePage(
                Candidate(url=f"https://a.example/{query}/{n}.jpg") for n in range(supply[query])
            )

        discover(
            message,
            ask=ask,
            write=lambda _, body: written.append(body),
            is_cancelled=lambda: False,
            expand=lambda _: self.QUERIES,
        )
        [body] = written
        return asked, *unpack(PartHead, CandidateLine, unpack_lines(body))

    def test_gives_each_query_a_share_and_what_the_others_left(
        self, make_message: MakeMessage
    ) -> None:
        asked, _, lines = self.run(make_message(limit=30), {"cat": 4, "cats": 100, "Katze": 100})

        assert asked == [("cat", 10), ("cats", 13), ("Katze", 13)]
        assert len(lines) == 30

    def test_keeps_the_class_and_tells_the_query(self, make_message: MakeMessage) -> None:
        _, head, lines = self.run(make_message(limit=3), {"cat": 1, "cats": 1, "Katze": 1})

        assert [(line.query, line.keyword, line.rank) for line in lines] == [
            ("cat", "cat", 1),
            ("cats", "cat", 2),
            ("Katze", "cat", 3),
        ]
        assert head.queries == list(self.QUERIES)

    def test_asks_no_more_than_it_needs(self, make_message: MakeMessage) -> None:
        asked, _, lines = self.run(make_message(limit=1), {"cat": 5, "cats": 5, "Katze": 5})

        assert asked == [("cat", 1)]
        assert len(lines) == 1
