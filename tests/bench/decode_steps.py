"""
What each step of decoding costs, and how much damage each decoder notices.

`python -m tests.bench.decode_steps`. CPU microseconds an image, single-threaded, medians of rounds
with the least and the most; the pictures are the photographs of the sample site, cropped to
500 x 375.
"""

import io
import json
import random
import resource
import statistics
import time
from collections.abc import Callable, Iterable
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import imagecodecs
import numpy as np
import pillow_heif
import simplejpeg
from PIL import Image, JpegImagePlugin
from rich.console import Console
from rich.table import Table

from crawlset.imaging import (
    blocks,
    decode,
    features,
    hashes,
    jpeg,
    kernel,
    measures,
    metadata,
)
from crawlset.imaging.blocks import Blocks
from crawlset.imaging.miniature import Miniature, miniature
from crawlset.imaging.opening import Decoded
from crawlset.imaging.pool import DecodePool
from crawlset.kit.event_loop import Loop, Promise
from crawlset.kit.spool import Body
from crawlset_local.sample_site.photographs import PHOTOGRAPHS, photograph_pixels
from tests.bench import figures

SIZE = (500, 375)
FEATURES = "· hashes, scores, colours and signature"
FEATURES_BY_NUMPY = "· the same without the compiled kernel"
N_TIMED = 24
N_DAMAGED = 228
N_ROUNDS = 7
KINDS = ("none", "half cut", "last 1 % cut", "200 bytes zeroed", "5 bit flips", "1 bit flip")
_PACKET = (
    b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF '
    b'xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description '
    b'xmlns:plus="http://ns.useplus.org/ldf/xmp/1.0/" '
    b'plus:DataMining="http://ns.useplus.org/ldf/vocab/DMI-PROHIBITED"/></rdf:RDF></x:xmpmeta>'
)
_PACKET_OF_AN_EDITOR = _PACKET.replace(
    b"<rdf:Description ",
    b'<rdf:Description xmlns:photoshop="http://ns.adobe.com/photoshop/1.0/" '
    b'photoshop:Credit="Agency" xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:creator><rdf:Seq>'
    b"<rdf:li>Ida Sample</rdf:li></rdf:Seq></dc:creator></rdf:Description><rdf:Description ",
)


@dataclass(frozen=True)
class Step:
    """CPU microseconds an image: of the rounds, the median, the least and the most."""

    name: str
    median: float
    least: float
    most: float


@dataclass(frozen=True)
class Damage:
    """Percent of the files damaged so that each decoder rejects."""

    kind: str
    ours: float
    simplejpeg_strict: float
    pillow: float


def photographs(n: int, quality: int | None = None) -> list[bytes]:
    """`n` JPEGs of 500 x 375: like those of the web, or all of one `quality`."""
    chance = random.Random(3)
    sources = [photograph_pixels(name) for name in PHOTOGRAPHS]
    large = [image for image in sources if image.width >= SIZE[0] and image.height >= SIZE[1]]
    return [_photograph(large[at % len(large)], chance, quality) for at in range(n)]


def _photograph(image: Image.Image, chance: random.Random, quality: int | None) -> bytes:
    left = chance.randint(0, image.width - SIZE[0])
    top = chance.randint(0, image.height - SIZE[1])
    stream = io.BytesIO()
    image.crop((left, top, left + SIZE[0], top + SIZE[1])).save(
        stream,
        "JPEG",
        quality=quality or chance.choice((75, 80, 85, 90, 95)),
        progressive=quality is None and chance.random() < 0.2,
        optimize=chance.random() < 0.5,
    )
    return stream.getvalue()


def steps(files: list[bytes], n_rounds: int = N_ROUNDS) -> list[Step]:
    """The road of a file, step by step; rounds of all steps take turns."""
    headers = [jpeg.read_header(data) for data in files]
    decoded = [
        decode._jpeg(data, header, None) for data, header in zip(files, headers, strict=True)
    ]
    small = [miniature(picture) for picture in decoded]
    inner = [hashes.without_border(one.grey, one.box) for one in small]
    results = [decode.describe(data) for data in files]
    messages = [json.dumps(features.result_message(result)).encode() for result in results]
    return _measured(
        {
            "Pillow, full grey decode": (_pillow, files),
            "simplejpeg strict, grey, smallest scale": (_simplejpeg, files),
            "ours, all of it": (decode.describe, files),
            "· header": (jpeg.read_header, files),
            "· decode": (
                lambda pair: decode._jpeg(pair[0], pair[1], None),
                list(zip(files, headers, strict=True)),
            ),
            FEATURES: (
                lambda picture: decode._features(picture, "jpeg", 1, None),
                decoded,
            ),
            "· · small and upright, its pixels hashed": (miniature, decoded),
            "· · border": (lambda one: measures.without_border(one.grey, one.box), small),
            "· · hashes and signature": (
                lambda pair: measures.hashed(pair[0].grey, pair[0].chroma, pair[1]),
                list(zip(small, inner, strict=True)),
            ),
            "· · frequencies of a size not seen before": (_frequencies_anew, small),
            "· · scores, blur and colours": (
                lambda one: measures.measured(one.grey, one.chroma, one.box, max(SIZE)),
                small,
            ),
            FEATURES_BY_NUMPY: (_features_by_numpy, decoded),
            "· XMP that has no DataMining": (
                lambda header: metadata.data_mining(header.xmp),
                headers,
            ),
            "· XMP that has": (lambda _: metadata.data_mining(_PACKET), files),
            "· what a file says that says nothing": (lambda _: blocks.read(Blocks()), files),
            "· what the XMP of an editor says": (
                lambda _: blocks.read(Blocks(xmp=_PACKET_OF_AN_EDITOR)),
                files,
            ),
            "· answer to JSON": (lambda seen: json.dumps(features.result_message(seen)), results),
            "· answer from JSON": (
                lambda answer: features.result_from(json.loads(answer), b""),
                messages,
            ),
        },
        n_rounds,
    )


def through_the_pool(files: list[bytes], n_rounds: int = N_ROUNDS) -> list[Step]:
    """What a picture costs our process, and a child in all, where a child decodes it."""
    ours, child = [], []
    with closing(DecodePool(1)) as pool:
        _decode_all(pool, files)
        for _ in range(n_rounds):
            begin, begin_child = time.process_time(), _cpu_seconds(pool.pids[0])
            for _ in range(10):
                _decode_all(pool, files)
            ours.append(time.process_time() - begin)
            child.append(_cpu_seconds(pool.pids[0]) - begin_child)
    n_images = 10 * len(files)
    return [
        _step("the pool: our process", [seconds / n_images for seconds in ours]),
        _step("the pool: the child", [seconds / n_images for seconds in child]),
    ]


def formats(n_rounds: int = N_ROUNDS) -> list[Step]:
    """All that is made of the same photographs in each format; rounds of all take turns."""
    pillow_heif.register_heif_opener()
    pictures = [Image.open(io.BytesIO(data)).convert("RGB") for data in photographs(6, quality=95)]
    encoded: dict[str, list[bytes]] = {
        "JPEG": [_saved(picture, "JPEG", quality=90) for picture in pictures],
        "PNG": [_saved(picture, "PNG") for picture in pictures],
        "WebP": [_saved(picture, "WEBP", quality=85) for picture in pictures],
        "GIF": [_saved(picture, "GIF") for picture in pictures],
        "AVIF": [_saved(picture, "AVIF", quality=75) for picture in pictures],
        "HEIC": [_saved(picture, "HEIF", quality=75) for picture in pictures],
        "JPEG XL": [
            bytes(imagecodecs.jpegxl_encode(np.asarray(each), level=90)) for each in pictures
        ],
        "JPEG 2000": [
            _saved(each, "JPEG2000", quality_mode="dB", quality_layers=[40]) for each in pictures
        ],
        "TIFF, LZW": [_saved(picture, "TIFF", compression="tiff_lzw") for picture in pictures],
        "BMP": [_saved(picture, "BMP") for picture in pictures],
        "ICO": [_saved(each.resize((256, 192)), "ICO", sizes=[(256, 192)]) for each in pictures],
    }
    return _measured(
        {name: (decode.describe, files) for name, files in encoded.items()},
        n_rounds,
    )


def _saved(picture: Image.Image, image_format: str, **options: Any) -> bytes:
    stream = io.BytesIO()
    picture.save(stream, image_format, **options)
    return stream.getvalue()


def start_of_a_child(n_rounds: int = N_ROUNDS) -> Step:
    """CPU microseconds from nothing to a child that has described one picture."""
    spent = []
    for _ in range(n_rounds):
        begin = _children_seconds()
        with closing(DecodePool(1)) as pool:
            _decode_all(pool, photographs(1))
        spent.append(_children_seconds() - begin)
    return _step("the start of a child", spent)


def damage_table(n: int = N_DAMAGED) -> list[Damage]:
    """Percent found of `n` files, each damaged once in each way; the same for each decoder."""
    files = photographs(n)
    rows = []
    for kind in KINDS:
        chance = random.Random(kind)
        damaged = [_damaged(data, kind, chance) for data in files]
        found = [
            100 * sum(map(rejects, damaged)) / n
            for rejects in (_we_reject, _raises(_simplejpeg), _raises(_pillow))
        ]
        rows.append(Damage(kind, *found))
    return rows


def _damaged(data: bytes, kind: str, chance: random.Random) -> bytes:
    start = data.index(b"\xff\xda") + 14
    if kind == "half cut":
        return data[: len(data) // 2]
    if kind == "last 1 % cut":
        return data[: len(data) - max(3, len(data) // 100)]
    damaged = bytearray(data)
    if kind == "200 bytes zeroed":
        at = chance.randrange(start, len(data) - 202)
        damaged[at : at + 200] = bytes(200)
    for _ in range({"5 bit flips": 5, "1 bit flip": 1}.get(kind, 0)):
        damaged[chance.randrange(start, len(data) - 2)] ^= 1 << chance.randrange(8)
    return bytes(damaged)


def _we_reject(data: bytes) -> bool:
    return isinstance(decode.describe(data), features.Rejection)


def _raises(read: Callable[[bytes], object]) -> Callable[[bytes], bool]:
    def rejects(data: bytes) -> bool:
        try:
            read(data)
        except (OSError, ValueError):
            return True
        return False

    return rejects


def _pillow(data: bytes) -> None:
    image = JpegImagePlugin.JpegImageFile(io.BytesIO(data))
    image.draft("L", image.size)
    image.load()


def _simplejpeg(data: bytes) -> None:
    simplejpeg.decode_jpeg(data, "GRAY", min_height=64, min_width=64, strict=True)


def _features_by_numpy(picture: Decoded) -> None:
    kept, kernel.KERNEL = kernel.KERNEL, None
    decode._features(picture, "jpeg", 1, None)
    kernel.KERNEL = kept


def _frequencies_anew(small: Miniature) -> None:
    if kernel.KERNEL is None:
        return
    left, top, right, bottom = small.box
    height, width = small.grey.shape
    kernel.KERNEL._make_frequencies(height, top, bottom)
    kernel.KERNEL._make_frequencies(width, left, right)


def _measured(
    calls: dict[str, tuple[Callable[..., object], Iterable[object]]], n_rounds: int
) -> list[Step]:
    spent: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(n_rounds + 1):
        for name, (call, arguments) in calls.items():
            inputs = list(arguments)
            begin = time.process_time()
            for _ in range(3):
                for one in inputs:
                    call(one)
            spent[name].append((time.process_time() - begin) / (3 * len(inputs)))
    return [_step(name, seconds[1:]) for name, seconds in spent.items()]


def _step(name: str, seconds: list[float]) -> Step:
    each = [1e6 * value for value in seconds]
    return Step(name, statistics.median(each), min(each), max(each))


def _decode_all(pool: DecodePool, files: list[bytes]) -> None:
    with closing(Loop()) as loop:
        pool.attach(loop)

        async def one(data: bytes) -> None:
            body = Body()
            for at in range(0, len(data), 1 << 14):
                body.append(data[at : at + (1 << 14)])
            with closing(body):
                answered: Promise[features.Features | features.Rejection] = Promise(loop)
                pool.decode(body, answered.settle)
                await answered

        for data in files:
            loop.spawn(one(data))
        loop.run()
        pool.detach()


def _cpu_seconds(pid: int) -> float:
    return time.clock_gettime(~pid << 3 | 2)


def _children_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _table(title: str, rows: list[Step]) -> Table:
    table = Table(title=title)
    for heading in ("step", "median", "least", "most"):
        table.add_column(heading, justify="left" if heading == "step" else "right")
    for row in rows:
        table.add_row(row.name, *(f"{value:,.1f}" for value in (row.median, row.least, row.most)))
    return table


def main() -> None:
    console = Console()
    files = photographs(N_TIMED, quality=95)
    n_bytes = sum(map(len, files)) // len(files)
    rows = [*steps(files), *through_the_pool(files), start_of_a_child()]
    console.print(_table(f"CPU µs an image, {len(files)} files of {n_bytes:,} bytes", rows))
    console.print(_table(f"CPU µs an image of {SIZE[0]} x {SIZE[1]}, by format", formats()))
    cost = {row.name: row.median for row in rows}
    share, share_by_numpy = (
        cost[features] / cost["· decode"] for features in (FEATURES, FEATURES_BY_NUMPY)
    )
    figures.keep("decode_steps", {"features": [100 * share]})
    ratio = cost["ours, all of it"] / cost["Pillow, full grey decode"]
    console.print(
        f"features: {share:.0%} of the decode, {share_by_numpy:.0%} by NumPy; "
        f"all of ours: {ratio:.2f} x Pillow"
    )
    table = Table(title=f"Percent of {N_DAMAGED} files rejected")
    for heading in ("damage", "ours", "simplejpeg strict", "Pillow"):
        table.add_column(heading, justify="left" if heading == "damage" else "right")
    for found in damage_table():
        shares = (found.ours, found.simplejpeg_strict, found.pillow)
        table.add_row(found.kind, *(f"{value:.0f}" for value in shares))
    console.print(table)


if __name__ == "__main__":
    main()
