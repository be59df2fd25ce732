"""The deployed functions `text`, `nsfw` and `faces`, from a batch in the bucket to answers."""

import io
from collections.abc import Callable
from typing import Any

import pytest

from crawlset.measuring.faces import Faces
from crawlset.measuring.handler import handler_of
from crawlset.measuring.onnx_model import ModelMissingError
from crawlset_local.sample_site.photographs import photograph_pixels
from functions.faces import app as faces
from functions.nsfw import app as nsfw
from functions.text import app as text
from tests.integration.measuring.batches import put_batch
from tests.invocations import CONTEXT
from tests.mortal_decoder import DEADLY

Ask = Callable[..., list[dict[str, Any]]]
FUNCTIONS = {
    "text": (text.handler, "pp-ocrv6-small-1", {"characters", "area"}),
    "nsfw": (nsfw.handler, "open-nsfw-1", {"nsfw"}),
    "faces": (faces.handler, "centerface-1", {"faces", "area"}),
}


def picture(name: str, mode: str = "RGB", size: tuple[int, int] | None = None) -> bytes:
    body = io.BytesIO()
    shown = photograph_pixels(name).convert(mode)
    (shown.resize(size) if size else shown).save(body, "PNG")
    return body.getvalue()


@pytest.fixture
def ask(bucket: str) -> Ask:
    """What a handler says of these files, ids from 0."""

    def invoke(handler: Any, version: str, *bodies: bytes) -> list[dict[str, Any]]:
        answer = handler(put_batch(bucket, *bodies, version=version, keyword="cat"), CONTEXT)
        told: list[dict[str, Any]] = answer["images"]
        return told

    return invoke


@pytest.mark.parametrize("name", FUNCTIONS)
class TestEveryFunction:
    def test_measures_grey_clear_tiny_and_huge_pictures(self, ask: Ask, name: str) -> None:
        handler, version, measures = FUNCTIONS[name]
        bodies = [
            picture("camera", "L"),
            picture("astronaut", "RGBA"),
            picture("coffee", size=(1, 1)),
            picture("coffee", size=(6_000, 40)),
        ]

        told = ask(handler, version, *bodies)

        assert [one["image_id"] for one in told] == [0, 1, 2, 3]
        assert [set(one["measures"]) for one in told] == [measures] * 4

    @pytest.mark.usefixtures("mortal_decoder")
    def test_loses_only_pictures_that_cannot_be_opened(self, ask: Ask, name: str) -> None:
        handler, version, _ = FUNCTIONS[name]
        whole = picture("coffee")

        told = ask(handler, version, whole, whole[:2_000], DEADLY, b"no picture", whole)

        assert [set(one) - {"image_id"} for one in told] == [
            {"measures"},
            {"error"},
            {"error"},
            {"error"},
            {"measures"},
        ]
        assert told[0]["measures"] == told[-1]["measures"]


class TestFaces:
    def test_are_told_with_their_places(self, ask: Ask) -> None:
        (told,) = ask(faces.handler, "centerface-1", picture("astronaut"))

        assert told["measures"]["faces"] == 1
        ((left, top, width, height),) = told["details"]["faces"]
        assert (left, top) == pytest.approx((3_500, 1_100), abs=300)
        assert (width, height) == pytest.approx((1_800, 2_300), abs=400)

    def test_are_not_measured_without_their_model(self, ask: Ask, tmp_path, monkeypatch) -> None:
        monkeypatch.setenv("MODELS_FOLDER", str(tmp_path))

        with pytest.raises(ModelMissingError, match=r"centerface\.onnx is missing"):
            ask(handler_of(Faces), "centerface-1", picture("astronaut"))
