import random
import struct

import pytest
from PIL import Image

from crawlset import embedded
from crawlset.imaging import exif
from tests.unit.imaging import raw_blocks as raw
from tests.unit.imaging.raw_blocks import exif_block, place, rationals, text

PARIS = (48, 1), (51, 1), (2960, 100)
EAST = (2, 1), (17, 1), (4020, 100)
CAMERA = [text(raw.MAKE, "Canon"), text(raw.MODEL, "Canon EOS 5D")]


class TestRead:
    @pytest.mark.parametrize("order", "<>")
    def test_gives_camera_time_and_rights(self, order: str) -> None:
        block = exif_block(
            [*CAMERA, text(raw.ARTIST, "Ida Sample"), text(raw.COPYRIGHT, "(c) 2014 Ida Sample")],
            [text(raw.TAKEN_AT, "2014:05:03 12:31:08")],
            order=order,
        )

        assert exif.read(block) == {
            "make": "Canon",
            "model": "Canon EOS 5D",
            "creator": "Ida Sample",
            "copyright_notice": "(c) 2014 Ida Sample",
            "date_time_original": "2014-05-03T12:31:08",
        }

    def test_reads_what_pillow_writes(self) -> None:
        """A real writer, other than our own of the tests; WebP files keep the `Exif` before it."""
        written = Image.Exif()
        written[raw.MAKE], written[raw.ARTIST] = "NIKON CORPORATION", "Zoe"
        written.get_ifd(raw.EXIF)[raw.TAKEN_AT] = "2020:02:23 15:01:36"
        gps = written.get_ifd(raw.GPS)
        gps[1], gps[2], gps[3], gps[4] = "S", (33.0, 51.0, 54.5), "E", (151.0, 12.0, 34.0)
        gps[5], gps[6] = b"\1", 12.5

        assert exif.read(written.tobytes()) == {
            "make": "NIKON CORPORATION",
            "creator": "Zoe",
            "date_time_original": "2020-02-23T15:01:36",
            "latitude": -33.8651389,
            "longitude": 151.2094444,
            "altitude": -12.5,
        }

    @pytest.mark.parametrize(
        ("stated", "make"),
        [
            (b"SONY", "SONY"),  # https://github.com/mozilla-b2g/exif-parser/issues/10
            (b"GoPro\0\x8f\xffCHDHX", "GoPro"),  # https://github.com/remvee/exifr/pull/40
            (b"Canon     \0", "Canon"),
            (b"XF23mmF2" + bytes(50), "XF23mmF2"),  # github.com/sanity-io/sanity/issues/9394
            (b"\0\0\0\0\0\0", None),
            (b"          ", None),
            (b"----\0", None),
            (b"A\x07\x1b[31mB\n\xe2\x80\xaeC\0", "A [31mB C"),
            (b"x" * 3_000, "x" * embedded.MAX_TEXT),
        ],
    )
    def test_gives_a_text_without_what_cameras_pad_it_with(
        self, stated: bytes, make: str | None
    ) -> None:
        assert exif.read(exif_block([(raw.MAKE, raw.ASCII, stated)])).get("make") == make

    @pytest.mark.parametrize(
        ("stated", "creator"),
        [
            # Exiv2 keeps any bytes, MWG asks for UTF-8: https://github.com/Exiv2/exiv2/issues/1258
            ("Tromsø".encode(), "Tromsø"),
            ("Andrés Muñoz".encode("latin-1"), "Andrés Muñoz"),
            ("Jürgen Öz".encode("latin-1"), "Jürgen Öz"),
            ("\xa9 2010 José".encode("latin-1"), "\xa9 2010 José"),
            (b"Photographer\x92s Mate", "Photographer\u2019s Mate"),
            ("山田 太郎".encode("cp932"), "山田 太郎"),
            ("やまだ".encode("cp932"), "やまだ"),
            ("Canon カメラ".encode("cp932"), "Canon カメラ"),
        ],
    )
    def test_guesses_the_encoding_that_a_text_does_not_state(
        self, stated: bytes, creator: str
    ) -> None:
        assert exif.read(exif_block([text(raw.ARTIST, stated)])) == {"creator": creator}

    @pytest.mark.parametrize(
        ("stated", "notice"),
        [
            # EXIF 2.2: photographer and editor with a NUL between them, a blank for no photographer
            # (https://www.digicamsoft.com/exif22/exif22/html/exif22_29.htm).
            (b"Ida\0Bob's Press\0", "Ida; Bob's Press"),
            (b" \0Bob's Press\0", "Bob's Press"),
            (b"Ida\0\0", "Ida"),
            (b"Ida\0\0left over\0", "Ida"),
            (b" \0", None),
        ],
    )
    def test_gives_both_copyrights(self, stated: bytes, notice: str | None) -> None:
        said = exif.read(exif_block([(raw.COPYRIGHT, raw.ASCII, stated)]))

        assert said.get("copyright_notice") == notice

    def test_gives_a_text_of_a_wrong_type(self) -> None:
        block = exif_block(
            [(raw.MAKE, raw.UNDEFINED, b"Canon\0"), (raw.MODEL, raw.SHORT, b"EOS 5D")]
        )

        assert exif.read(block) == {"make": "Canon"}


class TestTime:
    @pytest.mark.parametrize(
        ("stated", "moment"),
        [
            ("2014:04:26 19:09:19", "2014-04-26T19:09:19"),
            ("2014-04-26T19:09:19", "2014-04-26T19:09:19"),
            ("2025:03:12 10:00:00\0\0\0", "2025-03-12T10:00:00"),  # elixir-image/image/pull/181
            ("2014:04:26 24:00:00", "2014-04-26"),
            ("2014:04:26 19:09:60", "2014-04-26"),
            ("2014:04:26", "2014-04-26"),
            # A clock never set: https://github.com/LycheeOrg/Lychee/issues/1200
            ("0000:00:00 00:00:00", None),
            ("    :  :     :  :  ", None),
            ("1993:08:  :  :  ", "1993-08"),  # https://github.com/photoprism/photoprism/issues/1691
            ("2010:00:00 00:00:00", "2010"),
            ("2010:02:30 10:00:00", None),
            ("2010:13:01 10:00:00", None),
            ("0001:01:01 00:00:00", None),
            ("yesterday", None),
            ("", None),
        ],
    )
    def test_is_no_other_than_stated(self, stated: str, moment: str | None) -> None:
        said = exif.read(exif_block(photo=[text(raw.TAKEN_AT, stated)]))

        assert said.get("date_time_original") == moment

    @pytest.mark.parametrize(
        ("offset", "fraction", "moment"),
        [
            # An iPhone's: https://thesundaydeveloper.com/?p=457
            ("+01:00", "407", "2024-11-16T16:05:38.407+01:00"),
            ("-0500", "", "2024-11-16T16:05:38-05:00"),
            ("Z", "00", "2024-11-16T16:05:38.00Z"),
            ("   :  ", "   ", "2024-11-16T16:05:38"),
            ("+99:00", "4e7", "2024-11-16T16:05:38"),
        ],
    )
    def test_has_its_offset_and_fraction(self, offset: str, fraction: str, moment: str) -> None:
        photo = [
            text(raw.TAKEN_AT, "2024:11:16 16:05:38"),
            text(raw.OFFSET, offset),
            text(raw.FRACTION, fraction),
        ]

        assert exif.read(exif_block(photo=photo)) == {"date_time_original": moment}

    @pytest.mark.parametrize(
        "stated", ["2024-11-16T16:05:38.4+02:00", "2024-11-16T16:05+02:00", "2024-11-16"]
    )
    def test_has_no_second_offset(self, stated: str) -> None:
        """A text in ISO 8601 may have its own already."""
        photo = [text(raw.TAKEN_AT, stated), text(raw.OFFSET, "+01:00"), text(raw.FRACTION, "407")]

        assert exif.read(exif_block(photo=photo)) == {"date_time_original": stated}


class TestLocation:
    @pytest.mark.parametrize("order", "<>")
    def test_is_in_degrees(self, order: str) -> None:
        gps = place(PARIS, EAST, "NW", order)

        assert exif.read(exif_block(gps=gps, order=order)) == {
            "latitude": 48.8582222,
            "longitude": -2.2945,
        }

    @pytest.mark.parametrize(
        "gps",
        [
            # https://github.com/nextcloud/maps/issues/443, https://github.com/ianare/exif-py/issues/192
            place([(0, 0)] * 3, [(0, 0)] * 3),
            place([(1, 0), (6, 0), (36, 1)], EAST),  # https://github.com/exiftool/exiftool/pull/28
            # Without its half, it may be the other: https://github.com/jmathai/immich-exif/issues/16
            place(PARIS, EAST, " E"),
            place(PARIS, EAST, "N "),
            place(PARIS, EAST, "XE"),
            place(PARIS, EAST, "EN"),
            # What Android leaves of a location that it hides: https://github.com/observ-ing/core/pull/405
            place([(0, 1)] * 3, [(0, 1)] * 3),
            place([(91, 1)], [(2, 1)]),
            place([(4_294_967_295, 1)] * 3, EAST),
            # https://github.com/exiftool/exiftool/issues/270
            [text(1, "N"), text(2, "48.8582"), text(3, "E"), text(4, "2.2945")],
            [text(1, "N"), rationals(2, *PARIS)],
            [
                text(1, "N"),
                rationals(2, (-48, 1), kind=raw.SIGNED),
                text(3, "E"),
                rationals(4, (2, 1)),
            ],
        ],
    )
    def test_is_none_where_it_is_not_known(self, gps: list[raw.Field]) -> None:
        assert exif.read(exif_block(CAMERA, gps=gps)) == {"make": "Canon", "model": "Canon EOS 5D"}

    @pytest.mark.parametrize(
        ("fields", "altitude"),
        [
            ([rationals(6, (4039, 10))], 403.9),
            ([(5, 1, b"\1"), rationals(6, (5, 1))], -5.0),
            ([(5, 1, b"\0"), rationals(6, (5, 1))], 5.0),
            ([rationals(6, (0, 0))], None),
            ([rationals(6, (4_294_967_295, 1))], None),
        ],
    )
    def test_has_its_altitude(self, fields: list[raw.Field], altitude: float | None) -> None:
        said = exif.read(exif_block(gps=[*place(PARIS, EAST), *fields]))

        assert said.get("altitude") == altitude
        assert said["longitude"] == 2.2945


class TestBrokenBlocks:
    def test_say_nothing(self) -> None:
        circular = b"II*\0\x08\0\0\0" + struct.pack("<HHHII", 1, raw.EXIF, 4, 1, 8)
        beyond = b"MM\0*\xff\xff\xff\xff"
        counting = b"II*\0\x08\0\0\0" + struct.pack("<HHHII", 65_535, raw.MAKE, 2, 2**32 - 1, 8)

        for block in (b"", b"II*\0", b"Exif\0\0", b"JJ*\0\0\0\0\x08", circular, beyond, counting):
            assert exif.read(block) == {}

    def test_say_what_is_whole_in_them(self) -> None:
        block = exif_block([*CAMERA, text(raw.ARTIST, "Ida Sample")])

        assert exif.read(block[:-4]) == {"make": "Canon", "model": "Canon EOS 5D"}

    def test_raise_nothing_whatever_is_in_them(self) -> None:
        chance = random.Random(16)
        whole = exif_block(
            [*CAMERA, text(raw.COPYRIGHT, "Ida\0Bob")],
            [text(raw.TAKEN_AT, "2014:05:03 12:31:08"), text(raw.OFFSET, "+01:00")],
            place(PARIS, EAST),
        )

        for _ in range(3_000):
            block = bytearray(whole[: chance.randint(8, len(whole))])
            for _ in range(chance.randint(1, 12)):
                block[chance.randrange(len(block))] = chance.randrange(256)

            assert embedded.is_sound(exif.read(bytes(block)))
