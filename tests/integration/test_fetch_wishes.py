"""How a job wants its pictures fetched and stored, from the request to the fetcher."""

import json
from typing import Any

import pytest
from sqlalchemy.orm import Session

from crawlset.crawls import dispatch
from crawlset.kit import objects
from crawlset.models import CrawlJob, JobStatus, Project, WorkStatus
from crawlset.resizing import Intake, Resize, ResizeMode, StoredFormat
from crawlset.wire import keys
from crawlset.wire.chunks import ChunkHead, ChunkUrl, FetchPolicy
from crawlset.wire.record import unpack
from functions.api import app
from tests import factories
from tests.integration.api import Api
from tests.integration.outcomes import create_open_chunk

pytestmark = pytest.mark.usefixtures("bucket", "queues", "sample_source")

WISHES: dict[str, Any] = {
    "policy": {"robots": False, "min_gap_seconds": 5},
    "resize": {"mode": "keep_ratio", "size": 256, "format": "webp", "quality": 80},
    "formats": ["jpeg", "tiff"],
    "transcode": "webp",
    "keep_location": True,
}
POLICY = FetchPolicy(robots=False, min_gap_seconds=5.0)
RESIZE = Resize(ResizeMode.keep_ratio, 256, format=StoredFormat.webp, quality=80)
INTAKE = Intake(("jpeg", "tiff"), StoredFormat.webp)


def create(project: Project, **wishes: Any) -> tuple[int, Any]:
    return Api(project.user_id).call(
        "POST",
        f"/api/projects/{project.id}/crawl-jobs",
        {"name": "cats", "keywords": ["cat"], "sources": ["sample"]} | wishes,
    )


class TestCreateCrawlJob:
    def test_shows_what_was_wished_for(self, project: Project) -> None:
        status, body = create(project, **WISHES)

        assert status == 201
        assert body["policy"] == {
            "robots": False,
            "tdmrep": True,
            "x_robots_tag": True,
            "tdm_reservation": True,
            "content_usage": True,
            "xmp_data_mining": True,
            "min_gap_seconds": 5.0,
        }
        assert body["resize"] == WISHES["resize"] | {"only_if_bigger": False}
        assert (body["formats"], body["transcode"]) == (["jpeg", "tiff"], "webp")
        assert body["keep_location"] is True

    def test_heeds_every_signal_and_stores_what_came_unless_told(self, project: Project) -> None:
        _, body = create(project)

        assert {body["policy"].pop("min_gap_seconds")} | {*body["policy"].values()} == {0.0, True}
        assert (body["resize"], body["keep_location"]) == (None, False)
        assert body["formats"] == ["jpeg", "png", "webp", "gif", "avif", "bmp", "ico"]
        assert body["transcode"] is None

    @pytest.mark.parametrize(("format_", "usual"), [("jpeg", 95), ("webp", 95), ("png", 6)])
    def test_knows_the_usual_quality_of_a_format(
        self, project: Project, format_: str, usual: int
    ) -> None:
        _, body = create(project, resize={"mode": "no", "size": 16, "format": format_})

        assert body["resize"]["quality"] == usual

    @pytest.mark.parametrize(
        ("format_", "quality"), [("jpeg", 1), ("webp", 100), ("png", 0), ("png", 9)]
    )
    def test_takes_every_quality_that_the_format_has(
        self, project: Project, format_: str, quality: int
    ) -> None:
        resize = {"mode": "border", "size": 4096, "format": format_, "quality": quality}

        assert create(project, resize=resize)[0] == 201

    @pytest.mark.parametrize(
        ("wishes", "pointer"),
        [
            ({"policy": {"robots": "no"}}, "/policy/robots"),
            ({"policy": {"robots": 0}}, "/policy/robots"),
            ({"policy": {"min_gap_seconds": -0.1}}, "/policy/min_gap_seconds"),
            ({"policy": {"min_gap_seconds": 60.1}}, "/policy/min_gap_seconds"),
            ({"policy": {"min_gap_seconds": "5"}}, "/policy/min_gap_seconds"),
            ({"policy": {"noai": False}}, "/policy/noai"),
            ({"policy": None}, "/policy"),
            ({"formats": []}, "/formats"),
            ({"formats": ["jpeg", "svg"]}, "/formats/1"),
            ({"formats": "jpeg"}, "/formats"),
            ({"transcode": "gif"}, "/transcode"),
            ({"keep_location": 1}, "/keep_location"),
            ({"keep_location": None}, "/keep_location"),
            ({"resize": {"size": 256}}, "/resize/mode"),
            ({"resize": {"mode": "border"}}, "/resize/size"),
            ({"resize": {"mode": "stretch", "size": 256}}, "/resize/mode"),
            ({"resize": {"mode": "border", "size": 15}}, "/resize/size"),
            ({"resize": {"mode": "border", "size": 4097}}, "/resize/size"),
            ({"resize": {"mode": "border", "size": "256"}}, "/resize/size"),
            ({"resize": {"mode": "border", "size": 256, "format": "gif"}}, "/resize/format"),
            (
                {"resize": {"mode": "border", "size": 256, "only_if_bigger": 1}},
                "/resize/only_if_bigger",
            ),
            ({"resize": {"mode": "border", "size": 256, "quality": 0}}, "/resize"),
            ({"resize": {"mode": "border", "size": 256, "quality": 101}}, "/resize"),
            ({"resize": {"mode": "no", "size": 256, "format": "png", "quality": 10}}, "/resize"),
            ({"resize": {"mode": "border", "size": 256, "upscale": True}}, "/resize/upscale"),
        ],
    )
    def test_says_which_wish_cannot_be_met(
        self, project: Project, wishes: dict[str, Any], pointer: str
    ) -> None:
        status, problem = create(project, **wishes)

        assert (status, problem["code"]) == (422, "InvalidRequestError")
        assert [error["pointer"] for error in problem["errors"]] == [pointer]


class TestReadCrawlJob:
    def test_reads_a_job_that_is_older_than_wishes(
        self, session: Session, project: Project
    ) -> None:
        job = factories.create_crawl_job(session, project)

        status, body = Api(project.user_id).call(
            "GET", f"/api/projects/{project.id}/crawl-jobs/{job.id}"
        )

        assert (status, body["policy"]["robots"], body["resize"]) == (200, True, None)
        assert (len(body["formats"]), body["transcode"]) == (7, None)
        assert body["keep_location"] is False


class TestDispatch:
    @pytest.mark.parametrize(
        ("wishes", "policy", "resize", "intake"),
        [(WISHES, POLICY, RESIZE, INTAKE), ({}, FetchPolicy(), None, None)],
    )
    def test_tells_the_fetcher(
        self,
        session: Session,
        project: Project,
        wishes: dict[str, Any],
        policy: FetchPolicy,
        resize: Resize | None,
        intake: Intake | None,
    ) -> None:
        _, body = create(project, **wishes)
        job = session.get_one(CrawlJob, body["id"])
        job.status = JobStatus.running
        chunk = create_open_chunk(session, job, 1)
        chunk.status = WorkStatus.pending
        session.commit()

        assert dispatch.dispatch(job.user_id, job.id, [chunk.id]) == 1

        key = keys.chunk_input(job.id, chunk.id, 1)
        head, _ = unpack(ChunkHead, ChunkUrl, objects.get_lines(key))
        assert (head.policy, head.resize, head.intake) == (policy, resize, intake)
        assert head.keep_location is wishes.get("keep_location", False)


class TestDescription:
    def test_names_the_wishes_and_the_re_crawl(self) -> None:
        described = json.loads(app.app.get_openapi_json_schema())

        schemas = described["components"]["schemas"]
        assert {"policy", "resize", "formats", "transcode"} <= schemas["CrawlJobCreate"][
            "properties"
        ].keys()
        assert schemas["ResizeCreate"]["properties"]["size"]["maximum"] == 4096
        path = "/api/projects/{project_id}/crawl-jobs/{job_id}/recrawl"
        assert "post" in described["paths"][path]
