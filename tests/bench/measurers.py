"""
What measuring relevance takes, and how many strangers among a keyword's pictures it finds.

`python -m tests.bench.measurers [FOLDER or ZIP]... [--write]`, where a folder or zip has the
pictures of each keyword in a folder of its own, and pictures of no keyword in `outside`, if there
are any. The larger half of the keywords, chosen by chance, is a job; a tenth of the pictures of
each is strangers, once of other keywords of the job, once of others. A job of one keyword has
strangers of all others. Nothing of the pictures is kept.
"""

import argparse
import io
import resource
import time
import zipfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path, PurePosixPath

import numpy as np
from PIL import Image

from crawlset.costs import LAMBDA_GIB_SECOND
from crawlset.imaging.decode import show
from crawlset.measuring.base import Measured
from crawlset.measuring.nearness import Whitening, margin, nearness, unit
from crawlset.measuring.relevance import Relevance
from crawlset_local.sample_site.photographs import PHOTOGRAPHS
from tests.bench.document import machine, put_section

N_TIMED = 200
PER_KEYWORD = 150
MIN_PICTURES = 6
STRANGERS = 0.1
LOSS = 0.02
"""Share of pictures that belong, which a threshold may put into quarantine with the strangers."""
TRIALS = 20
MEMORY_GIB = 1_769 / 1_024
OUTSIDE = "outside"
WHERE = ("of other keywords", "from outside", "from outside, one keyword")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("pictures", nargs="*", type=Path)
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    relevance = Relevance()
    time_taken = "\n".join(["## Relevance", "", f"{machine()}.", "", *timed(relevance)])
    print(time_taken)
    if options.write:
        put_section("measurers", time_taken)
    if options.pictures:
        tables = "\n\n".join("\n".join(found(relevance, path)) for path in options.pictures)
        strangers = f"### Strangers among the pictures of keywords\n\n{tables}"
        print(strangers)
        if options.write:
            put_section("strangers", strangers)


def timed(relevance: Relevance) -> Iterator[str]:
    """Processor time of measuring photographs that are opened already."""
    some = [opened(photograph.path.read_bytes()) for photograph in PHOTOGRAPHS.values()]
    pictures = (some * (N_TIMED // len(some) + 1))[:N_TIMED]
    relevance.measure(some, ["cat"] * len(some))
    began = time.process_time()
    relevance.measure(pictures, ["cat"] * N_TIMED)
    ms = (time.process_time() - began) / N_TIMED * 1_000
    began = time.process_time()
    for photograph in PHOTOGRAPHS.values():
        show(photograph.path.read_bytes(), relevance.max_side)
    opening = (time.process_time() - began) / len(some) * 1_000
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10
    dollars = (ms + opening) * 1_000 * MEMORY_GIB * LAMBDA_GIB_SECOND
    yield "| measurer | ms a picture | and to open it | peak memory | a million on Lambda |"
    yield "| --- | --- | --- | --- | --- |"
    yield f"| relevance | {ms:.1f} | {opening:.1f} | {peak:,} MB | ${dollars:.2f} |"
    yield ""
    yield f"Processor time of one core; on Lambda at {MEMORY_GIB:.2f} GiB, which is one core."


def found(relevance: Relevance, path: Path) -> Iterator[str]:
    """How many planted strangers are found among the pictures of a folder or zip."""
    pictures, labels = [], []
    for keyword, files in sorted(by_keyword(path).items()):
        pictures += [opened(body) for body in files]
        labels += [keyword] * len(files)
    measured = relevance.measure(pictures, [None] * len(pictures))
    groups = np.array(labels)
    rows: dict[tuple[str, str], list[tuple[float, float]]] = {}
    rng = np.random.default_rng(1)
    for _ in range(TRIALS):
        for where in WHERE:
            for name, one in trial(measured, groups, where, rng).items():
                rows.setdefault((name, where), []).append(one)
    n_outside = labels.count(OUTSIDE)
    n_keywords = len(set(labels) - {OUTSIDE})
    strangers = f", and {n_outside:,} of none" if n_outside else ""
    n_own = len(pictures) - n_outside
    yield f"{path.stem}: {n_own:,} pictures of {n_keywords} keywords{strangers}."
    yield ""
    yield "| strangers | measure | AUROC | quarantined at 2 % loss |"
    yield "| --- | --- | --- | --- |"
    for (name, where), tried in rows.items():
        area, share = np.mean(tried, axis=0)
        yield f"| {where} | {name} | {area:.3f} | {share:.0%} |"


def trial(
    measured: list[Measured],
    labels: np.ndarray,
    where: str,
    rng: np.random.Generator,
) -> dict[str, tuple[float, float]]:
    """AUROC and share found by each measure, with strangers planted by chance."""
    names = rng.permutation(np.setdiff1d(labels, [OUTSIDE]))
    chosen = names[: 1 if where.endswith("one keyword") else len(names) // 2 + 1]
    places, groups, strange = [], [], []
    for group in chosen:
        own = np.flatnonzero(labels == group)
        is_other = np.isin(labels, chosen) & (labels != group)
        pool = np.flatnonzero(
            is_other if where == "of other keywords" else ~np.isin(labels, chosen)
        )
        n = max(round(len(own) * STRANGERS / (1 - STRANGERS)), 1)
        places += [*own, *rng.choice(pool, n, replace=False)]
        groups += [group] * (len(own) + n)
        strange += [False] * len(own) + [True] * n
    vectors = np.stack([vector_of(measured[i]) for i in places])
    numbers, is_strange = np.unique(groups, return_inverse=True)[1], np.array(strange)
    values = {"margin": margins(vectors, numbers)} if len(chosen) > 1 else {}
    values["nearness"] = nearness(vectors, numbers)
    return {name: (auroc(v, is_strange), caught(v, is_strange)) for name, v in values.items()}


def margins(vectors: np.ndarray, groups: np.ndarray) -> np.ndarray:
    """The margin of each picture of a job that is no larger than the sample of its others."""
    whitened = Whitening.of(vectors, groups) or np.asarray
    some = whitened(vectors)
    return margin(some, groups, unit(some), groups)


def vector_of(measured: Measured) -> np.ndarray:
    assert measured.vector is not None
    return measured.vector


def auroc(values: np.ndarray, is_strange: np.ndarray) -> float:
    """The chance that a stranger has a lower value than a picture that belongs."""
    ranks = np.argsort(np.argsort(values, kind="stable"))
    n_strange, n_own = is_strange.sum(), (~is_strange).sum()
    above = ranks[~is_strange].sum() - n_own * (n_own - 1) / 2
    return float(above / (n_strange * n_own))


def caught(values: np.ndarray, is_strange: np.ndarray) -> float:
    """Share of the strangers below the threshold that costs `LOSS` of what belongs."""
    return float((values[is_strange] < np.quantile(values[~is_strange], LOSS)).mean())


def by_keyword(path: Path) -> dict[str, list[bytes]]:
    """The first files of each folder of pictures that has enough of them."""
    files: dict[str, list[bytes]] = {}
    for name, read in _files(path):
        some = files.setdefault(PurePosixPath(name).parent.name, [])
        if len(some) < PER_KEYWORD:
            some.append(read())
    return {keyword: some for keyword, some in files.items() if len(some) >= MIN_PICTURES}


def _files(path: Path) -> Iterator[tuple[str, Callable[[], bytes]]]:
    if path.is_dir():
        for file in sorted(path.rglob("*")):
            if file.suffix.lower() in {".jpg", ".jpeg", ".png", ".webp"}:
                yield str(file.relative_to(path)), file.read_bytes
    else:
        with zipfile.ZipFile(path) as archive:
            for name in sorted(archive.namelist()):
                if name.lower().endswith((".jpg", ".jpeg", ".png", ".webp")):
                    yield name, partial(archive.read, name)


def opened(body: bytes) -> np.ndarray:
    """Pixels as a measurer gets them, on white where there is transparency."""
    with Image.open(io.BytesIO(body)) as image:
        whole = image.convert("RGBA")
    whole.thumbnail((Relevance.max_side, Relevance.max_side))
    paper = Image.new("RGBA", whole.size, "white")
    paper.alpha_composite(whole)
    return np.asarray(paper.convert("RGB"))


if __name__ == "__main__":
    main()
