"""
Fill bytes: any number of 0xFF may stand before any marker.

ITU-T T.81, B.1.1.2 (https://www.w3.org/Graphics/JPEG/itu-t81.pdf) says so, and `next_marker` of
libjpeg-turbo's rdjpgcom.c and jdmarker.c skips them without counting them as bytes out of place.
"""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawlset.imaging.decode import describe
from crawlset.imaging.features import Features
from crawlset.imaging.jpeg import read_header
from crawlset.imaging.sniff import sniff
from crawlset.imaging.stripping import strip
from crawlset.resizing import Resize, ResizeMode, StoredFormat
from tests.unit.imaging import pictures
from tests.unit.imaging.photographs import SECRET, photograph

FILES = {
    "colour": pictures.jpeg(),
    "grey": pictures.jpeg("L"),
    "cmyk": pictures.jpeg("CMYK"),
    "progressive": pictures.jpeg(progressive=True),
    "restarting": pictures.jpeg(restart_marker_blocks=4),
    "telling": photograph("JPEG"),
}
WISHES = [
    None,
    Resize(ResizeMode.keep_ratio, 50),
    Resize(ResizeMode.no, 0, format=StoredFormat.png, quality=1),
]
BARE = {*range(0xD0, 0xD8)}


def markers(data: bytes) -> list[int]:
    """Offset of each marker behind the first, those among the picture's data too."""
    found, at = [], 2
    while at < len(data):
        if data[at] != 0xFF or data[at + 1] == 0:
            at += 1
            continue
        found.append(at)
        is_bare = data[at + 1] in BARE or data[at + 1] == 0xD9
        at += 2 if is_bare else 2 + int.from_bytes(data[at + 2 : at + 4], "big")
    return found


def filled(data: bytes, counts: dict[int, int]) -> bytes:
    """`data` with so many fill bytes before the markers at these offsets."""
    edges = [0, *sorted(counts), len(data)]
    pieces = [data[start:end] for start, end in itertools.pairwise(edges)]
    fills = [b"", *(b"\xff" * counts[at] for at in sorted(counts))]
    return b"".join(fill + piece for fill, piece in zip(fills, pieces, strict=True))


@st.composite
def counts(draw: st.DrawFn, offsets: list[int]) -> dict[int, int]:
    some = draw(st.lists(st.sampled_from(offsets), min_size=1, max_size=8, unique=True))
    return {at: draw(st.integers(0, 5)) for at in some}


@pytest.mark.parametrize("name", FILES)
class TestFillBytes:
    @given(data=st.data())
    def test_change_nothing_that_is_seen_of_a_picture(self, name: str, data: st.DataObject) -> None:
        file = FILES[name]
        odd = filled(file, data.draw(counts(markers(file))))
        wanted = data.draw(st.sampled_from(WISHES))

        seen, usual = describe(odd, wanted), describe(file, wanted)

        assert sniff(odd) == "jpeg"
        assert isinstance(seen, Features)
        assert seen == usual

    @given(data=st.data())
    def test_change_nothing_that_is_stripped(self, name: str, data: st.DataObject) -> None:
        file = FILES[name]
        offsets = [at for at in markers(file) if at <= read_header(file).scan]

        stripped = strip(filled(file, data.draw(counts(offsets))), "jpeg")

        assert stripped == strip(file, "jpeg")
        assert SECRET.encode() not in stripped


class TestBytesThatBelongToNoSegment:
    @pytest.mark.parametrize("wanted", WISHES)
    @pytest.mark.parametrize("fill", [b"", b"\xff\xff"])
    def test_are_told_of_a_colour_picture(self, wanted: Resize | None, fill: bytes) -> None:
        file = FILES["telling"]
        scan = read_header(file).scan

        seen, usual = describe(file[:scan] + b"abc" + fill + file[scan:], wanted), describe(file)

        assert isinstance(seen, Features)
        assert isinstance(usual, Features)
        assert seen.warning == "Corrupt JPEG data: 3 extraneous bytes before marker 0xda"
        assert (seen.orientation, seen.data_mining) == (usual.orientation, usual.data_mining)

    def test_go_where_metadata_go(self) -> None:
        file = FILES["telling"]
        scan = read_header(file).scan

        assert strip(file[:scan] + b"abc" + file[scan:], "jpeg") == strip(file, "jpeg")
