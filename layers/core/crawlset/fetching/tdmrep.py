"""
`/.well-known/tdmrep.json`: what of an origin is reserved from text and data mining.

TDMRep, W3C Community Group Final Report of 2024-02-02.
"""

import json
from dataclasses import dataclass
from typing import Any

from crawlset.fetching.optout import OptOut, Reading, Signal
from crawlset.fetching.robots import path_matches
from crawlset.outcomes import Outcome


@dataclass(frozen=True, slots=True)
class TdmPolicy:
    """What the file reserves, as (location pattern, is reserved, policy), the longest first."""

    locations: tuple[tuple[str, bool, str | None], ...] = ()
    reading: Reading | None = None
    """None when there is no such file."""

    def judge(self, path: str) -> tuple[Signal | None, OptOut | None]:
        """What the most specific location that matches `path` says; a refusal if it reserves."""
        if self.reading is None:
            return None, None
        decides = (entry for entry in self.locations if path_matches(entry[0], path))
        location, is_reserved, policy = next(decides, (None, False, None))
        signal = self.reading.signal(location)
        if location is None or not is_reserved:
            return signal, None
        value = f"{location}; tdm-policy={policy}" if policy else location
        refusal = OptOut.read(Outcome.refused_tdm, "tdmrep.json", location, value, self.reading)
        return signal, refusal


NOTHING_RESERVED = TdmPolicy()


def parse_tdmrep(content: bytes) -> TdmPolicy:
    """What cannot be read reserves nothing."""
    reading = Reading.of(content)
    try:
        entries: Any = json.loads(content)
    except (ValueError, RecursionError):
        return TdmPolicy(reading=reading)
    locations = []
    for entry in entries if isinstance(entries, list) else []:
        if not isinstance(entry, dict) or not isinstance(entry.get("location"), str):
            continue
        reservation = str(entry.get("tdm-reservation"))
        if reservation in {"0", "1"}:
            policy = entry.get("tdm-policy")
            policy = policy if isinstance(policy, str) else None
            locations.append((entry["location"], reservation == "1", policy))
    locations.sort(key=lambda entry: len(entry[0]), reverse=True)
    return TdmPolicy(tuple(locations), reading)
