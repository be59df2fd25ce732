"""A reader of the few fields that are kept of an XMP packet: time, camera, place, rights."""

import re
from xml.etree import ElementTree as ET

from crawlset.embedded import Embedded
from crawlset.imaging import exif, texts, xmp

_DC = "{http://purl.org/dc/elements/1.1/}"
_EXIF = "{http://ns.adobe.com/exif/1.0/}"
_EXTENSION = "{http://iptc.org/std/Iptc4xmpExt/2008-02-29/}"
_PHOTOSHOP = "{http://ns.adobe.com/photoshop/1.0/}"
_PLUS = "{http://ns.useplus.org/ldf/xmp/1.0/}"
_RIGHTS = "{http://ns.adobe.com/xap/1.0/rights/}"
_TIFF = "{http://ns.adobe.com/tiff/1.0/}"
_NAMES = re.compile(
    rb"creator|rights|Credit|Licensor|WebStatement|UsageTerms|DigitalSource|DateCreated"
    rb"|DateTimeOriginal|GPSLatitude|Make|Model"
)
"""A packet without one of these has nothing that is kept, and parsing it is dear."""
_DEGREES = re.compile(
    r"(\d{1,3}(?:\.\d{1,12})?)(?:,(\d{1,2}(?:\.\d{1,12})?))?(?:,(\d{1,2}(?:\.\d{1,12})?))?([NSEW])",
    re.ASCII,
)


def read(packet: bytes) -> Embedded:
    """Fields of a packet, the location included; none of one that cannot be read."""
    if not _NAMES.search(packet.replace(b"\0", b"")):  # in UTF-16 as well
        return {}
    try:
        root = xmp.read(packet)
    except xmp.XmpRefusedError:
        return {}
    if root is None:
        return {}
    licensor = next(xmp.structures(root, f"{_PLUS}Licensor"), None)
    said = {
        "date_time_original": texts.date(
            _first(root, f"{_PHOTOSHOP}DateCreated") or _first(root, f"{_EXIF}DateTimeOriginal")
        ),
        "make": texts.cleaned(_first(root, f"{_TIFF}Make")),
        "model": texts.cleaned(_first(root, f"{_TIFF}Model")),
        "creator": texts.together(xmp.texts(root, f"{_DC}creator")),
        "copyright_notice": texts.cleaned(_first(root, f"{_DC}rights")),
        "credit_line": texts.cleaned(_first(root, f"{_PHOTOSHOP}Credit")),
        "licensor_name": texts.cleaned(_member(licensor, f"{_PLUS}LicensorName")),
        "licensor_url": texts.address(_member(licensor, f"{_PLUS}LicensorURL")),
        "web_statement": texts.address(_first(root, f"{_RIGHTS}WebStatement")),
        "usage_terms": texts.cleaned(_first(root, f"{_RIGHTS}UsageTerms")),
        "digital_source_type": texts.source_type(
            _first(root, f"{_EXTENSION}DigitalSourceType")
            or _first(root, f"{_EXTENSION}DigitalSourceFileType")
        ),
    }
    return {name: value for name, value in said.items() if value is not None} | _location(root)


def _first(root: ET.Element, name: str) -> str:
    return next(iter(xmp.texts(root, name)), "")


def _member(structure: ET.Element | None, name: str) -> str:
    return (xmp.member(structure, name) or "") if structure is not None else ""


def _location(root: ET.Element) -> Embedded:
    latitude = _degrees(_first(root, f"{_EXIF}GPSLatitude"))
    longitude = _degrees(_first(root, f"{_EXIF}GPSLongitude"))
    if latitude is None or longitude is None:
        return {}
    return exif.located(latitude, longitude)


def _degrees(text: str) -> float | None:
    """Degrees of `48,51.4933N` or `48,51,29N`."""
    match = _DEGREES.fullmatch(text.strip())
    if match is None:
        return None
    *parts, half = match.groups()
    degrees = sum(float(part) / 60**n for n, part in enumerate(parts) if part)
    return -degrees if half in "SW" else degrees
