import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawlset.fetching.answer import Headers
from crawlset.fetching.optout import (
    OptOut,
    data_mining_opt_out,
    header_opt_out,
    refusing_preference,
    signals_in,
)
from crawlset.outcomes import Outcome
from crawlset.wire.chunks import FetchPolicy


def headers(*pairs: tuple[str, str]) -> Headers:
    made = Headers()
    for name, value in pairs:
        made.add(name, value)
    return made


def opt_out(seen: Headers) -> OptOut | None:
    return header_opt_out(seen, "crawlset", FetchPolicy())


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
            "Crawlset/0.1: noai",
            "*: noai",
            "otherbot: all, crawlset: noai",
            "max-image-preview: large, noai",
            "unavailable_after: 25 Jun 2010 15:00:00 PST, noai",
        ],
    )
    def test_reads_x_robots_tag(self, value: str) -> None:
        refusal = opt_out(headers(("x-robots-tag", value)))

        assert refusal is not None
        assert (refusal.outcome, refusal.value) == (Outcome.refused_noai, value)

    @pytest.mark.parametrize(
        "value",
        [
            "",
            "all",
            "nofollow",
            "otherbot: noai",
            "otherbot/2.1: nofollow, noai",
            "crawl: noai",
            "crawlset-news: noai",
            "otherbot: nofollow, noindex",
            "noaibots",
        ],
    )
    def test_lets_be_what_is_not_meant_for_us(self, value: str) -> None:
        assert opt_out(headers(("x-robots-tag", value))) is None

    def test_reads_every_header_of_the_name(self) -> None:
        seen = headers(("x-robots-tag", "otherbot: noai"), ("x-robots-tag", "noai"))

        assert opt_out(seen) is not None

    def test_reads_tdm_reservation_with_its_policy(self) -> None:
        seen = headers(("tdm-reservation", "1"), ("tdm-policy", "https://example.com/p.json"))

        refusal = opt_out(seen)

        assert refusal is not None
        assert refusal.outcome == Outcome.refused_tdm
        assert refusal.value == "1; tdm-policy=https://example.com/p.json"

    @pytest.mark.parametrize("value", ["0", "", "2", "yes"])
    def test_takes_any_other_tdm_reservation_for_unset(self, value: str) -> None:
        assert opt_out(headers(("tdm-reservation", value))) is None

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
        refusal = opt_out(headers(("content-usage", value)))

        assert (refusal is not None) is is_refusal

    @given(st.sampled_from(["x-robots-tag", "tdm-reservation", "content-usage"]), st.text())
    def test_never_raises(self, name: str, value: str) -> None:
        opt_out(headers((name, value)))


class TestRefusingPreference:
    @pytest.mark.parametrize(
        ("preferences", "expected"),
        [
            ("search=y, train-ai=n", "train-ai=n"),
            ("Train-GenAI = n;x=1", "Train-GenAI = n;x=1"),
            ("train-ai=y", None),
            ("", None),
        ],
    )
    def test_tells_what_refuses(self, preferences: str, expected: str | None) -> None:
        assert refusing_preference(preferences) == expected


class TestDataMiningOptOut:
    @pytest.mark.parametrize(
        "value",
        [
            "DMI-PROHIBITED",
            "DMI-PROHIBITED-AIMLTRAINING",
            "DMI-PROHIBITED-GENAIMLTRAINING",
            "DMI-PROHIBITED-EXCEPTSEARCHENGINEINDEXING",
            "DMI-PROHIBITED-SEECONSTRAINT",
        ],
    )
    def test_refuses_what_is_prohibited(self, value: str) -> None:
        refusal = data_mining_opt_out(value)

        assert refusal is not None
        assert (refusal.outcome, refusal.signal) == (Outcome.refused_tdm, "plus:DataMining")
        assert (refusal.rule, refusal.value) == (value, value)

    @pytest.mark.parametrize("value", [None, "", "DMI-ALLOWED", "DMI-UNSPECIFIED", "PROHIBITED"])
    def test_lets_everything_else_be(self, value: str | None) -> None:
        assert data_mining_opt_out(value) is None


class TestSignalsIn:
    def test_tells_what_was_sent_by_its_usual_name(self) -> None:
        seen = headers(
            ("x-robots-tag", "nofollow"),
            ("x-robots-tag", "otherbot: noai"),
            ("content-usage", "search=y\x00" + "x" * 300),
            ("content-type", "image/jpeg"),
        )

        assert signals_in(seen) == {
            "X-Robots-Tag": "nofollow, otherbot: noai",
            "Content-Usage": "search=y" + "x" * 192,
        }

    def test_is_empty_where_nothing_was_said(self) -> None:
        assert signals_in(headers(("content-type", "image/jpeg"))) == {}


class TestEvidence:
    def test_is_printable_and_short_but_hashed_in_full(self) -> None:
        value = "noai,\x07" + "x" * 1000

        refusal = opt_out(headers(("x-robots-tag", value)))
        assert refusal is not None
        evidence = refusal.evidence()
        assert evidence["value"].startswith("noai,xxx")
        assert len(evidence["value"]) <= 200
        assert evidence["sha256"] == hashlib.sha256(value.encode()).hexdigest()
