"""
The same pictures through cleanvision and through ours: on how many do the flags agree?

`python -m tests.bench.quality [FOLDER] [--write]`. Pictures of the folder, or those of the sample
site, darkened, lightened, blurred, greyed and flattened to and fro across the thresholds. Prints
where the two disagree. Cleanvision's `grayscale` is of the file's mode, ours of the pixels, so that
a picture of three equal channels is grey to us alone.
"""

import sys
import tempfile
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from math import log2
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageEnhance, ImageFilter
from rich.console import Console
from rich.table import Table

from crawlset.imaging import decode
from crawlset.imaging.features import Features
from crawlset.validation.rules import image as rules
from crawlset.validation.rules.dataset import OddSizeRule
from crawlset_local.sample_site.photographs import PHOTOGRAPHS, photograph_pixels
from tests.bench.document import put_section
from tests.bench.transforms import encoded

HEAD = """## Quality

`tests/bench/quality.py`, which takes any folder: our flags and cleanvision's, at its thresholds.
Cleanvision's `grayscale` is of the file's mode, ours of the pixels."""
OF_SAMPLE = (
    ": the photographs of the sample site, each in twenty states from as it is to far beyond the "
    "thresholds, so that many lie close to one"
)
WIDEST = 1 / 0.35
"""Longer side to shorter, from which cleanvision calls an aspect ratio odd."""
SHOWN = 8
Flags = dict[str, bool]

CHECKS: dict[str, Callable[[Features], bool]] = {
    "dark": lambda seen: seen.scores["brightness_p99"] < rules.DarkRule.DarkParams().below,
    "light": lambda seen: seen.scores["brightness_p5"] > rules.LightRule.LightParams().above,
    "low_information": lambda seen: (
        entropy(seen) < rules.LowInformationRule.LowInformationParams().below
    ),
    "blurry": lambda seen: seen.scores["blur"] < rules.BlurryRule.BlurryParams().below,
    "odd_aspect_ratio": lambda seen: max(sides(seen)) / min(sides(seen)) > WIDEST,
    "grayscale": lambda seen: seen.scores["colour"] < rules.GrayscaleRule.GrayscaleParams().below,
}


def main(arguments: list[str]) -> None:
    console = Console()
    folders = [argument for argument in arguments if not argument.startswith("-")]
    with tempfile.TemporaryDirectory() as directory:
        folder = Path(folders[0]) if folders else sample_folder(Path(directory))
        theirs = cleanvision_flags(folder)
        ours = our_flags(folder, list(theirs))
    names = sorted(set(ours) & set(theirs))
    table = Table("check", "flagged by both", "by ours alone", "by cleanvision alone", "agreement")
    rows = []
    for check in (*CHECKS, "odd_size"):
        both = [name for name in names if ours[name][check] and theirs[name][check]]
        mine = [name for name in names if ours[name][check] and not theirs[name][check]]
        their = [name for name in names if theirs[name][check] and not ours[name][check]]
        agreement = 1 - (len(mine) + len(their)) / len(names)
        cells = (check, len(both), len(mine), len(their), f"{agreement:.2%}")
        rows.append("| " + " | ".join(map(str, cells)) + " |")
        table.add_row(*map(str, cells))
        for name in (mine + their)[:SHOWN]:
            console.print(f"  {check}: {name}, {'ours' if name in mine else 'cleanvision'} alone")
    console.print(table)
    console.print(f"{len(names)} pictures.")
    if "--write" in arguments:
        head = "| check | flagged by both | by ours alone | by cleanvision alone | agreement |"
        ruler = "| --- | ---: | ---: | ---: | ---: |"
        told = f"{HEAD} {len(names)} pictures{'' if folders else OF_SAMPLE}."
        put_section("quality", "\n".join([told, "", head, ruler, *rows]))


def cleanvision_flags(folder: Path) -> dict[str, Flags]:
    from cleanvision import Imagelab  # noqa: PLC0415 - of the group `bench`

    warnings.filterwarnings("ignore")
    lab = Imagelab(data_path=str(folder))
    wanted: dict[str, dict[str, Any]] = {check: {} for check in (*CHECKS, "odd_size")}
    lab.find_issues(wanted, n_jobs=2, verbose=False)
    return {
        str(Path(path).relative_to(folder.resolve())): {
            check: bool(row[f"is_{check}_issue"]) for check in wanted
        }
        for path, row in lab.issues.iterrows()
    }


def our_flags(folder: Path, names: list[str]) -> dict[str, Flags]:
    """Of those that we open."""
    with ProcessPoolExecutor() as pool:
        files = (folder / name for name in names)
        described = zip(names, pool.map(described_file, files), strict=True)
        seen = {name: features for name, features in described if features is not None}
    roots = np.sqrt([features.width * features.height for features in seen.values()])
    low, high = np.percentile(roots, [25, 75])
    spread = OddSizeRule.OddSizeParams().iqr_factor * (high - low)
    return {
        name: {check: test(features) for check, test in CHECKS.items()}
        | {"odd_size": bool(root < low - spread or root > high + spread)}
        for (name, features), root in zip(seen.items(), roots, strict=True)
    }


def described_file(path: Path) -> Features | None:
    described = decode.describe(path.read_bytes())
    return described if isinstance(described, Features) else None


def entropy(seen: Features) -> float:
    """As the rule's SQL: cleanvision's is of all channels at once."""
    return seen.scores["entropy"] + (log2(3) if seen.scores["channels"] > 1 else 0)


def sides(seen: Features) -> tuple[int, int]:
    return seen.width, seen.height


def sample_folder(folder: Path) -> Path:
    for name in PHOTOGRAPHS:
        image = photograph_pixels(name).convert("RGB")
        image.thumbnail((640, 640))
        for place, data in enumerate(variants(image)):
            (folder / f"{name}-{place:02d}.jpg").write_bytes(data)
    return folder


def variants(image: Image.Image) -> Iterator[bytes]:
    yield encoded(image)
    yield encoded(image.convert("L"))
    for factor in (0.1, 0.2, 0.3, 0.4, 0.6):
        yield encoded(ImageEnhance.Brightness(image).enhance(factor))
    for share in (0.7, 0.9, 0.95, 0.97, 0.99):
        yield encoded(Image.blend(image, Image.new("RGB", image.size, "white"), share))
    for radius in (2, 5, 10, 20, 40):
        yield encoded(image.filter(ImageFilter.GaussianBlur(radius)))
    for share in (0.9, 0.97):
        yield encoded(Image.blend(image, Image.new("RGB", image.size, (90, 120, 60)), share))
    yield encoded(image.resize((image.width, max(1, image.width // 4))))


if __name__ == "__main__":
    main(sys.argv[1:])
