"""
HEIF files whose boxes promise fewer pixels than are coded, as no encoder writes them.

AVIF 1.1 has `ispe` say what the sequence header says
(https://aomediacodec.github.io/av1-avif/v1.1.0.html#image-spatial-extents-property); libavif scales
what it has decoded to that, and libheif refuses it (`tighten_image_size_limit_for_ispe`,
https://github.com/strukturag/libheif/pull/1898).
"""

import re
import struct

import pytest

from crawlset.imaging.decode import describe
from crawlset.imaging.features import Features, Rejection
from crawlset.outcomes import Outcome
from tests.unit.imaging import files, pictures

SIDE = 8000
SIDES = f"{SIDE - 1:013b}" * 2
REDUCED = "000" + "1" + "1" + "00000"
UNITS = {
    "a still picture": REDUCED + "1100" * 2 + SIDES,
    "of a sequence": "000000" + "0" + "00000" + "0" * 12 + "01000" + "0" + "1100" * 2 + SIDES,
    "of two operating points": "00000"
    "0"
    "1"
    "00001" + ("0" * 12 + "01000" + "1" + "10000" + "0" * 12 + "00111" + "0") + "1100" * 2 + SIDES,
    "with times": "00000"
    + ("1" + "0" * 64 + "1" + "001" + "01")
    + ("1" + "00011" + "0" * 42)
    + "0"
    + "00000"
    + ("0" * 12 + "00001" + "1" + "0" * 9)
    + "1100" * 2
    + SIDES,
}
"""Sequence headers bit by bit (https://aomediacodec.github.io/av1-spec/#sequence-header-obu-syntax)."""


def coded(bits: str) -> bytes:
    bits += "0" * (-len(bits) % 8)
    return int(bits, 2).to_bytes(len(bits) // 8)


def test_of_hevc_are_refused_by_its_library() -> None:
    data = pictures.encoded("HEIF", pictures.picture(size=(400, 300)))
    sides = struct.pack(">II", 64, 64)

    seen = describe(re.sub(rb"(ispe....)........", rb"\g<1>" + sides, data, flags=re.DOTALL))

    assert isinstance(seen, Rejection)
    assert seen.outcome == Outcome.decompression_bomb


class TestAv1:
    @pytest.mark.parametrize("name", UNITS)
    @pytest.mark.parametrize("form", ["sized", "extended", "to the end", "behind others"])
    def test_says_its_size_itself(self, name: str, form: str) -> None:
        header = coded(UNITS[name])
        unit = {
            "sized": b"\x0a" + bytes([len(header)]) + header,
            "extended": b"\x0e\0" + bytes([0x80 | len(header), 0]) + header,
            "to the end": b"\x08" + header,
            "behind others": b"\x12\0" + b"\x7a\x03abc" + b"\x0a" + bytes([len(header)]) + header,
        }[form]

        assert describe(avif_of(unit)) == Rejection(
            Outcome.decompression_bomb, f"{SIDE}x{SIDE}, 1 frames"
        )

    @pytest.mark.parametrize(
        "unit", [b"\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff", b"\x0a\x7f", b"\x12\0" * 20_000]
    )
    def test_that_makes_no_sense_ends(self, unit: bytes) -> None:
        assert isinstance(describe(avif_of(unit)), Rejection)

    def test_of_a_sequence_is_that_of_its_first_frame(self) -> None:
        frames = [files.picture().rotate(90 * n) for n in range(2)]
        data = pictures.encoded("AVIF", frames[0], save_all=True, append_images=frames[1:])
        header = coded(UNITS["of a sequence"])
        unit = b"\x0a" + bytes([len(header)]) + header
        (start,) = struct.unpack_from(">I", data, data.index(b"stco") + 12)
        without_items = data.replace(b"infe", b"free")

        seen = describe(without_items[:start] + unit + without_items[start + len(unit) :])

        assert seen == Rejection(Outcome.decompression_bomb, f"{SIDE}x{SIDE}, 2 frames")

    @pytest.mark.parametrize("size", [(16, 16), (128, 96), (1, 1), (1000, 3)])
    def test_that_is_honest_is_taken(self, size: tuple[int, int]) -> None:
        for image in (pictures.picture("RGB", size), pictures.picture("L", size)):
            seen = describe(pictures.encoded("AVIF", image))

            assert isinstance(seen, Features)
            assert (seen.width, seen.height) == size


def avif_of(unit: bytes) -> bytes:
    """An AVIF whose one item is `unit`."""
    whole = pictures.encoded("AVIF", files.picture())
    start = whole.index(b"mdat") + 4
    at = whole.index(b"iloc") + 4
    entry = whole.index(struct.pack(">I", start), at)
    head = whole[: entry + 4] + struct.pack(">I", len(unit)) + whole[entry + 8 : start - 8]
    return head + struct.pack(">I", 8 + len(unit)) + b"mdat" + unit
