from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from crawlset.kit import objects
from crawlset.models import CrawlJob, ExportJob, JobStatus, Project
from tests import factories
from tests.integration.api import Api
from tests.integration.executions import executions
from tests.integration.exports.steps import TRAIN, Store, error_of, expire, export, step, write

pytestmark = pytest.mark.usefixtures("bucket")


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

    def test_waits_with_one_execution_that_is_asked_for(
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
            "blur_faces": False,
            "metadata": "keep",
            "shard_images": 10_000,
            "shard_bytes": None,
            "archive": "zip",
            "boxes": "image",
            "missing_classes": "tell",
            "csv_formulas": "keep",
            "images_table": None,
        }
        [(name, execution)] = executions().items()
        assert name == f"exp-{body['id']}"
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


class TestRelayedJob:
    def test_names_its_jobs_in_the_crawl_job(
        self, api: Api, job: CrawlJob, session: Session, path: str
    ) -> None:
        export_job = factories.create_export_job(session, job)

        _, body = api.call("GET", path.removesuffix("/export-jobs"))

        assert [entry["id"] for entry in body["export_jobs"]] == [str(export_job.id)]
