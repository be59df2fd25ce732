"""How well the pictures of a job agree with their keywords, as the measurer `relevance` says."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from crawlset_client.models import Image

MEASURER = "relevance"
MEASURES = ("class_probability", "nearness", "margin")


@dataclass(frozen=True)
class KeywordRelevance:
    """Medians over a keyword's pictures of each measure that they have, and what they look like."""

    keyword: str
    n_images: int
    medians: dict[str, float]
    looks_like: str
    """The class that most of them likely are of."""
    taken_for: str
    """The noun that the keyword was taken for, with the number of its classes; empty for none."""


@dataclass(frozen=True)
class JobRelevance:
    keywords: tuple[KeywordRelevance, ...]
    error: str | None
    """Why some were not measured, if any were not."""


def relevance_of(images: Iterable[Image]) -> JobRelevance:
    """Sum up what was measured of stored images."""
    measured: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
    error = None
    for image in images:
        known = (image.measurements or {}).get(MEASURER, {})
        if known.get("error"):
            error = known["error"]
        elif known:
            measured[image.keyword or ""].append(known)
    found = [_of_keyword(keyword, known) for keyword, known in sorted(measured.items())]
    return JobRelevance(tuple(found), error)


def _of_keyword(keyword: str, known: Sequence[Mapping[str, Any]]) -> KeywordRelevance:
    values = {
        name: [one["measures"][name] for one in known if name in one.get("measures", {})]
        for name in MEASURES
    }
    details = known[0].get("details") or {}
    noun, n_classes = details.get("noun"), details.get("n_classes", 0)
    likeliest = [one["details"]["classes"][0][0] for one in known if one.get("details")]
    return KeywordRelevance(
        keyword,
        len(known),
        {name: median(some) for name, some in values.items() if some},
        max(sorted(set(likeliest)), key=likeliest.count, default=""),
        f"{noun} ({n_classes:,})" if noun else "",
    )
