"""The ledger of an export: a line for every candidate, exported or not, and why."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sqlalchemy import Row

from crawlset.exports.options import ExportOptions
from crawlset.rights import ledger

MANIFEST = "manifest.jsonl"
AS_THEY_ARE = (
    "url", "final_url", "landing_url", "source", "query", "keyword", "rank", "licence",
    "licence_raw", "creator", "attribution", "title", "columns", "status", "outcome", "detail",
    "http_status", "content_type", "file_size", "width", "height", "format", "n_frames", "phash",
    "n_retries", "etag", "last_modified", "transform", "duplicate_of", "verdict", "rule",
    "measured", "threshold", "cluster",
)  # fmt: skip
NOT_EXPORTED: dict[str, Any] = dict.fromkeys((
    "split", "class", "label", "data_file", "file_name", "exported_sha256", "exported_size",
    "exported_width", "exported_height", "exported_format", "left_out", "left_out_detail",
))  # fmt: skip
"""Fields of an exported image, all null; the last two say why a chosen one is not exported."""


def entry(
    row: Row[*tuple[Any, ...]],
    policy: Mapping[str, Any],
    options: ExportOptions,
    *,
    is_chosen: bool,
) -> dict[str, Any]:
    """
    Line of the manifest for a candidate; `policy` is the crawl job's.

    What files say about themselves is told of chosen ones only: takedowns withdraw no exports for
    others. Where metadata is stripped from the files, it is in no line.
    """
    evidence = row.evidence or {}
    embedded = {}
    if not options.is_stripped:
        embedded = {"embedded": row.embedded if is_chosen else None}
    return {
        "image_id": row.id,
        **{name: getattr(row, name) for name in AS_THEY_ARE},
        **embedded,
        "measures": measures_of(row.measurements),
        "rows": row.rows or [],
        "redirects": evidence.get("redirects", []),
        "address": evidence.get("address"),
        "elapsed_ms": evidence.get("elapsed_ms"),
        "signals": ledger.signals_of(row.evidence, row.downloaded_at),
        "decided_by": ledger.deciding_rule(row.outcome, row.evidence, policy),
        "sha256": row.sha256.hex() if row.sha256 else None,
        "downloaded_at": row.downloaded_at.isoformat() if row.downloaded_at else None,
    }


def measures_of(measurements: Mapping[str, Any] | None) -> dict[str, dict[str, float]]:
    """Measures by name, by the name of the measurer; none of one that failed."""
    return {
        measurer: known["measures"]
        for measurer, known in (measurements or {}).items()
        if known.get("measures")
    }


def line(entry: Mapping[str, Any]) -> str:
    """Serialise an entry: a line of JSON, in ASCII."""
    return json.dumps(entry, separators=(",", ":")) + "\n"


def damage_of(path: Path, n_candidates: int, n_exported: int) -> str | None:
    """Describe the damage of the manifest at `path`, if there is any."""
    lines = exported = 0
    try:
        with path.open("rb") as stream:
            for text in stream:
                lines += 1
                exported += json.loads(text)["data_file"] is not None
    except ValueError:
        return f"line {lines} is no JSON"
    if lines != n_candidates:
        return f"it has {lines} lines for {n_candidates} candidates"
    if exported != n_exported:
        return f"it lists {exported} images of {n_exported}"
    return None
