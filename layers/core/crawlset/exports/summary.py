"""Summary of the lines of an export's manifest."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(slots=True)
class Summary:
    n_candidates: int = 0
    n_exported: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    """All candidates by outcome."""
    classes: Counter[tuple[str, str]] = field(default_factory=Counter)
    """Exported images by split and class."""
    licences: Counter[str] = field(default_factory=Counter)
    """Exported images by licence."""
    formats: Counter[str] = field(default_factory=Counter)
    """Exported images by format."""
    left_out: Counter[str] = field(default_factory=Counter)
    """Images that were chosen and could not be exported, by reason."""

    unmet: set[str] = field(default_factory=set)
    """Keywords that have a class of their own in the options, and that no candidate has."""

    def add(self, entry: Mapping[str, Any]) -> None:
        """Count a line of the manifest."""
        self.n_candidates += 1
        self.unmet.discard(entry["keyword"] or "")
        self.outcomes[entry["outcome"] or "pending"] += 1
        if entry["left_out"]:
            self.left_out[entry["left_out"]] += 1
        if entry["data_file"]:
            self.n_exported += 1
            self.classes[entry["split"], entry["class"]] += 1
            self.formats[entry["exported_format"]] += 1
            self.licences[entry["licence"] or "unknown"] += 1
