import random

import pytest

from crawlset import embedded
from crawlset.imaging import iptc
from tests.unit.imaging.raw_blocks import dataset, resource

UTF_8 = dataset(1, 90, b"\x1b%G")
LATIN_1 = dataset(1, 90, b"\x1b-A")
BY_LINE = dataset(2, 80, b"Ida Sample")


class TestRead:
    def test_gives_time_and_rights(self) -> None:
        block = b"".join(
            [
                UTF_8,
                dataset(2, 0, b"\0\4"),
                dataset(2, 55, b"19900127"),
                dataset(2, 60, b"133015+0100"),
                BY_LINE,
                dataset(2, 80, b"Bob Sample"),
                dataset(2, 110, b"Sample/AP"),
                dataset(2, 116, "\xa9 1990 Ida".encode()),
                dataset(2, 120, b"A caption"),
            ]
        )

        assert iptc.read(block) == {
            "date_time_original": "1990-01-27T13:30:15+01:00",
            "creator": "Ida Sample; Bob Sample",
            "credit_line": "Sample/AP",
            "copyright_notice": "\xa9 1990 Ida",
        }

    @pytest.mark.parametrize(
        ("before", "stated", "behind", "creator"),
        [
            # https://github.com/MikeKovarik/exifr/issues/121
            (UTF_8, "Jönköping".encode(), b"", "Jönköping"),
            # https://github.com/drewnoakes/metadata-extractor/issues/614
            (LATIN_1, "présenté".encode("latin-1"), b"", "présenté"),
            (LATIN_1, "Ã©".encode("latin-1"), b"", "Ã©"),
            (b"", "Martín".encode("latin-1"), b"", "Martín"),
            (b"", "Martín".encode(), b"", "Martín"),
            # Out of order: https://github.com/FrankBijnen/ExifToolGui/issues/965
            (b"", "Martín".encode(), UTF_8, "Martín"),
            (UTF_8, b"broken \xff\xfe here", b"", "broken here"),
            (b"\0\0", b"Ida", b"\0\0\0", "Ida"),
        ],
    )
    def test_heeds_the_charset_wherever_it_is_stated(
        self, before: bytes, stated: bytes, behind: bytes, creator: str
    ) -> None:
        assert iptc.read(before + dataset(2, 80, stated) + behind) == {"creator": creator}

    @pytest.mark.parametrize(
        ("day", "time", "moment"),
        [
            (b"19900127", b"", "1990-01-27"),
            (b"19900127", b"133015", "1990-01-27T13:30:15"),
            (b"19900000", b"000000", "1990"),  # IIM: zeros for a month or a day not known
            (b"00000000", b"", None),
            (b"1990:01:27", b"", "1990-01-27"),
            (b"", b"133015+0100", None),
            (b"\xff\xff", b"", None),
        ],
    )
    def test_gives_no_other_time_than_stated(
        self, day: bytes, time: bytes, moment: str | None
    ) -> None:
        said = iptc.read(dataset(2, 55, day) + dataset(2, 60, time))

        assert said.get("date_time_original") == moment

    def test_gives_what_lies_before_a_fault(self) -> None:
        for fault in (
            b"\x1c\2\x6e\xff\xff",
            b"\x1c\2\x6e\x00\x50short",
            b"junk" + BY_LINE,
            b"\x1c",
        ):
            assert iptc.read(BY_LINE + fault) == {"creator": "Ida Sample"}

    def test_reads_a_length_of_its_own_length(self) -> None:
        extended = b"\x1c\2\x50\x80\4\0\0\0\3Ida"

        assert iptc.read(extended) == {"creator": "Ida"}

    def test_raises_nothing_whatever_is_in_a_block(self) -> None:
        chance = random.Random(16)
        whole = UTF_8 + BY_LINE + dataset(2, 55, b"19900127") + dataset(2, 60, b"133015+0100")

        for _ in range(2_000):
            block = bytearray(whole[: chance.randint(1, len(whole))])
            for _ in range(chance.randint(1, 6)):
                block[chance.randrange(len(block))] = chance.randrange(256)

            assert embedded.is_sound(iptc.read(bytes(block)))
            iptc.unpacked(resource(0x0404, b"")[:4] + bytes(block))


class TestUnpacked:
    def test_finds_the_block_and_its_digest_among_other_resources(self) -> None:
        packed = b"".join(
            [
                resource(0x03ED, bytes(16)),
                resource(0x0404, b"odd", b"name"),
                resource(0x0425, bytes(16), b"even!"),
            ]
        )

        assert iptc.unpacked(packed) == (b"odd", bytes(16))

    def test_takes_a_block_that_is_alone(self) -> None:
        assert iptc.unpacked(BY_LINE) == (BY_LINE, b"")

    @pytest.mark.parametrize("n_bytes", range(4, 17))
    def test_finds_nothing_in_what_is_cut(self, n_bytes: int) -> None:
        block, digest = iptc.unpacked(resource(0x0404, BY_LINE, b"name")[:n_bytes])

        assert (block, digest) == (b"", b"")
