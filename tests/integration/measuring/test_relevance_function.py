"""The function of relevance: photographs from packs in, probabilities and vectors out."""

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from crawlset.kit import objects
from crawlset.measuring.handler import handler_of
from crawlset.measuring.onnx_model import ModelDamagedError, ModelMissingError
from crawlset.measuring.relevance import Relevance
from crawlset.wire.measurements import MeasurementBatch
from crawlset.wire.validators import BatchImage, ValidatorRequest
from crawlset_local.sample_site.photographs import PHOTOGRAPHS
from tests.invocations import CONTEXT

BATCH, PACK = "validations/1/measurements/0.json", "jobs/1/chunks/2/1-a.tar"


def file_of(mode: str) -> bytes:
    """A cup of coffee in a mode of Pillow."""
    body = io.BytesIO()
    with Image.open(PHOTOGRAPHS["coffee"].path) as image:
        image.convert(mode).save(body, "PNG")
    return body.getvalue()


def request(bucket: str, *bodies: bytes) -> dict[str, Any]:
    """The event about a batch of these files, all of the keyword `coffee`."""
    images, offset = [], 0
    for id_, body in enumerate(bodies):
        images.append(
            BatchImage(
                image_id=id_,
                key=PACK,
                offset=offset,
                length=len(body),
                sha256="",
                format="png",
                width=1,
                height=1,
                keyword="coffee",
            )
        )
        offset += len(body)
    objects.put(PACK, b"".join(bodies))
    batch = MeasurementBatch(
        measurer="relevance",
        version=Relevance.version,
        vectors="validations/1/measurements/0.npy",
        answer="validations/1/measurements/0.answer.json",
        images=images,
    )
    objects.put(BATCH, json.dumps(batch.to_json()).encode())
    event: dict[str, Any] = ValidatorRequest(bucket, BATCH).to_json()
    return event


class TestRelevance:
    @pytest.mark.usefixtures("models")
    def test_measures_what_can_be_opened(self, bucket: str) -> None:
        tiny = io.BytesIO()
        Image.new("RGB", (1, 1)).save(tiny, "PNG")
        bodies = [file_of("RGB"), b"\x89PNG\r\n\x1a\ncut", file_of("L"), file_of("RGBA")]

        told = handler_of(Relevance)(request(bucket, *bodies, tiny.getvalue()), CONTEXT)["images"]

        assert [one["image_id"] for one in told] == [0, 1, 2, 3, 4]
        assert "error" in told[1]
        coffees = [told[i]["measures"]["class_probability"] for i in (0, 2, 3)]
        assert min(coffees) > 0.5 > told[4]["measures"]["class_probability"]
        vectors = np.load(io.BytesIO(objects.get("validations/1/measurements/0.npy")))
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
