"""Pictures that cannot be exported as asked: each is lost alone, counted, and said why."""

import io
from typing import Any

import pytest
from PIL import Image as Pillow
from sqlalchemy.orm import Session

from crawlset.exports.formats import FORMATS, load
from crawlset.models import CrawlJob, ExportJob, Image, JobStatus
from tests import factories
from tests.integration.api import Api
from tests.integration.exports.steps import (
    TRAIN,
    Store,
    archive_of,
    export,
    file_of,
    manifest_of,
)
from tests.mortal_decoder import DEADLY
from tests.unit.imaging.photographs import photograph
from tests.unit.imaging.xmp_packets import DECLARING, DEEP

pytestmark = pytest.mark.usefixtures("bucket")

HOLDING = [name for name in FORMATS if load(name).has_data_files]
STRIP = {"metadata": "strip"}


def exported(session: Session, job: CrawlJob, name: str, **options: Any) -> ExportJob:
    export_job = factories.create_export_job(session, job, format=name, export_options=options)
    export(export_job)
    session.refresh(export_job)
    return export_job


def store_photographs(store: Store, *overrides: dict[str, Any]) -> list[Image]:
    """JPEGs of one class, different by their quality."""
    bodies = [
        photograph("JPEG", quality=90 - at, **options) for at, options in enumerate(overrides)
    ]
    return store(bodies, format="jpeg", width=30, height=20)


@pytest.mark.role("crawlset_worker")
class TestPicturesThatCannotBeStripped:
    def test_are_of_a_format_that_only_encoding_strips(
        self, session: Session, job: CrawlJob, store: Store
    ) -> None:
        (tiff,) = store([photograph("TIFF")], format="tiff", width=30, height=20)
        (avif,) = store([photograph("AVIF")], format="avif", width=30, height=20)

        stripped = exported(session, job, "imagefolder", **TRAIN | STRIP)
        encoded = exported(session, job, "imagefolder", **TRAIN | STRIP | {"encode": {}})

        lines = {line["image_id"]: line for line in manifest_of(stripped)}
        assert lines[tiff.id]["left_out_detail"] == (
            "decode_error: a tiff is stripped by encoding it anew only"
        )
        assert lines[avif.id]["file_name"].endswith(".avif")
        assert (encoded.status, encoded.n_images, encoded.left_out) == (JobStatus.completed, 2, {})

    @pytest.mark.parametrize(
        ("packet", "why"), [(DEEP, "nested deeper"), (DECLARING, "document type")]
    )
    def test_are_left_out_and_the_export_completes(
        self, session: Session, job: CrawlJob, store: Store, packet: bytes, why: str
    ) -> None:
        good, bad = store_photographs(store, {}, {"xmp": packet})

        export_job = exported(session, job, "imagefolder", **TRAIN | STRIP)

        lines = {line["image_id"]: line for line in manifest_of(export_job)}
        assert (export_job.status, export_job.n_images) == (JobStatus.completed, 1)
        assert export_job.left_out == {"not_stripped": 1}
        assert len(archive_of(export_job)) == 1
        assert (lines[good.id]["left_out"], lines[good.id]["data_file"] is None) == (None, False)
        assert lines[bad.id]["left_out"] == "not_stripped"
        assert why in lines[bad.id]["left_out_detail"]
        assert lines[bad.id]["data_file"] is None

    @pytest.mark.parametrize("name", HOLDING)
    def test_are_in_no_file_of_any_format(
        self, session: Session, job: CrawlJob, store: Store, name: str
    ) -> None:
        images = store_photographs(store, *[{}, {"xmp": DEEP}] * 6)
        thirds = {"train": 0.4, "validation": 0.3, "test": 0.3}

        export_job = exported(session, job, name, splits=thirds, **STRIP)

        card = file_of(export_job, "README.md").decode()
        lines = {line["image_id"]: line for line in manifest_of(export_job)}
        assert (export_job.n_images, export_job.left_out) == (6, {"not_stripped": 6})
        assert [lines[image.id]["left_out"] for image in images] == [None, "not_stripped"] * 6
        assert "6 images of 12 candidates" in card
        assert "Left out: 6 not_stripped;" in card

    def test_may_be_all_of_them(self, session: Session, job: CrawlJob, store: Store) -> None:
        store_photographs(store, {"xmp": DEEP}, {"xmp": DEEP})

        export_job = exported(session, job, "parquet", **TRAIN | STRIP)

        assert (export_job.status, export_job.n_images) == (JobStatus.completed, 0)
        assert export_job.left_out == {"not_stripped": 2}


@pytest.mark.role("crawlset_worker")
class TestPicturesThatCannotBeTransformed:
    def test_are_left_out_for_another_reason(
        self, session: Session, job: CrawlJob, store: Store
    ) -> None:
        _, bad = store([photograph("PNG"), b"no picture" * 50], format="png")

        export_job = exported(session, job, "imagefolder", encode={}, **TRAIN | STRIP)

        lines = {line["image_id"]: line for line in manifest_of(export_job)}
        assert export_job.left_out == {"not_transformed": 1}
        assert lines[bad.id]["left_out_detail"] == "not_image: no image signature"

    def test_leave_what_is_stripped_after_them(
        self, session: Session, job: CrawlJob, store: Store
    ) -> None:
        store_photographs(store, {}, {"xmp": DEEP}, {})

        export_job = exported(
            session, job, "imagefolder", encode={"format": "png", "quality": 1}, **TRAIN | STRIP
        )

        assert export_job.left_out == {"not_stripped": 1}
        for body in archive_of(export_job).values():
            with Pillow.open(io.BytesIO(body)) as opened:
                assert opened.format == "PNG"


@pytest.mark.role("crawlset_worker")
class TestPicturesThatKillTheirDecoder:
    @pytest.mark.usefixtures("mortal_decoder")
    @pytest.mark.parametrize(
        ("options", "reason"), [(STRIP, "not_stripped"), ({"encode": {}}, "not_transformed")]
    )
    def test_are_lost_alone(
        self, session: Session, job: CrawlJob, store: Store, options: dict[str, Any], reason: str
    ) -> None:
        images = store_photographs(store, {}, {"comment": DEADLY}, {})

        export_job = exported(session, job, "imagefolder", **TRAIN | options)

        lines = {line["image_id"]: line for line in manifest_of(export_job)}
        assert [lines[image.id]["left_out"] for image in images] == [None, reason, None]
        assert lines[images[1].id]["left_out_detail"] == "decode_crash: killed by SIGABRT"
        assert (export_job.n_images, export_job.left_out) == (2, {reason: 1})


class TestReadExport:
    def test_says_how_many_are_left_out_and_why(
        self, api: Api, session: Session, job: CrawlJob, store: Store, path: str
    ) -> None:
        store_photographs(store, {}, {"xmp": DEEP})
        export_job = exported(session, job, "imagefolder", **TRAIN | STRIP)

        status, body = api.call("GET", f"{path}/{export_job.id}")

        assert (status, body["n_images"], body["left_out"]) == (200, 1, {"not_stripped": 1})
