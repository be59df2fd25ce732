"""
How many near duplicates are found, and which pictures are taken for copies of others.

`python -m tests.bench.near_duplicates [FOLDER or ZIP] [--model] [--sheet FILE] [--write]`. Pictures
of the folder or ZIP, or those of the sample site; 300 of them at most are changed in each way of
`transforms`, and all are held against each other. Which of the pairs found are true only eyes can
tell: `--sheet` draws them side by side, the least sure first. With `--model`, vectors of the
measurer `relevance` propose pairs too. With `--write`, the table goes to docs/benchmarks.md.
"""

import base64
import io
import sys
import zipfile
from argparse import ArgumentParser
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from types import SimpleNamespace

import numpy as np
from PIL import Image, ImageDraw
from rich.console import Console
from rich.progress import track
from rich.table import Table

from crawlset.imaging import (
    candidates,
    clustering,
    decode,
    looks,
    near_duplicates,
    pairs,
    second_look,
)
from crawlset.imaging.features import Features
from crawlset.imaging.signatures import SIGNATURE_BYTES
from crawlset.measuring import similar
from crawlset.measuring.relevance import OUTPUTS, Relevance
from crawlset.outcomes import Verdict
from crawlset.validation.rules.dataset import NearDuplicatesRule
from crawlset_local.sample_site.photographs import PHOTOGRAPHS, photograph_pixels
from tests.bench.document import put_section
from tests.bench.measurers import opened
from tests.bench.transforms import ODD, USUAL, encoded

HEAD = """## Near duplicates

`tests/bench/near_duplicates.py`, which takes any folder or ZIP."""
HEAD_WITH_MODEL = """### With vectors

`tests/bench/near_duplicates.py --model`: `{"vectors": "relevance"}`."""
N_CHANGED = 300
RADIUS = NearDuplicatesRule(check="near_duplicates").params.radius
ALL = USUAL | ODD
MASK = (1 << 64) - 1
N_DIMENSIONS = OUTPUTS["vector"][1]
MAX_DRAWN = 1_000
COLUMNS, SIDE, GAP, LINE = 10, 64, 8, 12
"""Pairs a row of the sheet, and pixels of a picture, between pairs and of the words above one."""


@dataclass(frozen=True)
class Pairs:
    """Pictures that are near each other, by their names, and how sure it is."""

    n_candidates: int
    found: list[tuple[str, str, float]]
    """The least sure first."""
    largest_cluster: int
    n_put_out: int


def main(arguments: list[str]) -> None:
    parser = ArgumentParser("near_duplicates")
    parser.add_argument("source", nargs="?", type=Path)
    parser.add_argument("--model", action="store_true")
    parser.add_argument("--sheet", type=Path)
    parser.add_argument("--write", action="store_true")
    asked = parser.parse_args(arguments)
    console = Console()
    pictures = files_of(asked.source) if asked.source else sample_files()
    with ProcessPoolExecutor() as pool:
        described = pool.map(seen_of, pictures.values(), chunksize=16)
        originals = {
            name: seen for name, seen in zip(pictures, described, strict=True) if seen is not None
        }
        names = list(originals)
        step = max(1, len(names) // N_CHANGED)
        changed = names[::step][:N_CHANGED]
        are_found_by = partial(are_found, with_model=asked.model)
        is_each_found = track(
            pool.map(are_found_by, (pictures[name] for name in changed)),
            "changing",
            len(changed),
            console=console,
        )
        recalls = dict(zip(ALL, np.mean(list(is_each_found), axis=0), strict=True))
        vectors = None
        if asked.model:
            bodies = (pictures[name] for name in names)
            vectors = np.stack(list(pool.map(vector_of, bodies, chunksize=16)))
    near = pairs_among(originals, vectors)
    report = lines(recalls, len(changed), len(names), near)
    console.print(table(recalls))
    console.print("\n".join(report))
    if skipped := len(pictures) - len(originals):
        console.print(f"{skipped} files were no pictures.")
    if asked.sheet:
        sheet(pictures, near.found[:MAX_DRAWN]).save(asked.sheet)
    if asked.write:
        rows = [f"| {name} | {recall:.3f} |" for name, recall in recalls.items()]
        section, head = "near-duplicates", HEAD
        if asked.model:
            section, head = "near-duplicates-with-vectors", HEAD_WITH_MODEL
        put_section(
            section,
            "\n".join([head, "", *report, "", "| changed so | found |", "| --- | ---: |", *rows]),
        )


def files_of(source: Path) -> dict[str, bytes]:
    """Files of a folder, or of a ZIP, by their names."""
    if source.is_file():
        with zipfile.ZipFile(source) as archive:
            members = [each for each in archive.infolist() if not each.is_dir()]
            return {each.filename: archive.read(each) for each in members}
    files = sorted(path for path in source.rglob("*") if path.is_file())
    return {str(path.relative_to(source)): path.read_bytes() for path in files}


def sample_files() -> dict[str, bytes]:
    """Each photograph of the sample site by its name."""
    return {name: encoded(photograph_pixels(name).convert("RGB")) for name in sorted(PHOTOGRAPHS)}


def seen_of(data: bytes) -> Features | None:
    """What a fetcher stores of a picture; None of what is none."""
    described = decode.describe(data)
    return described if isinstance(described, Features) else None


@cache
def model() -> Relevance:
    return Relevance()


def vector_of(data: bytes) -> np.ndarray:
    """The vector of a picture as it is stored; zeros of what is none."""
    try:
        with Image.open(io.BytesIO(data)):
            (measured,) = model().measure([opened(data)], [None])
    except OSError:
        return np.zeros(N_DIMENSIONS, np.float16)
    assert measured.vector is not None
    return measured.vector.astype(np.float16)


def are_found(data: bytes, *, with_model: bool) -> list[bool]:
    """Of each transform, whether its outcome is near the picture."""
    with Image.open(io.BytesIO(data)) as opened_file:
        image = opened_file.convert("RGB")
    bodies = [change(image) for change in ALL.values()]
    copies = [seen_of(body) for body in bodies]
    cosines = None
    if with_model:
        vectors = np.stack([vector_of(body) for body in (data, *bodies)])
        others = np.arange(1, len(vectors))
        cosines = similar.cosines(vectors, np.zeros_like(others), others)
    return are_near(seen_of(data), copies, cosines).tolist()


def are_near(
    original: Features | None, copies: Sequence[Features | None], cosines: np.ndarray | None = None
) -> np.ndarray:
    """Which copies the rule on near duplicates takes for the original."""
    seen = [original, *(copy or original for copy in copies)]
    rows = [one for one in seen if one is not None]
    ones = np.zeros(len(copies), dtype=np.int64)
    others = np.arange(1, len(rows))
    colours, mosaics = colours_of(rows), mosaics_of(rows)
    are_alike = looks.alike(colours[ones], colours[others], mosaics[ones], mosaics[others])
    distances = np.array([distance(rows[0], one) for one in rows[1:]])
    is_there = np.array([copy is not None for copy in copies])
    pairs_of_copies = np.stack([ones, others], axis=1)
    agrees = second_look.are_copies(signatures_of(rows), pairs_of_copies, distances, cosines)
    is_candidate = distances <= RADIUS
    if cosines is not None:
        is_candidate |= cosines >= similar.LEAST_NEAREST
    near: np.ndarray = is_there & is_candidate & are_alike & agrees
    return near


def distance(one: Features, other: Features) -> int:
    return min(((a ^ b) & MASK).bit_count() for a in one.phashes for b in other.phashes)


def pairs_among(originals: dict[str, Features], vectors: np.ndarray | None) -> Pairs:
    """All pairs of pictures that the rule takes for copies of each other."""
    names, seen = list(originals), list(originals.values())
    signed = dict(enumerate(signatures_of(seen)))
    images = clustering.hashed(map(row_of, range(len(seen)), seen))
    proposed = None
    if vectors is not None:
        ranked = vectors[images.ids]
        ones, others, _ = similar.nearest(ranked, 0, 1)
        proposed = clustering.Proposed(ones, others, partial(similar.cosines, ranked))
    near = clustering.compare(images, RADIUS, 0, 1, lambda _: signed, proposed)
    clusters = clustering.cluster(images, [near])
    lesser, better, _ = pairs.unpacked(len(names), near.codes)
    ids = np.stack([images.ids[lesser], images.ids[better]], axis=1)
    sureness = agreement(list(signed.values()), ids)
    order = np.argsort(sureness)
    return Pairs(
        n_candidates(images),
        [
            (names[a], names[b], sure)
            for (a, b), sure in zip(ids[order].tolist(), sureness[order].tolist(), strict=True)
        ],
        int(clusters.sizes.max(initial=0)),
        len(clusters.without_keepers().members),
    )


def row_of(place: int, seen: Features) -> SimpleNamespace:
    return SimpleNamespace(
        id=place,
        phashes=seen.phashes,
        colours=seen.colours,
        mosaic=seen.mosaic,
        verdict=Verdict.keep,
        area=seen.width * seen.height,
        licence=None,
    )


def n_candidates(images: clustering.Hashed) -> int:
    """Pairs that the hashes alone would take for copies."""
    planned = near_duplicates.plan(len(images.groups.hashes), RADIUS)
    found = [candidates.near(images.groups, planned, choice) for choice in planned.choices]
    found.append(candidates.equal(images.groups, np.ones(len(images.ids), dtype=bool)))
    return len(pairs.best(len(images.ids), np.concatenate(found)))


def agreement(signed: Sequence[bytes], ids: np.ndarray) -> np.ndarray:
    first = b"".join(signature[:SIGNATURE_BYTES] for signature in signed)
    signatures = np.frombuffer(first, np.uint8).reshape(len(signed), -1)
    return second_look.agreement(signatures, ids)


def signatures_of(seen: Sequence[Features]) -> list[bytes]:
    return [base64.b64decode(one.signature) for one in seen]


def colours_of(seen: Sequence[Features]) -> np.ndarray:
    return np.array([one.colours for one in seen], dtype=np.int64)


def mosaics_of(seen: Sequence[Features]) -> np.ndarray:
    return np.array([-1 if one.mosaic is None else one.mosaic for one in seen], dtype=np.int64)


def sheet(pictures: dict[str, bytes], found: Sequence[tuple[str, str, float]]) -> Image.Image:
    """The pairs side by side, row by row, each under its number and how sure it is."""
    width, height = 2 * SIDE + GAP, SIDE + LINE
    drawn = Image.new("RGB", (COLUMNS * width, -(-len(found) // COLUMNS) * height or 1), "white")
    draw = ImageDraw.Draw(drawn)
    for place, (*both, sure) in enumerate(found):
        row, column = divmod(place, COLUMNS)
        left, top = column * width, row * height
        draw.text((left, top), f"{place} {sure:.2f}", fill="black")
        for side, name in enumerate(both):
            with Image.open(io.BytesIO(pictures[name])) as opened:
                small = opened.convert("RGB").resize((SIDE, SIDE))
            drawn.paste(small, (left + side * SIDE, top + LINE))
    return drawn


def table(recalls: dict[str, float]) -> Table:
    table = Table("changed so", "found")
    for name, recall in recalls.items():
        table.add_row(name, f"{recall:.3f}", end_section=name == list(USUAL)[-1])
    return table


def lines(recalls: dict[str, float], n_changed: int, n: int, near: Pairs) -> list[str]:
    usual, odd = (np.mean([recalls[name] for name in kind]) for kind in (USUAL, ODD))
    return [
        f"{n_changed} of {n} pictures, each changed in {len(ALL)} ways, at radius {RADIUS}:",
        f"of the twelve usual ways {usual:.3f} are found, of the ten odd ones {odd:.3f};",
        f"of {n * (n - 1) // 2:,} pairs of these pictures {near.n_candidates:,} have near hashes;",
        f"{len(near.found):,} are copies by the second look too. {near.n_put_out:,} are put out,",
        f"and the largest cluster has {near.largest_cluster}.",
    ]


if __name__ == "__main__":
    main(sys.argv[1:])
