"""
Formats of exports: one class each, which is loaded when an export asks for it.

The API imports this module for the names; its function carries neither Arrow nor NumPy.
"""

from enum import StrEnum
from pkgutil import resolve_name
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from crawlset.exports.formats.base import ExportFormat

FORMATS = {
    "imagefolder": "crawlset.exports.formats.trees:ImageFolder",
    "webdataset": "crawlset.exports.formats.webdataset:WebDataset",
    "parquet": "crawlset.exports.formats.parquet:Parquet",
    "coco": "crawlset.exports.formats.coco:Coco",
    "yolo": "crawlset.exports.formats.trees:Yolo",
    "tfrecord": "crawlset.exports.formats.tfrecord:TFRecord",
    "csv": "crawlset.exports.formats.lists:Csv",
    "json": "crawlset.exports.formats.lists:Json",
    "jsonl": "crawlset.exports.formats.lists:JsonLines",
}
"""The class of each format, by the name that requests and export jobs have for it."""


class ExportFormatName(StrEnum):
    """Format in which an export is written."""

    _ignore_ = "each"
    for each in FORMATS:
        vars()[each] = each


DEFAULT = ExportFormatName("imagefolder")


def load(name: str) -> "type[ExportFormat]":
    """Import the class of the format called `name`."""
    found: type[ExportFormat] = resolve_name(FORMATS[name])
    return found
