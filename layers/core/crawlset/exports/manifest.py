"""The ledger of an export: a line for every candidate, exported or not, and why."""

import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TextIO

from sqlalchemy import Row

from crawlset.exports.plan import archive_name
from crawlset.images import ledger

MANIFEST = "manifest.jsonl"
AS_THEY_ARE = (
    "url",
    "final_url",
    "landing_url",
    "source",
    "query",
    "keyword",
    "rank",
    "licence",
    "licence_raw",
    "creator",
    "attribution",
    "title",
    "status",
    "outcome",
    "detail",
    "http_status",
    "content_type",
    "file_size",
    "width",
    "height",
    "format",
    "n_frames",
    "phash",
    "n_retries",
    "etag",
    "last_modified",
    "transform",
    "duplicate_of",
    "verdict",
    "rule",
    "measured",
    "threshold",
)


@dataclass(slots=True)
class Summary:
    """What the lines of a manifest add up to."""

    n_lines: int = 0
    n_exported: int = 0
    n_candidates: int = 0
    """As the database counted them."""
    outcomes: Counter[str] = field(default_factory=Counter)
    classes: Counter[tuple[str, str]] = field(default_factory=Counter)
    """Exported images by split and class folder."""
    licences: Counter[str] = field(default_factory=Counter)
    """Exported images by licence."""


def write(
    lines: TextIO,
    candidates: Iterable[Row[*tuple[Any, ...]]],
    policy: Mapping[str, Any],
    shards: Mapping[int, int],
    name_of: Callable[[Row[*tuple[Any, ...]]], str],
    on_exported: Callable[[dict[str, Any]], object],
) -> Summary:
    """
    Write a JSON object a line, in ASCII, for each candidate; one at a time is in memory.

    `policy` is the crawl job's. `shards` says which are exported, and in which archive; `name_of`
    what they are called there.
    """
    summary = Summary()
    for row in candidates:
        entry = _entry(row, policy)
        if row.id in shards:
            name = name_of(row)
            split, folder, _ = name.split("/")
            entry |= {
                "file_name": name,
                "split": split,
                "archive": archive_name(shards[row.id]),
            }
            summary.n_exported += 1
            summary.classes[split, folder] += 1
            summary.licences[row.licence or "unknown"] += 1
            on_exported(entry)
        lines.write(json.dumps(entry, separators=(",", ":")) + "\n")
        summary.n_lines += 1
        summary.n_candidates = row.n_candidates
        summary.outcomes[str(row.outcome or "pending")] += 1
    return summary


def damage_of(path: Path, n_candidates: int, n_exported: int) -> str | None:
    """What is wrong with the manifest at `path`, if anything is."""
    lines = exported = 0
    try:
        with path.open("rb") as stream:
            for line in stream:
                lines += 1
                exported += json.loads(line)["file_name"] is not None
    except ValueError:
        return f"line {lines} is no JSON"
    if lines != n_candidates:
        return f"it has {lines} lines for {n_candidates} candidates"
    if exported != n_exported:
        return f"it lists {exported} images of {n_exported}"
    return None


def _entry(row: Row[*tuple[Any, ...]], policy: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "image_id": row.id,
        **{name: getattr(row, name) for name in AS_THEY_ARE},
        **_proof(row, policy),
        "sha256": row.sha256.hex() if row.sha256 else None,
        "downloaded_at": row.downloaded_at.isoformat() if row.downloaded_at else None,
        "file_name": None,
        "split": None,
        "archive": None,
    }


def _proof(row: Row[*tuple[Any, ...]], policy: Mapping[str, Any]) -> dict[str, Any]:
    """How it was asked for, what was said about using it, and which rule refused it."""
    evidence = row.evidence or {}
    return {
        "redirects": evidence.get("redirects", []),
        "address": evidence.get("address"),
        "elapsed_ms": evidence.get("elapsed_ms"),
        "signals": ledger.signals_of(row.evidence, row.downloaded_at),
        "decided_by": ledger.deciding_rule(row.outcome, row.evidence, policy),
    }
