"""What a measurer is asked for, what it gets to see, and what it answers."""

import io
import json
from collections.abc import Callable, Sequence
from typing import Any
from uuid import uuid4

import numpy as np
import pytest
from PIL import Image

from crawlset.errors import AppError
from crawlset.kit import objects
from crawlset.measuring.base import Measured
from crawlset.measuring.handler import handler_of
from crawlset.wire.measurements import MeasurementBatch
from crawlset.wire.validators import BatchImage, ValidatorRequest
from functions.palette import app as palette
from tests.invocations import CONTEXT
from tests.mortal_decoder import DEADLY

FOLDER = f"validations/{uuid4()}/batches/"
VECTORS, ANSWER = f"{FOLDER}m-0.npy", f"{FOLDER}m-0.answer.json"


def picture(size: tuple[int, int] = (40, 30), mode: str = "RGB", **options: Any) -> bytes:
    body = io.BytesIO()
    Image.linear_gradient("L").resize(size).convert(mode).save(body, "PNG", **options)
    return body.getvalue()


class Seeing:
    """Remembers what it is given; measures the mean of each picture."""

    name, version, max_side = "seeing", "1", 64

    def __init__(self, measure: Callable[[np.ndarray], Measured] | None = None) -> None:
        self.shapes: list[tuple[int, ...]] = []
        self.keywords: list[str | None] = []
        self.calls = 0
        self._measure = measure or (lambda one: Measured({"mean": float(one.mean())}))

    def measure(
        self, pictures: Sequence[np.ndarray], keywords: Sequence[str | None]
    ) -> list[Measured]:
        self.calls += 1
        self.shapes += [one.shape for one in pictures]
        self.keywords += keywords
        return [self._measure(one) for one in pictures]


@pytest.fixture
def asked(bucket: str) -> Callable[..., dict[str, Any]]:
    """What the handler of a measurer answers to a batch of these files, ids from 0."""

    def ask(measurer: Any, *bodies: bytes, version: str = "1", missing: int = 0) -> dict[str, Any]:
        key, images, offset = "jobs/1/chunks/2/1-a.tar", [], 0
        for id_, body in enumerate([*bodies, *[b"gone"] * missing]):
            images.append(
                BatchImage(
                    image_id=id_,
                    key=key if id_ < len(bodies) else "jobs/1/chunks/2/gone.tar",
                    offset=offset,
                    length=len(body),
                    sha256="",
                    format="png",
                    width=1,
                    height=1,
                    keyword=f"k{id_}",
                )
            )
            offset += len(body)
        objects.put(key, b"".join(bodies))
        batch = MeasurementBatch(
            measurer="m", version=version, vectors=VECTORS, answer=ANSWER, images=images
        )
        objects.put(f"{FOLDER}m-0.json", json.dumps(batch.to_json()).encode())
        request = ValidatorRequest(bucket, f"{FOLDER}m-0.json")
        return handler_of(lambda: measurer)(request.to_json(), CONTEXT)

    return ask


def vectors() -> np.ndarray:
    loaded: np.ndarray = np.load(io.BytesIO(objects.get(VECTORS)))
    return loaded


class TestPictures:
    @pytest.mark.parametrize(
        ("body", "shape"),
        [
            pytest.param(picture((40, 30)), (30, 40, 3), id="as it is"),
            pytest.param(picture((200, 100)), (32, 64, 3), id="smaller"),
            pytest.param(picture((1, 1)), (1, 1, 3), id="one pixel"),
            pytest.param(picture((40, 30), "L"), (30, 40, 3), id="grey"),
            pytest.param(picture((40, 30), "LA"), (30, 40, 3), id="alpha"),
            pytest.param(picture((40, 30), "P"), (30, 40, 3), id="palette"),
        ],
    )
    def test_are_rgb_and_at_most_as_large_as_wanted(
        self, asked: Callable[..., dict[str, Any]], body: bytes, shape: tuple[int, ...]
    ) -> None:
        measurer = Seeing()

        asked(measurer, body)

        assert measurer.shapes == [shape]

    @pytest.mark.parametrize(
        "format_", [pytest.param("JPEG", id="jpeg"), pytest.param("PNG", id="png")]
    )
    @pytest.mark.parametrize("side", [60, 900])
    def test_are_upright_and_of_the_colours_they_have(
        self, asked: Callable[..., dict[str, Any]], format_: str, side: int
    ) -> None:
        """Red on the left as stored, which the EXIF turns to the top."""
        stored = Image.new("RGB", (side, side * 2), (10, 20, 230))
        stored.paste((240, 30, 20), (0, 0, side // 2, side * 2))
        exif = Image.Exif()
        exif[0x0112] = 6
        body = io.BytesIO()
        stored.save(body, format_, exif=exif, quality=95)
        seen: list[np.ndarray] = []

        def measure(one: np.ndarray) -> Measured:
            seen.append(one)
            return Measured({})

        asked(Seeing(measure), body.getvalue())

        (one,) = seen
        height, width, _ = one.shape
        assert (width, height) == (64, 32)
        assert np.abs(one[2, width // 2].astype(int) - (240, 30, 20)).max() < 12
        assert np.abs(one[-3, width // 2].astype(int) - (10, 20, 230)).max() < 12

    def test_come_with_their_keywords_in_their_order(
        self, asked: Callable[..., dict[str, Any]]
    ) -> None:
        measurer = Seeing()

        asked(measurer, picture((9, 9)), b"no picture", picture((8, 8)))

        assert measurer.keywords == ["k0", "k2"]
        assert measurer.shapes == [(9, 9, 3), (8, 8, 3)]


class TestAnswer:
    def test_says_measures_details_and_vectors(self, asked: Callable[..., dict[str, Any]]) -> None:
        vector = np.array([0.5, 0.25])
        measured = Measured({"nsfw": 1 / 3}, vector, {"boxes": [[1, 2, 3, 4]]})

        answer = asked(Seeing(lambda _: measured), picture(), picture())

        one = {"measures": {"nsfw": 0.333333}, "details": {"boxes": [[1, 2, 3, 4]]}}
        assert answer == {
            "images": [
                {"image_id": 0, "vector": 0} | one,
                {"image_id": 1, "vector": 1} | one,
            ]
        }
        assert vectors().dtype == np.float16
        assert vectors().tolist() == [[0.5, 0.25], [0.5, 0.25]]

    def test_tells_what_is_wrong_with_one_image(self, asked: Callable[..., dict[str, Any]]) -> None:
        answer = asked(Seeing(), b"no picture", picture(), b"", missing=1)["images"]

        assert answer[0]["error"] == "not_image: no image signature"
        assert set(answer[1]["measures"]) == {"mean"}
        assert "error" in answer[2]
        assert answer[3]["error"].startswith("its bytes cannot be read: ")

    @pytest.mark.usefixtures("mortal_decoder")
    def test_loses_only_the_picture_that_the_decoder_dies_of(
        self, asked: Callable[..., dict[str, Any]]
    ) -> None:
        first, deadly, last = asked(Seeing(), picture(), picture() + DEADLY, picture())["images"]

        assert "measures" in first
        assert deadly["error"].startswith("decode_crash: ")
        assert "measures" in last

    def test_loses_only_the_picture_that_the_model_fails_at(
        self, asked: Callable[..., dict[str, Any]]
    ) -> None:
        def measure(one: np.ndarray) -> Measured:
            if one.shape[0] == 7:
                raise IndexError("seven")
            return Measured({"x": 1.0})

        answer = asked(Seeing(measure), picture(), picture((7, 7)), picture())["images"]

        assert [one.get("error") for one in answer] == [
            None,
            "seeing fails: IndexError: seven",
            None,
        ]

    @pytest.mark.parametrize(
        ("measured", "error"),
        [
            pytest.param(Measured({"x": float("nan")}), "x is nan", id="nan"),
            pytest.param(Measured({"x": float("inf")}), "x is inf", id="infinite"),
            pytest.param(
                Measured({f"x{n}": 1.0 for n in range(33)}), "more than 32 measures", id="many"
            ),
            pytest.param(
                Measured({}, np.array([1e9])), "a vector with numbers beyond 65504", id="large"
            ),
            pytest.param(
                Measured({}, np.array([float("nan")])),
                "a vector with numbers beyond 65504",
                id="no number",
            ),
            pytest.param(Measured({}, np.eye(2)), "a vector of shape (2, 2)", id="matrix"),
            pytest.param(Measured({}, np.zeros(0)), "a vector of shape (0,)", id="empty"),
            pytest.param(
                Measured({}, None, {"text": "x" * 5_000}),
                "details of more than 4,000 bytes",
                id="details",
            ),
        ],
    )
    def test_tells_what_is_wrong_with_measurements(
        self, asked: Callable[..., dict[str, Any]], measured: Measured, error: str
    ) -> None:
        answer = asked(Seeing(lambda _: measured), picture())

        assert answer == {"images": [{"image_id": 0, "error": error}]}

    def test_lies_in_the_bucket_if_it_is_long(
        self, asked: Callable[..., dict[str, Any]], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("crawlset.measuring.handler.MAX_INLINE_BYTES", 10)

        answer = asked(Seeing(), picture())

        assert answer == {"answer": ANSWER}
        assert [one["image_id"] for one in json.loads(objects.get(ANSWER))["images"]] == [0]

    def test_measures_pictures_together(self, asked: Callable[..., dict[str, Any]]) -> None:
        measurer = Seeing()

        asked(measurer, *[picture((4, 4))] * 20)

        assert (measurer.calls, len(measurer.shapes)) == (2, 20)


class TestFailure:
    def test_of_the_model_is_raised(self, asked: Callable[..., dict[str, Any]]) -> None:
        def measure(one: np.ndarray) -> Measured:
            raise AppError("The model is missing.")

        with pytest.raises(AppError, match="The model is missing"):
            asked(Seeing(measure), picture(), picture())

    def test_of_loading_is_raised_each_time(self, bucket: str) -> None:
        def load() -> Any:
            raise AppError("The model is missing.")

        handler = handler_of(load)

        for _ in range(2):
            with pytest.raises(AppError, match="The model is missing"):
                handler(ValidatorRequest(bucket, "key").to_json(), CONTEXT)

    def test_of_another_version_is_raised(self, asked: Callable[..., dict[str, Any]]) -> None:
        with pytest.raises(AppError, match="has version 1; the deployment says 2"):
            asked(Seeing(), picture(), version="2")


class TestPalette:
    def test_measures_how_colourful_pictures_are(
        self, asked: Callable[..., dict[str, Any]]
    ) -> None:
        grey, colourful = Image.new("RGB", (30, 30), (99, 99, 99)), Image.new("RGB", (30, 30))
        colourful.paste((255, 0, 0), (0, 0, 15, 30))
        bodies = []
        for one in (grey, colourful):
            body = io.BytesIO()
            one.save(body, "PNG")
            bodies.append(body.getvalue())

        answer = asked(palette.Palette(), *bodies)

        measures = [one["measures"]["colourfulness"] for one in answer["images"]]
        assert measures[0] == 0
        assert measures[1] > 100
        assert np.linalg.norm(vectors().astype(float), axis=1) == pytest.approx([1, 1], abs=1e-3)
        assert vectors()[0] @ vectors()[1] == 0
