"""Faces in exports: blurred where the measurer `faces` found them, and nothing else is."""

import io
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from PIL import Image as Pillow
from sqlalchemy.orm import Session

from crawlset.models import CrawlJob, ExportJob
from crawlset_local.sample_site.photographs import photograph_pixels
from tests import factories
from tests.integration.exports.steps import TRAIN, Store, archive_of, export, manifest_of
from tests.unit.imaging.photographs import SECRET, photograph

pytestmark = [pytest.mark.usefixtures("bucket"), pytest.mark.role("crawlset_worker")]

FACE = [3516, 1131, 1771, 2305]
"""The face in the photograph of an astronaut, as the measurer finds it."""


def measured(*boxes: list[int], n_faces: int | None = None) -> dict[str, Any]:
    measures = {"faces": len(boxes) if n_faces is None else n_faces, "area": 0.1}
    details = {"details": {"faces": list(boxes)}} if boxes else {}
    return {"faces": {"version": "centerface-1", "measures": measures} | details}


def astronaut(image_format: str = "PNG", turned: int = 1) -> bytes:
    """The photograph; `turned` is an orientation as EXIF numbers them, and its pixels fit it."""
    picture = photograph_pixels("astronaut")
    if turned == 6:
        picture = picture.transpose(Pillow.Transpose.ROTATE_90)
    body, exif = io.BytesIO(), Pillow.Exif()
    exif[0x0112] = turned
    picture.save(body, image_format, exif=exif)
    return body.getvalue()


def opened(body: bytes) -> np.ndarray:
    with Pillow.open(io.BytesIO(body)) as picture:
        return np.asarray(picture.convert("RGB"), np.float64)


def detail(pixels: np.ndarray) -> float:
    """Mean difference of neighbouring pixels."""
    return float(np.abs(np.diff(pixels, axis=1)).mean())


def face_of(pixels: np.ndarray) -> np.ndarray:
    height, width, _ = pixels.shape
    left, top, across, down = FACE
    rows = slice(top * height // 10_000, (top + down) * height // 10_000)
    return pixels[rows, left * width // 10_000 : (left + across) * width // 10_000]


@pytest.fixture
def blurring(session: Session, job: CrawlJob) -> Callable[..., ExportJob]:
    def run(**options: Any) -> ExportJob:
        wanted = TRAIN | {"blur_faces": True} | options
        export_job = factories.create_export_job(session, job, export_options=wanted)
        export(export_job)
        session.refresh(export_job)
        return export_job

    return run


class TestFaces:
    @pytest.mark.parametrize(
        "options",
        [{}, {"encode": {"format": "webp"}}, {"resize": {"size": 256, "mode": "keep_ratio"}}],
        ids=["as stored", "encoded", "resized"],
    )
    @pytest.mark.parametrize("turned", [1, 6])
    @pytest.mark.parametrize("image_format", ["PNG", "JPEG"])
    def test_are_blurred_and_nothing_else(
        self, store: Store, blurring, options: dict[str, Any], turned: int, image_format: str
    ) -> None:
        body = astronaut(image_format, turned)
        store(
            [body], format=image_format.lower(), width=512, height=512, measurements=measured(FACE)
        )

        (made,) = archive_of(blurring(**options)).values()

        found = opened(made)
        side = len(found)
        original = np.asarray(photograph_pixels("astronaut").resize((side, side)), np.float64)
        assert detail(face_of(found)) < detail(face_of(original)) / 3
        below = slice(side * 6 // 10, None)
        assert np.abs(found[below] - original[below]).mean() < 6

    def test_are_found_in_a_picture_that_is_cropped(self, store: Store, blurring) -> None:
        wide = Pillow.new("RGB", (1_024, 512), "green")
        wide.paste(photograph_pixels("astronaut"), (256, 0))
        body = io.BytesIO()
        wide.save(body, "PNG")
        left, top, width, height = FACE
        box = [2_500 + left // 2, top, width // 2, height]
        store([body.getvalue()], format="png", width=1_024, height=512, measurements=measured(box))

        (made,) = archive_of(blurring(resize={"size": 512, "mode": "center_crop"})).values()

        original = np.asarray(photograph_pixels("astronaut"), np.float64)
        assert detail(face_of(opened(made))) < detail(face_of(original)) / 3

    def test_reaching_beyond_the_picture_harm_nothing(self, store: Store, blurring) -> None:
        boxes = [0, 0, 9_999, 3_000], [9_990, 9_990, 20, 20], [5_000, 5_000, 0, 0]
        store([astronaut()], format="png", width=512, height=512, measurements=measured(*boxes))

        export_job = blurring()

        assert (export_job.n_images, export_job.left_out) == (1, {})

    def test_are_blurred_in_grey_pictures_too(self, store: Store, blurring) -> None:
        body = io.BytesIO()
        photograph_pixels("astronaut").convert("L").save(body, "PNG")
        store([body.getvalue()], format="png", width=512, height=512, measurements=measured(FACE))

        (made,) = archive_of(blurring(encode={"format": "png", "quality": 1})).values()

        assert detail(face_of(opened(made))) < 3


class TestPicturesWithoutFaces:
    def test_stay_as_they_are_stored(self, store: Store, blurring) -> None:
        body = astronaut()
        store([body], format="png", width=512, height=512, measurements=measured())

        (made,) = archive_of(blurring()).values()

        assert np.array_equal(opened(made), opened(body))

    def test_lose_what_may_show_a_face_again(self, store: Store, blurring) -> None:
        store([photograph("JPEG")], format="jpeg", width=30, height=20, measurements=measured())

        (made,) = archive_of(blurring()).values()

        assert SECRET.encode() not in made

    def test_are_their_first_frame_alone_which_was_searched(self, store: Store, blurring) -> None:
        body = io.BytesIO()
        frames = [Pillow.new("RGB", (60, 40), colour) for colour in ("red", "blue")]
        frames[0].save(body, "GIF", save_all=True, append_images=frames[1:])
        store(
            [body.getvalue()],
            format="gif",
            width=60,
            height=40,
            n_frames=2,
            measurements=measured(),
        )

        (made,) = archive_of(blurring()).values()

        with Pillow.open(io.BytesIO(made)) as picture:
            assert (picture.format, getattr(picture, "n_frames", 1)) == ("JPEG", 1)


class TestPicturesOfWhichFacesAreUnknown:
    @pytest.mark.parametrize(
        "measurements",
        [
            None,
            {"text": {"version": "1", "measures": {"characters": 0}}},
            {"faces": {"version": "centerface-1", "error": "too slow"}},
            measured(FACE, n_faces=200),
        ],
        ids=["not measured", "other measurer", "failed", "more than are kept"],
    )
    def test_are_left_out(self, store: Store, blurring, measurements: Any) -> None:
        (unknown,) = store(
            [astronaut()], format="png", width=512, height=512, measurements=measurements
        )
        (known,) = store(
            [astronaut("WEBP")], format="webp", width=512, height=512, measurements=measured(FACE)
        )

        export_job = blurring()

        lines = {line["image_id"]: line for line in manifest_of(export_job)}
        assert (export_job.n_images, export_job.left_out) == (1, {"faces_unknown": 1})
        assert lines[unknown.id]["left_out"] == "faces_unknown"
        assert "measurer faces" in lines[unknown.id]["left_out_detail"]
        assert lines[known.id]["left_out"] is None
