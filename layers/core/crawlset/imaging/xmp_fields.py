"""A reader of the few fields that are kept of an XMP packet: time, camera, place, rights."""

import re

from crawlset.embedded import Embedded
from crawlset.imaging import exif, texts, xmp

_DC = "{http://purl.org/dc/elements/1.1/}"
_EXIF = "{http://ns.adobe.com/exif/1.0/}"
_EXTENSION = "{http://iptc.org/std/Iptc4xmpExt/2008-02-29/}"
_PHOTOSHOP = "{http://ns.adobe.com/photoshop/1.0/}"
_PLUS = "{http://ns.useplus.org/ldf/xmp/1.0/}"
_RIGHTS = "{http://ns.adobe.com/xap/1.0/rights/}"
_TIFF = "{http://ns.adobe.com/tiff/1.0/}"
_NAMES = (
    b"creator", b"rights", b"Credit", b"Licensor", b"WebStatement", b"UsageTerms",
    b"DigitalSource", b"DateCreated", b"DateTimeOriginal", b"GPSLatitude", b"Make", b"Model",
)  # fmt: skip
"""A packet without one of these has nothing that is kept, and parsing it is dear."""
_DEGREES = re.compile(
    r"(\d{1,3}(?:\.\d{1,12})?)(?:,(\d{1,2}(?:\.\d{1,12})?))?(?:,(\d{1,2}(?:\.\d{1,12})?))?([NSEW])",
    re.ASCII,
)


def read(packet: bytes) -> Embedded:
    """Fields of a packet, the location included; none of one that cannot be read."""
    letters = packet.replace(b"\0", b"")  # in UTF-16 as well
    if not any(name in letters for name in _NAMES):
        return {}
    try:
        root = xmp.read(packet)
    except xmp.XmpRefusedError:
        return {}
    if root is None:
        return {}
    of = xmp.properties(root)
    licensor = next(xmp.structures(of, f"{_PLUS}Licensor"), {})
    said = {
        "date_time_original": texts.date(
            _first(of, f"{_PHOTOSHOP}DateCreated") or _first(of, f"{_EXIF}DateTimeOriginal")
        ),
        "make": texts.cleaned(_first(of, f"{_TIFF}Make")),
        "model": texts.cleaned(_first(of, f"{_TIFF}Model")),
        "creator": texts.together(xmp.texts(of, f"{_DC}creator")),
        "copyright_notice": texts.cleaned(_first(of, f"{_DC}rights")),
        "credit_line": texts.cleaned(_first(of, f"{_PHOTOSHOP}Credit")),
        "licensor_name": texts.cleaned(_first(licensor, f"{_PLUS}LicensorName")),
        "licensor_url": texts.address(_first(licensor, f"{_PLUS}LicensorURL")),
        "web_statement": texts.address(_first(of, f"{_RIGHTS}WebStatement")),
        "usage_terms": texts.cleaned(_first(of, f"{_RIGHTS}UsageTerms")),
        "digital_source_type": texts.source_type(
            _first(of, f"{_EXTENSION}DigitalSourceType")
            or _first(of, f"{_EXTENSION}DigitalSourceFileType")
        ),
    }
    return {name: value for name, value in said.items() if value is not None} | _location(of)


def _first(of: xmp.Properties, name: str) -> str:
    return next(iter(xmp.texts(of, name)), "")


def _location(of: xmp.Properties) -> Embedded:
    latitude = _degrees(_first(of, f"{_EXIF}GPSLatitude"))
    longitude = _degrees(_first(of, f"{_EXIF}GPSLongitude"))
    if latitude is None or longitude is None:
        return {}
    return exif.located(latitude, longitude)


def _degrees(text: str) -> float | None:
    """Degrees of `48,51.4933N` or `48,51,29N`."""
    match = _DEGREES.fullmatch(text.strip())
    if match is None:
        return None
    *parts, half = match.groups()
    degrees: float = sum(float(part) / 60**n for n, part in enumerate(parts) if part)
    return -degrees if half in "SW" else degrees
