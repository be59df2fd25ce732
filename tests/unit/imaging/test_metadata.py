import struct
import zlib

import pytest
from PIL import Image

from crawlset.imaging.metadata import data_mining, orientation, xmp_packet
from crawlset.imaging.xmp import MAX_BYTES
from tests.unit.imaging import pictures
from tests.unit.imaging.xmp_packets import (
    AS_ATTRIBUTE,
    AS_RESOURCE,
    AS_TEXT,
    DESCRIPTION,
    VOCABULARY,
    packet,
)


class TestDataMining:
    @pytest.mark.parametrize(
        ("inside", "value"),
        [
            (AS_ATTRIBUTE, "DMI-PROHIBITED"),
            (AS_TEXT, "DMI-PROHIBITED-AIMLTRAINING"),
            (AS_RESOURCE, "DMI-ALLOWED"),
            (AS_RESOURCE + AS_TEXT, "DMI-PROHIBITED-AIMLTRAINING"),
            ("<!-- a remark -->" + AS_RESOURCE, "DMI-ALLOWED"),
            (AS_ATTRIBUTE.replace("plus:D", "p:D").replace(":plus=", ":p="), "DMI-PROHIBITED"),
            (AS_ATTRIBUTE.replace(VOCABULARY, ""), "DMI-PROHIBITED"),
            (AS_ATTRIBUTE.replace("DMI-PROHIBITED", "no"), None),
            (AS_ATTRIBUTE.replace("xmp/1.0", "xmp/2.0"), None),
            (DESCRIPTION + ' plus:Other="DataMining"/>', None),
            ("", None),
        ],
    )
    def test_is_the_last_part_of_the_property(self, inside: str, value: str | None) -> None:
        assert data_mining(packet(inside)) == value

    @pytest.mark.parametrize(
        "broken",
        [
            None,
            b"",
            b"DataMining",
            packet(AS_ATTRIBUTE)[:-40],
            packet(AS_ATTRIBUTE).replace(b"adobe", b"ad\xffobe"),
            b'<?xml version="1.0" encoding="none"?>' + packet(AS_ATTRIBUTE),
        ],
    )
    def test_is_nothing_in_a_packet_that_cannot_be_read(self, broken: bytes | None) -> None:
        assert data_mining(broken) is None

    def test_is_nothing_in_a_packet_that_declares_entities(self) -> None:
        bomb = '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;">]>'

        assert data_mining(packet(AS_ATTRIBUTE + "&b;", bomb)) is None

    @pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "utf-16-le", "utf-16-be"])
    def test_ignores_padding_in_any_encoding(self, encoding: str) -> None:
        padded = packet(AS_ATTRIBUTE).decode() + " \n\0"

        assert data_mining(padded.encode(encoding) + b"\0") == "DMI-PROHIBITED"


class TestXmpPacket:
    def test_of_a_png(self) -> None:
        text = b"XML:com.adobe.xmp\0\0\0en\0key\0" + packet(AS_TEXT)

        assert xmp_packet(with_chunk(b"iTXt", text), "png") == packet(AS_TEXT)

    def test_of_a_png_compressed(self) -> None:
        text = b"XML:com.adobe.xmp\0\1\0\0\0" + zlib.compress(packet(AS_TEXT))

        assert xmp_packet(with_chunk(b"iTXt", text), "png") == packet(AS_TEXT)

    def test_of_a_png_compressed_wrongly(self) -> None:
        text = b"XML:com.adobe.xmp\0\1\0\0\0nonsense"

        assert xmp_packet(with_chunk(b"iTXt", text), "png") is None

    def test_of_a_png_takes_no_more_of_a_bomb_than_is_read_of_a_packet(self) -> None:
        text = b"XML:com.adobe.xmp\0\1\0\0\0" + zlib.compress(bytes(50 << 20))

        seen = xmp_packet(with_chunk(b"iTXt", text), "png")

        assert seen is not None
        assert len(seen) == MAX_BYTES + 1

    def test_of_a_webp(self) -> None:
        data = pictures.encoded("WEBP", xmp=packet(AS_TEXT))

        assert xmp_packet(data, "webp") == packet(AS_TEXT)

    def test_of_a_gif(self) -> None:
        data = pictures.encoded("GIF")
        trailer = b"\1" + bytes(range(255, -1, -1)) + b"\0"
        extension = b"\x21\xff\x0bXMP DataXMP" + packet(AS_TEXT) + trailer

        assert xmp_packet(data[:-1] + extension + b";", "gif") == packet(AS_TEXT)

    @pytest.mark.parametrize("image_format", ["png", "webp", "gif"])
    def test_is_none_in_most_files(self, image_format: str) -> None:
        assert xmp_packet(pictures.encoded(image_format.upper()), image_format) is None


class TestOrientation:
    @pytest.mark.parametrize("order", ["<", ">"])
    @pytest.mark.parametrize(
        ("tag", "kind", "n", "value", "seen"),
        [
            (0x0112, 3, 1, 6, 6),
            (0x0112, 3, 1, 1, 1),
            (0x0112, 3, 1, 9, None),
            (0x0112, 3, 1, 0, None),
            (0x0112, 3, 2, 6, None),
            (0x0112, 2, 1, 6, None),
            (0x0111, 3, 1, 6, None),
        ],
    )
    def test_is_read_in_both_byte_orders(
        self, order: str, tag: int, kind: int, n: int, value: int, seen: int | None
    ) -> None:
        magic = b"II*\0" if order == "<" else b"MM\0*"
        entries = struct.pack(order + "HHIHH", 0x010F, 2, 4, 0, 0) + struct.pack(
            order + "HHIHH", tag, kind, n, value, 0
        )

        exif = magic + struct.pack(order + "IH", 8, 2) + entries

        assert orientation(exif) == seen

    def test_agrees_with_pillow(self) -> None:
        exif = Image.Exif()
        exif[0x0110], exif[0x0112] = "camera", 8

        assert orientation(exif.tobytes().removeprefix(b"Exif\0\0")) == 8

    @pytest.mark.parametrize(
        "broken",
        [b"", b"II*\0", b"II*\0\xff\xff\xff\xff", b"MM\0*\0\0\0\x08\xff\xff", b"JJ*\0\0\0\0\x08"],
    )
    def test_is_none_in_a_broken_block(self, broken: bytes) -> None:
        assert orientation(broken) is None


def with_chunk(kind: bytes, body: bytes) -> bytes:
    """A PNG with one chunk more after its header."""
    data = pictures.encoded("PNG")
    chunk = struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
    return data[:33] + chunk + data[33:]
