"""
WebDataset shards: tars in which `{key}.jpg`, `{key}.cls` and `{key}.json` follow each other.

Loaders ask that every sample has the same fields, so the pictures of a set have one extension: that
of their format if it is one, else `jpg`. Decoders go by the bytes.
"""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

from crawlset.exports.croissant_terms import ImageDescription, in_archives
from crawlset.exports.formats.archives import members_of
from crawlset.exports.formats.base import ExportFormat, Sample, metadata
from crawlset.exports.names import extension
from crawlset.exports.options import Archive
from crawlset.kit.tar import END, header, padding


class WebDataset(ExportFormat):
    name = "webdataset"
    data_names = "data/{split}-{number:06d}.tar"
    contents = (("data/*.tar", "samples of `jpg`, `cls` and `json`"),)
    is_read_by_hub = True
    loaded_by = "load_dataset('webdataset', data_files={'train': 'data/train-*'})"

    def file_name(self, split: str, class_name: str, key: str, image_format: str) -> str:  # noqa: ARG002, one extension for all
        transform = self.options.transform
        formats = self.plan.formats if transform is None else [transform.format]
        return f"{key}.{extension(formats[0]) if len(formats) == 1 else 'jpg'}"

    def open_writer(self, path: Path) -> "WebDatasetWriter":
        return WebDatasetWriter(path)

    def read(self, path: Path) -> Iterator[tuple[str, bytes]]:
        members = members_of(path, Archive.tar)
        for name, body in members:
            yield name, body
            key = name.partition(".")[0]
            rest = [next(members, ("", b""))[0] for _ in range(2)]
            if rest != [f"{key}.cls", f"{key}.json"]:
                raise ValueError(f"sample {key} is not whole")

    def describe_images(self, data: Sequence[str]) -> ImageDescription:
        return in_archives(data)


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
