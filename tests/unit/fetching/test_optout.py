import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawlset.fetching.engine import Headers, RefusedError
from crawlset.fetching.optout import (
    TdmPolicy,
    header_opt_out,
    judge_headers,
    parse_tdmrep,
)
from crawlset.fetching.robots import path_matches
from crawlset.outcomes import Outcome


def headers(*pairs: tuple[str, str]) -> Headers:
    made = Headers()
    for name, value in pairs:
        made.add(name, value)
    return made


class TestHeaderOptOut:
    @pytest.mark.parametrize(
        "value",
        [
            "noai",
            "NOAI, NoImageAI",
            "noarchive, noimageai",
            "noindex",
            "none",
            "crawlset: noindex",
            "crawlset: nofollow, noai",
            "*: noai",
            "otherbot: all, crawlset: noai",
            "max-image-preview: large, noai",
            "unavailable_after: 25 Jun 2010 15:00:00 PST, noai",
        ],
    )
    def test_reads_x_robots_tag(self, value: str) -> None:
        refusal = header_opt_out(headers(("x-robots-tag", value)), "crawlset")

        assert refusal is not None
        assert (refusal.outcome, refusal.value) == (Outcome.refused_noai, value)

    @pytest.mark.parametrize(
        "value",
        ["", "all", "nofollow", "otherbot: noai", "otherbot: nofollow, noindex", "noaibots"],
    )
    def test_lets_be_what_is_not_meant_for_us(self, value: str) -> None:
        assert header_opt_out(headers(("x-robots-tag", value)), "crawlset") is None

    def test_reads_every_header_of_the_name(self) -> None:
        seen = headers(("x-robots-tag", "otherbot: noai"), ("x-robots-tag", "noai"))

        assert header_opt_out(seen, "crawlset") is not None

    def test_reads_tdm_reservation_with_its_policy(self) -> None:
        seen = headers(("tdm-reservation", "1"), ("tdm-policy", "https://example.com/p.json"))

        refusal = header_opt_out(seen, "crawlset")

        assert refusal is not None
        assert refusal.outcome == Outcome.refused_tdm
        assert refusal.value == "1; tdm-policy=https://example.com/p.json"

    @pytest.mark.parametrize("value", ["0", "", "2", "yes"])
    def test_takes_any_other_tdm_reservation_for_unset(self, value: str) -> None:
        assert header_opt_out(headers(("tdm-reservation", value)), "crawlset") is None

    @pytest.mark.parametrize(
        ("value", "is_refusal"),
        [
            ("train-ai=n", True),
            ("search=y, Train-AI = n;x=1", True),
            ("train-ai=?0", True),
            ("train-ai=y", False),
            ("search=n", False),
            ("train-ai", False),
        ],
    )
    def test_reads_content_usage(self, value: str, is_refusal: bool) -> None:
        refusal = header_opt_out(headers(("content-usage", value)), "crawlset")

        assert (refusal is not None) is is_refusal

    @given(st.sampled_from(["x-robots-tag", "tdm-reservation", "content-usage"]), st.text())
    def test_never_raises(self, name: str, value: str) -> None:
        header_opt_out(headers((name, value)), "crawlset")


class TestJudgeHeaders:
    def test_refuses_before_the_body(self) -> None:
        with pytest.raises(RefusedError):
            judge_headers("crawlset")(200, headers(("x-robots-tag", "noai")))

    def test_leaves_an_error_its_own_name(self) -> None:
        judge = judge_headers("crawlset")

        assert judge(404, headers(("x-robots-tag", "noai"))) is None


class TestParseTdmrep:
    def test_lets_the_most_specific_location_decide(self) -> None:
        policy = parse_tdmrep(
            b'[{"location": "/", "tdm-reservation": 1, "tdm-policy": "https://e.com/p"},'
            b' {"location": "/free/*", "tdm-reservation": 0}]'
        )

        refusal = policy.opt_out("/a.jpg", path_matches)

        assert refusal is not None
        assert (refusal.outcome, refusal.value) == (
            Outcome.refused_tdm,
            "/; tdm-policy=https://e.com/p",
        )
        assert policy.opt_out("/free/a.jpg", path_matches) is None

    @pytest.mark.parametrize(
        "content",
        [
            b"",
            b"<html>",
            b"{}",
            b"[1, null, {}]",
            b'[{"location": 3, "tdm-reservation": 1}]',
            b'[{"location": "/", "tdm-reservation": [1]}]',
            b'[{"location": "/", "tdm-reservation": true}]',
            b"\xff\xfe",
            b"[" * 100_000,
        ],
    )
    def test_takes_what_it_cannot_read_for_nothing(self, content: bytes) -> None:
        assert parse_tdmrep(content) == TdmPolicy()
