"""What functions may do, by the kinds of object that they may do it to."""

from fnmatch import fnmatchcase
from uuid import UUID

from crawlset.measuring.base import Measurer
from crawlset.measuring.faces import Faces
from crawlset.measuring.nsfw import Nsfw
from crawlset.measuring.relevance import Relevance
from crawlset.measuring.text import Text
from crawlset.wire import keys
from functions.palette.app import Palette
from tests.infra.stack import listed, role_of, statements

MEASURERS: dict[str, type[Measurer]] = {
    "FacesFunction": Faces,
    "NsfwFunction": Nsfw,
    "PaletteFunction": Palette,
    "RelevanceFunction": Relevance,
    "TextFunction": Text,
}
"""The class of each measurer that is built in."""
TOWERS = "TowersFunction"
"""The measurer whose version is told by what the deployment puts into its bucket."""
ID = UUID(int=7)
KEYS = {
    "upload": keys.upload(ID, ID),
    "candidates": keys.candidates(ID, ID, 3),
    "deferral": keys.deferral(ID),
    "input": keys.chunk_input(ID, ID, 1),
    "pack": keys.pack(ID, ID, 1, "token"),
    "outcome": keys.outcome(ID, ID),
    "tombstone": keys.cancelled(ID, 2),
    "export": keys.export_file(ID, "dataset.zip"),
    "batch": keys.validation_file(ID, "batches/3.json"),
    "measurements": keys.validation_file(ID, "measurements/3.json"),
    "answer": keys.validation_file(ID, "measurements/3.answer.json"),
    "npy": keys.validation_file(ID, "measurements/3.npy"),
    "vectors": keys.vectors(ID, "palette", "a-part"),
    "execution": keys.execution("a-name"),
    "model": "models/clip/image.onnx",
    "hashes": keys.validation_file(ID, "near_duplicates/images.npz"),
}


def actions_of(function: str) -> set[str]:
    role = role_of(function)
    return {action for s in statements(role) for action in listed(s["Action"])}


def objects_that(function: str, action: str) -> set[str]:
    """Which kinds of object `function` may do `action` to."""
    patterns = [
        resource["Fn::Sub"].removeprefix("${Bucket.Arn}/")
        for statement in statements(role_of(function))
        if action in listed(statement["Action"])
        for resource in listed(statement["Resource"])
    ]
    return {kind for kind, key in KEYS.items() if any(fnmatchcase(key, p) for p in patterns)}
