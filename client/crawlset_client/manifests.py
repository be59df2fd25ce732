"""An export's manifest, and what two of them tell apart."""

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from crawlset_client.errors import ManifestError

MANIFEST = "manifest.jsonl"

Splits = dict[str, dict[str, int]]
"""Images by split, then by class."""


@dataclass(frozen=True)
class Change:
    """An image whose class or split is another, or whose picture is."""

    url: str
    before: str | None
    after: str | None


@dataclass(frozen=True)
class Difference:
    """What an export holds and another does not, by the addresses of the images."""

    n_same: int = 0
    added: list[str] = field(default_factory=list)
    removed: list[Change] = field(default_factory=list)
    """`after` says what became of it there: its outcome, or the rule that refused it."""
    replaced: list[Change] = field(default_factory=list)
    """The picture at the address is another; by SHA-256."""
    relabelled: list[Change] = field(default_factory=list)
    """By class."""
    moved: list[Change] = field(default_factory=list)
    """By split."""


def lines(path: Path) -> Iterator[dict[str, Any]]:
    """Every line of the manifest at `path`, or in the export there. Raises `ManifestError`."""
    manifest = path / MANIFEST if path.is_dir() else path
    try:
        with manifest.open("rb") as stream:
            for line in stream:
                yield json.loads(line)
    except FileNotFoundError:
        raise ManifestError(f"There is no manifest at {manifest}.") from None
    except ValueError as error:
        raise ManifestError(f"{manifest} is no manifest: {error}.") from error


def count_images(root: Path, *, is_unpacked: bool) -> Splits:
    """The images of the export at `root` that are there, by split and class, sorted by name."""
    counts: dict[str, Counter[str]] = {}
    found: dict[str, bool] = {}
    for line in lines(root):
        name = line["file_name"] if is_unpacked else line["data_file"]
        if line["data_file"] is None:
            continue
        if is_unpacked or name not in found:
            found[name] = (root / name).is_file()
        if found[name]:
            counts.setdefault(line["split"], Counter())[line["class"]] += 1
    return {split: dict(sorted(counts[split].items())) for split in sorted(counts)}


def count_outcomes(root: Path) -> Counter[str]:
    """Candidates by outcome."""
    return Counter(line["outcome"] for line in lines(root))


def compare(one: Path, other: Path) -> Difference:
    """What has changed from the export `one` to `other`."""
    before = {line["url"]: line for line in lines(one) if line["data_file"]}
    difference = Difference()
    n_same = 0
    gone: dict[str, str | None] = {}
    met = set()
    for line in lines(other):
        url = line["url"]
        if not line["data_file"]:
            gone[url] = _fate(line)
            continue
        met.add(url)
        if url not in before:
            difference.added.append(url)
            continue
        n_same += _note(difference, url, before[url], line)
    difference.removed.extend(
        Change(url, line["class"], gone.get(url)) for url, line in before.items() if url not in met
    )
    return Difference(**vars(difference) | {"n_same": n_same})


def _note(difference: Difference, url: str, old: dict[str, Any], new: dict[str, Any]) -> bool:
    """Whether nothing has changed."""
    noted = (
        ("sha256", difference.replaced),
        ("class", difference.relabelled),
        ("split", difference.moved),
    )
    is_same = True
    for name, changes in noted:
        if old[name] != new[name]:
            changes.append(Change(url, old[name], new[name]))
            is_same = False
    return is_same


def _fate(line: dict[str, Any]) -> str | None:
    fate: str | None = line.get("left_out") or line.get("rule")
    return fate or (line["outcome"] if line["outcome"] != "stored" else None)
