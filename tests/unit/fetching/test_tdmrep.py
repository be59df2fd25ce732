import hashlib

import pytest

from crawlset.fetching.tdmrep import NOTHING_RESERVED, parse_tdmrep
from crawlset.outcomes import Outcome


class TestParseTdmrep:
    def test_lets_the_most_specific_location_decide(self) -> None:
        policy = parse_tdmrep(
            b'[{"location": "/", "tdm-reservation": 1, "tdm-policy": "https://e.com/p"},'
            b' {"location": "/free/*", "tdm-reservation": 0}]'
        )

        signal, refusal = policy.judge("/a.jpg")

        assert refusal is not None
        assert (refusal.outcome, refusal.value) == (
            Outcome.refused_tdm,
            "/; tdm-policy=https://e.com/p",
        )
        assert signal is not None
        assert signal["rule"] == "/"
        signal, refusal = policy.judge("/free/a.jpg")
        assert signal is not None
        assert (signal["rule"], refusal) == ("/free/*", None)

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
        policy = parse_tdmrep(content)

        assert policy.locations == ()
        signal, refusal = policy.judge("/a.jpg")
        assert signal is not None
        assert signal["sha256"] == hashlib.sha256(content).hexdigest()
        assert (signal["rule"], refusal) == (None, None)


class TestNothingReserved:
    def test_is_no_evidence(self) -> None:
        assert NOTHING_RESERVED.judge("/a.jpg") == (None, None)
