"""Photographs that tell more than they show: a place, a profile, rights."""

import io
import struct
from typing import Any

import numpy as np
from PIL import Image, ImageCms, PngImagePlugin

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


def claiming_exif(beyond: int) -> bytes:
    """A WebP whose EXIF, which is the last chunk, claims to have `beyond` bytes more."""
    data = photograph("WEBP", xmp=b"")
    at = data.index(b"EXIF") + 4
    (length,) = struct.unpack_from("<I", data, at)
    assert at + 4 + length + (length & 1) == len(data)
    return data[:at] + struct.pack("<I", length + beyond) + data[at + 4 :]


def with_packet(gif: bytes) -> bytes:
    """As XMP part 3 has it: the packet as it is, and a tail that ends any sub-block."""
    at = 13 + (3 << ((gif[10] & 7) + 1))
    tail = b"\x01" + bytes(range(255, -1, -1)) + b"\0"
    return gif[:at] + b"\x21\xff\x0bXMP DataXMP" + PACKET + tail + gif[at:]
