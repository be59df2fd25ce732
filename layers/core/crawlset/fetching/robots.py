"""robots.txt: what of an origin we may ask for, and what may be made of it (RFC 9309)."""

import re
from dataclasses import dataclass
from typing import NamedTuple

from protego import Protego

from crawlset.fetching.optout import (
    OptOut,
    Reading,
    Signal,
    now_iso,
    product_token,
    refusing_preference,
)
from crawlset.outcomes import Outcome

PRODUCT = "crawlset"
"""The name robots.txt files and X-Robots-Tag headers know us by."""

_AGENT_LINE = re.compile(r"\s*user[ -]?agent(?:\s*:|\s)\s*([^#]*)", re.IGNORECASE)
_EVERYBODY = re.compile(r"\*(?!\S)")
_ANOTHER = "another"
"""Stands for every agent that is not us."""
_LINE = re.compile(r"\s*([A-Za-z-]+)\s*:\s*([^#]*)")
_USAGE = re.compile(r"(?:(?P<path>/\S*)\s+)?(?P<preferences>[^/\s].*)")
_DISALLOW, _ALLOW, _USAGE_FIELD = "disallow", "allow", "content-usage"


class _Rule(NamedTuple):
    """A line of the file that speaks of paths."""

    pattern: str
    line: str


@dataclass(frozen=True, slots=True)
class Robots:
    """The rules of one origin, as they stand for us; the longest pattern first."""

    rules: Protego | None = None
    """None: no rules, everything is allowed."""
    allowing: tuple[_Rule, ...] = ()
    disallowing: tuple[_Rule, ...] = ()
    usage: tuple[tuple[_Rule, str], ...] = ()
    """Lines on use, with the preference in each that refuses training, or an empty string."""
    reading: Reading | None = None
    """None when there is no such file."""
    unreachable: OptOut | None = None
    """Why the file could not be had, in which case nothing is allowed."""

    @property
    def crawl_delay(self) -> float:
        """Seconds between two requests; 0 when it asks for none."""
        return (self.rules.crawl_delay(PRODUCT) or 0.0) if self.rules is not None else 0.0

    def judge(self, url: str, path: str) -> tuple[Signal | None, OptOut | None]:
        """
        What the file says of `url`, whose path and query are `path`; a refusal if it forbids.

        Protego decides; the line is looked up only to be told as evidence.
        """
        if self.unreachable is not None:
            return None, self.unreachable
        if self.rules is None or self.reading is None:
            return None, None
        if not self.rules.can_fetch(url, PRODUCT):
            rule = _longest(self.disallowing, path) or "disallowed"
            refusal = OptOut.read(Outcome.refused_robots, "robots.txt", rule, rule, self.reading)
            return self.reading.signal(rule), refusal
        for (pattern, line), refusing in self.usage:
            if path_matches(pattern, path):
                if refusing:
                    outcome = Outcome.refused_noai
                    refusal = OptOut.read(outcome, "robots.txt", refusing, line, self.reading)
                    return self.reading.signal(line), refusal
                break
        return self.reading.signal(_longest(self.allowing, path)), None


ALLOW_ALL = Robots()


def unreachable_robots(why: str) -> Robots:
    return Robots(
        unreachable=OptOut(
            Outcome.refused_robots, "robots.txt", "unreachable", why, None, now_iso()
        )
    )


def parse_robots(content: bytes) -> Robots:
    lines = content.decode(errors="replace").removeprefix("\ufeff").splitlines()
    lines = [_addressed(line) for line in lines]
    ours = _our_lines(lines)
    usage = []
    for value in ours[_USAGE_FIELD]:
        parts = _USAGE.fullmatch(value)
        if parts is not None:
            rule = _Rule(parts["path"] or "/", f"Content-Usage: {value}")
            usage.append((rule, refusing_preference(parts["preferences"]) or ""))
    usage.sort(key=lambda found: len(found[0].pattern), reverse=True)
    return Robots(
        Protego.parse("\n".join(lines)),
        _rules("Allow", ours[_ALLOW]),
        _rules("Disallow", ours[_DISALLOW]),
        tuple(usage),
        Reading.of(content),
    )


def path_matches(pattern: str, path: str) -> bool:
    """
    Whether `path` begins as `pattern` says: `*` stands for anything, a final `$` for the end.

    Matched piece by piece, so that a hostile pattern costs no more than its length allows.
    """
    is_anchored = pattern.endswith("$")
    first, *pieces = pattern.removesuffix("$").split("*")
    if not path.startswith(first):
        return False
    if not pieces:
        return not is_anchored or path == first
    at = len(first)
    for piece in pieces[:-1]:
        found = path.find(piece, at)
        if found < 0:
            return False
        at = found + len(piece)
    last = pieces[-1]
    if is_anchored:
        return len(path) - at >= len(last) and path.endswith(last)
    return path.find(last, at) >= 0


def _rules(name: str, patterns: list[str]) -> tuple[_Rule, ...]:
    longest_first = sorted(patterns, key=len, reverse=True)
    return tuple(_Rule(pattern, f"{name}: {pattern}") for pattern in longest_first)


def _longest(rules: tuple[_Rule, ...], path: str) -> str | None:
    return next((line for pattern, line in rules if path_matches(pattern, path)), None)


def _addressed(line: str) -> str:
    """
    Respell a line that names an agent: us, everybody or another one.

    Protego would take any beginning of our name for us, and none with a version.
    """
    names = _AGENT_LINE.match(line)
    if names is None:
        return line
    if _EVERYBODY.match(names[1]):
        return "User-agent: *"
    return f"User-agent: {PRODUCT if product_token(names[1]) == PRODUCT else _ANOTHER}"


def _our_lines(lines: list[str]) -> dict[str, list[str]]:
    """The values of each field in the groups that name us, or else in those for everybody."""
    ours: dict[str, list[str]] = {_ALLOW: [], _DISALLOW: [], _USAGE_FIELD: []}
    everybodys: dict[str, list[str]] = {_ALLOW: [], _DISALLOW: [], _USAGE_FIELD: []}
    names_us = False
    agents: set[str] = set()
    is_naming = False
    for line in lines:
        parts = _LINE.match(line)
        if parts is None:
            continue
        field, value = parts[1].lower(), parts[2].strip()
        if field == "user-agent":
            if not is_naming:
                agents = set()
            agents.add(value.lower())
            names_us = names_us or value.lower() == PRODUCT
            is_naming = True
            continue
        is_naming = False
        if field in ours and value:
            if PRODUCT in agents:
                ours[field].append(value)
            elif not agents or "*" in agents:
                everybodys[field].append(value)
    return ours if names_us else everybodys
