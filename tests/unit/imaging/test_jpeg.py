import random
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawlset.imaging.decode import describe
from crawlset.imaging.features import Features, Rejection
from crawlset.imaging.jpeg import Header, read_header
from crawlset.imaging.sniff import MalformedImageError, TruncatedError
from crawlset.outcomes import Outcome
from tests.unit.imaging import pictures
from tests.unit.imaging.xmp_packets import AS_TEXT, packet

FILE = pictures.encoded("JPEG", pictures.grain((300, 200)), quality=90)
PROGRESSIVE = pictures.encoded("JPEG", pictures.grain((300, 200)), progressive=True)
SCAN = FILE.index(b"\xff\xda")
MIDDLE = len(FILE) // 2


def flipped(data: bytes, n_bits: int, seed: int) -> bytes:
    chance = random.Random(seed)
    damaged = bytearray(data)
    for _ in range(n_bits):
        damaged[chance.randrange(SCAN + 20, len(data) - 2)] ^= 1 << chance.randrange(8)
    return bytes(damaged)


def with_restarts(change: Callable[[bytes], bytes]) -> bytes:
    data = pictures.jpeg(restart_marker_blocks=4)
    at = data.index(b"\xff\xd3", data.index(b"\xff\xda"))
    return data[:at] + change(data[at : at + 2]) + data[at + 2 :]


class TestReadHeader:
    @pytest.mark.parametrize(
        ("data", "mode"),
        [
            (pictures.jpeg(), "RGB"),
            (pictures.jpeg("L"), "L"),
            (pictures.jpeg("CMYK"), "CMYK"),
            (pictures.jpeg(progressive=True), "RGB"),
        ],
    )
    def test_tells_size_and_mode(self, data: bytes, mode: str) -> None:
        header = read_header(data)

        assert (header.width, header.height, header.mode) == (*pictures.SIZE, mode)
        assert (header.is_huffman, header.junk, header.exif, header.xmp) == (True, (), None, None)

    def test_finds_exif_and_xmp(self) -> None:
        header = read_header(pictures.jpeg(exif=b"Exif\0\0II*\0", xmp=packet(AS_TEXT)))

        assert (header.exif, header.xmp) == (b"II*\0", packet(AS_TEXT))

    def test_leaves_arithmetic_codes_and_12_bits_to_another(self) -> None:
        frame = FILE.index(b"\xff\xc0")
        arithmetic = FILE[: frame + 1] + b"\xc9" + FILE[frame + 2 :]
        deep = FILE[: frame + 4] + b"\x0c" + FILE[frame + 5 :]

        assert not read_header(arithmetic).is_huffman
        assert not read_header(deep).is_huffman

    @pytest.mark.parametrize("data", [FILE, PROGRESSIVE])
    def test_tells_a_file_that_was_cut_at_any_place(self, data: bytes) -> None:
        for length in range(3, len(data) - 1, len(data) // 50):
            with pytest.raises(TruncatedError):
                read_header(data[:length])

    @given(st.binary(max_size=300))
    def test_ends_on_any_bytes(self, tail: bytes) -> None:
        for head in (b"\xff\xd8\xff", FILE[:SCAN]):
            try:
                assert isinstance(read_header(head + tail), Header)
            except (TruncatedError, MalformedImageError):
                continue


class TestDecode:
    @pytest.mark.parametrize(
        "data",
        [
            FILE[:MIDDLE],
            FILE[: -len(FILE) // 100],
            FILE[:-2],
            PROGRESSIVE[: len(PROGRESSIVE) // 2],
            FILE[:MIDDLE] + b"\xff\xd9",
        ],
    )
    def test_tells_an_early_end(self, data: bytes) -> None:
        seen = describe(data)

        assert isinstance(seen, Rejection)
        assert seen.outcome in {Outcome.truncated, Outcome.damaged}

    @pytest.mark.parametrize("n_zeros", [80, 200, 2000])
    def test_tells_a_hole_of_zeros_at_any_place(self, n_zeros: int) -> None:
        for at in range(SCAN + 20, len(FILE) - n_zeros - 2, len(FILE) // 20):
            seen = describe(FILE[:at] + bytes(n_zeros) + FILE[at + n_zeros :])

            assert isinstance(seen, Rejection)
            assert seen.outcome == Outcome.damaged

    def test_tells_most_files_with_fifty_flipped_bits(self) -> None:
        outcomes = [describe(flipped(FILE, 50, seed)) for seed in range(20)]

        n_found = sum(isinstance(seen, Rejection) for seen in outcomes)

        assert n_found >= 15

    @pytest.mark.parametrize(
        "data",
        [
            with_restarts(lambda _: b""),
            with_restarts(lambda _: b"\xff\xd6"),
            FILE[:-2] + random.Random(1).randbytes(50).replace(b"\xff", b"x") + FILE[-2:],
        ],
    )
    def test_tells_data_out_of_place(self, data: bytes) -> None:
        seen = describe(data)

        assert isinstance(seen, Rejection)
        assert seen.outcome == Outcome.damaged

    @pytest.mark.parametrize(
        ("data", "warning"),
        [
            (FILE, None),
            (FILE + b"PK\3\4junk", None),
            (FILE + bytes(500) + FILE, None),
            (FILE[:-2] + b"\xff\xff" + FILE[-2:], None),
            (FILE[:SCAN] + b"abc" + FILE[SCAN:], "3 extraneous bytes before marker 0xda"),
            (
                FILE[:SCAN] + b"\xff\0\xff\xff" + FILE[SCAN:],
                "2 extraneous bytes before marker 0xda",
            ),
            (FILE[:-2] + bytes(200) + FILE[-2:], "extraneous bytes before marker 0xd9"),
            (
                FILE[:SCAN] + b"abc" + FILE[SCAN:-2] + bytes(200) + FILE[-2:],
                "3 extraneous bytes before marker 0xda",
            ),
            (FILE.replace(b"JFIF\0\1", b"JFIF\0\7"), "unknown JFIF revision number 7"),
            (FILE[: SCAN + 7] + b"\0\0\0" + FILE[SCAN + 10 :], "Invalid SOS parameters"),
        ],
    )
    def test_keeps_a_whole_picture_with_odd_bytes_around_it(
        self, data: bytes, warning: str | None
    ) -> None:
        seen, usual = describe(data), describe(FILE)

        assert isinstance(seen, Features), seen
        assert isinstance(usual, Features)
        assert (seen.phashes, seen.scores) == (usual.phashes, usual.scores)
        assert warning in (seen.warning or "") if warning else seen.warning is None

    @pytest.mark.parametrize("byte", [b"\0", b"\xff"])
    @pytest.mark.parametrize("wider", range(30))
    def test_keeps_a_padded_picture_whatever_its_last_byte(self, wider: int, byte: bytes) -> None:
        image = pictures.grain((80 + wider, 70))
        data = pictures.encoded("JPEG", image, quality=95)

        seen = describe(data[:-2] + byte * 300 + data[-2:])

        assert isinstance(seen, Features), seen

    def test_tells_damage_behind_odd_bytes(self) -> None:
        data = FILE[:SCAN] + b"abc" + FILE[SCAN:MIDDLE] + b"\xff\xd4" + FILE[MIDDLE:]

        seen = describe(data)

        assert isinstance(seen, Rejection)
        assert seen.outcome == Outcome.damaged

    def test_takes_a_black_picture_for_whole(self) -> None:
        for optimize in (False, True):
            data = pictures.encoded(
                "JPEG", pictures.picture("RGB", (900, 900)).point([0] * 768), optimize=optimize
            )

            assert isinstance(describe(data), Features)
