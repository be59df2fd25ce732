"""What EfficientNet-Lite0 says of pictures and keywords."""

import numpy as np
import onnx
import pytest
from onnx import numpy_helper
from PIL import Image

from crawlset.measuring.base import Measured
from crawlset.measuring.onnx_model import ModelDamagedError, ModelMissingError
from crawlset.measuring.relevance import Relevance, square
from crawlset_local.sample_site.photographs import PHOTOGRAPHS
from tests.unit.measuring import toy_models


def photograph(name: str) -> np.ndarray:
    with Image.open(PHOTOGRAPHS[name].path) as image:
        image.thumbnail((Relevance.max_side, Relevance.max_side))
        return np.asarray(image.convert("RGB"))


def vector_of(measured: Measured) -> np.ndarray:
    assert measured.vector is not None
    return measured.vector


def cosine(one: np.ndarray, other: np.ndarray) -> float:
    return float(one @ other / np.linalg.norm(one) / np.linalg.norm(other))


@pytest.mark.usefixtures("models")
class TestMeasure:
    @pytest.mark.parametrize(
        ("name", "keyword", "other"),
        [("chelsea", "cat", "dog"), ("coffee", "coffee", "teapot"), ("rocket", "rocket", "bird")],
    )
    def test_says_how_likely_the_keyword_is(self, name: str, keyword: str, other: str) -> None:
        picture = photograph(name)

        here, there = Relevance().measure([picture, picture], [keyword, other])

        assert here.measures["class_probability"] > 0.2
        assert there.measures["class_probability"] < 0.05

    def test_names_the_likeliest_classes(self) -> None:
        (coffee,) = Relevance().measure([photograph("coffee")], ["coffee"])

        assert coffee.details["classes"][0] == ("espresso", pytest.approx(0.95, abs=0.04))
        assert len(coffee.details["classes"]) == 3

    def test_tells_what_the_keyword_was_taken_for(self) -> None:
        picture = photograph("chelsea")

        dogs, sunset = Relevance().measure([picture, picture], ["Toy Dogs", "sunset"])

        assert (dogs.details["noun"], dogs.details["n_classes"]) == ("toy dog", 8)
        assert "noun" not in sunset.details

    @pytest.mark.parametrize("keyword", [None, "", "sunset", "猫"])
    def test_has_no_probability_without_a_class(self, keyword) -> None:
        (measured,) = Relevance().measure([photograph("rocket")], [keyword])

        assert measured.measures == {}
        assert vector_of(measured).shape == (1_280,)

    def test_gives_like_pictures_like_vectors(self) -> None:
        cat = photograph("chelsea")
        cropped, coffee = cat[20:, 10:-30], photograph("coffee")

        first, second, third = [
            vector_of(one) for one in Relevance().measure([cat, cropped, coffee], [None] * 3)
        ]

        assert first.shape == (1_280,)
        assert cosine(first, second) > 0.8
        assert cosine(first, third) < 0.4

    @pytest.mark.parametrize(
        "shape", [(1, 1, 3), (1, 384, 3), (384, 1, 3), (2_048, 1_500, 3), (225, 225, 3)], ids=str
    )
    def test_takes_pictures_of_any_size(self, shape) -> None:
        (measured,) = Relevance().measure([np.full(shape, 200, np.uint8)], ["cat"])

        assert 0 <= measured.measures["class_probability"] <= 1
        assert np.isfinite(vector_of(measured)).all()

    def test_takes_grey_pictures(self) -> None:
        grey = np.broadcast_to(photograph("coffee").mean(axis=2, keepdims=True), (256, 384, 3))

        (measured,) = Relevance().measure([grey.astype(np.uint8)], ["coffee"])

        assert measured.measures["class_probability"] > 0.5

    def test_measures_each_as_if_it_were_alone(self) -> None:
        pictures = [photograph(name) for name in PHOTOGRAPHS] * 2
        relevance = Relevance()

        together = relevance.measure(pictures, ["cat"] * len(pictures))
        alone = [relevance.measure([one], ["cat"])[0] for one in pictures[:3]]

        assert len(together) == len(pictures) > 16
        for one, other in zip(alone, together[:3], strict=True):
            assert np.allclose(vector_of(one), vector_of(other), atol=1e-4)

    def test_measures_no_pictures(self) -> None:
        assert Relevance().measure([], []) == []


class TestSquare:
    def test_takes_the_middle(self) -> None:
        wide = np.zeros((100, 300, 3), np.uint8)
        wide[:, 100:200] = 255

        middle = square(wide, 10)

        assert middle.shape == (10, 10, 3)
        assert (middle[:, 1:-1] == 255).all()


class TestRelevance:
    def test_says_when_the_model_is_missing(self, tmp_path, monkeypatch) -> None:
        monkeypatch.setenv("MODELS_FOLDER", str(tmp_path))

        with pytest.raises(ModelMissingError, match="make models"):
            Relevance()

    @pytest.mark.parametrize(
        "data", [b"", toy_models.linear(), toy_models.linear()[:-9]], ids=["empty", "other", "cut"]
    )
    def test_says_when_the_model_is_damaged(self, data: bytes, tmp_path, monkeypatch) -> None:
        monkeypatch.setenv("MODELS_FOLDER", str(tmp_path))
        (tmp_path / "efficientnet-lite0.onnx").write_bytes(data)

        with pytest.raises(ModelDamagedError, match=r"efficientnet-lite0\.onnx"):
            Relevance()

    def test_says_when_the_model_gives_no_numbers(self, models, tmp_path, monkeypatch) -> None:
        model = onnx.load(models / "efficientnet-lite0.onnx")
        for one in model.graph.initializer:
            if one.name == "_fc.bias":
                one.CopyFrom(numpy_helper.from_array(np.full(1_000, np.nan, np.float32), one.name))
        (tmp_path / "efficientnet-lite0.onnx").write_bytes(model.SerializeToString())
        monkeypatch.setenv("MODELS_FOLDER", str(tmp_path))

        with pytest.raises(ModelDamagedError, match="no numbers"):
            Relevance().measure([photograph("coffee")], ["coffee"])
