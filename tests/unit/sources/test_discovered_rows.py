"""Which rows of a list `discover` keeps, and how it spells them."""

import pytest

from crawlset.sources import parts as parts_of
from crawlset.sources.protocol import Candidate
from tests.unit.sources.conftest import MakeMessage
from tests.unit.sources.discovered import candidate, run


class TestRepeated:
    def test_keeps_the_first_and_counts_the_others_in_their_part(
        self, make_message: MakeMessage, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(parts_of, "CANDIDATES_PER_PART", 2)
        page = [
            candidate(1, keyword="cat"),
            candidate(1, keyword="dog"),
            candidate(2),
            candidate(1),
            candidate(3),
            Candidate(url=" https://a.example/2.jpg "),
        ]

        found, parts = run(make_message(keyword=None), page)

        assert [(line.rank, line.keyword) for _, lines in parts for line in lines] == [
            (1, "cat"),
            (3, None),
            (5, None),
        ]
        assert [head.n_repeated for head, _ in parts] == [2, 1]
        assert found.n_candidates == 3

    def test_counts_them_among_what_a_search_may_look_at(self, make_message: MakeMessage) -> None:
        same = [[candidate(1), candidate(2)]] * 100

        found, [(head, _)] = run(make_message(limit=9), *same)

        assert (found.n_candidates, head.n_repeated) == (2, 7)

    def test_counts_lines_that_are_no_url_alike(self, make_message: MakeMessage) -> None:
        _, [(head, lines)] = run(make_message(), [Candidate(url="hello"), Candidate(url="hello")])

        assert ([line.url for line in lines], head.n_repeated) == (["hello"], 1)


class TestMended:
    def test_writes_the_url_that_is_sent(self, make_message: MakeMessage) -> None:
        page = [
            Candidate(url="https://a.example/a b.jpg"),
            Candidate(url="https://a.example/c\td\n.jpg"),
            Candidate(url="https://a.example/\u00ad.jpg"),
        ]

        _, [(_, lines)] = run(make_message(), page)

        assert [(line.url, line.refused) for line in lines] == [
            ("https://a.example/a%20b.jpg", None),
            ("https://a.example/cd.jpg", None),
            ("https://a.example/\u00ad.jpg", None),
        ]

    @pytest.mark.parametrize("tail", ["\t" * 900, " " * 900])
    def test_refuses_what_was_cut_before_it_was_mended(
        self, make_message: MakeMessage, tail: str
    ) -> None:
        cut = ("https://a.example/" + "x" * 8_000 + tail)[:8_193]

        _, [(_, [line])] = run(make_message(), [Candidate(url=cut)])

        assert line.refused == "invalid_url"


class TestAltered:
    @pytest.mark.parametrize(
        ("fields", "is_altered"),
        [
            ({"title": "x" * 262_144}, False),
            ({"title": "x" * 262_145}, True),
            ({"title": " two \n lines "}, False),
            ({"title": "caf\udce9"}, True),
            ({"keyword": "k" * 1_000}, False),
            ({"keyword": "k" * 1_001}, True),
            ({"keyword": " "}, False),
            ({"creator": "a\0b"}, True),
            ({"licence_raw": "l" * 2_001}, True),
            ({"landing_url": "https://a.example/" + "x" * 8_192}, True),
        ],
    )
    def test_counts_candidates_whose_texts_are_not_kept_whole(
        self, make_message: MakeMessage, fields: dict[str, str], is_altered: bool
    ) -> None:
        _, [(head, [line])] = run(make_message(), [candidate(1, **fields), candidate(1)])

        assert head.n_altered == is_altered
        assert len(line.attribution or "") < 2_100
