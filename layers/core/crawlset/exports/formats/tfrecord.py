"""
TFRecord files of `tf.train.Example`, with the features that TensorFlow's image pipelines name.

A record is its length, a checksum of that, the message, and a checksum of that (CRC-32C, masked).
The message is protocol buffers' wire format, features sorted by name.
"""

import json
import struct
from collections.abc import Iterator
from pathlib import Path

from google_crc32c import value as crc32c

from crawlset.exports.formats.base import ExportFormat, Sample, metadata

_MASK = 0xA282EAD8
_LENGTH = struct.Struct("<Q")
_CHECKSUM = struct.Struct("<I")
_BYTES_FIELD = 2
_IMAGE, _NAME = "image/encoded", "image/filename"


class TFRecord(ExportFormat):
    name = "tfrecord"
    data_names = "data/{split}.tfrecord-{number:05d}-of-{n:05d}"
    contents = (("data/*.tfrecord-*", "`tf.train.Example`: `image/encoded`, `image/class/label`"),)

    def open_writer(self, path: Path) -> "TFRecordWriter":
        return TFRecordWriter(path)

    def read(self, path: Path) -> Iterator[tuple[str, bytes]]:
        for message in _records(path):
            features = {}
            ((_, entries),) = _fields(message)
            for _, entry in _fields(entries):
                (_, name), (_, feature) = _fields(entry)
                features[bytes(name).decode()] = feature
            yield bytes(_only_bytes(features[_NAME])).decode(), bytes(_only_bytes(features[_IMAGE]))


class TFRecordWriter:
    def __init__(self, path: Path) -> None:
        self._out = path.open("wb")

    def append(self, sample: Sample) -> None:
        fields = metadata(sample)
        message = example(
            {
                "image/class/label": sample.label,
                "image/class/text": sample.class_name.encode(),
                _IMAGE: sample.picture.data,
                _NAME: sample.file_name.encode(),
                "image/format": sample.picture.format.encode(),
                "image/height": sample.picture.height,
                "image/metadata": json.dumps(fields, separators=(",", ":")).encode(),
                "image/source_id": str(sample.entry["image_id"]).encode(),
                "image/width": sample.picture.width,
            }
        )
        length = _LENGTH.pack(len(message))
        self._out.write(length + _masked(length))
        self._out.write(message)
        self._out.write(_masked(message))

    def close(self) -> None:
        self._out.close()


def example(features: dict[str, bytes | int]) -> bytes:
    """A `tf.train.Example`: Features { map<string, Feature> }, a list of one value each."""
    entries = b"".join(
        _field(1, _field(1, name.encode()), _field(2, _feature(value)))
        for name, value in sorted(features.items())
    )
    return _field(1, entries)


def _records(path: Path) -> Iterator[memoryview]:
    with path.open("rb") as file:
        while head := file.read(_LENGTH.size + _CHECKSUM.size):
            length = head[: _LENGTH.size]
            message = file.read(*_LENGTH.unpack(length))
            if head != length + _masked(length) or file.read(_CHECKSUM.size) != _masked(message):
                raise ValueError("a record has another checksum")
            yield memoryview(message)


def _masked(data: bytes) -> bytes:
    crc = crc32c(data)
    return _CHECKSUM.pack(((crc >> 15 | crc << 17) + _MASK) & 0xFFFFFFFF)


def _feature(value: bytes | int) -> bytes:
    """Encode a Feature: BytesList is its field 1, Int64List field 3, whose numbers are packed."""
    if isinstance(value, bytes):
        return _field(1, _field(1, value))
    return _field(3, _field(1, _varint(value)))


def _field(number: int, *bodies: bytes) -> bytes:
    body = b"".join(bodies)
    return _varint(number << 3 | _BYTES_FIELD) + _varint(len(body)) + body


def _varint(number: int) -> bytes:
    out = bytearray()
    while number > 0x7F:  # noqa: PLR2004
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def _fields(message: memoryview) -> Iterator[tuple[int, memoryview]]:
    """Number and body of each field; all are of bytes."""
    at = 0
    while at < len(message):
        tag, at = _read_varint(message, at)
        length, at = _read_varint(message, at)
        yield tag >> 3, message[at : at + length]
        at += length


def _read_varint(message: memoryview, at: int) -> tuple[int, int]:
    number = shift = 0
    while True:
        byte = message[at]
        number |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:  # noqa: PLR2004
            return number, at


def _only_bytes(feature: memoryview) -> memoryview:
    ((_, values),) = _fields(feature)
    ((_, value),) = _fields(values)
    return value
