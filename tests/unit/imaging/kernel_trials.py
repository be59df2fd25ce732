"""
Holds compiled kernels against NumPy and Pillow: `python -m tests.unit.imaging.kernel_trials LIB…`.

Each picture lies at an edge of its memory, so that a kernel that reads past it dies of it.
"""

import ctypes
import mmap
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from crawlset.imaging import hashes, scores
from crawlset.imaging.kernel import Kernel
from crawlset.imaging.orientation import Box
from crawlset.imaging.second_look import signature_of

SIZES = (
    *((1, 1), (1, 2), (2, 1), (2, 2), (3, 3), (1, 64), (64, 1), (2, 300), (300, 2), (8, 8)),
    *((15, 17), (16, 16), (17, 15), (31, 33), (32, 32), (33, 31), (47, 64), (64, 64)),
    *((65, 63), (94, 125), (125, 94), (96, 64), (97, 64), (98, 64), (127, 127), (128, 96)),
    *((64, 1023), (1023, 64), (1, 2048), (2048, 1), (2048, 128), (128, 2048), (512, 512)),
)
"""Height and width; from 97 x 64 on Pillow shrinks the height first."""
N_RANDOM = 200
N_KINDS = 6
_NO_ACCESS = 0


def main() -> None:
    kernels = [Kernel(Path(path)) for path in sys.argv[1:]]
    chance = np.random.default_rng(0)
    for height, width, kind in pictures(chance):
        pixels = at_an_edge(drawn(chance, height, width, kind), is_last=bool(chance.integers(2)))
        grey = at_an_edge(pixels[:, :, 0], is_last=bool(chance.integers(2)))
        chroma = pixels[:, :, 1:] if chance.integers(4) else None
        box = boxes(chance, height, width)[chance.integers(3)]
        compare(kernels, grey, chroma, box, longest=int(chance.choice((1, 40, 500))))


def pictures(chance: np.random.Generator) -> Iterator[tuple[int, int, int]]:
    for height, width in SIZES:
        for kind in range(N_KINDS):
            yield height, width, kind
    for _ in range(N_RANDOM):
        height, width, kind = chance.integers((1, 1, 0), (160, 400, N_KINDS)).tolist()
        yield height, width, kind


def drawn(chance: np.random.Generator, height: int, width: int, kind: int) -> np.ndarray:
    """Grey, Cb and Cr: noise, slopes, one colour, black and white, extremes of hue, a frame."""
    size = height, width, 3
    if kind == 0:
        return chance.integers(0, 256, size, np.uint8)
    if kind == 1:
        slope = np.add.outer(np.arange(height) * 3, np.arange(width) * 2)[:, :, None]
        return (slope + chance.integers(0, 90, size)).clip(0, 255).astype(np.uint8)
    if kind == 2:
        return np.full(size, chance.integers(0, 256), np.uint8)
    if kind == 3:
        return chance.integers(0, 2, size, np.uint8) * 255
    if kind == 4:
        return np.where(np.arange(width)[:, None] < width // 3, 0, 255).astype(np.uint8) + np.zeros(
            size, np.uint8
        )
    framed = np.full(size, 250, np.uint8)
    top, left = height // 5, width // 7
    framed[top : height - top, left : width - 2 * left] = chance.integers(0, 256)
    return framed + chance.integers(0, 5, size, np.uint8)


def boxes(chance: np.random.Generator, height: int, width: int) -> list[Box]:
    left, top = (chance.random(2) * (width, height) * 0.4).tolist()
    return [
        (0.0, 0.0, float(width), float(height)),
        (0.0, 0.0, width - 0.375, height - 0.625),
        (left, top, width - left / 3, height - top / 5),
    ]


def at_an_edge(array: np.ndarray, *, is_last: bool) -> np.ndarray:
    """A copy that ends where memory that nobody may read begins, or begins where such ends."""
    n_pages = -(-array.nbytes // mmap.PAGESIZE)
    memory = mmap.mmap(-1, (n_pages + 2) * mmap.PAGESIZE)
    start = np.frombuffer(memory, np.uint8).ctypes.data
    for page in (start, start + (n_pages + 1) * mmap.PAGESIZE):
        failed = ctypes.CDLL(None).mprotect(ctypes.c_void_p(page), mmap.PAGESIZE, _NO_ACCESS)
        assert not failed
    offset = (n_pages + 1) * mmap.PAGESIZE - array.nbytes if is_last else mmap.PAGESIZE
    copy = np.frombuffer(memory, np.uint8, array.nbytes, offset).reshape(array.shape)
    copy[...] = array
    return copy


def compare(
    kernels: list[Kernel], grey: np.ndarray, chroma: np.ndarray | None, box: Box, longest: int
) -> None:
    signature = signature_of(grey, chroma, box)
    views = *hashes.phashes(grey.astype(np.float64), box), hashes.turned_phash(signature)
    wanted = (
        hashes.without_border(grey, box),
        (views, signature),
        scores.scores(grey),
        scores.blur(grey, box, longest),
        scores.colours(chroma),
    )
    for kernel in kernels:
        found = kernel.measured(grey, chroma, box, scores.blur_size(box, longest))
        seen = (
            kernel.without_border(grey, box),
            kernel.hashed(grey, chroma, box),
            scores.scores_of(found.levels),
            scores.blur_of(found.edges),
            scores.colours_of(found.hues),
        )
        assert seen == wanted, (grey.shape, box, chroma is None, longest)


if __name__ == "__main__":
    main()
