"""Images that are in another set too: of a crawl job, of an export, or of a list of hashes."""

import hashlib
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy.orm import Session

from crawlset.kit import objects
from crawlset.models import CrawlJob, JobChunk, JobStatus, Profile
from crawlset.outcomes import Verdict
from crawlset.validation import leakage
from crawlset.wire import keys
from tests import factories
from tests.integration.api import Api
from tests.integration.validation.steps import validate, verdicts

VIEWS = [0x1234_5678_9ABC_DEF0, 1 << 60, 3 << 50, 5 << 40]
FAR = [0x7333_3333_0000_FFFF, 0x0707_0707_5555_AAAA, 0x1F1F_0000_1F1F_0101, 0x2BD1_33E0_0F0F_7777]
SAME = hashlib.sha256(b"the same file").digest()

pytestmark = pytest.mark.usefixtures("bucket")


@pytest.fixture
def other(session: Session, job: CrawlJob, profile: Profile) -> JobChunk:
    """Of a job of the same owner, in another project."""
    project = factories.create_project(session, profile)
    return factories.create_chunk(
        session, factories.create_crawl_job(session, project, status=JobStatus.completed)
    )


@pytest.fixture
def images(session: Session, chunk: JobChunk) -> list[int]:
    """A file of the other set, a picture three bits from one of it, and two that are not in it."""
    seen: list[dict[str, Any]] = [
        {"sha256": SAME, "phashes": None},
        {"phashes": [FAR[0], VIEWS[0] ^ 0b111, *FAR[2:]]},
        {"phashes": FAR},
        {"phashes": [0, 0, 0, 0]},
    ]
    return [factories.create_image(session, chunk, **overrides).id for overrides in seen]


def judged(
    session: Session, job: CrawlJob, images: list[int], **params: Any
) -> list[tuple[Verdict, float | None]]:
    rule = {"check": "leakage", "params": params}
    validation_job = factories.create_validation_job(
        session, job, validation_rules={"rules": [rule]}
    )
    validate(validation_job)
    found = verdicts(session, validation_job)
    return [(found[id_].verdict, found[id_].measured) for id_ in images]


def fill(session: Session, chunk: JobChunk) -> list[int]:
    return [
        factories.create_image(session, chunk, **overrides).id
        for overrides in ({"sha256": SAME}, {"phashes": VIEWS}, {"phashes": [0, 0, 0, 0]})
    ]


def put_list(user_id: UUID, text: str) -> str:
    upload_id = uuid4()
    objects.put(keys.upload(user_id, upload_id), text.encode())
    return str(upload_id)


LEAKED = [(Verdict.reject, 0), (Verdict.reject, 3), (Verdict.keep, None), (Verdict.keep, None)]


@pytest.mark.role("crawlset_worker")
class TestLeakage:
    def test_of_a_crawl_job(
        self, session: Session, job: CrawlJob, other: JobChunk, images: list[int]
    ) -> None:
        fill(session, other)

        assert judged(session, job, images, crawl_job_id=str(other.crawl_job_id)) == LEAKED

    def test_is_as_near_as_the_radius_says(
        self, session: Session, job: CrawlJob, other: JobChunk, images: list[int]
    ) -> None:
        fill(session, other)

        found = judged(session, job, images, crawl_job_id=str(other.crawl_job_id), radius=2)

        assert [verdict for verdict, _ in found] == ["reject", "keep", "keep", "keep"]

    def test_of_an_export_is_of_what_it_holds(
        self, session: Session, job: CrawlJob, other: JobChunk, images: list[int]
    ) -> None:
        same, *_ = fill(session, other)
        of_job = session.get_one(CrawlJob, other.crawl_job_id)
        narrow = factories.create_validation_job(
            session,
            of_job,
            validation_rules={"rules": [{"check": "host_cap", "params": {"max": 9}}]},
        )
        validate(narrow)
        verdicts(session, narrow)[same].verdict = Verdict.reject
        session.commit()
        export = factories.create_export_job(session, of_job, validation_job_id=narrow.id)
        everything = factories.create_export_job(session, of_job)

        kept = judged(session, job, images, export_job_id=str(export.id))
        whole = judged(session, job, images, export_job_id=str(everything.id))

        assert [verdict for verdict, _ in kept] == ["keep", "reject", "keep", "keep"]
        assert whole == LEAKED

    def test_of_a_list_of_hashes(
        self, session: Session, job: CrawlJob, profile: Profile, images: list[int]
    ) -> None:
        upload_id = put_list(profile.id, f"{SAME.hex()}\n\n{VIEWS[0]:016X}\r\n{0:016x}\n")

        assert judged(session, job, images, upload_id=upload_id) == LEAKED

    def test_of_an_empty_list_is_none(
        self, session: Session, job: CrawlJob, profile: Profile, images: list[int]
    ) -> None:
        found = judged(session, job, images, upload_id=put_list(profile.id, ""))

        assert {verdict for verdict, _ in found} == {Verdict.keep}

    def test_names_the_line_that_is_no_hash(
        self, session: Session, job: CrawlJob, profile: Profile, images: list[int]
    ) -> None:
        upload_id = put_list(profile.id, f"{SAME.hex()}\nnot a hash\n")

        with pytest.raises(Exception) as raised:
            judged(session, job, images, upload_id=upload_id)

        assert type(raised.value).__name__ == "HashListError"
        assert "line 2 is neither a SHA-256 nor a perceptual hash: 'not a hash'" in str(
            raised.value
        )

    def test_of_a_set_that_is_gone_is_an_error(
        self, session: Session, job: CrawlJob, images: list[int]
    ) -> None:
        with pytest.raises(Exception) as raised:
            judged(session, job, images, crawl_job_id=str(uuid4()), radius=1)

        assert type(raised.value).__name__ == "NotFoundError"


class TestCreate:
    @pytest.fixture
    def path(self, job: CrawlJob) -> str:
        return f"/api/projects/{job.project_id}/crawl-jobs/{job.id}/validation-jobs"

    def ask(self, profile: Profile, path: str, **params: Any) -> tuple[int, Any]:
        rule = {"check": "leakage", "params": params}
        return Api(profile.id).call("POST", path, {"validation_rules": {"rules": [rule]}})

    def test_takes_a_list_that_is_there(self, profile: Profile, path: str) -> None:
        status, _ = self.ask(profile, path, upload_id=put_list(profile.id, SAME.hex()))

        assert status == 201

    def test_answers_422_for_a_list_that_is_not_there(self, profile: Profile, path: str) -> None:
        status, body = self.ask(profile, path, upload_id=str(uuid4()))

        assert (status, body["code"]) == (422, "HashListError")

    def test_answers_422_for_a_list_that_is_too_large(
        self, profile: Profile, path: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(leakage, "MAX_LIST_BYTES", 10)

        status, body = self.ask(profile, path, upload_id=put_list(profile.id, SAME.hex()))

        assert (status, body["code"]) == (422, "HashListError")

    @pytest.mark.parametrize("name", ["crawl_job_id", "export_job_id"])
    def test_answers_404_for_a_set_of_another_user(
        self, session: Session, profile: Profile, path: str, name: str
    ) -> None:
        stranger = factories.create_profile(session)
        theirs = factories.create_crawl_job(session, factories.create_project(session, stranger))
        export = factories.create_export_job(session, theirs)
        ids = {"crawl_job_id": theirs.id, "export_job_id": export.id}

        status, body = self.ask(profile, path, **{name: str(ids[name])})

        assert (status, body["code"]) == (404, "NotFoundError")

    def test_answers_422_unless_one_set_is_named(self, profile: Profile, path: str) -> None:
        status, body = self.ask(profile, path, crawl_job_id=str(uuid4()), upload_id=str(uuid4()))

        assert status == 422
        assert body["errors"][0]["pointer"] == "/validation_rules/rules/0/leakage/params"
