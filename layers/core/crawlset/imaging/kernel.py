"""
The compiled measures: what `hashes`, `scores` and `second_look` work out, by kernel.c.

`KERNEL` is None where no library is for this machine, or none of the kernel.c beside this file;
then NumPy and Pillow measure the same values. infra/kernels.py compiles.
"""

import ctypes
import os
import sys
import zlib
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from crawlset.imaging import hashes, lanczos
from crawlset.imaging.orientation import Box
from crawlset.imaging.scores import Edges, Hues, Levels
from crawlset.imaging.signatures import N_GREY, N_HUE, ratio_byte

SOURCE = Path(__file__).with_suffix(".c")
FOLDER = Path(__file__).with_name("kernels")
MAX_SIDE = 2048
MAX_PIXELS = 1 << 18
"""Pictures that are larger, of which none comes out of `miniature`, are left to NumPy."""
_N_VIEWS, _LOW = 4, 8
_N_RANKS, _N_LEVELS = 5, 256
_KEPT_SIDES = 512
_KEPT_RATIOS = 64

_ADDRESS, _INT, _LONG, _DOUBLE = ctypes.c_void_p, ctypes.c_int32, ctypes.c_int64, ctypes.c_double
_PICTURE = [_ADDRESS, _INT, _INT, _ADDRESS, _LONG, _LONG, *[_DOUBLE] * 4]
"""Grey with its height and width; chroma with its bytes a row and a pixel; the box."""


class ScoreSums(NamedTuple):
    """What scores are made of."""

    levels: Levels
    edges: Edges
    hues: Hues | None


class _Sums(ctypes.Structure):
    _fields_ = (
        ("levels", _LONG * _N_RANKS),
        ("total", _LONG),
        ("squares", _LONG),
        ("window", _LONG),
        ("differences", _LONG),
        ("difference_squares", _LONG),
        ("count_squares", _LONG),
        ("edges", _LONG),
        ("edge_squares", _LONG),
        ("strongest", _LONG),
        ("weights", _LONG * 4),
        ("blue", _LONG * 4),
        ("red", _LONG * 4),
        ("n_shares", _LONG),
        ("shares", _DOUBLE * _N_LEVELS),
    )


class Kernel:
    """A library made of kernel.c. Its calls hold Python's lock, since they share its buffers."""

    def __init__(self, path: Path) -> None:
        self._library = ctypes.PyDLL(str(path))
        self._library.crawlset_source.restype = ctypes.c_uint32
        self._border = self._function("border", [_ADDRESS, _INT, _INT, _ADDRESS])
        self._frequencies = self._function("frequencies", [_INT, _DOUBLE, _DOUBLE, *[_ADDRESS] * 4])
        self._hashes = self._function("hashes", [*_PICTURE, *[_ADDRESS] * 7])
        self._sums = self._function("sums", [*_PICTURE, _INT, _INT, _ADDRESS])
        self._sides = (_INT * 4)()
        self._found_hashes = (_LONG * 6)()
        self._signature = (ctypes.c_uint8 * (N_GREY + 2 * N_HUE))()
        self._found = _Sums()
        self._shares = np.frombuffer(self._found, np.float64, _N_LEVELS, _Sums.shares.offset)
        self._frequencies_of = lru_cache(_KEPT_SIDES)(self._make_frequencies)

    @property
    def source(self) -> int:
        """The CRC-32 of the kernel.c that it was compiled from."""
        return int(self._library.crawlset_source())

    def without_border(self, grey: np.ndarray, box: Box) -> Box:
        """`hashes.without_border`."""
        height, width = grey.shape
        _check(self._border(_address(grey), height, width, self._sides))
        top, bottom, left, right = self._sides
        return (
            max(box[0], left),
            max(box[1], top),
            right if right < width else box[2],
            bottom if bottom < height else box[3],
        )

    def hashed(
        self, grey: np.ndarray, chroma: np.ndarray | None, box: Box
    ) -> tuple[tuple[int, ...], bytes]:
        """`hashes.phashes` and `hashes.turned_phash`, and `second_look.signature_of`."""
        height, width = grey.shape
        left, top, right, bottom = box
        ratio = ratio_byte(right - left, bottom - top)
        down, _ = self._frequencies_of(height, top, bottom).addresses
        _, across = self._frequencies_of(width, left, right).addresses
        cosines, _ = _TABLES.addresses
        turned = _turned(ratio).addresses
        found = self._found_hashes, self._signature
        _check(self._hashes(*_picture(grey, chroma, box), down, across, *turned, cosines, *found))
        return tuple(self._found_hashes), bytes([ratio]) + bytes(self._signature)

    def measured(
        self, grey: np.ndarray, chroma: np.ndarray | None, box: Box, blur_size: tuple[int, int]
    ) -> ScoreSums:
        """What `scores.scores`, `scores.blur` and `scores.colours` are made of."""
        height, width = grey.shape
        new_width, new_height = blur_size
        found = self._found
        _check(self._sums(*_picture(grey, chroma, box), new_height, new_width, ctypes.byref(found)))
        hues = None
        if chroma is not None:
            hues = Hues(found.strongest, list(found.weights), list(found.blue), list(found.red))
        levels = Levels(
            height * width,
            list(found.levels),
            found.total,
            found.squares,
            self._shares[: found.n_shares],
            found.window,
            max(0, height - 2) * max(0, width - 2),
            found.differences,
            found.difference_squares,
        )
        edges = Edges(new_height * new_width, found.count_squares, found.edges, found.edge_squares)
        return ScoreSums(levels, edges, hues)

    def _function(self, name: str, arguments: list[Any]) -> Callable[..., int]:
        function = self._library[f"crawlset_{name}"]
        function.argtypes = arguments
        function.restype = _INT
        return function

    def _make_frequencies(self, n: int, start: float, stop: float) -> "_Kept":
        down = np.empty((_N_VIEWS * _LOW, n), np.int32)
        across = np.empty((_N_VIEWS, n, _LOW))
        made = _Kept(down, across)
        _check(self._frequencies(n, start, stop, *_TABLES.addresses, *made.addresses))
        return made


class _Kept:
    """Arrays that C reads, and where they are."""

    def __init__(self, *arrays: np.ndarray) -> None:
        self._arrays = [np.ascontiguousarray(array) for array in arrays]
        self.addresses = [_address(array) for array in self._arrays]


def load(folder: Path = FOLDER) -> Kernel | None:
    """
    The library in `folder` for this machine; none that was compiled from another kernel.c.

    An installed package has no kernel.c: its libraries were made with it.
    """
    try:
        kernel = Kernel(folder / library_name())
    except (OSError, AttributeError):
        return None
    is_of_another = SOURCE.exists() and kernel.source != zlib.crc32(SOURCE.read_bytes())
    return None if is_of_another else kernel


def library_name() -> str:
    return f"{sys.platform}-{os.uname().machine}.so"


def takes(grey: np.ndarray) -> bool:
    """Whether a kernel measures a picture of this size."""
    return max(grey.shape) <= MAX_SIDE and 0 < grey.size <= MAX_PIXELS


def _picture(grey: np.ndarray, chroma: np.ndarray | None, box: Box) -> tuple[Any, ...]:
    height, width = grey.shape
    if chroma is None:
        return _address(grey), height, width, None, 0, 0, *box
    if chroma.shape != (height, width, 2) or chroma.dtype != np.uint8 or chroma.strides[2] != 1:
        raise ValueError(chroma.shape)
    row, pixel, _ = chroma.strides
    return _address(grey), height, width, chroma.__array_interface__["data"][0], row, pixel, *box


def _address(array: np.ndarray) -> int:
    """Where `array` starts, all of which lies together."""
    if not array.flags.c_contiguous:
        raise ValueError(array.strides)
    address: int = array.__array_interface__["data"][0]
    return address


@lru_cache(_KEPT_RATIOS)
def _turned(ratio: int) -> _Kept:
    places, parts = hashes.turned_places(ratio)
    return _Kept(places[0].astype(np.int32), parts.astype(np.int32))


def _check(status: int) -> None:
    if status != 0:
        raise ValueError(status)


_TABLES = _Kept(hashes.COSINES, lanczos.TABLE)
KERNEL = load()
