"""Which faces are found, and where."""

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from crawlset.measuring.faces import Faces
from crawlset.measuring.onnx_model import ModelDamagedError, ModelMissingError
from crawlset_local.sample_site.photographs import PHOTOGRAPHS
from tests.unit.measuring import toy_models
from tests.unit.measuring.watermarks import photograph

FACE = (0.35, 0.11, 0.53, 0.34)
"""Left, top, right and bottom of the face in `astronaut`, found by eye."""
WITH_FACES = ("astronaut", "camera")


@pytest.fixture
def faces(models) -> Faces:
    return Faces()


def n_faces(faces: Faces, picture: np.ndarray) -> float:
    (measured,) = faces.measure([picture], [None])
    return measured.measures["faces"]


def overlap(one: np.ndarray, other: np.ndarray) -> float:
    """Share of what two boxes cover that both cover."""
    low, high = np.maximum(one[:2], other[:2]), np.minimum(one[2:], other[2:])
    common = np.prod(np.maximum(high - low, 0))
    areas = np.prod(one[2:] - one[:2]) + np.prod(other[2:] - other[:2])
    return float(common / (areas - common))


class TestMeasure:
    def test_finds_a_face(self, faces: Faces) -> None:
        (measured,) = faces.measure([photograph("astronaut")], ["astronaut"])

        ((left, top, width, height),) = measured.details["faces"]
        found = np.array([left, top, left + width, top + height]) / 10_000
        assert overlap(found, np.array(FACE)) > 0.7
        assert measured.measures == {
            "faces": 1,
            "area": pytest.approx(width * height / 1e8, abs=1e-4),
        }

    @pytest.mark.parametrize("name", [name for name in PHOTOGRAPHS if name not in WITH_FACES])
    def test_finds_none_where_there_is_none(self, faces: Faces, name: str) -> None:
        (measured,) = faces.measure([photograph(name)], [None])

        assert measured.measures == {"faces": 0, "area": 0}
        assert measured.details == {}

    def test_finds_a_face_in_a_grey_photograph(self, faces: Faces) -> None:
        assert n_faces(faces, photograph("camera")) == 1

    def test_finds_each_of_many(self, faces: Faces) -> None:
        head = photograph("astronaut")[20:220, 150:310]
        many = np.concatenate([np.concatenate([head] * 4, axis=1)] * 3)

        (measured,) = faces.measure([many], [None])

        assert measured.measures["faces"] == 12 == len(measured.details["faces"])
        assert 0.2 < measured.measures["area"] < 0.7

    @pytest.mark.parametrize("side", [40, 100, 1_500])
    def test_finds_a_face_of_any_size(self, faces: Faces, side: int) -> None:
        rows, columns = (np.linspace(start, start + 199, side).astype(int) for start in (20, 130))

        assert n_faces(faces, photograph("astronaut")[np.ix_(rows, columns)]) == 1

    def test_finds_a_face_at_the_edge(self, faces: Faces) -> None:
        (measured,) = faces.measure([photograph("astronaut")[80:, 200:]], [None])

        ((left, top, width, height),) = measured.details["faces"]
        assert min(left, top) >= 0
        assert max(left + width, top + height) <= 10_001

    @pytest.mark.parametrize(
        "shape", [(1, 1, 3), (1, 640, 3), (640, 1, 3), (2_048, 1_500, 3), (31, 33, 3)], ids=str
    )
    def test_takes_pictures_of_any_size(self, faces: Faces, shape: tuple[int, int, int]) -> None:
        assert n_faces(faces, np.full(shape, 90, np.uint8)) == 0

    def test_measures_each_as_if_it_were_alone(self, faces: Faces) -> None:
        pictures = [photograph(name) for name in PHOTOGRAPHS]

        together = faces.measure(pictures, [None] * len(pictures))

        assert together == [faces.measure([one], [None])[0] for one in pictures]

    def test_measures_no_pictures(self, faces: Faces) -> None:
        assert faces.measure([], []) == []


class TestFaces:
    def test_says_when_the_model_is_missing(self, tmp_path, monkeypatch) -> None:
        monkeypatch.setenv("MODELS_FOLDER", str(tmp_path))

        with pytest.raises(ModelMissingError, match="make models"):
            Faces()

    @pytest.mark.parametrize(
        "data", [b"", toy_models.linear(), toy_models.linear()[:-9]], ids=["empty", "other", "cut"]
    )
    def test_says_when_the_model_is_damaged(self, data: bytes, tmp_path, monkeypatch) -> None:
        monkeypatch.setenv("MODELS_FOLDER", str(tmp_path))
        (tmp_path / "centerface.onnx").write_bytes(data)

        with pytest.raises(ModelDamagedError, match=r"centerface\.onnx"):
            Faces()

    def test_says_when_the_model_gives_no_numbers(self, models, tmp_path, monkeypatch) -> None:
        model = onnx.load(models / "centerface.onnx")
        for one in model.graph.initializer:
            values = numpy_helper.to_array(one)
            if values.dtype == np.float32:
                one.CopyFrom(numpy_helper.from_array(values * np.float32("nan"), one.name))
        monkeypatch.setenv("MODELS_FOLDER", str(tmp_path))
        (tmp_path / "centerface.onnx").write_bytes(model.SerializeToString())

        with pytest.raises(ModelDamagedError, match="other things"):
            Faces().measure([photograph("astronaut")], [None])
