"""
A reader of XMP packets, which anyone may have written: whatever they are, it ends soon and small.

Expat calls it element by element, in every encoding alike, so that it can refuse while it reads.
"""

from contextlib import suppress
from xml.etree import ElementTree as ET
from xml.parsers import expat

MAX_BYTES = 4 << 20
"""Size limit of a packet. A JPEG's has at most 64 KiB; editors write long histories elsewhere."""
MAX_DEPTH = 64
"""Elements in each other, at most. What XMP can say needs about twenty."""


class XmpRefusedError(Exception):
    """A packet with what no XMP needs, and a reader would pay for."""


def read(packet: bytes) -> ET.Element | None:
    """
    Root element of `packet`, whatever stands behind it; `None` if it is not well-formed XML.

    Raises:
        XmpRefusedError: it has a document type, is nested deeper than `MAX_DEPTH` or has more than
            `MAX_BYTES`.
    """
    if len(packet) > MAX_BYTES:
        raise XmpRefusedError(f"an XMP packet over {MAX_BYTES} bytes")
    reading = _Reading()
    # OSError: a child of ours cannot load the codec of a rare encoding.
    with suppress(expat.ExpatError, ValueError, LookupError, OSError):
        reading.parser.Parse(packet.lstrip(b" \t\r\n"), True)
    return reading.root


class _Reading:
    def __init__(self) -> None:
        self.root: ET.Element | None = None
        """When it is whole."""
        self._builder = ET.TreeBuilder()
        self._depth = 0
        self.parser = parser = expat.ParserCreate(namespace_separator="}")
        parser.buffer_text = True
        parser.StartDoctypeDeclHandler = _refuse_document_type
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._builder.data

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise XmpRefusedError(f"an XMP packet nested deeper than {MAX_DEPTH} elements")
        self._builder.start(
            _qualified(name), {_qualified(key): value for key, value in attributes.items()}
        )

    def _end(self, name: str) -> None:
        self._depth -= 1
        self._builder.end(_qualified(name))
        if self._depth == 0:
            self.root = self._builder.close()


def _qualified(name: str) -> str:
    """The name as ElementTree writes it, `{namespace}name`."""
    return "{" + name if "}" in name else name


def _refuse_document_type(*_: object) -> None:
    raise XmpRefusedError("an XMP packet with a document type")
