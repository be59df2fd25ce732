"""A small dataset as docs/exports.md says that an export lays it out."""

import hashlib
import io
import json
import zipfile
from typing import Any

from tests.unit.client.fake_answers import SETTLED


def zip_of(members: dict[str, bytes]) -> bytes:
    body = io.BytesIO()
    with zipfile.ZipFile(body, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return body.getvalue()


def dataset_files() -> dict[str, bytes]:
    """Five images in two archives, beside a manifest of ten candidates."""
    trees = {
        "data/train-00000.zip": {
            "train/cat/a.jpg": b"a",
            "train/coffee/b.png": b"b",
            "validation/cat/c.jpg": b"c",
        },
        "data/train-00001.zip": {"test/rocket/d.gif": b"d", "train/rocket/e.webp": b"e"},
    }
    held = [(data_file, name, tree[name]) for data_file, tree in trees.items() for name in tree]
    outcomes = [outcome for outcome, n in SETTLED.items() for _ in range(n)]
    lines = [
        manifest_line(n, outcome, *(held[n] if n < len(held) else (None, None, b"")))
        for n, outcome in enumerate(outcomes)
    ]
    return {
        **{name: zip_of(tree) for name, tree in trees.items()},
        "manifest.jsonl": "".join(f"{json.dumps(line)}\n" for line in lines).encode(),
        "README.md": b"# Images\n",
    }


def manifest_line(
    n: int, outcome: str, data_file: str | None, name: str | None, body: bytes
) -> dict[str, Any]:
    split, class_name, _ = name.split("/") if name else (None, None, None)
    return {
        "url": f"http://host.test/{n}",
        "outcome": outcome,
        "rule": None,
        "sha256": hashlib.sha256(body).hexdigest(),
        "split": split,
        "class": class_name,
        "data_file": data_file,
        "file_name": name,
        "left_out": None,
        "left_out_detail": None,
    }
