"""Effects of an export's options on the images in it."""

import io
import zipfile
from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from PIL import Image as Pillow
from sqlalchemy.orm import Session

from crawlset.exports import plan as plans
from crawlset.models import CrawlJob, ExportJob, Image, JobStatus
from crawlset.outcomes import Verdict
from crawlset.resizing import ResizeMode
from tests import factories
from tests.integration.exports.steps import TRAIN, Store, archive_of, export, file_of, manifest_of
from tests.unit.imaging.photographs import RIGHTS, SECRET, photograph

pytestmark = [pytest.mark.usefixtures("bucket"), pytest.mark.role("crawlset_worker")]

Export = Callable[..., ExportJob]


@pytest.fixture
def export_with(session: Session, job: CrawlJob) -> Export:
    def run(validation_job_id: Any = None, **options: Any) -> ExportJob:
        export_job = factories.create_export_job(
            session, job, validation_job_id=validation_job_id, export_options=TRAIN | options
        )
        export(export_job)
        session.refresh(export_job)
        return export_job

    return run


def lines_of(export_job: ExportJob) -> dict[int, dict[str, Any]]:
    return {line["image_id"]: line for line in manifest_of(export_job)}


def picture(width: int = 40, height: int = 30, image_format: str = "PNG") -> bytes:
    pixels = np.random.default_rng(width).integers(0, 255, (height, width, 3), np.uint8)
    out = io.BytesIO()
    Pillow.fromarray(pixels).save(out, image_format)
    return out.getvalue()


class TestClasses:
    def test_are_mapped_merged_and_left_out(self, store: Store, export_with: Export) -> None:
        (cat,), (kitten,), (dog,) = (store(1, keyword=name) for name in ("cat", "kitten", "dog"))

        export_job = export_with(classes={"kitten": "cat", "dog": None})

        lines = lines_of(export_job)
        assert [lines[image.id]["class"] for image in (cat, kitten, dog)] == ["cat", "cat", None]
        assert export_job.n_images == 2

    def test_of_no_image_are_told_in_the_card(self, store: Store, export_with: Export) -> None:
        store(1, keyword="cat")

        mistaken, right = export_with(classes={"kiten": "cat"}), export_with(classes={"cat": "x"})

        warning = "names keywords that no candidate has: kiten"
        assert warning in file_of(mistaken, "README.md").decode()
        assert "no candidate has" not in file_of(right, "README.md").decode()


class TestLicences:
    def test_are_filtered_again(self, store: Store, export_with: Export) -> None:
        given = ("cc0-1.0", "cc-by-4.0", "cc-by-nc-4.0", None)
        images = [store(1, licence=licence)[0] for licence in given]

        lines = lines_of(export_with(licences=["attribution"]))

        assert [lines[image.id]["data_file"] is not None for image in images] == [
            True,
            True,
            False,
            False,
        ]


class TestQuarantine:
    @pytest.mark.parametrize("is_included", [False, True])
    def test_is_in_when_asked_for(
        self,
        session: Session,
        job: CrawlJob,
        store: Store,
        export_with: Export,
        is_included: bool,
    ) -> None:
        kept, dubious, rejected = store(3)
        validation_job = factories.create_validation_job(session, job, status=JobStatus.completed)
        factories.create_verdict(session, validation_job, kept)
        factories.create_verdict(
            session, validation_job, dubious, "blurry", verdict=Verdict.quarantine
        )
        factories.create_verdict(session, validation_job, rejected, "dark")

        export_job = export_with(validation_job.id, include_quarantined=is_included)

        lines = lines_of(export_job)
        exported = [lines[i.id]["data_file"] is not None for i in (kept, dubious, rejected)]
        assert exported == [True, is_included, False]


SPLITS = {"train": 0.4, "validation": 0.3, "test": 0.3}


class TestSplits:
    def test_have_every_class_of_three_and_the_shares_of_the_others(
        self, store: Store, export_with: Export
    ) -> None:
        for keyword, n in (("cat", 30), ("dog", 3), ("emu", 1)):
            store(n, keyword=keyword)

        export_job = export_with(splits={"train": 0.8, "validation": 0.1, "test": 0.1})

        lines = manifest_of(export_job)
        assert Counter((line["class"], line["split"]) for line in lines) == {
            ("cat", "train"): 24,
            ("cat", "validation"): 3,
            ("cat", "test"): 3,
            ("dog", "train"): 1,
            ("dog", "validation"): 1,
            ("dog", "test"): 1,
            ("emu", "train"): 1,
        }


class TestGroups:
    def splits_by(self, export_job: ExportJob, field: str) -> dict[str, set[str]]:
        found: dict[str, set[str]] = {}
        for line in manifest_of(export_job):
            found.setdefault(str(line[field]), set()).add(line["split"])
        return found

    def test_of_a_creator_are_in_one_split(self, store: Store, export_with: Export) -> None:
        for at in range(12):
            store(5, creator=f"creator {at}")

        grouped = self.splits_by(
            export_with(splits=SPLITS, group_by=["creator"], stratify=True), "creator"
        )
        free = self.splits_by(export_with(splits=SPLITS), "creator")

        assert {len(splits) for splits in grouped.values()} == {1}
        assert len(set.union(*grouped.values())) == 3
        assert max(len(splits) for splits in free.values()) > 1

    def test_of_a_host_are_in_one_split_however_it_was_kept(
        self, store: Store, export_with: Export
    ) -> None:
        for host in ("münchen.de", "xn--mnchen-3ya.de", "xn--mnchen-3ya.de."):
            store(20, host=host, creator="one")

        splits = self.splits_by(export_with(splits=SPLITS, group_by=["host"]), "creator")

        assert [len(found) for found in splits.values()] == [1]

    def test_of_near_duplicates_are_in_one_split(
        self, session: Session, job: CrawlJob, store: Store, export_with: Export
    ) -> None:
        images: list[Image] = store(60)
        validation_job = factories.create_validation_job(session, job, status=JobStatus.completed)
        for at, image in enumerate(images):
            factories.create_verdict(session, validation_job, image, cluster=images[at % 12].id)

        splits = self.splits_by(export_with(validation_job.id, splits=SPLITS), "cluster")

        assert {len(found) for found in splits.values()} == {1}


class TestPictures:
    @pytest.mark.parametrize("mode", list(ResizeMode))
    def test_are_resized(self, store: Store, export_with: Export, mode: ResizeMode) -> None:
        store([picture(60, 40)], format="png", width=60, height=40)

        export_job = export_with(resize={"mode": mode, "size": 20, "format": "webp"})

        (line,) = manifest_of(export_job)
        ((name, body),) = archive_of(export_job).items()
        expected = {
            "no": (60, 40),
            "border": (20, 20),
            "keep_ratio": (30, 20),
            "keep_ratio_largest": (20, 13),
            "center_crop": (20, 20),
        }[mode]
        with Pillow.open(io.BytesIO(body)) as opened:
            assert (opened.format, opened.size) == ("WEBP", expected)
        assert name.endswith(".webp")
        assert (line["exported_width"], line["exported_height"]) == expected
        assert (line["exported_format"], line["exported_size"]) == ("webp", len(body))
        assert (line["width"], line["height"], line["format"]) == (60, 40, "png")

    def test_are_encoded(self, store: Store, export_with: Export) -> None:
        store([picture()], format="png", width=40, height=30)

        (body,) = archive_of(export_with(encode={"format": "jpeg", "quality": 50})).values()

        with Pillow.open(io.BytesIO(body)) as opened:
            assert (opened.format, opened.size) == ("JPEG", (40, 30))

    @pytest.mark.parametrize("encode", [None, {"format": "jpeg"}])
    def test_lose_what_is_private_and_keep_their_rights(
        self, store: Store, export_with: Export, encode: Any
    ) -> None:
        store([photograph("JPEG")], format="jpeg", width=30, height=20)

        (kept,) = archive_of(export_with()).values()
        (stripped,) = archive_of(export_with(metadata="strip", encode=encode)).values()

        assert SECRET.encode() in kept
        assert SECRET.encode() not in stripped
        assert RIGHTS.encode() in stripped


class TestSizes:
    def test_of_an_archive_may_pass_what_zip_can_count(
        self, store: Store, export_with: Export, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(zipfile, "ZIP64_LIMIT", 500)
        store([bytes([n]) * 700 for n in range(5)])

        bodies = archive_of(export_with())

        assert Counter(map(len, bodies.values())) == {700: 5}

    def test_of_shards_grow_with_a_huge_export(self) -> None:
        assert plans.shard_bytes_for(10**9) == plans.SHARD_BYTES
        assert plans.shard_bytes_for(2 * 10**12) * plans.USUAL_SHARDS == 2 * 10**12
