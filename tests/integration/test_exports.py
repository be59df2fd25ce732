import hashlib
import tarfile
import zipfile
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from crawlset.exports import plan as plans
from crawlset.exports import service
from crawlset.kit import objects
from crawlset.models import (
    CrawlJob,
    ExportFile,
    ExportJob,
    JobStatus,
    OutboxMessage,
    Project,
)
from crawlset.outcomes import ImageStatus, Outcome
from crawlset.pipeline import service as pipeline
from crawlset.wire import keys
from crawlset.wire.pipeline import Execution
from tests import factories
from tests.integration.api import Api
from tests.integration.exporting import (
    TRAIN,
    Store,
    archive_of,
    export,
    file_of,
    manifest_of,
    step,
    storing,
    verify,
    write,
)

pytestmark = pytest.mark.usefixtures("bucket")


@pytest.fixture
def job(session: Session, project: Project) -> CrawlJob:
    return factories.create_crawl_job(session, project, status=JobStatus.completed)


@pytest.fixture
def path(job: CrawlJob) -> str:
    return f"/api/projects/{job.project_id}/crawl-jobs/{job.id}/export-jobs"


@pytest.fixture
def store(session: Session, job: CrawlJob) -> Store:
    return storing(session, job)


def error_of(raised: pytest.ExceptionInfo[BaseException]) -> str:
    return type(raised.value).__name__


class TestCreateExportJob:
    def test_names_the_keywords_that_classes_can_have(
        self, api: Api, path: str, job: CrawlJob, store: Store
    ) -> None:
        store(1, keyword="kitten")
        store(1, keyword=None)
        options = {"classes": {"kitten": "cat", "": "other", job.keywords[0]: None}}
        status, _ = api.call("POST", path, {"export_options": options})
        refused = {"export_options": {"classes": {"kiten": "cat"}}}

        refusals = [
            api.call("POST", path, refused),
            api.call("POST", path.replace("export-jobs", "pipeline"), {"export": refused}),
        ]

        assert status == 201
        for (code, body), prefix in zip(refusals, ("", "/export"), strict=True):
            assert (code, body["code"]) == (422, "UnknownKeywordError")
            assert [e["pointer"] for e in body["errors"]] == [
                f"{prefix}/export_options/classes/kiten"
            ]
            assert "there are '', 'cat', 'kitten'" in body["detail"]

    def test_waits_with_one_execution_in_the_outbox(
        self, api: Api, path: str, job: CrawlJob, session: Session
    ) -> None:
        status, body = api.call("POST", path, {"format": "imagefolder"})

        assert (status, body["status"], body["n_images"]) == (201, "pending", 0)
        assert body["export_options"] == {
            "splits": {"train": 0.8, "validation": 0.1, "test": 0.1},
            "seed": "crawlset",
            "stratify": True,
            "group_by": ["near_duplicates"],
            "licences": None,
            "include_quarantined": False,
            "classes": {},
            "resize": None,
            "encode": None,
            "metadata": "keep",
            "shard_images": 10_000,
            "shard_bytes": None,
            "archive": "zip",
            "boxes": "image",
        }
        (message,) = session.scalars(select(OutboxMessage))
        assert message.deduplication_id == f"exp-{body['id']}"
        execution = Execution.from_json(message.body)
        assert (execution.validation_job_id, str(execution.export_job_id)) == (None, body["id"])

    @pytest.mark.parametrize(
        ("request_", "pointer"),
        [
            ({"format": "pascal_voc"}, "/format"),
            ({"format": ""}, "/format"),
            ({"export_options": {"splits": {"train": 0.5}}}, "/export_options/splits"),
            ({"export_options": {"resize": 256}}, "/export_options/resize"),
            ({"export_options": {"encode": {"quality": 101}}}, "/export_options/encode"),
            ({"export_options": {"licences": ["wtf"]}}, "/export_options/licences/0"),
            ({"export_options": {"group_by": ["colour"]}}, "/export_options/group_by/0"),
            ({"export_options": {"shard_images": 0}}, "/export_options/shard_images"),
            ({"export_options": {"classes": {"cat": ""}}}, "/export_options/classes/cat"),
            (
                {"export_options": {"encode": {}, "resize": {"mode": "no", "size": 64}}},
                "/export_options",
            ),
            ({"export_options": {"classes": {"kiten": "cat"}}}, "/export_options/classes/kiten"),
            ({"export_options": {"classes": {"a/b~": None}}}, "/export_options/classes/a~1b~0"),
            ({"shards": 5}, "/shards"),
        ],
    )
    def test_answers_422_and_leaves_no_row(
        self, api: Api, path: str, session: Session, request_: Any, pointer: str
    ) -> None:
        status, body = api.call("POST", path, request_)

        assert (status, [e["pointer"] for e in body["errors"]]) == (422, [pointer])
        assert session.scalar(select(func.count()).select_from(ExportJob)) == 0

    def test_names_the_formats_it_knows(self, api: Api, path: str) -> None:
        _, body = api.call("POST", path, {"format": "pascal_voc"})

        for name in ("imagefolder", "webdataset", "parquet", "coco", "yolo", "tfrecord", "csv"):
            assert f"'{name}'" in body["errors"][0]["detail"]

    @pytest.mark.parametrize("state", [JobStatus.pending, JobStatus.running, JobStatus.failed])
    def test_answers_409_unless_crawl_and_validation_are_completed(
        self, api: Api, path: str, job: CrawlJob, session: Session, state: JobStatus
    ) -> None:
        validation_job = factories.create_validation_job(session, job, status=state)
        early = api.call("POST", path, {"validation_job_id": str(validation_job.id)})
        job.status = state
        session.commit()
        unfinished = api.call("POST", path, {})

        assert (early[0], early[1]["code"]) == (409, "ValidationNotCompletedError")
        assert (unfinished[0], unfinished[1]["code"]) == (409, "CrawlJobNotCompletedError")

    def test_answers_404_for_a_validation_of_another_crawl(
        self, api: Api, path: str, job: CrawlJob, session: Session
    ) -> None:
        project = session.get_one(Project, job.project_id)
        other = factories.create_crawl_job(session, project, status=JobStatus.completed)
        validation_job = factories.create_validation_job(session, other)

        status, body = api.call("POST", path, {"validation_job_id": str(validation_job.id)})

        assert (status, body["code"]) == (404, "NotFoundError")


class TestCancelExportJob:
    def test_ends_it_and_the_pipeline_deletes_what_was_written(
        self, api: Api, path: str, job: CrawlJob, session: Session, store: Store
    ) -> None:
        store(2)
        export_job = factories.create_export_job(session, job)
        write(export_job)

        status, body = api.call("POST", f"{path}/{export_job.id}/cancel")
        with pytest.raises(Exception) as raised:
            step(export_job, "verify")
        step(export_job, "fail", error={"Error": error_of(raised), "Cause": ""})

        assert (status, body["status"], error_of(raised)) == (200, "cancelled", "JobCancelledError")
        session.refresh(export_job)
        assert export_job.status is JobStatus.cancelled
        assert list(objects.list_keys("exports/")) == []

    def test_answers_409_when_it_has_ended(
        self, api: Api, path: str, job: CrawlJob, session: Session
    ) -> None:
        export_job = factories.create_export_job(session, job, status=JobStatus.failed)

        status, body = api.call("POST", f"{path}/{export_job.id}/cancel")

        assert (status, body["code"]) == (409, "JobFinishedError")


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


@pytest.mark.role("crawlset_worker")
class TestVerifyExport:
    @pytest.fixture
    def written(self, job: CrawlJob, session: Session, store: Store) -> ExportJob:
        store(3)
        export_job = factories.create_export_job(session, job, export_options=TRAIN)
        write(export_job)
        return export_job

    def test_shows_files_with_their_sums_when_all_is_sound(
        self, written: ExportJob, session: Session
    ) -> None:
        assert session.scalar(select(func.count()).select_from(ExportFile)) == 0

        step(written, "verify")

        session.refresh(written)
        rows = session.scalars(select(ExportFile).order_by(ExportFile.name)).all()
        assert [row.name for row in rows] == [
            "ATTRIBUTION.csv",
            "ATTRIBUTION.md",
            "README.md",
            "SHA256SUMS",
            "classes.txt",
            "config.json",
            "croissant.json",
            "data/train-00000.zip",
            "manifest.jsonl",
        ]
        for row in rows:
            body = file_of(written, row.name)
            assert (row.file_size, row.sha256) == (len(body), hashlib.sha256(body).digest())
        assert written.file_size == sum(row.file_size for row in rows)
        assert written.expires_at is not None
        assert written.finished_at is not None
        assert (written.expires_at - written.finished_at).days == 30

    @pytest.mark.parametrize(
        "name", ["data/train-00000.zip", "manifest.jsonl", "README.md", "croissant.json"]
    )
    @pytest.mark.parametrize("damage", ["flip", "cut", "delete"])
    def test_tells_damage_and_shows_nothing(
        self, written: ExportJob, session: Session, name: str, damage: str
    ) -> None:
        key = keys.export_file(written.id, name)
        body = bytearray(objects.get(key))
        if damage == "delete":
            objects.delete(key)
        elif damage == "cut":
            objects.put(key, bytes(body[:-1]))
        else:
            body[len(body) // 2] ^= 1
            objects.put(key, bytes(body))

        with pytest.raises(Exception) as raised:
            verify(written, [{"index": 0}])

        assert error_of(raised) == "ExportDamagedError"
        assert name in str(raised.value)
        assert session.scalar(select(func.count()).select_from(ExportFile)) == 0
        session.refresh(written)
        assert written.status is JobStatus.running

    def test_tells_a_shard_that_was_never_written(
        self, job: CrawlJob, session: Session, store: Store
    ) -> None:
        store(1)
        export_job = factories.create_export_job(session, job)
        step(export_job, "plan")

        with pytest.raises(Exception) as raised:
            step(export_job, "finish")

        assert "was never written" in str(raised.value)


@pytest.mark.role("crawlset_worker")
class TestFailExport:
    def test_says_why_and_deletes_what_was_written(
        self, job: CrawlJob, session: Session, store: Store
    ) -> None:
        store(1)
        export_job = factories.create_export_job(session, job)
        write(export_job)

        step(export_job, "fail", error={"Error": "States.Timeout", "Cause": ""})

        session.refresh(export_job)
        assert (export_job.status, export_job.error_message) == (
            JobStatus.failed,
            "A step ended with States.Timeout.",
        )
        assert list(objects.list_keys("exports/")) == []

    def test_leaves_a_completed_export_and_its_files(
        self, job: CrawlJob, session: Session, store: Store
    ) -> None:
        store(1)
        export_job = factories.create_export_job(session, job, export_options=TRAIN)
        export(export_job)

        step(export_job, "fail", error={"Error": "States.Timeout", "Cause": ""})

        session.refresh(export_job)
        assert export_job.status is JobStatus.completed
        assert len(archive_of(export_job)) == 1

    def test_cancels_with_the_validation_it_waited_for(
        self, job: CrawlJob, session: Session
    ) -> None:
        validation_job = factories.create_validation_job(session, job, status=JobStatus.cancelled)
        export_job = factories.create_export_job(session, job, validation_job_id=validation_job.id)

        step(export_job, "fail", error={"Error": "JobCancelledError", "Cause": ""})

        session.refresh(export_job)
        assert (export_job.status, export_job.error_message) == (JobStatus.cancelled, None)

    def test_does_nothing_for_a_deleted_job(self, job: CrawlJob, session: Session) -> None:
        export_job = factories.create_export_job(session, job)
        session.delete(session.merge(export_job))
        session.commit()

        assert step(export_job, "fail", error={"Error": "NotFoundError"}) == {}


class TestListExportFiles:
    @pytest.fixture
    def exported(self, job: CrawlJob, session: Session, store: Store) -> ExportJob:
        store(1)
        export_job = factories.create_export_job(session, job, export_options=TRAIN)
        export(export_job)
        return export_job

    def test_gives_short_urls_that_download(self, api: Api, path: str, exported: ExportJob) -> None:
        status, body = api.call("GET", f"{path}/{exported.id}/files")

        assert status == 200
        assert [item["name"] for item in body["items"]][-2:] == [
            "data/train-00000.zip",
            "manifest.jsonl",
        ]
        for item in body["items"]:
            url = urlsplit(item["url"])
            query = parse_qs(url.query)
            assert url.path.endswith(f"/exports/{exported.id}/{item['name']}")
            assert query["X-Amz-Expires"] == ["900"]
            assert query["response-content-disposition"] == [
                f'attachment; filename="{Path(item["name"]).name}"'
            ]
            assert len(item["sha256"]) == 64

    def test_pages_through_them(self, api: Api, path: str, exported: ExportJob) -> None:
        _, first = api.call("GET", f"{path}/{exported.id}/files", query={"limit": "3"})
        _, second = api.call(
            "GET", f"{path}/{exported.id}/files", query={"cursor": first["next_cursor"]}
        )

        assert [len(first["items"]), len(second["items"])] == [3, 6]

    def test_is_empty_before_the_export_is_completed(
        self, api: Api, path: str, job: CrawlJob, session: Session, store: Store
    ) -> None:
        store(1)
        export_job = factories.create_export_job(session, job)
        write(export_job)

        status, body = api.call("GET", f"{path}/{export_job.id}/files")

        assert (status, body) == (200, {"items": [], "next_cursor": None})

    def test_answers_410_once_expired(
        self, api: Api, path: str, exported: ExportJob, session: Session
    ) -> None:
        expire(session, exported)

        status, body = api.call("GET", f"{path}/{exported.id}/files")

        assert (status, body["code"]) == (410, "ExportExpiredError")

    def test_answers_404_to_another_user(
        self, path: str, exported: ExportJob, session: Session
    ) -> None:
        stranger = factories.create_profile(session)

        status, _ = Api(stranger.id).call("GET", f"{path}/{exported.id}/files")

        assert status == 404


def expire(session: Session, export_job: ExportJob) -> None:
    session.execute(
        text("UPDATE export_jobs SET expires_at = now() WHERE id = :id"), {"id": export_job.id}
    )
    session.commit()


@pytest.mark.role("crawlset_tick")
class TestExpireExports:
    def test_deletes_files_then_rows_of_what_expired(
        self, job: CrawlJob, session: Session, store: Store
    ) -> None:
        store(1)
        old, new = (factories.create_export_job(session, job) for _ in range(2))
        export(old)
        export(new)
        expire(session, old)

        assert service.list_expired(session) == [(job.user_id, old.id)]
        assert (pipeline.expire_exports(), pipeline.expire_exports()) == (1, 0)

        session.expire_all()
        kept = set(objects.list_keys("exports/"))
        assert kept
        assert all(key.startswith(f"exports/{new.id}/") for key in kept)
        assert set(session.scalars(select(ExportFile.export_job_id))) == {new.id}
        session.refresh(old)
        assert old.status is JobStatus.completed

    def test_tries_again_when_deleting_broke_off(
        self, job: CrawlJob, session: Session, store: Store, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        store(1)
        export_job = factories.create_export_job(session, job)
        export(export_job)
        expire(session, export_job)
        with monkeypatch.context() as patch:
            patch.setattr(objects, "delete_all", refuse)
            with pytest.raises(ConnectionError):
                pipeline.expire_exports()

        assert pipeline.expire_exports() == 1


def refuse(prefix: str) -> None:
    raise ConnectionError(prefix)


class TestRelayedJob:
    def test_names_its_jobs_in_the_crawl_job(
        self, api: Api, job: CrawlJob, session: Session, path: str
    ) -> None:
        export_job = factories.create_export_job(session, job)

        _, body = api.call("GET", path.removesuffix("/export-jobs"))

        assert [entry["id"] for entry in body["export_jobs"]] == [str(export_job.id)]
