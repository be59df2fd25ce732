"""
What a server or a file says about text and data mining and the training of models.

X-Robots-Tag, `tdm-reservation` (TDMRep), `Content-Usage` (IETF AIPREF) and `plus:DataMining`
(PLUS LDF, XMP). A refusal is final; what was read is kept as evidence of either decision.
"""

import hashlib
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Self

from crawlset.fetching.answer import Headers, RefusedError, printable
from crawlset.outcomes import Outcome
from crawlset.wire.chunks import FetchPolicy

Signal = dict[str, str | None]
"""What a policy file said of a URL that may be asked for: rule, sha256 of the file, time."""

_MAX_EVIDENCE = 200
_SIGNALS = (
    ("x-robots-tag", "X-Robots-Tag"),
    ("tdm-reservation", "tdm-reservation"),
    ("tdm-policy", "tdm-policy"),
    ("content-usage", "Content-Usage"),
)
_REFUSING = frozenset({"noai", "noimageai", "noml", "noindex", "noimageindex", "none"})
_VALUED = frozenset({"unavailable_after", "max-snippet", "max-image-preview", "max-video-preview"})
"""Directives whose colon does not end the name of an agent."""
_AGENT = re.compile(r"[a-z0-9_.*/-]+")
_TOKEN = re.compile(r"[a-z_-]*", re.IGNORECASE)
_TRAINING = frozenset({"train-ai", "train-genai"})
_NO = frozenset({"n", "?0"})
_PROHIBITED = "DMI-PROHIBITED"
"""How every value of `plus:DataMining` begins that forbids us anything."""


def now_iso() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


@dataclass(frozen=True, slots=True)
class Reading:
    """A policy file as it was read: its hash, and when; its rules share what they are told by."""

    sha256: str
    at: str
    _signals: dict[str | None, Signal] = field(default_factory=dict, compare=False)

    @classmethod
    def of(cls, content: bytes) -> Self:
        return cls(hashlib.sha256(content).hexdigest(), now_iso())

    def signal(self, rule: str | None) -> Signal:
        """Evidence that `rule` decided, or that no rule did; one object for each rule."""
        signal = self._signals.get(rule)
        if signal is None:
            signal = {"rule": printable(rule), "sha256": self.sha256, "at": self.at}
            self._signals[rule] = signal
        return signal


@dataclass(frozen=True, slots=True)
class OptOut:
    """A refusal and its evidence."""

    outcome: Outcome
    signal: str
    """Where it was said: a file, a header, a property."""
    rule: str
    """The part of it that decided."""
    value: str
    """All of it, as it was sent."""
    sha256: str | None
    """SHA-256 of the file, header or property; None when no file could be had."""
    at: str
    """When it was read (ISO 8601, UTC)."""

    @classmethod
    def read(
        cls, outcome: Outcome, signal: str, rule: str, value: str, reading: Reading | None = None
    ) -> Self:
        """From the file that was read, or else from a value that came just now."""
        if reading is None:
            reading = Reading.of(value.encode("latin-1", "replace"))
        return cls(
            outcome,
            signal,
            rule[:_MAX_EVIDENCE],
            value[:_MAX_EVIDENCE],
            reading.sha256,
            reading.at,
        )

    def evidence(self) -> dict[str, Any]:
        return {
            "signal": self.signal,
            "rule": printable(self.rule),
            "value": printable(self.value),
            "sha256": self.sha256,
            "at": self.at,
        }


class OptedOutError(RefusedError):
    """We must not have it; ends a transfer before its body when a header says so."""

    def __init__(self, opt_out: OptOut) -> None:
        self.opt_out = opt_out
        super().__init__(opt_out.outcome, opt_out.signal, opt_out.value)


def product_token(agent: str) -> str:
    """
    The name of a crawler in lower case, without the version and whatever else follows.

    An empty string for none (RFC 9309, section 2.2.1; `ExtractUserAgent` of
    https://github.com/google/robotstxt/blob/master/robots.cc).
    """
    token = _TOKEN.match(agent)
    return token[0].lower() if token else ""


def signals_in(headers: Headers) -> dict[str, str]:
    """List the response's headers that can opt out, as they were sent."""
    return {
        name: printable(", ".join(values)) or ""
        for key, name in _SIGNALS
        if (values := headers.all(key))
    }


def header_opt_out(headers: Headers, agent: str, policy: FetchPolicy) -> OptOut | None:
    """The first refusal in a response's headers that is meant for everybody or for `agent`."""
    if policy.x_robots_tag:
        for value in headers.all("x-robots-tag"):
            directive = _refusing_directive(value, agent)
            if directive is not None:
                return OptOut.read(Outcome.refused_noai, "X-Robots-Tag", directive, value)
    if policy.tdm_reservation and headers.first("tdm-reservation") == "1":
        location = headers.first("tdm-policy")
        value = f"1; tdm-policy={location}" if location else "1"
        return OptOut.read(Outcome.refused_tdm, "tdm-reservation", "1", value)
    if policy.content_usage:
        for value in headers.all("content-usage"):
            preference = refusing_preference(value)
            if preference is not None:
                return OptOut.read(Outcome.refused_noai, "Content-Usage", preference, value)
    return None


def refusing_preference(preferences: str) -> str | None:
    """What refuses training in a `Content-Usage` dictionary such as `train-ai=n, search=y`."""
    for preference in preferences.split(","):
        name, _, value = preference.partition("=")
        if name.strip().lower() in _TRAINING and value.partition(";")[0].strip().lower() in _NO:
            return preference.strip()
    return None


def data_mining_opt_out(value: str | None) -> OptOut | None:
    """The refusal in a file's `plus:DataMining`, such as `DMI-PROHIBITED-AIMLTRAINING`."""
    if value is None or not value.startswith(_PROHIBITED):
        return None
    return OptOut.read(Outcome.refused_tdm, "plus:DataMining", value, value)


def _refusing_directive(value: str, agent: str) -> str | None:
    """What refuses in one X-Robots-Tag line; an agent's name holds for the rest of the line."""
    is_meant = True
    for part in value.lower().split(","):
        name, colon, rest = part.partition(":")
        name = name.strip()
        directive = name
        if colon and name not in _VALUED and _AGENT.fullmatch(name):
            is_meant = name == "*" or product_token(name) == agent
            directive = rest.strip()
        if is_meant:
            for word in directive.split():
                if word in _REFUSING:
                    return word
    return None
