"""What is written into the files of an export, whatever their format."""

from dataclasses import dataclass
from typing import Any, Protocol

from crawlset import licences
from crawlset.exports.pictures import Picture


@dataclass(frozen=True, slots=True)
class Sample:
    """One image of an export."""

    key: str
    split: str
    label: int
    class_name: str
    file_name: str
    """In its file of data."""
    picture: Picture
    entry: dict[str, Any]
    """Its line of the manifest."""


class Writer(Protocol):
    """Writes a file of data, sample by sample; one is in memory."""

    def append(self, sample: Sample) -> None: ...
    def close(self) -> None: ...


def metadata(sample: Sample) -> dict[str, str | int]:
    """
    What a loader gives along with a picture, always of the same fields and types.

    A text that is not known is empty: loaders take the type of a field from its first values.
    """
    entry = sample.entry
    texts = {
        "file_name": sample.file_name,
        "class": sample.class_name,
        "url": entry["url"],
        "landing_url": entry["landing_url"],
        "source": entry["source"],
        "query": entry["query"],
        "keyword": entry["keyword"],
        "licence": entry["licence"],
        "licence_url": licences.address(entry["licence"] or ""),
        "creator": entry["creator"],
        "title": entry["title"],
        "attribution": entry["attribution"],
        "sha256": entry["sha256"],
        "format": sample.picture.format,
    }
    numbers = {
        "image_id": entry["image_id"],
        "label": sample.label,
        "width": sample.picture.width,
        "height": sample.picture.height,
    }
    return {**{name: text or "" for name, text in texts.items()}, **numbers}
