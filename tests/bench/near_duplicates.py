"""
How many near duplicates are found, and how many pictures are taken for others.

`python -m tests.bench.near_duplicates [FOLDER] [--write]`. Pictures of the folder, or those of the
sample site; 300 of them at most are changed in each way of `transforms`, and all are held against
each other for false positives. With `--write`, the table goes to docs/benchmarks.md.
"""

import io
import sys
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
from PIL import Image
from rich.console import Console
from rich.progress import track
from rich.table import Table

from crawlset.imaging import candidates, decode, near_duplicates, pairs
from crawlset.imaging.colours import Colours, differ, unpacked
from crawlset.imaging.features import Features
from crawlset.imaging.mosaic import differ as shapes_differ
from crawlset.validation.rules.dataset import NearDuplicatesRule
from crawlset_local.sample_site.photographs import PHOTOGRAPHS, photograph_pixels
from tests.bench.document import put_section
from tests.bench.transforms import ODD, USUAL, encoded

HEAD = """## Near duplicates

`tests/bench/near_duplicates.py`, which takes any folder."""
N_CHANGED = 300
N_VIEWS = 4
RADIUS = NearDuplicatesRule(check="near_duplicates").params.radius
ALL = USUAL | ODD
MASK = (1 << 64) - 1
Seen = tuple[tuple[int, ...], Colours, int | None]
"""Perceptual hashes, colours and mosaic."""


def main(arguments: list[str]) -> None:
    console = Console()
    folders = [argument for argument in arguments if not argument.startswith("-")]
    pictures = files_of(Path(folders[0])) if folders else sample_files()
    with ProcessPoolExecutor() as pool:
        described = dict(zip(pictures, pool.map(seen_of, pictures.values()), strict=True))
        originals = {name: seen for name, seen in described.items() if seen is not None}
        names = list(originals)
        step = max(1, len(names) // N_CHANGED)
        changed = names[::step][:N_CHANGED]
        found = track(
            pool.map(is_found, (pictures[name] for name in changed)),
            "changing",
            len(changed),
            console=console,
        )
        recalls = dict(zip(ALL, np.mean(list(found), axis=0), strict=True))
    alike = list(false_positives(originals))
    report = lines(recalls, len(changed), len(names), alike)
    console.print(table(recalls))
    console.print("\n".join(report))
    if skipped := len(pictures) - len(originals):
        console.print(f"{skipped} files were no pictures.")
    for one, other, distance in alike[:20]:
        console.print(f"  {distance} bits: {one}  {other}")
    if "--write" in arguments:
        rows = [f"| {name} | {recall:.3f} |" for name, recall in recalls.items()]
        put_section(
            "near-duplicates",
            "\n".join([HEAD, "", *report, "", "| changed so | found |", "| --- | ---: |", *rows]),
        )


def files_of(folder: Path) -> dict[str, bytes]:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def sample_files() -> dict[str, bytes]:
    """Each photograph of the sample site by its name."""
    return {name: encoded(photograph_pixels(name).convert("RGB")) for name in sorted(PHOTOGRAPHS)}


def seen_of(data: bytes) -> Seen | None:
    """What a fetcher stores of a picture; None of what is none."""
    described = decode.describe(data)
    if not isinstance(described, Features):
        return None
    return described.phashes[:N_VIEWS], unpacked(described.colours), described.mosaic


def is_found(data: bytes) -> list[bool]:
    """Of each transform, whether its outcome is near the picture."""
    original = seen_of(data)
    if original is None:
        raise ValueError
    with Image.open(io.BytesIO(data)) as opened:
        image = opened.convert("RGB")
    return [distance(original, seen_of(change(image))) <= RADIUS for change in ALL.values()]


def distance(one: Seen, other: Seen | None) -> int:
    if other is None or look_different(one, other):
        return near_duplicates.NONE_NEAR
    return min(((a ^ b) & MASK).bit_count() for a in one[0] for b in other[0])


def look_different(one: Seen, other: Seen) -> bool:
    """Whether a cluster would be parted between them."""
    (_, colours, mosaic), (_, other_colours, other_mosaic) = one, other
    return differ(colours, other_colours) or (
        mosaic is not None
        and other_mosaic is not None
        and shapes_differ(np.array([mosaic]), np.array([other_mosaic])).item()
    )


def false_positives(originals: dict[str, Seen]) -> Iterator[tuple[str, str, int]]:
    """Pairs of different pictures that are taken for near duplicates."""
    names = list(originals)
    views = np.array([originals[name][0] for name in names], dtype=np.int64)
    groups = candidates.grouped(views)
    planned = near_duplicates.plan(len(groups.hashes), RADIUS)
    found = [candidates.near(groups, planned, choice) for choice in planned.choices]
    found.append(candidates.equal(groups, np.ones(len(names), dtype=bool)))
    columns = pairs.unpacked(len(names), pairs.best(len(names), np.concatenate(found)))
    return (
        (names[a], names[b], bits)
        for b, a, bits in zip(*(column.tolist() for column in columns), strict=True)
        if not look_different(originals[names[a]], originals[names[b]])
    )


def table(recalls: dict[str, float]) -> Table:
    table = Table("changed so", "found")
    for name, recall in recalls.items():
        table.add_row(name, f"{recall:.3f}", end_section=name == list(USUAL)[-1])
    return table


def lines(
    recalls: dict[str, float], n_changed: int, n: int, alike: list[tuple[str, str, int]]
) -> list[str]:
    usual, odd = (np.mean([recalls[name] for name in kind]) for kind in (USUAL, ODD))
    return [
        f"{n_changed} of {n} pictures, each changed in {len(ALL)} ways, at radius {RADIUS}:",
        f"of the twelve usual ways {usual:.3f} are found, of the ten odd ones {odd:.3f};",
        f"of {n * (n - 1) // 2:,} pairs of different pictures {len(alike)} are taken for copies.",
    ]


if __name__ == "__main__":
    main(sys.argv[1:])
