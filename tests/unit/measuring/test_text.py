"""What is read in pictures: letters and watermarks, and nothing where nothing is written."""

import importlib.util
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import numpy_helper
from PIL import Image, ImageDraw, ImageFont

from crawlset.measuring.onnx_model import ModelDamagedError, ModelMissingError
from crawlset.measuring.text import FINDER, MAX_LETTERS, PACKAGE, READER, Text
from crawlset_local.sample_site.photographs import PHOTOGRAPHS
from tests.unit.measuring import toy_models
from tests.unit.measuring.packages import packaged
from tests.unit.measuring.watermarks import PLAIN, REPEATED, marked, photograph

ENOUGH = 5
"""Characters that mean text."""


@pytest.fixture(scope="module")
def text() -> Text:
    return Text(keeps_text=True)


def characters(text: Text, picture: np.ndarray) -> float:
    (measured,) = text.measure([picture], [None])
    return measured.measures["characters"]


def page(*lines: str, size: int = 32, turned: int = 0) -> np.ndarray:
    """Black letters on grey paper of 640 x 480, turned counterclockwise by quarters."""
    image = Image.new("RGB", (640, 480), (200, 200, 200))
    draw = ImageDraw.Draw(image)
    for row, line in enumerate(lines):
        at = (30, 30 + row * size * 1.6)
        draw.text(at, line, font=ImageFont.load_default(size), fill=(0, 0, 0))
    return np.rot90(np.asarray(image), turned)


def installed(path: str) -> bytes:
    spec = importlib.util.find_spec(PACKAGE)
    assert spec is not None
    assert spec.submodule_search_locations
    return Path(spec.submodule_search_locations[0], path).read_bytes()


class TestMeasure:
    def test_reads_lines(self, text: Text) -> None:
        (measured,) = text.measure([page("The quick brown fox", "jumps over 13 dogs")], ["fox"])

        assert sorted(measured.details["text"].split("\n")) == [
            "The quick brown fox",
            "jumps over 13 dogs",
        ]
        assert measured.measures["characters"] == 16 + 15
        assert 0.05 < measured.measures["area"] < 0.25

    @pytest.mark.parametrize("turned", [1, 3])
    def test_reads_lines_that_stand(self, text: Text, turned: int) -> None:
        (measured,) = text.measure([page("Standing letters", turned=turned)], [None])

        assert measured.details["text"] == "Standing letters"

    @pytest.mark.parametrize("name", PHOTOGRAPHS)
    def test_reads_nothing_where_nothing_is_written(self, text: Text, name: str) -> None:
        assert characters(text, photograph(name)) < ENOUGH

    @pytest.mark.parametrize("alpha", [255, 80])
    def test_finds_watermarks_that_are_repeated(self, text: Text, alpha: int) -> None:
        found = [characters(text, marked(name, REPEATED, alpha)) >= ENOUGH for name in PLAIN]

        assert sum(found) / len(found) >= 0.95

    def test_keeps_the_text_only_if_asked(self) -> None:
        text = Text()

        (measured,) = text.measure([page("Nobody keeps this")], [None])

        assert measured.measures["characters"] == 15
        assert measured.details == {}
        assert text.version != Text(keeps_text=True).version

    def test_keeps_a_bounded_text(self, text: Text) -> None:
        lines = [f"{row:02} " + "many letters " * 6 for row in range(20)]

        (measured,) = text.measure([page(*lines, size=14)], [None])

        assert measured.measures["characters"] > MAX_LETTERS
        assert len(measured.details["text"]) == MAX_LETTERS

    @pytest.mark.parametrize(
        "shape",
        [(1, 1, 3), (1, 1_280, 3), (1_280, 1, 3), (1_280, 1_280, 3), (31, 33, 3)],
        ids=str,
    )
    def test_takes_pictures_of_any_size(self, text: Text, shape: tuple[int, int, int]) -> None:
        (measured,) = text.measure([np.full(shape, 90, np.uint8)], [None])

        assert measured.measures == {"characters": 0, "area": 0}
        assert measured.details == {}

    def test_reads_nothing_in_noise(self, text: Text) -> None:
        noise = np.random.default_rng(0).integers(0, 256, (640, 640, 3), dtype=np.uint8)

        assert characters(text, noise) < ENOUGH

    def test_measures_each_as_if_it_were_alone(self, text: Text) -> None:
        pictures = [
            page("First line"),
            photograph("coffee"),
            page("Second"),
            np.zeros((5, 5, 3), np.uint8),
        ]

        together = text.measure(pictures, [None] * 4)

        assert together == [text.measure([one], [None])[0] for one in pictures]
        assert [one.measures["characters"] for one in together] == [9, 0, 6, 0]

    def test_measures_no_pictures(self, text: Text) -> None:
        assert text.measure([], []) == []


class TestText:
    def test_says_when_the_models_are_missing(self, tmp_path, monkeypatch) -> None:
        packaged(tmp_path, monkeypatch, PACKAGE, {})

        with pytest.raises(ModelMissingError, match="make models"):
            Text()

    @pytest.mark.parametrize("path", [FINDER, READER])
    @pytest.mark.parametrize(
        "data", [b"", toy_models.linear(), toy_models.linear()[:-9]], ids=["empty", "other", "cut"]
    )
    def test_says_which_model_is_damaged(self, path, data, tmp_path, monkeypatch) -> None:
        files = {one: installed(one) for one in (FINDER, READER)} | {path: data}
        packaged(tmp_path, monkeypatch, PACKAGE, files)

        with pytest.raises(ModelDamagedError) as raised:
            Text().measure([page("Anything")], [None])

        assert path in str(raised.value)

    def test_says_when_the_reader_names_no_characters(self, tmp_path, monkeypatch) -> None:
        reader = onnx.load_from_string(installed(READER))
        del reader.metadata_props[:]
        files = {FINDER: installed(FINDER), READER: reader.SerializeToString()}
        packaged(tmp_path, monkeypatch, PACKAGE, files)

        with pytest.raises(ModelDamagedError, match="characters"):
            Text()

    def test_says_when_a_model_gives_no_numbers(self, tmp_path, monkeypatch) -> None:
        finder = onnx.load_from_string(installed(FINDER))
        for one in finder.graph.initializer:
            values = numpy_helper.to_array(one)
            if values.dtype == np.float32 and values.ndim == 4:
                one.CopyFrom(numpy_helper.from_array(values * np.float32("nan"), one.name))
        files = {FINDER: finder.SerializeToString(), READER: installed(READER)}
        packaged(tmp_path, monkeypatch, PACKAGE, files)

        with pytest.raises(ModelDamagedError, match="other things"):
            Text().measure([page("Anything")], [None])
