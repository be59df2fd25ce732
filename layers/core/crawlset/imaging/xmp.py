"""
A reader of XMP packets, which anyone may have written: whatever they are, it ends soon and small.

Expat calls it element by element, in every encoding alike, so that it can refuse while it reads.
"""

from collections.abc import Iterator
from contextlib import suppress
from itertools import islice
from xml.etree import ElementTree as ET
from xml.parsers import expat

MAX_BYTES = 4 << 20
"""Size limit of a packet. A JPEG's has at most 64 KiB; editors write long histories elsewhere."""
MAX_DEPTH = 64
"""Elements in each other, at most. What XMP can say needs about twenty."""
_RDF = "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}"
_LANGUAGE = "{http://www.w3.org/XML/1998/namespace}lang"
_CONTAINERS = frozenset({f"{_RDF}Alt", f"{_RDF}Bag", f"{_RDF}Seq"})


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


def texts(root: ET.Element, name: str) -> list[str]:
    """
    Texts of the picture's own property `name`, as `{namespace}name`.

    Of several languages the default comes first. What is said of other pictures, which this one
    was made of, is not among them.
    """
    return [value for value in _values_of(root, name) if isinstance(value, str)]


def structures(root: ET.Element, name: str) -> Iterator[ET.Element]:
    """Values of the picture's own property `name` that have fields themselves."""
    return (value for value in _values_of(root, name) if not isinstance(value, str))


def member(structure: ET.Element, name: str) -> str | None:
    """The text of a structure's field `name`."""
    for holder in (structure, *structure.iterfind(f"{_RDF}Description")):
        if name in holder.attrib:
            return holder.attrib[name]
        for element in holder.iterfind(name):
            return next((value for value in _values(element) if isinstance(value, str)), None)
    return None


def _values_of(root: ET.Element, name: str) -> Iterator[str | ET.Element]:
    for description in _own_descriptions(root):
        if name in description.attrib:
            yield description.attrib[name]
        for element in description.iterfind(name):
            yield from _values(element)


def _own_descriptions(root: ET.Element) -> Iterator[ET.Element]:
    """Descriptions of the picture itself, which lie right below the one `rdf:RDF`."""
    for rdf in islice(root.iter(f"{_RDF}RDF"), 1):
        yield from rdf.iterfind(f"{_RDF}Description")


def _values(element: ET.Element) -> Iterator[str | ET.Element]:
    """A property's value, or its values if it is a list."""
    containers = [child for child in element if child.tag in _CONTAINERS]
    items = [item for container in containers for item in container.iterfind(f"{_RDF}li")]
    items.sort(key=lambda item: item.get(_LANGUAGE, "x-default") != "x-default")
    for item in items if containers else [element]:
        has_fields = len(item) > 0 or any(
            not name.startswith((_RDF, _LANGUAGE)) for name in item.attrib
        )
        yield item if has_fields else item.get(f"{_RDF}resource") or item.text or ""


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
