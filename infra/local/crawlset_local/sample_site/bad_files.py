"""Files that a crawler must see through, made when they are first asked for."""

import io
import struct
import zipfile
from functools import cache
from typing import Final

from crawlset_local.sample_site.pictures import Picture, encode

SVG: Final = (
    b'<?xml version="1.0"?>\n'
    b'<!DOCTYPE svg [<!ENTITY passwd SYSTEM "file:///etc/passwd">]>\n'
    b'<svg xmlns="http://www.w3.org/2000/svg" width="200" height="150">'
    b"<script>alert(1)</script><text>&passwd;</text></svg>\n"
)
EPS: Final = (
    b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 200 150\n"
    b"(%pipe%touch /tmp/owned) (w) file closefile\nshowpage\n%%EOF\n"
)
_DATA_MINING: Final = (
    '<x:xmpmeta xmlns:x="adobe:ns:meta/">'
    '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
    '<rdf:Description xmlns:plus="http://ns.useplus.org/ldf/xmp/1.0/"'
    ' plus:DataMining="http://ns.useplus.org/ldf/vocab/{value}"/>'
    "</rdf:RDF></x:xmpmeta>"
)
_XMP_NAME: Final = b"http://ns.adobe.com/xap/1.0/\0"
_START_OF_IMAGE, _APP1, _START_OF_SCAN = b"\xff\xd8", b"\xff\xe1", b"\xff\xda"


@cache
def jpeg_of(photograph: str) -> bytes:
    """A good picture, of `PHOTOGRAPHS`."""
    return encode(Picture(photograph, side=320))


@cache
def jpeg_that_says(value: str) -> bytes:
    """A good picture whose XMP gives `value` for `plus:DataMining`."""
    packet = _XMP_NAME + _DATA_MINING.format(value=value).encode()
    segment = _APP1 + struct.pack(">H", 2 + len(packet)) + packet
    return _START_OF_IMAGE + segment + jpeg_of("rocket")[2:]


def truncated_jpeg() -> bytes:
    whole = jpeg_of("coffee")
    return whole[: len(whole) * 3 // 5]


def damaged_jpeg() -> bytes:
    """Make a file of the right length and end, with a hole of zeros in the picture's data."""
    whole = jpeg_of("coffee")
    at = (whole.index(_START_OF_SCAN) + len(whole)) // 2
    return whole[:at] + bytes(400) + whole[at + 400 :]


@cache
def polyglot() -> bytes:
    """A good JPEG that is a ZIP archive with a web page in it as well."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as writer:
        page = zipfile.ZipInfo("index.html", (2026, 1, 1, 0, 0, 0))
        writer.writestr(page, "<script>alert(1)</script>")
    return jpeg_of("astronaut") + archive.getvalue()
