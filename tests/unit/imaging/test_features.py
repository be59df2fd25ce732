import json
from typing import Any

import pytest

from crawlset.imaging.decode import describe
from crawlset.imaging.features import (
    Features,
    Rejection,
    Transformed,
    resize_from,
    resize_message,
    result_from,
    result_message,
)
from crawlset.outcomes import Outcome
from crawlset.resizing import Resize, ResizeMode, StoredFormat
from tests.unit.imaging import pictures

SEEN = describe(pictures.jpeg())
TRANSFORMED = {"data": None, "format": "png", "width": 3, "height": 4}


def sent(result: Features | Rejection) -> dict[str, Any]:
    message: dict[str, Any] = json.loads(json.dumps(result_message(result)))
    return message


class TestResultMessage:
    @pytest.mark.parametrize("data", [pictures.jpeg(), pictures.animated_gif(), b"nothing"])
    def test_survives_the_pipe(self, data: bytes) -> None:
        seen = describe(data)

        assert result_from(sent(seen), b"") == seen

    def test_leaves_the_bytes_of_the_transformed_picture_to_another_road(self) -> None:
        seen = result_from(sent(SEEN) | {"transformed": TRANSFORMED}, b"bytes")

        assert isinstance(seen, Features)
        assert seen.transformed == Transformed(b"bytes", "png", 3, 4)
        assert result_from(sent(seen), b"bytes") == seen

    @pytest.mark.parametrize(
        "change",
        [
            {"format": "exe"},
            {"mode": ""},
            {"mode": "RGB\0"},
            {"width": 0},
            {"width": 1.5},
            {"height": True},
            {"height": 1 << 40},
            {"n_frames": -1},
            {"orientation": 9},
            {"phashes": [1, 2, 3, 4]},
            {"phashes": [1, 2, 3, 4, 1 << 63]},
            {"phashes": [1, 2, 3, 4, 5, 6, 7]},
            {"phashes": None},
            {"colours": 1 << 63},
            {"colours": None},
            {"mosaic": 0.5},
            {"is_clear": 1},
            {"is_clear": None},
            {"scores": {"entropy": "1"}},
            {"scores": {"entropy": float("nan")}},
            {"scores": {"a\0b": 1.0}},
            {"scores": {f"n{n}": 1.0 for n in range(100)}},
            {"scores": []},
            {"warning": "x" * 300},
            {"warning": "\0"},
            {"data_mining": "DMI PROHIBITED"},
            {"embedded": {"owner": "mallory"}},
            {"embedded": {"creator": ""}},
            {"embedded": {"creator": "a\0b"}},
            {"embedded": {"creator": "x" * 501}},
            {"embedded": {"creator": 7.0}},
            {"embedded": {"creator": ["Ida"]}},
            {"embedded": {"latitude": "48"}},
            {"embedded": {"latitude": 48}},
            {"embedded": {"latitude": True}},
            {"embedded": {"latitude": 90.1}},
            {"embedded": {"longitude": float("nan")}},
            {"embedded": None},
            {"embedded": []},
            {"transformed": TRANSFORMED | {"format": "gif"}},
            {"transformed": TRANSFORMED | {"width": -1}},
            {"transformed": TRANSFORMED | {"mode": "RGB\0"}},
            {"transformed": []},
            {"owner": "mallory"},
            {"outcome": "fine"},
            {"outcome": "damaged", "detail": "\0"},
        ],
    )
    def test_of_no_sound_child_is_refused(self, change: dict[str, Any]) -> None:
        with pytest.raises((ValueError, TypeError, KeyError, AttributeError)):
            result_from(sent(SEEN) | change, b"bytes")

    def test_of_a_transformed_picture_without_bytes_is_refused(self) -> None:
        with pytest.raises(ValueError):
            result_from(sent(SEEN) | {"transformed": TRANSFORMED}, b"")

    def test_of_a_rejection_is_an_outcome(self) -> None:
        assert result_from({"outcome": "damaged", "detail": "x"}, b"") == Rejection(
            Outcome.damaged, "x"
        )


class TestResizeMessage:
    @pytest.mark.parametrize(
        "resize",
        [
            None,
            Resize(ResizeMode.border, 256),
            Resize(ResizeMode.no, 16, only_if_bigger=True, format=StoredFormat.png, quality=9),
        ],
    )
    def test_survives_the_pipe(self, resize: Resize | None) -> None:
        assert resize_from(json.loads(json.dumps(resize_message(resize)))) == resize

    @pytest.mark.parametrize(
        "message", [{}, {"mode": "wide", "size": 1}, {"mode": "no", "size": 1, "colour": 2}]
    )
    def test_of_something_else_is_refused(self, message: dict[str, Any]) -> None:
        with pytest.raises((ValueError, TypeError, KeyError)):
            resize_from(message)
