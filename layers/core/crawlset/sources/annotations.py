"""Images and their annotations in tables of their own, as COCO has them."""

import json
from collections.abc import Iterable, Iterator
from typing import Any

IMAGES = "images"
ANNOTATIONS = "annotations"
LICENCES = "licenses"
CLASSES = "categories"
TABLES = frozenset({IMAGES, LICENCES, CLASSES})
"""Tables whose URLs are not by themselves those of the list."""
NAMES = TABLES | {ANNOTATIONS}
MAX_VALUE_CHARS = 4_096
"""What is longer as JSON, such as the outline of a thing, is left out."""


class Tables:
    """
    The tables of one file, in as little memory as their JSON takes.

    An annotation says by `image_id` which image it is of, and by `category_id` which class it
    names; an image says by `license` which licence it has. Classes may come last
    (https://cocodataset.org/#format-data).
    """

    def __init__(self) -> None:
        self._tables: dict[str, list[str]] = {}

    def __bool__(self) -> bool:
        return IMAGES in self._tables

    def add(self, name: str, rows: Iterable[Any]) -> None:
        """Keep the table `name`."""
        self._tables[name] = [*map(_packed, rows)]

    def joined(self) -> Iterator[dict[str, Any]]:
        """
        An image with an annotation each; images without one come last, by themselves.

        Of images with one number the first has the annotations.
        """
        licences = self._words(LICENCES, "url")
        classes = self._words(CLASSES, "name")
        images: dict[str, str] = {}
        alone = []
        for text in self._tables.pop(IMAGES):
            key = json.loads(text).get("id")
            if key is None or _key(key) in images:
                alone.append(text)
            else:
                images[_key(key)] = text
        seen = set()
        for text in self._tables.pop(ANNOTATIONS, []):
            annotation = json.loads(text)
            key = _key(annotation.get("image_id"))
            image = json.loads(images[key]) if key in images else {}
            seen.add(key)
            if (word := classes.get(_key(annotation.get("category_id")))) is not None:
                annotation["category"] = word
            if "id" in annotation:
                annotation["annotation_id"] = annotation.pop("id")
            yield _licensed(image, licences) | annotation
        alone += [text for key, text in images.items() if key not in seen]
        for text in alone:
            yield _licensed(json.loads(text), licences)

    def _words(self, table: str, name: str) -> dict[str, Any]:
        rows = map(json.loads, self._tables.get(table, []))
        return {_key(row.get("id")): row.get(name) or row.get("name") for row in rows}


def _licensed(image: dict[str, Any], licences: dict[str, Any]) -> dict[str, Any]:
    word = licences.get(_key(image.get("license")))
    return image if word is None else image | {"license": word, "license_id": image["license"]}


def _key(value: Any) -> str:
    """Numbers and texts that name the same row: 1 and "1"."""
    return str(value)


def _packed(row: Any) -> str:
    """JSON of what is not too long in `row`."""
    if not isinstance(row, dict):
        return "{}"
    return json.dumps(
        {
            name: value
            for name, value in row.items()
            if not isinstance(value, list | dict) or len(json.dumps(value)) <= MAX_VALUE_CHARS
        },
        separators=(",", ":"),
    )
