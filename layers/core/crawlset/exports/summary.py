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
    images: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    """Exported images by split, class and format."""
    licences: Counter[str] = field(default_factory=Counter)
    """Exported images by licence."""
    left_out: Counter[str] = field(default_factory=Counter)
    """Images that were chosen and could not be exported, by reason."""

    unmet: set[str] = field(default_factory=set)
    """Keywords that have a class of their own in the options, and that no candidate has."""

    @property
    def classes(self) -> Counter[tuple[str, str]]:
        """Exported images by split and class."""
        counts = Counter[tuple[str, str]]()
        for (split, class_name, _), n in self.images.items():
            counts[split, class_name] += n
        return counts

    @property
    def splits(self) -> set[str]:
        """Splits that have images."""
        return {split for split, _, _ in self.images}

    def add(self, entry: Mapping[str, Any]) -> None:
        """Count a line of the manifest."""
        self.n_candidates += 1
        self.unmet.discard(entry["keyword"] or "")
        self.outcomes[entry["outcome"] or "pending"] += 1
        if entry["left_out"]:
            self.left_out[entry["left_out"]] += 1
        if entry["data_file"]:
            self.n_exported += 1
            self.images[entry["split"], entry["class"], entry["exported_format"]] += 1
            self.licences[entry["licence"] or "unknown"] += 1
