"""A pair of towers made here: pictures and texts about red, green and blue."""

import sys
from functools import partial

import boto3
import numpy as np
import pytest
from onnx import TensorProto, helper

from crawlset.kit import aws
from crawlset.measuring.onnx_model import ModelDamagedError, ModelMissingError
from crawlset.measuring.text_tower import TextTower, load_text_tower
from crawlset.measuring.towers import Towers, load_towers
from crawlset.settings import towers_settings
from tests.mocked_aws import mocked_aws
from tests.unit.measuring import toy_models
from tests.unit.measuring.toy_towers import (
    FOLDER,
    SIDE,
    files,
    image_tower,
    settings,
    text_tower,
)


def towers(**other: bytes) -> Towers:
    read = files(**other).__getitem__
    return Towers(read, FOLDER, "1", TextTower(read, FOLDER))


def text_of(**other: bytes) -> TextTower:
    return TextTower(files(**other).__getitem__, FOLDER)


def colour(*rgb: int, shape: tuple[int, int] = (20, 30)) -> np.ndarray:
    return np.broadcast_to(np.array(rgb, np.uint8), (*shape, 3))


RED, GREEN = colour(255, 0, 0), colour(0, 255, 0)


class TestMeasure:
    def test_says_how_well_picture_and_keyword_agree(self) -> None:
        measured = towers().measure([RED, RED, GREEN], ["red", "green", "green"])

        found = [one.measures["text_similarity"] for one in measured]
        assert found == pytest.approx([1.0, 0.0, 1.0])

    def test_gives_vectors_of_length_one(self) -> None:
        (measured,) = towers().measure([colour(10, 10, 0)], [None])

        assert measured.measures == {}
        assert measured.vector == pytest.approx([0.5**0.5, 0.5**0.5, 0])

    @pytest.mark.parametrize("n", [1, 100])
    def test_measures_batches(self, n: int) -> None:
        measured = towers().measure([RED] * n, ["red"] * n)

        assert [one.measures["text_similarity"] for one in measured] == pytest.approx([1.0] * n)

    @pytest.mark.parametrize("shape", [(1, 1), (1, 500), (3_000, 2), (2_000, 2_000)], ids=str)
    def test_takes_pictures_of_any_size(self, shape) -> None:
        (measured,) = towers().measure([colour(255, 0, 0, shape=shape)], ["red"])

        assert measured.measures["text_similarity"] == pytest.approx(1.0)

    @pytest.mark.parametrize(
        "keyword", ["sunset", "\x00", "red " * 10_000, "{} red", "猫"], ids=lambda k: k[:9]
    )
    def test_takes_any_keyword(self, keyword: str) -> None:
        (measured,) = towers().measure([GREEN], [keyword])

        assert measured.measures["text_similarity"] == pytest.approx(0.0)

    def test_prepares_pictures_as_the_settings_say(self) -> None:
        made = towers(settings=settings(mean=[1, 0, 0], deviation=[0.5, 1, 1]))

        (measured,) = made.measure([colour(0, 255, 255)], ["red"])

        assert measured.vector == pytest.approx(np.array([-2, 1, 1]) / 6**0.5, abs=1e-6)

    def test_asks_with_the_prompt_of_the_settings(self) -> None:
        made = towers(settings=settings(prompt="blue not {}"))

        (measured,) = made.measure([RED], ["red"])

        assert measured.measures["text_similarity"] == pytest.approx(0.5**0.5)

    @pytest.mark.parametrize(
        "other",
        [
            {"image": image_tower(kind=TensorProto.FLOAT16)},
            {"image": image_tower(outputs=("last_hidden_state", "image_embeds"))},
            {"text": text_tower(TensorProto.INT32)},
            {"text": text_tower(with_mask=False)},
        ],
        ids=["float16", "two-outputs", "int32", "no-mask"],
    )
    def test_takes_towers_of_several_makes(self, other) -> None:
        (measured,) = towers(**other).measure([RED], ["red"])

        assert measured.measures["text_similarity"] == pytest.approx(1.0, abs=1e-3)

    def test_says_when_the_towers_do_not_fit(self) -> None:
        with pytest.raises(ModelDamagedError, match="lengths 2 and 3"):
            towers(image=image_tower(2)).measure([RED], ["red"])

    def test_says_when_the_image_tower_takes_another_size(self) -> None:
        with pytest.raises(ModelDamagedError, match=r"models/toy/image\.onnx"):
            towers(settings=settings(side=32)).measure([RED], ["red"])

    def test_says_when_a_tower_gives_no_vectors(self) -> None:
        nodes = [helper.make_node("Identity", ["pixel_values"], ["image_embeds"])]
        shape = ["n", 3, SIDE, SIDE]
        same = toy_models.serialized(nodes, {"pixel_values": shape}, {"image_embeds": shape})

        with pytest.raises(ModelDamagedError, match="it gives shape"):
            towers(image=same).measure([RED], ["red"])


class TestEmbed:
    def test_gives_the_vector_of_a_text(self) -> None:
        assert text_of().embed("red and green") == pytest.approx([0.5**0.5, 0.5**0.5, 0])


class TestTowers:
    @pytest.mark.parametrize(
        ("name", "body"),
        [
            ("settings", b"{"),
            ("settings", b"[]"),
            ("settings", settings(side=0)),
            ("settings", settings(side=100_000)),
            ("settings", settings(deviation=[1, 0, 1])),
            ("settings", settings(mean=[1, 1])),
            ("settings", settings(mean=[1, 1, "NaN"])),
            ("settings", settings(prompt="no place")),
            ("settings", settings(colour="red")),
            ("tokenizer", b"{}"),
            ("tokenizer", b"\xff"),
            ("image", b"no model"),
            ("image", toy_models.outside("/etc/passwd")),
            ("text", image_tower()),
            ("text", b""),
        ],
        ids=lambda value: value if isinstance(value, str) else None,
    )
    def test_name_the_file_that_is_wrong(self, name: str, body: bytes) -> None:
        with pytest.raises(ModelDamagedError, match=f"models/toy/{name}"):
            towers(**{name: body})

    def test_say_when_tokenizers_is_not_installed(self, monkeypatch) -> None:
        monkeypatch.setitem(sys.modules, "tokenizers", None)

        with pytest.raises(ModelMissingError, match="make models"):
            towers()


@pytest.fixture
def bucket(monkeypatch):
    monkeypatch.setenv("TOWERS_FOLDER", f"{FOLDER}/")
    monkeypatch.setenv("TOWERS_VERSION", "toy-1")
    towers_settings.cache_clear()
    load_text_tower.cache_clear()
    with mocked_aws():
        aws.clear()
        client = boto3.client("s3")
        client.create_bucket(Bucket="crawlset-test")
        yield partial(client.put_object, Bucket="crawlset-test")
        aws.clear()
    towers_settings.cache_clear()
    load_text_tower.cache_clear()


class TestLoadTowers:
    def test_loads_them_from_the_folder(self, bucket) -> None:
        for name, body in files().items():
            bucket(Key=f"{FOLDER}/{name}", Body=body)

        loaded = load_towers()

        assert loaded.version == "toy-1"
        (measured,) = loaded.measure([RED], ["red"])
        assert measured.measures["text_similarity"] == pytest.approx(1.0)

    @pytest.mark.parametrize("missing", sorted(files()))
    def test_names_the_file_that_is_missing(self, missing: str, bucket) -> None:
        for name, body in files().items():
            if name != missing:
                bucket(Key=f"{FOLDER}/{name}", Body=body)

        with pytest.raises(ModelMissingError, match=f"s3://crawlset-test/{FOLDER}/{missing}"):
            load_towers()
