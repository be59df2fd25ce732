"""
WebDataset shards: tars in which `{key}.jpg`, `{key}.cls` and `{key}.json` follow each other.

Loaders ask that every sample has the same fields, so the pictures of a set have one extension: that
of their format if it is one, else `jpg`. Decoders go by the bytes.
"""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

from crawlset.exports.archives import members_of
from crawlset.exports.names import extension
from crawlset.exports.options import Archive
from crawlset.exports.samples import Sample, metadata
from crawlset.kit.tar import END, header, padding


def common_extension(formats: Sequence[str]) -> str:
    return extension(formats[0]) if len(formats) == 1 else "jpg"


class WebDatasetWriter:
    def __init__(self, path: Path) -> None:
        self._out = path.open("wb")

    def append(self, sample: Sample) -> None:
        fields = json.dumps(metadata(sample), separators=(",", ":")).encode()
        self._add(sample.file_name, sample.picture.data)
        self._add(f"{sample.key}.cls", str(sample.label).encode())
        self._add(f"{sample.key}.json", fields)

    def close(self) -> None:
        self._out.write(END)
        self._out.close()

    def _add(self, name: str, body: bytes) -> None:
        self._out.write(header(name, len(body)))
        self._out.write(body)
        self._out.write(padding(len(body)))


def pictures_of(path: Path) -> Iterator[tuple[str, bytes]]:
    """Name and bytes of each picture. Raises `ValueError` for what is no such shard."""
    members = members_of(path, Archive.tar)
    for name, body in members:
        yield name, body
        key = name.partition(".")[0]
        rest = [next(members, ("", b""))[0] for _ in range(2)]
        if rest != [f"{key}.cls", f"{key}.json"]:
            raise ValueError(f"sample {key} is not whole")
