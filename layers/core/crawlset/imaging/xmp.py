"""
A reader of XMP packets, which anyone may have written: whatever they are, it ends soon and small.

Expat calls it element by element, in every encoding alike, so that it can refuse while it reads.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
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


Properties = Mapping[str, Sequence[str | ET.Element]]
"""What is said of a picture, by `{namespace}name`: attributes and elements."""


def properties(root: ET.Element) -> Properties:
    """The picture's own properties; not those of other pictures that it was made of."""
    found: dict[str, list[str | ET.Element]] = defaultdict(list)
    for rdf in islice(root.iter(f"{_RDF}RDF"), 1):
        for description in rdf.iterfind(f"{_RDF}Description"):
            for name, value in description.items():
                found[name].append(value)
            for element in description:
                found[element.tag].append(element)
    return found


def texts(of: Properties, name: str) -> list[str]:
    """Texts of a property; of several languages the default comes first."""
    return [value for value in _values(of.get(name, ())) if isinstance(value, str)]


def structures(of: Properties, name: str) -> Iterator[Properties]:
    """Values of a property that have fields themselves, by their fields."""
    for value in _values(of.get(name, ())):
        if not isinstance(value, str):
            holders = (value, *value.iterfind(f"{_RDF}Description"))
            attributes = {name: [text] for holder in holders for name, text in holder.items()}
            yield attributes | {field.tag: [field] for holder in holders for field in holder}


def _values(stated: Iterable[str | ET.Element]) -> Iterator[str | ET.Element]:
    """The value of a property, or its values if it is a list."""
    for one in stated:
        if isinstance(one, str):
            yield one
            continue
        containers = [child for child in one if child.tag in _CONTAINERS]
        items = [item for container in containers for item in container.iterfind(f"{_RDF}li")]
        items.sort(key=lambda item: item.get(_LANGUAGE, "x-default") != "x-default")
        for item in items if containers else [one]:
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
