import io
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageCms, ImageOps, PngImagePlugin

from crawlset.imaging.metadata import xmp_packet
from crawlset.imaging.stripping import rights_packet, strip

SECRET = "48.8584 N, 2.2945 E"
RIGHTS = "All of it is Ann's"
PACKET = f"""<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF
 xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description rdf:about=""
 xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:exif="http://ns.adobe.com/exif/1.0/"
 xmlns:plus="http://ns.useplus.org/ldf/xmp/1.0/" exif:GPSLatitude="{SECRET}"
 plus:DataMining="http://ns.useplus.org/ldf/vocab/DMI-PROHIBITED"><dc:rights><rdf:Alt>
 <rdf:li xml:lang="x-default">{RIGHTS}</rdf:li></rdf:Alt></dc:rights>
 <dc:description>{SECRET}</dc:description></rdf:Description></rdf:RDF></x:xmpmeta>""".encode()
PROFILE = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def photograph(image_format: str, *, orientation: int = 6, **options: Any) -> bytes:
    """With GPS in EXIF and XMP, an orientation, a comment, rights, a profile."""
    pixels = np.random.default_rng(0).integers(0, 255, (20, 30, 3), np.uint8)
    exif = Image.Exif()
    exif[0x0112] = orientation
    exif[0x010E] = SECRET
    about: dict[str, Any] = {"exif": exif.tobytes(), "icc_profile": PROFILE}
    if image_format == "PNG":
        texts = PngImagePlugin.PngInfo()
        texts.add_text("Comment", SECRET)
        texts.add_itxt("XML:com.adobe.xmp", PACKET.decode())
        about["pnginfo"] = texts
    elif image_format == "GIF":
        about = {"comment": SECRET.encode()}
    else:
        about["xmp"] = PACKET
    if image_format == "JPEG":
        about["comment"] = SECRET.encode()
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, image_format, **about | options)
    return with_packet(out.getvalue()) if image_format == "GIF" else out.getvalue()


def with_packet(gif: bytes) -> bytes:
    """As XMP part 3 has it: the packet as it is, and a tail that ends any sub-block."""
    at = 13 + (3 << ((gif[10] & 7) + 1))
    tail = b"\x01" + bytes(range(255, -1, -1)) + b"\0"
    return gif[:at] + b"\x21\xff\x0bXMP DataXMP" + PACKET + tail + gif[at:]


FORMATS = ["JPEG", "PNG", "WEBP", "GIF"]


class TestStrip:
    @pytest.mark.parametrize("image_format", FORMATS)
    def test_removes_what_is_private(self, image_format: str) -> None:
        data = photograph(image_format)
        assert SECRET.encode() in data

        stripped = strip(data, image_format.lower())

        assert SECRET.encode() not in stripped
        assert b"Comment" not in stripped

    @pytest.mark.parametrize("image_format", FORMATS)
    def test_keeps_every_pixel_and_how_it_is_turned(self, image_format: str) -> None:
        data = photograph(image_format)

        with (
            Image.open(io.BytesIO(data)) as before,
            Image.open(io.BytesIO(strip(data, image_format.lower()))) as after,
        ):
            assert before.format == after.format
            upright = [
                np.asarray(ImageOps.exif_transpose(one).convert("RGB")) for one in (before, after)
            ]

        assert np.array_equal(upright[0], upright[1])

    @pytest.mark.parametrize("image_format", FORMATS)
    def test_keeps_what_is_said_about_rights(self, image_format: str) -> None:
        stripped = strip(photograph(image_format), image_format.lower())

        if image_format == "GIF":
            packet = xmp_packet(stripped, "gif") or b""
        else:
            with Image.open(io.BytesIO(stripped)) as opened:
                packet = opened.info.get("xmp") or opened.info["XML:com.adobe.xmp"].encode()
        assert RIGHTS.encode() in packet.replace(b"&#39;", b"'")
        assert b'plus:DataMining="http://ns.useplus.org/ldf/vocab/DMI-PROHIBITED"' in packet

    @pytest.mark.parametrize("image_format", ["JPEG", "PNG", "WEBP"])
    def test_keeps_the_colour_profile(self, image_format: str) -> None:
        stripped = strip(photograph(image_format), image_format.lower())

        with Image.open(io.BytesIO(stripped)) as opened:
            assert opened.info["icc_profile"] == PROFILE

    @pytest.mark.parametrize("image_format", FORMATS)
    def test_does_nothing_twice(self, image_format: str) -> None:
        once = strip(photograph(image_format), image_format.lower())

        assert strip(once, image_format.lower()) == once

    @pytest.mark.parametrize("image_format", FORMATS)
    def test_says_no_more_of_a_picture_that_says_nothing(self, image_format: str) -> None:
        out = io.BytesIO()
        Image.new("RGB", (8, 8)).save(out, image_format)

        stripped = strip(out.getvalue(), image_format.lower())

        with Image.open(io.BytesIO(stripped)) as opened:
            opened.load()
            assert not opened.getexif()
            assert "xmp" not in opened.info

    def test_keeps_an_animation(self) -> None:
        frames = [Image.new("RGB", (8, 8), (n * 60, 0, 0)) for n in range(4)]
        for image_format in ("GIF", "WEBP", "PNG"):
            out = io.BytesIO()
            frames[0].save(
                out, image_format, save_all=True, append_images=frames[1:], duration=50, loop=3
            )

            with Image.open(io.BytesIO(strip(out.getvalue(), image_format.lower()))) as opened:
                assert (getattr(opened, "n_frames", 1), opened.info["loop"]) == (4, 3)

    @pytest.mark.parametrize("image_format", FORMATS)
    def test_tells_what_it_cannot_read(self, image_format: str) -> None:
        data = photograph(image_format)

        with pytest.raises(ValueError, match="it does not begin"):
            strip(b"no picture at all" * 9, image_format.lower())
        for cut in range(0, min(len(data), 400), 7):
            try:
                strip(data[:cut], image_format.lower())
            except ValueError:
                continue


class TestRightsPacket:
    @pytest.mark.parametrize(
        "packet", [None, b"", b"<x", b"<!DOCTYPE a []><a/>", b"<a/>", b"\xff\xfe\0"]
    )
    def test_is_none_where_nothing_is_said(self, packet: bytes | None) -> None:
        assert rights_packet(packet) is None
