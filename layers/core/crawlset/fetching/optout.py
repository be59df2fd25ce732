"""
What a server says about text and data mining and the training of models, and how we read it.

X-Robots-Tag, `tdm-reservation` (TDMRep, W3C Community Group Final Report of 2024-02-02) and
`Content-Usage` (IETF AIPREF). All are on; a refusal is final.
"""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from crawlset.fetching.engine import Headers, RefusedError
from crawlset.outcomes import Outcome

_MAX_EVIDENCE = 200
_REFUSING = frozenset({"noai", "noimageai", "noml", "noindex", "noimageindex", "none"})
_VALUED = frozenset({"unavailable_after", "max-snippet", "max-image-preview", "max-video-preview"})
"""Directives whose colon does not end the name of an agent."""
_AGENT = re.compile(r"[a-z0-9_.*-]+")
_TRAINING = frozenset({"train-ai", "train-genai"})
_NO = frozenset({"n", "?0"})


@dataclass(frozen=True, slots=True)
class OptOut:
    """A refusal and its evidence: the signal's name, and its value as it was sent."""

    outcome: Outcome
    signal: str
    value: str


def header_opt_out(headers: Headers, agent: str) -> OptOut | None:
    """The first refusal in a response's headers that is meant for everybody or for `agent`."""
    for value in headers.all("x-robots-tag"):
        if _refuses(value, agent):
            return OptOut(Outcome.refused_noai, "X-Robots-Tag", value[:_MAX_EVIDENCE])
    if headers.first("tdm-reservation") == "1":
        policy = headers.first("tdm-policy")
        value = f"1; tdm-policy={policy}" if policy else "1"
        return OptOut(Outcome.refused_tdm, "tdm-reservation", value[:_MAX_EVIDENCE])
    for value in headers.all("content-usage"):
        refusal = content_usage_opt_out(value, "Content-Usage")
        if refusal is not None:
            return refusal
    return None


def content_usage_opt_out(preferences: str, signal: str) -> OptOut | None:
    """The refusal in a `Content-Usage` dictionary such as `train-ai=n, search=y`."""
    for preference in preferences.split(","):
        name, _, value = preference.partition("=")
        if name.strip().lower() in _TRAINING and value.partition(";")[0].strip().lower() in _NO:
            value = f"Content-Usage: {preferences}" if signal == "robots.txt" else preferences
            return OptOut(Outcome.refused_noai, signal, value[:_MAX_EVIDENCE])
    return None


@dataclass(frozen=True, slots=True)
class TdmPolicy:
    """What `/.well-known/tdmrep.json` reserves, as (location pattern, is reserved, policy)."""

    locations: tuple[tuple[str, bool, str | None], ...] = ()

    def opt_out(self, path: str, matches: Callable[[str, str], bool]) -> OptOut | None:
        """The refusal of the most specific location that `matches` the path."""
        found = [(len(rule[0]), rule) for rule in self.locations if matches(rule[0], path)]
        if not found:
            return None
        location, is_reserved, policy = max(found, key=lambda rule: rule[0])[1]
        if not is_reserved:
            return None
        value = f"{location}; tdm-policy={policy}" if policy else location
        return OptOut(Outcome.refused_tdm, "tdmrep.json", value[:_MAX_EVIDENCE])


def parse_tdmrep(content: bytes) -> TdmPolicy:
    """What cannot be read reserves nothing."""
    try:
        entries: Any = json.loads(content)
    except (ValueError, RecursionError):
        return TdmPolicy()
    locations = []
    for entry in entries if isinstance(entries, list) else []:
        if not isinstance(entry, dict) or not isinstance(entry.get("location"), str):
            continue
        reservation = str(entry.get("tdm-reservation"))
        if reservation in {"0", "1"}:
            policy = entry.get("tdm-policy")
            policy = policy if isinstance(policy, str) else None
            locations.append((entry["location"], reservation == "1", policy))
    return TdmPolicy(tuple(locations))


def judge_headers(agent: str) -> Callable[[int, Headers], None]:
    """A judge that refuses a 200 whose headers opt out, before its body is read."""

    def judge(status: int, headers: Headers) -> None:
        if status == 200:  # noqa: PLR2004
            refusal = header_opt_out(headers, agent)
            if refusal is not None:
                raise RefusedError(refusal.outcome, refusal.signal, refusal.value)

    return judge


def _refuses(value: str, agent: str) -> bool:
    """Whether one X-Robots-Tag line refuses; an agent's name holds for the rest of the line."""
    is_meant = True
    for part in value.lower().split(","):
        name, colon, rest = part.partition(":")
        name = name.strip()
        directive = name
        if colon and name not in _VALUED and _AGENT.fullmatch(name):
            is_meant = name in {"*", agent}
            directive = rest.strip()
        if is_meant and not _REFUSING.isdisjoint(directive.split()):
            return True
    return False
