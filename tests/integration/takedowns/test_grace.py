"""What a takedown hides, shows beforehand, brings back, and removes in the end."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from crawlset.kit import objects
from crawlset.models import (
    CrawlJob,
    ExportJob,
    Image,
    JobChunk,
    JobStatus,
    Project,
    Takedown,
    TakedownImage,
    TakedownKind,
    TakedownStatus,
)
from crawlset.outcomes import ImageStatus, Outcome
from crawlset.takedowns import resending
from crawlset.takedowns.carrying_on import carry_on
from crawlset.wire import keys
from tests import factories
from tests.integration.api import Api
from tests.integration.takedowns.stored_images import (
    AT_ONCE,
    CAT,
    CREATOR,
    DOG,
    HOST,
    ON_HOST,
    OWL,
    Store,
    bytes_in_bucket,
    columns,
    content,
    end_grace,
)

pytestmark = pytest.mark.usefixtures("bucket")
GONE = 410


def create_export(session: Session, job: CrawlJob) -> tuple[ExportJob, str]:
    """A completed export of one file, and the path of that route."""
    export = factories.create_export_job(
        session, job, status=JobStatus.completed, finished_at=datetime.now(UTC)
    )
    factories.create_export_file(session, export)
    objects.put(keys.export_file(export.id, "data-00000.zip"), b"zip")
    jobs = f"/api/projects/{job.project_id}/crawl-jobs/{job.id}/export-jobs"
    return export, f"{jobs}/{export.id}"


class TestPreview:
    def test_adds_up_what_would_go_and_changes_nothing(
        self, session: Session, project: Project, api: Api, path: str, job: CrawlJob, store: Store
    ) -> None:
        other = factories.create_crawl_job(session, project, status=JobStatus.completed)
        store(CAT, DOG, each={CAT: ON_HOST})
        store(CAT, OWL, into=other)
        failed = {"status": ImageStatus.failed, "outcome": Outcome.timeout, "url": "https://a.test"}
        store(b"-", into=other, each={b"-": failed | {"sha256": None, "pack_key": None}})
        export, export_path = create_export(session, job)
        before = [columns(image) for image in session.scalars(select(Image).order_by(Image.id))]

        status, shown = api.call("POST", f"{path}/preview", HOST)

        assert status == 200
        assert (shown["n_images"], shown["n_stored"], shown["n_jobs"]) == (3, 2, 2)
        assert shown["n_bytes"] == 2 * len(CAT)
        assert shown["n_exports"] == 1
        assert [(one["export_job_id"], one["n_images"]) for one in shown["exports"]] == [
            (str(export.id), 1)
        ]
        session.expire_all()
        after = [columns(image) for image in session.scalars(select(Image).order_by(Image.id))]
        assert after == before
        assert session.scalars(select(Takedown)).all() == []
        assert api.call("GET", export_path)[1]["withheld"] is None

    def test_counts_as_the_takedown_will(
        self, api: Api, path: str, store: Store, take_down: Callable[..., str]
    ) -> None:
        store(CAT, DOG, each={CAT: ON_HOST | {"creator": "ida"}, DOG: {"creator": "Ida"}})
        take_down(HOST)
        _, shown = api.call("POST", f"{path}/preview", CREATOR)

        _, made = api.call("GET", take_down(CREATOR))

        assert shown["n_images"] == made["n_images"] == 2
        assert shown["n_stored"] == 2

    def test_refuses_what_names_nothing(self, api: Api, path: str) -> None:
        status, problem = api.call("POST", f"{path}/preview", {"kind": "url"})

        assert (status, problem["code"]) == (422, "InvalidRequestError")


class TestGrace:
    def test_hides_at_once_and_keeps_the_bytes(
        self,
        session: Session,
        api: Api,
        job: CrawlJob,
        store: Store,
        take_down: Callable[..., str],
    ) -> None:
        cat, _ = store(CAT, DOG, each={CAT: ON_HOST})
        objects_before = list(objects.list_keys(""))

        takedown = take_down(HOST)

        _, read = api.call("GET", takedown)
        assert (read["status"], read["n_images"], read["completed_at"]) == ("hidden", 1, None)
        grace = datetime.fromisoformat(read["removes_at"]) - datetime.fromisoformat(
            read["created_at"]
        )
        assert grace == timedelta(hours=24)
        assert (cat.outcome, cat.pack_key) == (Outcome.refused_takedown, None)
        image = f"/api/projects/{job.project_id}/crawl-jobs/{job.id}/images/{cat.id}"
        assert api.call("GET", f"{image}/content")[0] == 409
        assert list(objects.list_keys("")) == objects_before
        assert session.scalars(select(JobChunk.bytes_stored)).one() == len(DOG)

    @pytest.mark.parametrize("body", [HOST, HOST | AT_ONCE])
    def test_changes_nothing_when_its_message_comes_again(
        self,
        session: Session,
        project: Project,
        api: Api,
        job: CrawlJob,
        store: Store,
        take_down: Callable[..., str],
        body: dict[str, Any],
    ) -> None:
        (cat,) = store(CAT, each={CAT: ON_HOST})
        create_export(session, job)
        takedown = take_down(body)
        before, image = api.call("GET", takedown)[1], columns(cat)

        carry_on(project.user_id, UUID(before["id"]))

        session.expire_all()
        assert api.call("GET", takedown)[1] == before
        assert columns(cat) == image

    @pytest.mark.parametrize("hours", [-1, 721, "1"])
    def test_refuses_an_odd_grace(self, api: Api, path: str, hours: Any) -> None:
        status, problem = api.call("POST", path, HOST | {"grace_hours": hours})

        assert (status, problem["code"]) == (422, "InvalidRequestError")

    def test_keeps_hidden_bytes_through_a_rewrite_of_their_pack(
        self,
        session: Session,
        store: Store,
        take_down: Callable[..., str],
        revoke: Callable[[str], Any],
    ) -> None:
        cat, dog, owl = store(CAT, DOG, OWL, each={CAT: ON_HOST, DOG: {"creator": "Ida"}})
        hidden = take_down(HOST)

        take_down(CREATOR | AT_ONCE)

        assert DOG not in bytes_in_bucket()
        revoke(hidden)
        assert (content(cat), content(owl)) == (CAT, OWL)
        assert dog.outcome is Outcome.refused_takedown

    @pytest.mark.role("crawlset_tick")
    def test_ends_by_the_tick(
        self,
        session: Session,
        project: Project,
        store: Store,
        queues: Any,
        carry_out: Callable[[], int],
    ) -> None:
        store(CAT, DOG, each={CAT: ON_HOST})
        later = datetime.now(UTC) + timedelta(hours=1)
        takedown = factories.create_takedown(
            session, project, kind=TakedownKind.host, value="a.test", removes_at=later
        )
        carry_on(project.user_id, takedown.id)
        assert resending.resend_due() == 0
        end_grace(session)

        assert resending.resend_due() == 1
        assert resending.resend_due() == 0
        carry_out()

        session.expire_all()
        assert CAT not in bytes_in_bucket()
        assert DOG in bytes_in_bucket()
        assert takedown.status is TakedownStatus.completed
        assert takedown.completed_at is not None
        assert session.scalars(select(TakedownImage)).all() == []


class TestWithheldExports:
    def test_say_so_until_they_are_back(
        self,
        session: Session,
        api: Api,
        job: CrawlJob,
        store: Store,
        take_down: Callable[..., str],
        revoke: Callable[[str], Any],
    ) -> None:
        store(CAT, DOG, each={CAT: ON_HOST})
        export, path = create_export(session, job)

        takedown = take_down(HOST)

        id_ = takedown.rpartition("/")[2]
        _, read = api.call("GET", path)
        _, job_read = api.call("GET", path.rpartition("/export-jobs")[0])
        assert (read["status"], read["expires_at"]) == ("completed", None)
        assert (read["withheld"]["takedown_id"], read["withheld"]["is_removed"]) == (id_, False)
        assert job_read["export_jobs"] == [read]
        assert api.call("GET", path.rpartition("/")[0])[1]["items"] == [read]
        status, problem = api.call("GET", f"{path}/files")
        assert (status, problem["code"]) == (GONE, "ExportTakenDownError")
        assert id_ in problem["detail"]
        assert "revoked until" in problem["detail"]
        revoke(takedown)
        assert api.call("GET", path)[1]["withheld"] is None
        assert api.call("GET", f"{path}/files")[0] == 200
        assert objects.exists(keys.export_file(export.id, "data-00000.zip"))

    def test_say_that_their_files_are_gone(
        self,
        session: Session,
        api: Api,
        job: CrawlJob,
        store: Store,
        take_down: Callable[..., str],
    ) -> None:
        store(CAT, DOG, each={CAT: ON_HOST})
        _, path = create_export(session, job)

        takedown = take_down(HOST | AT_ONCE)

        _, read = api.call("GET", path)
        assert read["withheld"]["is_removed"] is True
        status, problem = api.call("GET", f"{path}/files")
        assert (status, problem["code"]) == (GONE, "ExportTakenDownError")
        assert f"removed by takedown {takedown.rpartition('/')[2]}" in problem["detail"]
        assert list(objects.list_keys("exports/")) == []

    def test_stay_so_by_another_takedown(
        self,
        session: Session,
        api: Api,
        job: CrawlJob,
        store: Store,
        take_down: Callable[..., str],
        revoke: Callable[[str], Any],
    ) -> None:
        store(CAT, each={CAT: ON_HOST | {"creator": "Ida"}})
        _, path = create_export(session, job)
        first, second = take_down(HOST), take_down(CREATOR)

        revoke(first)

        withheld = api.call("GET", path)[1]["withheld"]
        assert withheld["takedown_id"] == second.rpartition("/")[2]


class TestDeletedJob:
    """A job that was deleted may be restored: what is taken down meanwhile must not come back."""

    def test_is_taken_down_as_well(
        self,
        session: Session,
        api: Api,
        path: str,
        job: CrawlJob,
        store: Store,
        take_down: Callable[..., str],
    ) -> None:
        cat, dog = store(CAT, DOG, each={CAT: ON_HOST})
        job_path = f"/api/projects/{job.project_id}/crawl-jobs/{job.id}"
        api.call("DELETE", job_path)

        _, preview = api.call("POST", f"{path}/preview", HOST)
        take_down(HOST)
        status, _ = api.call("POST", f"{job_path}/restore")
        session.expire_all()

        assert (preview["n_images"], preview["n_jobs"]) == (1, 1)
        assert status == 200
        assert (cat.status, cat.outcome) == (ImageStatus.refused, Outcome.refused_takedown)
        assert dog.status is ImageStatus.stored

    def test_comes_back_with_what_was_revoked_meanwhile(
        self,
        session: Session,
        api: Api,
        job: CrawlJob,
        store: Store,
        take_down: Callable[..., str],
        revoke: Callable[[str], dict[str, Any]],
    ) -> None:
        (cat,) = store(CAT, each={CAT: ON_HOST})
        job_path = f"/api/projects/{job.project_id}/crawl-jobs/{job.id}"
        takedown = take_down(HOST)
        api.call("DELETE", job_path)

        revoke(takedown)
        api.call("POST", f"{job_path}/restore")
        session.expire_all()

        assert cat.status is ImageStatus.stored
