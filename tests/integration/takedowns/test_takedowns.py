import io
import tarfile
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from crawlset.kit import objects
from crawlset.models import CrawlJob, JobChunk, JobStatus, Project, Takedown, WorkStatus
from crawlset.outcomes import ImageStatus, Outcome
from crawlset.wire import keys
from tests import factories
from tests.integration.api import Api
from tests.integration.takedowns.stored_images import (
    AT_ONCE,
    CAT,
    DOG,
    HOST,
    ON_HOST,
    OWL,
    Store,
    bytes_in_bucket,
    content,
)


@pytest.mark.usefixtures("bucket")
class TestTakedown:
    @pytest.mark.parametrize(
        ("kind", "value", "columns"),
        [
            ("url", "https://a.test/cat.jpg", {"url": "https://a.test/cat.jpg"}),
            ("url", "https://a.test/page", {"landing_url": "https://a.test/page"}),
            ("url", "https://A.test:443/cat.jpg#top", {"final_url": "HTTPS://a.TEST/cat.jpg"}),
            ("host", "A.test", {"url": "https://img.a.test/cat.jpg"}),
            ("host", "a.test", {"landing_url": "https://B.A.Test./page"}),
            ("host", "a.test", {"url": "https://kön.a.test/cat.jpg"}),
            ("host", "a.test.", {"url": "https://A.TEST./cat.jpg", "host": "a.test."}),
            ("host", "münchen.de", {"url": "https://xn--mnchen-3ya.de/cat.jpg"}),
            ("host", "xn--mnchen-3ya.de", {"url": "https://MÜNCHEN.de./cat.jpg"}),
            ("url", "https://münchen.de/cat.jpg", {"url": "https://xn--mnchen-3ya.de./cat.jpg"}),
            ("url", "https://[2001:db8::1]/x", {"url": "https://[2001:DB8:0::1]/x"}),
            ("creator", "Ida", {"creator": "ida"}),
            ("look_alike", "00000000000000f0", {"phashes": [0xF1, 1 << 60, 1 << 61, 1 << 62]}),
        ],
    )
    def test_removes_the_bytes_from_the_bucket_and_leaves_the_others(
        self,
        session: Session,
        api: Api,
        path: str,
        store: Store,
        carry_out: Callable[[], int],
        kind: str,
        value: str,
        columns: dict[str, Any],
    ) -> None:
        cat, dog, owl = store(CAT, DOG, OWL, each={CAT: columns})

        status, body = api.call(
            "POST", path, {"kind": kind, "value": value, "reason": "mine"} | AT_ONCE
        )
        carry_out()

        assert (status, body["status"], body["n_images"]) == (201, "pending", 0)
        _, read = api.call("GET", f"{path}/{body['id']}")
        assert (read["status"], read["n_images"], read["reason"]) == ("completed", 1, "mine")
        assert CAT not in bytes_in_bucket()
        session.expire_all()
        assert (cat.status, cat.outcome) == (ImageStatus.refused, Outcome.refused_takedown)
        assert (cat.pack_key, cat.detail) == (None, f"takedown {body['id']}")
        assert (content(dog), content(owl)) == (DOG, OWL)
        assert session.scalars(select(JobChunk.outcomes)).one() == {
            "refused_takedown": 1,
            "stored": 2,
        }

    def test_takes_what_a_cancelled_job_might_ask_for_again(
        self, session: Session, api: Api, path: str, job: CrawlJob, carry_out: Callable[[], int]
    ) -> None:
        chunk = factories.create_chunk(session, job, status=WorkStatus.cancelled)
        image = factories.create_image(
            session,
            chunk,
            **ON_HOST,
            status=ImageStatus.cancelled,
            outcome=Outcome.cancelled,
            pack_key=None,
            pack_offset=None,
            pack_length=None,
        )
        session.commit()

        api.call("POST", path, HOST | AT_ONCE)
        carry_out()

        session.expire_all()
        assert (image.status, image.outcome) == (ImageStatus.refused, Outcome.refused_takedown)

    def test_takes_null_for_what_is_not_given(self, api: Api, path: str, queues: Any) -> None:
        body = {"kind": "host", "value": "a.test", "image_id": None, "reason": None}

        assert api.call("POST", path, body)[0] == 201

    def test_keeps_the_pack_a_tar_with_the_names_it_had(
        self, session: Session, api: Api, path: str, store: Store, carry_out: Callable[[], int]
    ) -> None:
        cat, dog, _ = store(CAT, DOG, OWL)

        api.call("POST", path, {"kind": "url", "value": cat.url} | AT_ONCE)
        carry_out()

        session.expire_all()
        chunk = session.scalars(select(JobChunk)).one()
        assert chunk.pack_key == dog.pack_key is not None
        with tarfile.open(fileobj=io.BytesIO(objects.get(dog.pack_key))) as tar:
            assert tar.getnames() == ["001.jpg", "002.jpg"]
        assert list(objects.list_keys("jobs/")) == [dog.pack_key]

    def test_takes_the_same_bytes_from_other_jobs_and_addresses(
        self,
        session: Session,
        project: Project,
        api: Api,
        path: str,
        store: Store,
        carry_out: Callable[[], int],
    ) -> None:
        (cat,) = store(CAT)
        other = factories.create_crawl_job(session, project, status=JobStatus.completed)
        copy, dog = store(CAT, DOG, into=other)
        (duplicate, _) = store(
            b"left in its pack" + CAT,
            OWL,
            each={
                b"left in its pack" + CAT: {
                    "status": ImageStatus.duplicate,
                    "outcome": Outcome.duplicate_bytes,
                    "duplicate_of": cat.id,
                    "sha256": cat.sha256,
                    "pack_key": None,
                }
            },
        )

        api.call("POST", path, {"kind": "url", "value": cat.url} | AT_ONCE)
        carry_out()

        session.expire_all()
        assert {copy.outcome, duplicate.outcome} == {Outcome.refused_takedown}
        assert dog.outcome is Outcome.stored
        assert CAT not in bytes_in_bucket()

    def test_lists_and_withdraws_the_exports_that_hold_them(
        self,
        session: Session,
        api: Api,
        path: str,
        job: CrawlJob,
        store: Store,
        carry_out: Callable[[], int],
    ) -> None:
        cat, _ = store(CAT, DOG)
        validation = factories.create_validation_job(session, job, status=JobStatus.completed)
        factories.create_verdict(session, validation, cat, "dark")
        done = {"status": JobStatus.completed, "finished_at": datetime.now(UTC)}
        holds_it = factories.create_export_job(session, job, **done)
        without_it = factories.create_export_job(
            session, job, validation_job_id=validation.id, **done
        )
        before_it = factories.create_export_job(
            session, job, **done | {"finished_at": datetime(2025, 1, 1, tzinfo=UTC)}
        )
        under_way = factories.create_export_job(session, job, status=JobStatus.running)
        for export in (holds_it, without_it):
            objects.put(keys.export_file(export.id, "data-00000.zip"), b"zip")

        _, body = api.call("POST", path, {"kind": "url", "value": cat.url} | AT_ONCE)
        carry_out()

        _, read = api.call("GET", f"{path}/{body['id']}")
        assert read["n_exports"] == 1
        assert read["exports"][0]["export_job_id"] == str(holds_it.id)
        assert read["exports"][0]["n_images"] == 1
        session.expire_all()
        assert list(objects.list_keys("exports/")) == [
            keys.export_file(without_it.id, "data-00000.zip")
        ]
        assert holds_it.expires_at is not None
        assert (without_it.expires_at, before_it.expires_at) == (None, None)
        assert under_way.status is JobStatus.failed
        assert "taken down" in (under_way.error_message or "")

    def test_names_a_look_alike_by_an_image(
        self, session: Session, api: Api, path: str, store: Store, carry_out: Callable[[], int]
    ) -> None:
        views = [-2, 1 << 60, 1 << 61, 1 << 62]
        cat, similar, _ = store(
            CAT, DOG, OWL, each={CAT: {"phashes": views}, DOG: {"phashes": [-1, 0, 0, 0]}}
        )

        _, body = api.call("POST", path, {"kind": "look_alike", "image_id": cat.id} | AT_ONCE)
        carry_out()

        session.expire_all()
        assert (body["value"], body["max_distance"]) == ("fffffffffffffffe", 8)
        assert {cat.outcome, similar.outcome} == {Outcome.refused_takedown}

    @pytest.mark.parametrize(
        "body",
        [
            {"kind": "url"},
            {"kind": "url", "value": "ftp://a.test/x"},
            {"kind": "url", "value": "https://a.test/x", "image_id": 1},
            {"kind": "host", "value": "https://a.test"},
            {"kind": "host", "value": "localhost"},
            {"kind": "host", "value": "a.test:8080"},
            {"kind": "host", "value": "a..test"},
            {"kind": "host", "value": "a.test/x"},
            {"kind": "creator", "value": ""},
            {"kind": "look_alike"},
            {"kind": "look_alike", "value": "xyz"},
            {"kind": "look_alike", "value": "0" * 16, "image_id": 1},
            {"kind": "look_alike", "value": "0" * 16, "max_distance": 40},
            {"kind": "word", "value": "cat"},
            {"kind": "host", "value": "a.test", "reason": "\x8e"},
        ],
    )
    def test_refuses_what_names_nothing(
        self, session: Session, api: Api, path: str, body: dict[str, Any]
    ) -> None:
        status, problem = api.call("POST", path, body)

        assert (status, problem["code"]) == (422, "InvalidRequestError")
        assert session.scalars(select(Takedown)).all() == []

    def test_answers_404_for_an_image_of_another_project(
        self, session: Session, project: Project, store: Store, api: Api
    ) -> None:
        (cat,) = store(CAT)
        other = factories.create_project(
            session, session.merge(factories.create_profile(session)), name="other"
        )

        status, _ = Api(other.user_id).call(
            "POST",
            f"/api/projects/{other.id}/takedowns",
            {"kind": "look_alike", "image_id": cat.id},
        )

        assert status == 404

    def test_lists_the_newest_first(
        self, session: Session, project: Project, api: Api, path: str
    ) -> None:
        takedowns = [factories.create_takedown(session, project) for _ in range(3)]

        _, first = api.call("GET", path, query={"limit": "2"})
        _, second = api.call("GET", path, query={"limit": "2", "cursor": first["next_cursor"]})

        listed = [item["id"] for page in (first, second) for item in page["items"]]
        assert listed == [str(takedown.id) for takedown in reversed(takedowns)]
