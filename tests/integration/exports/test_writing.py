import tarfile
import zipfile
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from crawlset.exports import files
from crawlset.exports import plan as plans
from crawlset.kit import objects
from crawlset.models import CrawlJob, ExportFile, JobStatus
from crawlset.outcomes import ImageStatus, Outcome
from crawlset.wire import keys
from tests import factories
from tests.integration.exports.steps import (
    TRAIN,
    Store,
    archive_of,
    error_of,
    export,
    file_of,
    manifest_of,
    step,
)

pytestmark = pytest.mark.usefixtures("bucket")


@pytest.mark.role("crawlset_worker")
class TestExport:
    def test_puts_the_stored_bytes_into_class_folders(
        self, job: CrawlJob, session: Session, store: Store
    ) -> None:
        images = store([b"one", b"two"], keyword="cat") + store([b"three"], keyword="golden dog")
        export_job = factories.create_export_job(session, job, export_options=TRAIN)

        export(export_job)

        digests = [image.sha256.hex()[:32] for image in images if image.sha256]
        assert archive_of(export_job) == {
            f"train/cat/{digests[0]}.jpg": b"one",
            f"train/cat/{digests[1]}.jpg": b"two",
            f"train/golden_dog/{digests[2]}.jpg": b"three",
        }
        session.refresh(export_job)
        assert (export_job.status, export_job.n_images) == (JobStatus.completed, 3)

    def test_exports_what_the_validation_kept(
        self, job: CrawlJob, session: Session, store: Store
    ) -> None:
        kept, rejected, unjudged = store(3)
        validation_job = factories.create_validation_job(session, job, status=JobStatus.completed)
        factories.create_verdict(session, validation_job, kept)
        factories.create_verdict(session, validation_job, rejected, "min_width")
        export_job = factories.create_export_job(
            session, job, validation_job_id=validation_job.id, export_options=TRAIN
        )

        export(export_job)

        lines = {line["image_id"]: line for line in manifest_of(export_job)}
        assert [lines[i.id]["verdict"] for i in (kept, rejected, unjudged)] == [
            "keep",
            "reject",
            None,
        ]
        assert [
            (lines[rejected.id][name]) for name in ("rule", "measured", "threshold", "file_name")
        ] == ["min_width", 10, 64, None]
        assert list(archive_of(export_job)) == [lines[kept.id]["file_name"]]

    def test_lists_every_candidate_with_its_outcome(
        self, job: CrawlJob, session: Session, store: Store
    ) -> None:
        (image,) = store(1, creator="Ann", landing_url="https://example.org/1", title="One")
        chunk = factories.create_chunk(session, job)
        missing = factories.create_image(
            session,
            chunk,
            status=ImageStatus.failed,
            outcome=Outcome.http_404,
            http_status=404,
        )
        export_job = factories.create_export_job(session, job, export_options=TRAIN)

        export(export_job)

        first, second = manifest_of(export_job)
        assert (first["image_id"], first["outcome"], first["creator"]) == (
            image.id,
            "stored",
            "Ann",
        )
        assert (first["split"], first["data_file"]) == ("train", "data/train-00000.zip")
        assert first["sha256"].startswith(Path(first["file_name"]).stem)
        assert (second["image_id"], second["outcome"], second["file_name"]) == (
            missing.id,
            "http_404",
            None,
        )
        card = file_of(export_job, "README.md").decode()
        assert "1 images of 2 candidates" in card
        assert "| train | cat | 1 |" in card
        assert "| http\\_404 | 1 |" in card
        assert '"One" by Ann, source <https://example.org/1>' in (
            file_of(export_job, "ATTRIBUTION.md").decode()
        )

    def test_completes_without_images(self, job: CrawlJob, session: Session) -> None:
        export_job = factories.create_export_job(session, job)

        export(export_job)

        session.refresh(export_job)
        assert (export_job.status, export_job.n_images) == (JobStatus.completed, 0)
        assert manifest_of(export_job) == []
        assert [key for key in objects.list_keys("exports/") if "/data/" in key] == []

    @pytest.mark.parametrize("archive", ["zip", "tar", "tar.gz"])
    def test_keeps_hostile_names_out_of_paths(
        self, job: CrawlJob, session: Session, store: Store, tmp_path: Path, archive: str
    ) -> None:
        hostile = ["../../up", "/abs", "..", ".git", "x" * 300, "\u202egpj.exe", "con", "a\nb", " "]
        for keyword in hostile:
            store(1, keyword=keyword, title=keyword, creator="=cmd()|[x](y)\n# z")
        export_job = factories.create_export_job(
            session, job, export_options=TRAIN | {"archive": archive}
        )

        export(export_job)

        packed = tmp_path / f"packed.{archive}"
        packed.write_bytes(file_of(export_job, f"data/train-00000.{archive}"))
        out = tmp_path / "out"
        if archive == "zip":
            with zipfile.ZipFile(packed) as opened:
                opened.extractall(out)
        else:
            with tarfile.open(packed) as opened:
                opened.extractall(out, filter="data")
        names = [line["file_name"] for line in manifest_of(export_job)]
        packed.unlink()
        found = [p for p in tmp_path.rglob("*") if p.is_file()]
        assert sorted(str(p.relative_to(tmp_path / "out")) for p in found) == sorted(names)
        assert {len(Path(name).parts) for name in names} == {3}
        assert len({Path(name).parts[1] for name in names}) == len(hostile)
        assert [line["keyword"] for line in manifest_of(export_job)] == hostile
        attributions = file_of(export_job, "ATTRIBUTION.md").decode().splitlines()
        assert sum(line.startswith("- ") for line in attributions) == len(hostile)

    def test_cuts_shards_by_number_and_by_size(
        self, job: CrawlJob, session: Session, store: Store
    ) -> None:
        store([bytes([n]) * 300_000 for n in range(7)])
        by_number, by_size = (
            factories.create_export_job(session, job, export_options=TRAIN | limits)
            for limits in ({"shard_images": 3}, {"shard_bytes": 1_000_000})
        )

        for export_job, sizes in ((by_number, [3, 3, 1]), (by_size, [3, 3, 1])):
            export(export_job)

            names = [f"data/train-{number:05d}.zip" for number in range(len(sizes))]
            archives = {name: archive_of(export_job, name) for name in names}
            assert [len(archive) for archive in archives.values()] == sizes
            session.refresh(export_job)
            assert (export_job.status, export_job.n_images) == (JobStatus.completed, 7)
            assert all(
                line["file_name"] in archives[line["data_file"]] for line in manifest_of(export_job)
            )

    def test_refuses_more_files_than_an_execution_can_write(
        self, job: CrawlJob, session: Session, store: Store, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(plans, "MAX_SHARDS", 2)
        store(3)
        options = TRAIN | {"shard_images": 1}
        export_job = factories.create_export_job(session, job, export_options=options)

        with pytest.raises(Exception) as raised:
            step(export_job, "plan")

        assert error_of(raised) == "TooManyShardsError"
        assert list(objects.list_keys("exports/")) == []

    def test_gives_the_same_bytes_for_the_same_images(
        self, job: CrawlJob, session: Session, store: Store
    ) -> None:
        store(20, keyword="cat")
        first, second = (
            factories.create_export_job(session, job, export_options=TRAIN) for _ in range(2)
        )

        export(first)
        export(second)

        keys_of = [list(objects.list_keys(f"exports/{one.id}/")) for one in (first, second)]
        names = {
            key.partition("/")[2].partition("/")[2] for key in keys_of[0] if "plan/" not in key
        }
        assert len(names) == 9
        for name in names:
            assert file_of(first, name) == file_of(second, name)

    def test_changes_nothing_when_every_step_runs_twice(
        self, job: CrawlJob, session: Session, store: Store
    ) -> None:
        store(3)
        export_job = factories.create_export_job(session, job, export_options=TRAIN)

        for name in ("plan", "write_shard", "finish", "verify_shard", "verify"):
            assert step(export_job, name) == step(export_job, name)

        session.refresh(export_job)
        assert (export_job.status, export_job.n_images) == (JobStatus.completed, 3)
        assert session.scalar(select(func.count()).select_from(ExportFile)) == 9
        assert step(export_job, "plan") == {"shards": []}

    def test_holds_what_was_stored_when_it_was_planned(
        self, job: CrawlJob, session: Session, store: Store
    ) -> None:
        store(2)
        export_job = factories.create_export_job(session, job)
        step(export_job, "plan")
        store(1, keyword="late")

        export(export_job)

        lines = manifest_of(export_job)
        assert [line["file_name"] is not None for line in lines] == [True, True]
        session.refresh(export_job)
        assert (export_job.status, export_job.n_images) == (JobStatus.completed, 2)

    def test_takes_the_plan_that_was_written_first(
        self, job: CrawlJob, session: Session, tmp_path: Path
    ) -> None:
        export_job = factories.create_export_job(session, job)
        limits = {"shard_images": 1, "shard_bytes": 1}
        first = plans.Draft(tmp_path, **limits).freeze(export_job.id, ["cat"])

        second = plans.Draft(tmp_path, **limits).freeze(export_job.id, ["dog"])

        assert second == first

    @pytest.mark.parametrize("name", ["plan", "write_shard", "finish", "verify_shard", "verify"])
    def test_breaks_off_when_cancelled(self, job: CrawlJob, session: Session, name: str) -> None:
        export_job = factories.create_export_job(session, job, status=JobStatus.cancelled)

        with pytest.raises(Exception) as raised:
            step(export_job, name)

        assert error_of(raised) == "JobCancelledError"
        assert list(objects.list_keys("exports/")) == []

    def test_tells_an_image_that_has_changed_in_its_pack(
        self, job: CrawlJob, session: Session, store: Store
    ) -> None:
        image, _ = store([b"one", b"two"])
        objects.put(image.pack_key or "", bytes(2000))
        export_job = factories.create_export_job(session, job)
        step(export_job, "plan")

        with pytest.raises(Exception) as raised:
            step(export_job, "write_shard", index=0)

        assert error_of(raised) == "PackDamagedError"

    def test_leaves_no_file_that_came_after_its_end(
        self, job: CrawlJob, session: Session, store: Store, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A takedown ends exports under way; a step that has read the bytes uploads them still."""
        store(2)
        export_job = factories.create_export_job(session, job, export_options=TRAIN)
        shards = step(export_job, "plan")["shards"]
        upload = files.upload

        def end_and_upload(*args: Any) -> Any:
            export_job.status = JobStatus.failed
            session.commit()
            return upload(*args)

        monkeypatch.setattr(files, "upload", end_and_upload)
        step(export_job, "write_shard", **shards[0])

        assert list(objects.list_keys(keys.export_file(export_job.id, ""))) == []
