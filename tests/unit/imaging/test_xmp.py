"""Packets that a reader would pay for, and those that anybody writes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawlset.imaging.xmp import MAX_BYTES, MAX_DEPTH, XmpRefusedError, read
from tests.unit.imaging.xmp_packets import AS_ATTRIBUTE, AS_RESOURCE, AS_TEXT, packet

ENCODINGS = ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"]
DECLARING = '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]><x>&b;</x>'


def nested(depth: int) -> bytes:
    return b"<a>" * depth + b"</a>" * depth


class TestRead:
    @pytest.mark.parametrize("inside", [AS_ATTRIBUTE, AS_TEXT, AS_RESOURCE, ""])
    @pytest.mark.parametrize("encoding", ENCODINGS)
    def test_gives_the_same_elements_in_every_encoding(self, inside: str, encoding: str) -> None:
        plain = packet(inside)
        root, other = read(plain), read(plain.decode().encode(encoding))

        assert root is not None
        assert other is not None
        assert root.tag == "{adobe:ns:meta/}xmpmeta"
        assert [(one.tag, one.attrib, one.text) for one in other.iter()] == [
            (one.tag, one.attrib, one.text) for one in root.iter()
        ]

    @pytest.mark.parametrize("encoding", ENCODINGS)
    def test_refuses_a_document_type_in_every_encoding(self, encoding: str) -> None:
        with pytest.raises(XmpRefusedError, match="document type"):
            read(DECLARING.encode(encoding))

    def test_refuses_what_is_nested_deep(self) -> None:
        assert read(nested(MAX_DEPTH)) is not None
        with pytest.raises(XmpRefusedError, match="deeper than 64"):
            read(nested(MAX_DEPTH + 1))

    def test_refuses_what_is_large(self) -> None:
        with pytest.raises(XmpRefusedError, match="over 4194304 bytes"):
            read(b"<a>" + bytes(MAX_BYTES))

    @given(st.binary(max_size=200) | st.text("<>/&;a='x:!?[] \0", max_size=60).map(str.encode))
    def test_ends_on_any_bytes(self, data: bytes) -> None:
        try:
            root = read(data)
        except XmpRefusedError:
            assert b"<!DOCTYPE" in data.replace(b"\0", b"")
        else:
            assert root is None or len(list(root.iter())) <= data.count(b"<")
