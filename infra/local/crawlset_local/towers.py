"""A pair of networks like CLIP's, from a folder of this machine into the bucket of its cloud."""

import hashlib
from pathlib import Path

from crawlset_local import emulator
from crawlset_local.errors import LocalCloudError

FILES = ("image.onnx", "text.onnx", "tokenizer.json", "settings.json")
KEY = "models/towers"
"""Where they lie in the bucket."""
VERSION_LETTERS = 16


class TowersMissingError(LocalCloudError):
    """The folder lacks a file of the towers."""

    def __init__(self, folder: Path, missing: list[str]) -> None:
        super().__init__(f"{folder} has no {', '.join(missing)}; docs/measurers.md describes them.")


def towers_parameters(folder: Path | None) -> dict[str, str]:
    """
    Parameters of the template that deploy the towers, or none of them without a folder.

    The version changes with any of the files.

    Raises:
        TowersMissingError: a file is not there.
    """
    if folder is None:
        return {}
    if missing := [name for name in FILES if not (folder / name).is_file()]:
        raise TowersMissingError(folder, missing)
    digest = hashlib.sha256()
    for name in FILES:
        with (folder / name).open("rb") as stream:
            digest.update(hashlib.file_digest(stream, "sha256").digest())
    return {"TowersFolder": KEY, "TowersVersion": digest.hexdigest()[:VERSION_LETTERS]}


def put_towers(folder: Path, bucket: str, port: int) -> None:
    """Copy the towers into the bucket of the emulator at `port`."""
    s3 = emulator.session().client("s3", endpoint_url=emulator.url(port))
    for name in FILES:
        s3.upload_file(str(folder / name), bucket, f"{KEY}/{name}")
