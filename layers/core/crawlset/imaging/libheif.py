"""
The library within `pi_heif`, asked by ourselves for pixels without a thread of its own.

`pi_heif` lets libheif choose, and it starts a thread a picture for libde265: a child that may
start none is aborted there (https://github.com/strukturag/libheif/issues/1755 is the same end).
"""

import ctypes
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

from PIL import Image

_RGB_COLOURS = 1
_INTERLEAVED = 10
"""The channel with all colours, and the chroma of 3 bytes a pixel; of 4, it is one more."""
_TO_8_BITS, _STRICT, _CODEC_THREADS = 40, 41, 108
"""Offsets in `heif_decoding_options`, to whose end alone fields are added."""
_MAX_PIXELS = 8
"""Offset in `heif_security_limits`, to whose end alone fields are added as well."""
_BEYOND_LIMITS = 6, 1000
"""Code and subcode of `heif_error`: no memory, since a limit of security is passed."""
_LEAST_VERSION = 8
"""The first version of the options that has the number of threads."""
_NO_THREAD = -1
"""Fewer than one; none at all would mean that the decoder is to choose."""


class _Status(ctypes.Structure):
    _fields_ = (
        ("code", ctypes.c_int),
        ("subcode", ctypes.c_int),
        ("message", ctypes.c_char_p),
    )


class LibHeif:
    """Functions of a libheif that is loaded."""

    def __init__(self, path: str) -> None:
        self._library = ctypes.CDLL(path)
        options = self._call("decoding_options_alloc", ctypes.c_void_p)
        if ctypes.c_uint8.from_address(options).value < _LEAST_VERSION:
            raise ImportError("a libheif before 1.21")
        self._call("decoding_options_free", None, _pointer(options))

    def primary_picture(self, data: bytes, max_pixels: int) -> Image.Image:
        """
        The primary picture of `data`, upright, in mode RGB or RGBA.

        Raises:
            DecompressionBombError: it has more than `max_pixels`, or than its properties say.
            OSError: libheif makes nothing of it; its words are the text.
        """
        with ExitStack() as stack:
            context = self._kept(stack, "context", self._call("context_alloc", ctypes.c_void_p))
            self._call("context_set_max_decoding_threads", None, context, 0)
            limits = self._call("context_get_security_limits", ctypes.c_void_p, context)
            ctypes.c_uint64.from_address(limits + _MAX_PIXELS).value = max_pixels
            size = ctypes.c_size_t(len(data))
            self._do("context_read_from_memory_without_copy", context, data, size, None)
            handle = self._made(stack, "image_handle", "context_get_primary_image_handle", context)
            has_alpha = self._call("image_handle_has_alpha_channel", ctypes.c_int, handle)
            options = self._call("decoding_options_alloc", ctypes.c_void_p)
            self._kept(stack, "decoding_options", options)
            ctypes.c_uint8.from_address(options + _TO_8_BITS).value = 1
            ctypes.c_uint8.from_address(options + _STRICT).value = 1
            ctypes.c_int.from_address(options + _CODEC_THREADS).value = _NO_THREAD
            chroma = _INTERLEAVED + bool(has_alpha)
            image = self._made(
                stack, "image", "decode_image", handle, (_RGB_COLOURS, chroma, _pointer(options))
            )
            return self._pixels(image, "RGBA" if has_alpha else "RGB")

    def _pixels(self, image: ctypes.c_void_p, mode: str) -> Image.Image:
        width, height = (
            self._call(f"image_get_{side}", ctypes.c_int, image, _INTERLEAVED)
            for side in ("width", "height")
        )
        stride = ctypes.c_int()
        plane = self._call(
            "image_get_plane_readonly",
            ctypes.c_void_p,
            image,
            _INTERLEAVED,
            ctypes.byref(stride),
        )
        if not plane or width < 1 or height < 1:
            raise OSError("no pixels")
        rows = ctypes.string_at(plane, stride.value * height)
        return Image.frombytes(mode, (width, height), rows, "raw", mode, stride.value)

    def _made(
        self,
        stack: ExitStack,
        kind: str,
        name: str,
        source: ctypes.c_void_p,
        rest: tuple[Any, ...] = (),
    ) -> ctypes.c_void_p:
        """What a function makes in a place that it is given second; released with `stack`."""
        place = ctypes.c_void_p()
        self._do(name, source, ctypes.byref(place), *rest)
        return self._kept(stack, kind, place.value)

    def _kept(self, stack: ExitStack, kind: str, address: int | None) -> ctypes.c_void_p:
        if not address:
            raise MemoryError
        release = {"image": "image_release", "image_handle": "image_handle_release"}
        stack.callback(self._call, release.get(kind, f"{kind}_free"), None, _pointer(address))
        return _pointer(address)

    def _do(self, name: str, *arguments: Any) -> None:
        status = self._call(name, _Status, *arguments)
        if status.code:
            message = (status.message or b"").decode("utf-8", "replace")
            is_too_large = (status.code, status.subcode) == _BEYOND_LIMITS
            raise Image.DecompressionBombError(message) if is_too_large else OSError(message)

    def _call(self, name: str, kind: Any, *arguments: Any) -> Any:
        function: Callable[..., Any] = getattr(self._library, f"heif_{name}")
        function.restype = kind  # type: ignore[attr-defined]
        return function(*arguments)


def _pointer(address: int) -> ctypes.c_void_p:
    return ctypes.c_void_p(address)
