"""What the row of a candidate proves: which signals were read of it, and what decided."""

import hashlib
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, TypedDict

from crawlset.outcomes import Outcome

FILES = {"robots": "robots.txt", "tdmrep": "tdmrep.json"}
XMP = "plus:DataMining"
UNSIGNALLED = {
    Outcome.refused_takedown: "takedown",
    Outcome.blocked_address: "public addresses only",
    Outcome.invalid_url: "http and https only",
}
"""Rules of ours, of which no server speaks."""


class Signal(TypedDict):
    """One thing that was said about opting out, and the proof of it."""

    signal: str
    """Where: a policy file, a header, a property of the picture."""
    rule: str | None
    """What in it spoke of this URL; None when nothing did."""
    sha256: str | None
    """SHA-256 of the file, header or property; None when no file could be had."""
    at: str | None
    """When it was read (ISO 8601, UTC)."""
    is_refusal: bool


def signals_of(evidence: Mapping[str, Any] | None, read_at: datetime | None) -> list[Signal]:
    """
    Every opt-out signal that was read of a candidate, the one that refused it last.

    `read_at` is when the answer came, for those that came with it.
    """
    if evidence is None:
        return []
    at = read_at.isoformat(timespec="seconds") if read_at is not None else None
    found = list(_allowing(evidence.get("signals") or {}, at))
    refusal = evidence.get("opt_out")
    if refusal is not None:
        found = [signal for signal in found if signal["signal"] != refusal["signal"]]
        found.append(
            Signal(
                signal=refusal["signal"],
                rule=refusal["rule"],
                sha256=refusal["sha256"],
                at=refusal["at"],
                is_refusal=True,
            )
        )
    return found


def deciding_rule(
    outcome: Outcome | None, evidence: Mapping[str, Any] | None, policy: Mapping[str, Any]
) -> str | None:
    """
    The rule that refused a candidate: `robots.txt: Disallow: /private/`, `licences: pd`.

    None where none was needed: it is stored, or could not be had. `policy` is its job's.
    """
    refusal = (evidence or {}).get("opt_out")
    if refusal is not None:
        return f"{refusal['signal']}: {refusal['rule']}"
    match outcome:
        case Outcome.refused_licence:
            return f"licences: {', '.join(policy['licences'])}"
        case Outcome.refused_source:
            return f"intended_use: {policy['intended_use']}"
        case _:
            return UNSIGNALLED.get(outcome) if outcome is not None else None


def _allowing(signals: Mapping[str, Any], at: str | None) -> Iterator[Signal]:
    for key, name in FILES.items():
        if (read := signals.get(key)) is not None:
            yield Signal(
                signal=name,
                rule=read["rule"],
                sha256=read["sha256"],
                at=read["at"],
                is_refusal=False,
            )
    said = dict(signals.get("headers") or {})
    if "xmp" in signals:
        said[XMP] = signals["xmp"]
    for name, value in said.items():
        digest = hashlib.sha256(value.encode("latin-1", "replace")).hexdigest()
        yield Signal(signal=name, rule=value, sha256=digest, at=at, is_refusal=False)
