"""The function of relevance: photographs from packs in, probabilities and vectors out."""

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from crawlset.kit import objects
from crawlset.measuring.handler import handler_of
from crawlset.measuring.onnx_model import ModelDamagedError, ModelMissingError
from crawlset.measuring.relevance import Relevance
from crawlset_local.sample_site.photographs import PHOTOGRAPHS
from tests.integration.measuring.batches import put_batch
from tests.invocations import CONTEXT


def file_of(mode: str) -> bytes:
    """A cup of coffee in a mode of Pillow."""
    body = io.BytesIO()
    with Image.open(PHOTOGRAPHS["coffee"].path) as image:
        image.convert(mode).save(body, "PNG")
    return body.getvalue()


def request(bucket: str, *bodies: bytes) -> dict[str, Any]:
    """The event about a batch of these files, all of the keyword `coffee`."""
    return put_batch(bucket, *bodies, version=Relevance.version, keyword="coffee")


class TestRelevance:
    @pytest.mark.usefixtures("models")
    def test_measures_what_can_be_opened(self, bucket: str) -> None:
        tiny = io.BytesIO()
        Image.new("RGB", (1, 1)).save(tiny, "PNG")
        bodies = [file_of("RGB"), b"\x89PNG\r\n\x1a\ncut", file_of("L"), file_of("RGBA")]

        event = request(bucket, *bodies, tiny.getvalue())

        told = handler_of(Relevance)(event, CONTEXT)["images"]

        assert [one["image_id"] for one in told] == [0, 1, 2, 3, 4]
        assert "error" in told[1]
        coffees = [told[i]["measures"]["class_probability"] for i in (0, 2, 3)]
        assert min(coffees) > 0.5 > told[4]["measures"]["class_probability"]
        vectors = np.load(io.BytesIO(objects.get(event["key"].replace(".json", ".npy"))))
        assert vectors.shape == (4, 1_280)

    def test_raises_one_clear_error_without_its_model(
        self, bucket: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("MODELS_FOLDER", str(tmp_path))
        event = request(bucket, file_of("RGB"))

        with pytest.raises(ModelMissingError, match="make models"):
            handler_of(Relevance)(event, CONTEXT)

    def test_raises_one_clear_error_with_a_damaged_model(
        self, bucket: str, models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        name = "efficientnet-lite0.onnx"
        (tmp_path / name).write_bytes((models / name).read_bytes()[:1_000_000])
        monkeypatch.setenv("MODELS_FOLDER", str(tmp_path))
        event = request(bucket, file_of("RGB"))

        with pytest.raises(ModelDamagedError, match=name):
            handler_of(Relevance)(event, CONTEXT)
