"""robots.txt: what of an origin we may ask for, and what may be made of it (RFC 9309)."""

import re
from dataclasses import dataclass

from protego import Protego

from crawlset.fetching.optout import OptOut, content_usage_opt_out
from crawlset.outcomes import Outcome

PRODUCT = "crawlset"
"""The name robots.txt files and X-Robots-Tag headers know us by."""

_LINE = re.compile(r"\s*([A-Za-z-]+)\s*:\s*([^#]*)")
_USAGE = re.compile(r"(?:(?P<path>/\S*)\s+)?(?P<preferences>[^/\s].*)")


@dataclass(frozen=True, slots=True)
class Robots:
    """The rules of one origin, as they stand for us."""

    rules: Protego | None
    """None: no rules, everything is allowed."""
    usage: tuple[tuple[str, str], ...] = ()
    """`Content-Usage` preferences by path pattern (AIPREF)."""
    unreachable: str | None = None
    """Why the file could not be had, in which case nothing is allowed."""

    def opt_out(self, url: str, path: str) -> OptOut | None:
        """Why `url`, whose path and query are `path`, must not be asked for; None when it may."""
        if self.unreachable is not None:
            return OptOut(Outcome.refused_robots, "unreachable", self.unreachable)
        if self.rules is None:
            return None
        if not self.rules.can_fetch(url, PRODUCT):
            return OptOut(Outcome.refused_robots, "robots.txt", "disallowed")
        matching = [(len(p), value) for p, value in self.usage if path_matches(p, path)]
        return content_usage_opt_out(max(matching)[1], "robots.txt") if matching else None


ALLOW_ALL = Robots(None)


def parse_robots(text: str) -> Robots:
    return Robots(Protego.parse(text), tuple(_usage_rules(text)))


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


def _usage_rules(text: str) -> list[tuple[str, str]]:
    """`Content-Usage` lines of the groups that name us, or of the groups for everybody."""
    ours: list[tuple[str, str]] = []
    everybodys: list[tuple[str, str]] = []
    names_us = False
    agents: set[str] = set()
    is_naming = False
    for line in text.splitlines():
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
        usage = _USAGE.fullmatch(value) if field == "content-usage" else None
        if usage is not None:
            rule = (usage["path"] or "/", usage["preferences"])
            if PRODUCT in agents:
                ours.append(rule)
            elif not agents or "*" in agents:
                everybodys.append(rule)
    return ours if names_us else everybodys
