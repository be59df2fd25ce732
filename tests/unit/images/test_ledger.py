import hashlib
from datetime import UTC, datetime
from typing import Any

import pytest

from crawlset.outcomes import Outcome
from crawlset.rights.ledger import deciding_rule, signals_of

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
READ = {"rule": "Allow: /open/", "sha256": "aa", "at": "2026-03-01T11:59:00+00:00"}
POLICY = {"licences": ["pd", "cc-by"], "intended_use": "research"}


def test_tells_every_signal_with_a_hash_of_what_was_read() -> None:
    evidence = {
        "signals": {
            "robots": READ,
            "tdmrep": READ | {"rule": None},
            "headers": {"tdm-reservation": "0"},
            "xmp": "DMI-ALLOWED",
        }
    }

    robots, tdmrep, header, xmp = signals_of(evidence, AT)

    assert robots == {"signal": "robots.txt", "is_refusal": False, **READ}
    assert (tdmrep["signal"], tdmrep["rule"]) == ("tdmrep.json", None)
    assert header == {
        "signal": "tdm-reservation",
        "rule": "0",
        "sha256": hashlib.sha256(b"0").hexdigest(),
        "at": "2026-03-01T12:00:00+00:00",
        "is_refusal": False,
    }
    assert (xmp["signal"], xmp["rule"]) == ("plus:DataMining", "DMI-ALLOWED")


def test_tells_the_refusal_once_and_last() -> None:
    opt_out = {
        "signal": "X-Robots-Tag",
        "rule": "noai",
        "value": "noai",
        "sha256": "bb",
        "at": READ["at"],
    }
    evidence = {
        "signals": {"robots": READ, "headers": {"X-Robots-Tag": "noai"}},
        "opt_out": opt_out,
    }

    signals = signals_of(evidence, AT)

    assert [signal["signal"] for signal in signals] == ["robots.txt", "X-Robots-Tag"]
    assert signals[-1]["is_refusal"]
    assert signals[-1]["sha256"] == "bb"


def test_tells_nothing_of_what_was_never_asked_for() -> None:
    assert signals_of(None, None) == []


@pytest.mark.parametrize(
    ("outcome", "evidence", "rule"),
    [
        (Outcome.stored, {}, None),
        (None, None, None),
        (Outcome.http_404, {}, None),
        (
            Outcome.refused_robots,
            {"opt_out": {"signal": "robots.txt", "rule": "Disallow: /x"}},
            "robots.txt: Disallow: /x",
        ),
        (Outcome.refused_licence, None, "licences: pd, cc-by"),
        (Outcome.refused_source, None, "intended_use: research"),
        (Outcome.refused_takedown, None, "takedown"),
    ],
)
def test_names_the_rule_that_refused(
    outcome: Outcome | None, evidence: Any, rule: str | None
) -> None:
    assert deciding_rule(outcome, evidence, POLICY) == rule
