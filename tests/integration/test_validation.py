from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from crawlset.models import (
    CrawlJob,
    ImageVerdict,
    JobChunk,
    JobStatus,
    OutboxMessage,
    Project,
    ValidationJob,
)
from crawlset.outcomes import ImageStatus, Outcome, Verdict
from crawlset.pipeline import service as pipeline
from crawlset.wire.pipeline import Execution
from tests import factories
from tests.integration.api import Api
from tests.integration.validating import STEPS, step, validate, verdicts

pytestmark = pytest.mark.usefixtures("bucket")


@pytest.fixture
def job(session: Session, project: Project) -> CrawlJob:
    return factories.create_crawl_job(session, project, status=JobStatus.completed)


@pytest.fixture
def chunk(session: Session, job: CrawlJob) -> JobChunk:
    return factories.create_chunk(session, job)


@pytest.fixture
def path(job: CrawlJob) -> str:
    return f"/api/projects/{job.project_id}/crawl-jobs/{job.id}/validation-jobs"


def bounds(check: str, **limits: float) -> dict[str, Any]:
    return {"check": check, "params": limits}


WIDE = bounds("width", min=128)
NARROW = bounds("width", min=90, max=80)
BLACK = {"check": "dark", "params": {"below": 7}}
PD_ONLY = {"check": "licence", "params": {"allowed": ["pd"]}}
NOT_OF_A = {"check": "host", "params": {"denied": ["a.test"]}}
MUNICH = "xn--mnchen-3ya.de"


def not_of(host: str) -> dict[str, Any]:
    return {"check": "host", "params": {"denied": [host]}}


def licensed(choice: str) -> dict[str, Any]:
    return {"check": "licence", "params": {"allowed": [choice]}}


def used_for(use: str) -> dict[str, Any]:
    return {"check": "policy", "params": {"intended_use": use}}


class TestCreateValidationJob:
    def test_waits_with_one_execution_in_the_outbox(
        self, api: Api, path: str, job: CrawlJob, session: Session
    ) -> None:
        status, body = api.call("POST", path, {"validation_rules": {"rules": [WIDE]}})

        assert (status, body["status"]) == (201, "pending")
        (rule,) = body["validation_rules"]["rules"]
        assert (rule["check"], rule["severity"], rule["scope"]) == ("width", "reject", "image")
        assert body["counts"] == {"kept": 0, "quarantined": 0, "rejected": 0, "errors": 0}
        assert body["by_rule"] == {}
        (message,) = session.scalars(select(OutboxMessage))
        assert message.deduplication_id == f"val-{body['id']}"
        assert Execution.from_json(message.body) == Execution(
            job.user_id, job.id, UUID(body["id"]), None
        )

    def test_takes_the_default_rules(self, api: Api, path: str) -> None:
        status, body = api.call("POST", path, {})

        assert (status, body["validation_rules"]) == (201, {"preset": "basic", "rules": []})

    @pytest.mark.parametrize(
        ("rules", "pointer"),
        [
            ({"preset": "harsh"}, "/validation_rules/preset"),
            ({"rules": [{"check": "beauty"}]}, "/validation_rules/rules/0"),
            ({"rules": [NARROW]}, "/validation_rules/rules/0/width/params"),
            ({"rules": [BLACK]}, "/validation_rules/rules/0/dark/params/below"),
            ({"rules": [WIDE, WIDE]}, "/validation_rules"),
            ({"sharpness": 1}, "/validation_rules/sharpness"),
        ],
    )
    def test_answers_422_and_leaves_no_row(
        self, api: Api, path: str, session: Session, rules: Any, pointer: str
    ) -> None:
        status, body = api.call("POST", path, {"validation_rules": rules})

        assert (status, [e["pointer"] for e in body["errors"]]) == (422, [pointer])
        assert session.scalar(select(func.count()).select_from(ValidationJob)) == 0

    @pytest.mark.parametrize("state", [JobStatus.pending, JobStatus.running, JobStatus.failed])
    def test_answers_409_unless_the_crawl_is_completed_or_cancelled(
        self, api: Api, path: str, job: CrawlJob, session: Session, state: JobStatus
    ) -> None:
        job.status = state
        session.commit()

        status, body = api.call("POST", path, {})

        assert (status, body["code"]) == (409, "CrawlJobNotCompletedError")

    def test_answers_404_for_another_users_job(self, path: str, session: Session) -> None:
        stranger = factories.create_profile(session)

        status, body = Api(stranger.id).call("POST", path, {})

        assert (status, body["code"]) == (404, "NotFoundError")


class TestReadValidationJobs:
    def test_lists_newest_first_in_pages(
        self, api: Api, path: str, job: CrawlJob, session: Session
    ) -> None:
        ids = [str(factories.create_validation_job(session, job).id) for _ in range(3)]

        _, first = api.call("GET", path, query={"limit": "2"})
        _, second = api.call("GET", path, query={"cursor": first["next_cursor"]})

        assert [item["id"] for item in first["items"] + second["items"]] == ids[::-1]
        assert second["next_cursor"] is None

    def test_answers_404_for_a_job_of_another_crawl(
        self, api: Api, path: str, job: CrawlJob, session: Session
    ) -> None:
        project = session.get_one(Project, job.project_id)
        other = factories.create_crawl_job(session, project, status=JobStatus.completed)
        validation_job = factories.create_validation_job(session, other)

        answers = [api.call("GET", f"{path}/{id_}") for id_ in (validation_job.id, uuid4())]

        assert [(status, body["code"]) for status, body in answers] == [(404, "NotFoundError")] * 2


class TestCancelValidationJob:
    @pytest.mark.parametrize("state", [JobStatus.pending, JobStatus.running])
    def test_ends_it_at_once(
        self, api: Api, path: str, job: CrawlJob, session: Session, state: JobStatus
    ) -> None:
        validation_job = factories.create_validation_job(session, job, status=state)

        status, body = api.call("POST", f"{path}/{validation_job.id}/cancel")

        assert (status, body["status"]) == (200, "cancelled")
        assert body["finished_at"] is not None

    @pytest.mark.parametrize("state", [JobStatus.completed, JobStatus.failed, JobStatus.cancelled])
    def test_answers_409_when_it_has_ended(
        self, api: Api, path: str, job: CrawlJob, session: Session, state: JobStatus
    ) -> None:
        validation_job = factories.create_validation_job(session, job, status=state)

        status, body = api.call("POST", f"{path}/{validation_job.id}/cancel")

        assert (status, body["code"]) == (409, "JobFinishedError")


@pytest.mark.role("crawlset_worker")
class TestValidate:
    @pytest.mark.parametrize(
        ("image", "rule", "expected"),
        [
            ({"format": "gif"}, {"check": "format", "params": {"allowed": ["jpeg"]}}, (None, None)),
            ({"format": "gif"}, {"check": "format"}, None),
            ({"width": 63}, bounds("width", min=64), (63, 64)),
            ({"width": 64}, bounds("width", min=64), None),
            ({"height": 481}, bounds("height", min=10, max=480), (481, 480)),
            ({"height": 9}, bounds("height", min=10, max=480), (9, 10)),
            ({"width": 99, "height": 300}, bounds("short_side", min=100), (99, 100)),
            ({"width": 99, "height": 300}, bounds("long_side", max=200), (300, 200)),
            ({"width": 40_000, "height": 40_000}, bounds("area", max=1e9), (1.6e9, 1e9)),
            ({"width": 501, "height": 100}, bounds("aspect_ratio", max=5), (5.01, 5)),
            ({"width": 100, "height": 501}, bounds("aspect_ratio", max=5), (5.01, 5)),
            ({"file_size": 3 << 30}, bounds("file_size", max=100), (3 << 30, 100)),
            ({"n_frames": 2}, bounds("frames", max=1), (2, 1)),
            ({"n_frames": None}, bounds("frames", max=1), None),
            ({"scores": {"brightness_p99": 0.31}}, {"check": "dark"}, (0.31, 0.32)),
            ({"scores": {"brightness_p99": 0.32}}, {"check": "dark"}, None),
            ({"scores": {"brightness_p5": 0.96}}, {"check": "light"}, (0.96, 0.95)),
            ({"scores": {"entropy": 2.9, "channels": 1.0}}, {"check": "low_information"}, (2.9, 3)),
            ({"scores": {"entropy": 1.5, "channels": 3.0}}, {"check": "low_information"}, None),
            ({"scores": {"blur": 0.2}}, {"check": "blurry"}, (0.2, 0.29)),
            ({"scores": {"colour": 0.0}}, {"check": "grayscale"}, (0, 0.02)),
            ({"scores": {"uniformity": 0.99}}, {"check": "uniform"}, (0.99, 0.95)),
            ({"scores": {"border": 0.4}}, {"check": "border"}, (0.4, 0.3)),
            ({"scores": {}}, {"check": "dark"}, None),
            ({"scores": None}, {"check": "dark"}, None),
            ({"evidence": {"warning": "odd"}}, {"check": "decode"}, (None, None)),
            ({"evidence": {}}, {"check": "decode"}, None),
            ({}, PD_ONLY, (None, None)),
            ({}, licensed("cc-by"), None),
            ({"licence": None}, licensed("any-cc"), (None, None)),
            ({"licence": None}, licensed("any"), None),
            ({}, {"check": "provenance"}, (None, None)),
            ({"landing_url": "https://a.test/"}, {"check": "provenance"}, None),
            ({"host": "img.a.test"}, NOT_OF_A, (None, None)),
            ({"host": "ba.test"}, NOT_OF_A, None),
            ({"host": "a.test"}, not_of("A.Test."), (None, None)),
            ({"host": MUNICH}, not_of(MUNICH), (None, None)),
            ({"host": MUNICH}, not_of("München.de."), (None, None)),
            ({"host": f"img.{MUNICH}"}, not_of("münchen.de"), (None, None)),
            ({"host": "[2001:db8::1]"}, not_of("[2001:DB8:0::1]"), (None, None)),
            # As hosts were kept before they had one spelling.
            ({"host": "img.a.test."}, NOT_OF_A, (None, None)),
            ({"host": "münchen.de"}, not_of(MUNICH), (None, None)),
            ({"host": "img.münchen.de."}, not_of("münchen.de"), (None, None)),
            ({"host": "ba.test."}, NOT_OF_A, None),
            ({"source": "inaturalist"}, used_for("commercial"), (None, None)),
            (
                {"evidence": {"signals": {"headers": {"X-Robots-Tag": "NoAI"}}}},
                used_for("research"),
                (None, None),
            ),
            ({}, used_for("research"), None),
        ],
    )
    def test_tells_the_rule_that_is_broken_with_its_measure(
        self,
        session: Session,
        chunk: JobChunk,
        image: dict[str, Any],
        rule: dict[str, Any],
        expected: tuple[float | None, float | None] | None,
    ) -> None:
        job = session.get_one(CrawlJob, chunk.crawl_job_id)
        id_ = factories.create_image(session, chunk, **image).id
        validation_job = factories.create_validation_job(
            session, job, validation_rules={"rules": [rule]}
        )

        validate(validation_job)

        verdict = verdicts(session, validation_job)[id_]
        if expected is None:
            assert (verdict.verdict, verdict.rule, verdict.findings) == (Verdict.keep, None, [])
        else:
            assert (verdict.verdict, verdict.rule) == (Verdict.reject, rule["check"])
            assert (verdict.measured, verdict.threshold) == pytest.approx(expected)
            assert [finding["rule"] for finding in verdict.findings] == [rule["check"]]

    def test_lets_the_gravest_rule_decide_and_tells_of_all(
        self, session: Session, job: CrawlJob, chunk: JobChunk
    ) -> None:
        rules = [
            {**bounds("width", max=1), "name": "seen", "severity": "tag"},
            {**bounds("width", max=2), "name": "doubted", "severity": "quarantine"},
            {**bounds("height", max=3), "name": "refused", "severity": "reject"},
        ]
        both = factories.create_image(session, chunk, width=3, height=9).id
        doubted = factories.create_image(session, chunk, width=3, height=3).id
        seen = factories.create_image(session, chunk, width=2, height=3).id
        validation_job = factories.create_validation_job(
            session, job, validation_rules={"rules": rules}
        )

        validate(validation_job)

        found = verdicts(session, validation_job)
        assert (found[both].verdict, found[both].rule) == (Verdict.reject, "refused")
        assert (found[doubted].verdict, found[doubted].rule) == (Verdict.quarantine, "doubted")
        assert (found[seen].verdict, found[seen].rule) == (Verdict.keep, "seen")
        broken = {finding["rule"] for finding in found[both].findings}
        assert broken == {"seen", "doubted", "refused"}
        session.refresh(validation_job)
        assert (validation_job.n_kept, validation_job.n_quarantined) == (1, 1)
        assert validation_job.by_rule == {"doubted": 2, "refused": 1, "seen": 3}

    def test_completes_with_counts_of_stored_images_only(
        self, session: Session, job: CrawlJob, chunk: JobChunk
    ) -> None:
        for width in (10, 20, 640):
            factories.create_image(session, chunk, width=width)
        factories.create_image(session, chunk, height=1)
        factories.create_image(session, chunk, status=ImageStatus.failed, outcome=Outcome.http_404)
        validation_job = factories.create_validation_job(session, job)

        validate(validation_job)

        session.refresh(validation_job)
        assert validation_job.status is JobStatus.completed
        assert (validation_job.n_kept, validation_job.n_rejected) == (1, 3)
        assert validation_job.by_rule == {"aspect_ratio": 3, "short_side": 3}
        assert validation_job.started_at is not None
        assert validation_job.finished_at is not None

    def test_completes_without_images(self, session: Session, job: CrawlJob) -> None:
        validation_job = factories.create_validation_job(session, job)

        validate(validation_job)

        session.refresh(validation_job)
        assert (validation_job.status, validation_job.n_kept) == (JobStatus.completed, 0)

    def test_judges_every_image_across_statements(
        self,
        session: Session,
        job: CrawlJob,
        chunk: JobChunk,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setattr("crawlset.validation.steps.IMAGES_PER_STATEMENT", 2)
        ids = {factories.create_image(session, chunk).id for _ in range(5)}
        validation_job = factories.create_validation_job(session, job)

        validate(validation_job)

        assert set(verdicts(session, validation_job)) == ids

    def test_says_the_same_when_every_step_runs_twice(
        self, session: Session, job: CrawlJob, chunk: JobChunk
    ) -> None:
        for width in (10, 640):
            factories.create_image(session, chunk, width=width)
        validation_job = factories.create_validation_job(session, job)

        validate(validation_job, times=2)

        session.refresh(validation_job)
        assert (validation_job.n_kept, validation_job.n_rejected) == (1, 1)

    def test_keeps_the_largest_then_the_earliest_of_the_same_bytes(
        self, session: Session, job: CrawlJob, chunk: JobChunk
    ) -> None:
        session.execute(text("DROP INDEX uq_images_stored_sha256"))
        small, large, later = (
            factories.create_image(session, chunk, sha256=bytes(32), width=width).id
            for width in (100, 200, 200)
        )
        other = factories.create_image(session, chunk, width=100).id
        validation_job = factories.create_validation_job(session, job)

        validate(validation_job)

        seen = verdicts(session, validation_job)
        assert {id_: verdict.duplicate_of for id_, verdict in seen.items()} == {
            small: large,
            large: None,
            later: large,
            other: None,
        }
        assert seen[later].rule == "exact_duplicates"
        session.refresh(validation_job)
        assert validation_job.by_rule == {"exact_duplicates": 2}

    def test_prefers_an_image_that_breaks_no_rule_as_keeper(
        self, session: Session, job: CrawlJob, chunk: JobChunk
    ) -> None:
        session.execute(text("DROP INDEX uq_images_stored_sha256"))
        too_wide, fit = (
            factories.create_image(session, chunk, sha256=bytes(32), width=width).id
            for width in (5000, 200)
        )
        validation_job = factories.create_validation_job(session, job)

        validate(validation_job)

        seen = verdicts(session, validation_job)
        assert (seen[too_wide].rule, seen[fit].verdict) == ("aspect_ratio", Verdict.keep)

    def test_keeps_the_same_bytes_when_told_to(
        self, session: Session, job: CrawlJob, chunk: JobChunk
    ) -> None:
        session.execute(text("DROP INDEX uq_images_stored_sha256"))
        for _ in range(2):
            factories.create_image(session, chunk, sha256=bytes(32))
        validation_job = factories.create_validation_job(
            session, job, validation_rules={"rules": [WIDE]}
        )

        validate(validation_job)

        session.refresh(validation_job)
        assert validation_job.n_kept == 2

    def judge(
        self, session: Session, chunk: JobChunk, rule: dict[str, Any], *images: dict[str, Any]
    ) -> list[tuple[str | None, int | None]]:
        """Rule and place of the keeper, of each image."""
        ids = [factories.create_image(session, chunk, **image).id for image in images]
        job = session.get_one(CrawlJob, chunk.crawl_job_id)
        validation_job = factories.create_validation_job(
            session, job, validation_rules={"rules": [rule]}
        )
        validate(validation_job)
        found = verdicts(session, validation_job)
        return [
            (found[id_].rule, ids.index(keeper) if (keeper := found[id_].duplicate_of) else None)
            for id_ in ids
        ]

    def test_keeps_one_of_the_same_pixels(self, session: Session, chunk: JobChunk) -> None:
        rule = {"check": "exact_duplicates", "params": {"by": "pixels"}}
        images: list[dict[str, Any]] = [{"pixel_hash": hash_} for hash_ in (7, 7, 8, None)]

        found = self.judge(session, chunk, rule, *images)

        assert found == [(None, None), ("exact_duplicates", 0), (None, None), (None, None)]

    def test_clusters_near_duplicates_around_the_largest_then_the_freest(
        self, session: Session, chunk: JobChunk
    ) -> None:
        base, far = 0x0F0F_1234_5678_9ABC, 0x7333_3333_0000_FFFF
        views = [base, 1 << 60, 3 << 50, 5 << 40]
        images: list[dict[str, Any]] = [
            {"phashes": views, "width": 100, "licence": "cc0-1.0"},
            {"phashes": [base ^ 0b1111, 9, 9 << 9, 9 << 20], "width": 500},
            {"phashes": [77, 9 << 30, base ^ 0x3F_0000, 11], "width": 500, "licence": "pdm-1.0"},
            {"phashes": [far, far ^ 1, far, far]},
            {"phashes": None},
        ]

        found = self.judge(session, chunk, {"check": "near_duplicates"}, *images)

        near = "near_duplicates"
        assert found == [(near, 2), (near, 2), (None, None), (None, None), (None, None)]
        clusters = session.scalars(select(ImageVerdict.cluster).order_by(ImageVerdict.image_id))
        ids = session.scalars(select(ImageVerdict.image_id).order_by(ImageVerdict.image_id)).all()
        assert clusters.all() == [ids[2]] * 3 + [None] * 2

    def test_measures_the_distance_to_the_nearest(self, session: Session, chunk: JobChunk) -> None:
        views = [0x1234_5678_9ABC_DEF0, 1 << 60, 3 << 50, 5 << 40]
        other = [views[0] ^ 0b111, 9, 9 << 9, 9 << 20]

        self.judge(
            session, chunk, {"check": "near_duplicates"}, {"phashes": views}, {"phashes": other}
        )

        verdict = session.scalars(select(ImageVerdict).where(ImageVerdict.rule.is_not(None))).one()
        assert (verdict.measured, verdict.threshold) == (3, 10)

    def test_finds_odd_sizes_among_the_others(self, session: Session, chunk: JobChunk) -> None:
        usual = [{"width": 90 + n, "height": 90 + n} for n in range(20)]
        odd = {"width": 5_000, "height": 5_000}

        found = self.judge(session, chunk, {"check": "odd_size"}, *usual, odd)

        assert [rule for rule, _ in found] == [None] * 20 + ["odd_size"]

    @pytest.mark.parametrize(
        ("rule", "n_broken"),
        [
            (bounds("class_size", min=3), 2),
            (bounds("class_size", max=3), 2),
            (bounds("class_size", min=3, max=4), 3),
            (bounds("host_cap", max=6), 1),
            (bounds("creator_cap", max=1), 1),
        ],
    )
    def test_holds_classes_hosts_and_creators_to_their_sizes(
        self, session: Session, chunk: JobChunk, rule: dict[str, Any], n_broken: int
    ) -> None:
        cats = [{"keyword": "cat"}] * 3 + [{"keyword": "cat", "creator": "Ida"}] * 2
        images = [*cats, *[{"keyword": "dog"}] * 2]

        found = self.judge(session, chunk, rule, *images)

        assert [label for label, _ in found].count(rule["check"]) == n_broken

    def test_changes_nothing_when_dataset_rules_run_twice(
        self, session: Session, job: CrawlJob, chunk: JobChunk
    ) -> None:
        for _ in range(3):
            factories.create_image(session, chunk)
        validation_job = factories.create_validation_job(
            session, job, validation_rules={"rules": [bounds("host_cap", max=1)]}
        )
        validate(validation_job, times=2)

        session.refresh(validation_job)
        assert validation_job.by_rule == {"host_cap": 2}
        assert validation_job.n_rejected == 2

    def test_answers_a_step_of_executions_that_began_before(
        self, session: Session, job: CrawlJob
    ) -> None:
        validation_job = factories.create_validation_job(session, job)

        answer = step(validation_job, "prepare")

        session.refresh(validation_job)
        assert (validation_job.status, answer["shares"]) == (JobStatus.running, [])

    @pytest.mark.parametrize("name", ["prepare", *STEPS])
    def test_breaks_off_when_cancelled(
        self, session: Session, job: CrawlJob, chunk: JobChunk, name: str
    ) -> None:
        factories.create_image(session, chunk)
        validation_job = factories.create_validation_job(session, job, status=JobStatus.cancelled)

        with pytest.raises(Exception) as raised:
            step(validation_job, name)

        assert type(raised.value).__name__ == "JobCancelledError"
        assert verdicts(session, validation_job) == {}

    def test_breaks_off_when_deleted(self, session: Session, job: CrawlJob) -> None:
        validation_job = factories.create_validation_job(session, job)
        session.delete(session.merge(job))
        session.commit()

        with pytest.raises(Exception) as raised:
            step(validation_job, "evaluate")

        assert type(raised.value).__name__ == "NotFoundError"

    def test_sees_nothing_of_another_user(
        self, session: Session, job: CrawlJob, chunk: JobChunk
    ) -> None:
        validation_job = factories.create_validation_job(session, job)
        stranger = factories.create_profile(session)

        with pytest.raises(Exception) as raised:
            step(validation_job, "evaluate", user_id=str(stranger.id))

        assert type(raised.value).__name__ == "NotFoundError"


@pytest.mark.role("crawlset_worker")
class TestFailValidation:
    @pytest.mark.parametrize(
        ("error", "message"),
        [
            (
                {
                    "Error": "JobCancelledError",
                    "Cause": '{"errorMessage": "It was cancelled.", "errorType": "x"}',
                },
                "It was cancelled.",
            ),
            (
                {"Error": "OperationalError", "Cause": '{"errorMessage": "host=10.0.0.1"}'},
                "A step ended with OperationalError.",
            ),
            ({"Error": "States.Timeout", "Cause": ""}, "A step ended with States.Timeout."),
            ({"Error": "NotFoundError", "Cause": "rubbish"}, "A step ended with NotFoundError."),
        ],
    )
    def test_says_why_without_giving_away_our_inside(
        self, session: Session, job: CrawlJob, error: dict[str, str], message: str
    ) -> None:
        validation_job = factories.create_validation_job(session, job, status=JobStatus.running)

        step(validation_job, "fail", error=error)

        session.refresh(validation_job)
        assert validation_job.status is JobStatus.failed
        assert validation_job.error_message == message

    @pytest.mark.parametrize("state", [JobStatus.completed, JobStatus.cancelled])
    def test_leaves_a_job_that_has_ended(
        self, session: Session, job: CrawlJob, state: JobStatus
    ) -> None:
        validation_job = factories.create_validation_job(session, job, status=state)

        step(validation_job, "fail", error={"Error": "States.Timeout"})

        session.refresh(validation_job)
        assert (validation_job.status, validation_job.error_message) == (state, None)


class TestListVerdicts:
    @pytest.fixture
    def validated(self, session: Session, job: CrawlJob, chunk: JobChunk) -> ValidationJob:
        for width in (10, 640, 20):
            factories.create_image(session, chunk, width=width)
        validation_job = factories.create_validation_job(session, job)
        validate(validation_job)
        return validation_job

    def test_pages_through_them_all(self, api: Api, path: str, validated: ValidationJob) -> None:
        _, first = api.call("GET", f"{path}/{validated.id}/verdicts", query={"limit": "2"})
        _, second = api.call(
            "GET", f"{path}/{validated.id}/verdicts", query={"cursor": first["next_cursor"]}
        )

        seen = [(item["measured"], item["verdict"]) for item in first["items"] + second["items"]]
        assert seen == [(10, "reject"), (None, "keep"), (20, "reject")]

    def test_filters_by_verdict_and_rule(
        self, api: Api, path: str, validated: ValidationJob
    ) -> None:
        _, kept = api.call("GET", f"{path}/{validated.id}/verdicts", query={"verdict": "keep"})
        _, narrow = api.call("GET", f"{path}/{validated.id}/verdicts", query={"rule": "short_side"})

        assert [len(body["items"]) for body in (kept, narrow)] == [1, 2]
        assert kept["items"][0]["url"].startswith("https://images.example.org/")


class TestReport:
    def validated(self, session: Session, chunk: JobChunk) -> ValidationJob:
        scores = {"brightness_p99": 0.91, "entropy": 7.5, "blur": 1.0, "channels": 3.0}
        one, other = 0x0F0F_1234_5678_9ABC, 0x7333_3333_0000_FFFF
        views = [[hash_] * 4 for hash_ in (one, one ^ 1, other)]
        for place, (width, keyword) in enumerate([(640, "cat"), (640, "cat"), (640, None)]):
            factories.create_image(
                session, chunk, width=width, keyword=keyword, scores=scores, phashes=views[place]
            )
        factories.create_image(session, chunk, width=5, keyword="dog")
        job = session.get_one(CrawlJob, chunk.crawl_job_id)
        validation_job = factories.create_validation_job(
            session, job, validation_rules={"preset": "standard"}
        )
        validate(validation_job)
        return validation_job

    def test_adds_up_what_was_found(
        self, session: Session, api: Api, path: str, chunk: JobChunk
    ) -> None:
        validation_job = self.validated(session, chunk)

        status, body = api.call("GET", f"{path}/{validation_job.id}/report")

        assert status == 200
        assert body["counts"] == {"kept": 2, "quarantined": 0, "rejected": 2, "errors": 0}
        assert body["by_rule"]["near_duplicates"] == 1
        width = body["histograms"]["width"]
        assert (sum(width["counts"]), len(width["edges"])) == (4, 21)
        bright = body["histograms"]["brightness_p99"]
        assert (bright["counts"][18], sum(bright["counts"])) == (3, 3)
        assert body["classes"][0] == {
            "keyword": "cat",
            "keep": 1,
            "quarantine": 0,
            "reject": 1,
            "error": 0,
        }
        (cluster,) = body["clusters"]
        assert (cluster["n_images"], cluster["image_ids"][0]) == (2, cluster["keeper"])
        rules = {example["rule"] for example in body["examples"]}
        assert {"short_side", "near_duplicates"} <= rules
        assert [rule["name"] for rule in body["rules"]][:2] == ["format", "short_side"]

    def test_has_the_clusters_page_by_page(
        self, session: Session, api: Api, path: str, chunk: JobChunk
    ) -> None:
        near = 0x2BD1_33E0_0F0F_7777
        for hash_ in (near, near ^ 1, near ^ 3):
            factories.create_image(session, chunk, width=hash_ % 7 + 100, phashes=[hash_] * 4)
        validation_job = self.validated(session, chunk)

        _, first = api.call("GET", f"{path}/{validation_job.id}/clusters", query={"limit": "1"})
        _, second = api.call(
            "GET", f"{path}/{validation_job.id}/clusters", query={"cursor": first["next_cursor"]}
        )

        clusters = first["items"] + second["items"]
        assert [cluster["n_images"] for cluster in clusters] == [3, 2]
        assert second["next_cursor"] is None
        for cluster in clusters:
            assert cluster["image_ids"][0] == cluster["keeper"]
            assert sorted(cluster["image_ids"][1:]) == cluster["image_ids"][1:]

    def test_answers_409_before_the_end(
        self, session: Session, api: Api, path: str, job: CrawlJob
    ) -> None:
        validation_job = factories.create_validation_job(session, job)

        status, body = api.call("GET", f"{path}/{validation_job.id}/report")

        assert (status, body["code"]) == (409, "ReportNotReadyError")


class TestCreatePipeline:
    def ask(self, api: Api, job: CrawlJob, body: dict[str, Any]) -> tuple[int, Any]:
        return api.call(
            "POST", f"/api/projects/{job.project_id}/crawl-jobs/{job.id}/pipeline", body
        )

    def test_validates_and_exports_in_one_execution(
        self, session: Session, api: Api, job: CrawlJob
    ) -> None:
        body = {"validation_rules": {"preset": "strict"}, "export": {"format": "imagefolder"}}

        status, made = self.ask(api, job, body)

        assert status == 201
        (message,) = session.scalars(select(OutboxMessage))
        assert message.deduplication_id == f"job-{made['validation_job']['id']}"
        assert str(Execution.from_json(message.body).export_job_id) == made["export_job"]["id"]
        assert made["export_job"]["validation_job_id"] == made["validation_job"]["id"]

    def test_is_logged_as_the_pipeline_of_its_crawl_job(self, api: Api, job: CrawlJob) -> None:
        self.ask(api, job, {})

        [item] = api.call("GET", "/api/activity")[1]["items"]
        assert (item["action"], item["resource_type"]) == ("pipeline.created", "pipeline")
        assert item["resource_id"] == str(job.id)

    def test_validates_only_when_no_export_is_asked_for(self, api: Api, job: CrawlJob) -> None:
        status, made = self.ask(api, job, {})

        assert (status, made["export_job"]) == (201, None)

    def test_answers_422_for_a_format_there_is_not(
        self, session: Session, api: Api, job: CrawlJob
    ) -> None:
        status, body = self.ask(api, job, {"export": {"format": "floppy"}})

        assert (status, body["errors"][0]["pointer"]) == (422, "/export/format")
        assert session.scalar(select(func.count()).select_from(ValidationJob)) == 0


class TestPipeline:
    def test_chains_validation_and_export_in_one_execution(
        self, session: Session, job: CrawlJob
    ) -> None:
        job.validation_rules, job.export_request = {"preset": "strict"}, {"format": "imagefolder"}
        session.commit()

        pipeline.start_requested(session, job)

        validations, exports = pipeline.newest_jobs_of(session, job)
        (message,) = session.scalars(select(OutboxMessage))
        assert message.deduplication_id == f"job-{validations[0].id}"
        execution = Execution.from_json(message.body)
        assert execution.validation_job_id == validations[0].id
        assert execution.export_job_id == exports[0].id
        assert exports[0].validation_job_id == validations[0].id
        assert validations[0].validation_rules.preset == "strict"

    def test_starts_nothing_that_was_not_asked_for(self, session: Session, job: CrawlJob) -> None:
        pipeline.start_requested(session, job)

        assert pipeline.newest_jobs_of(session, job) == ([], [])
        assert session.scalar(select(func.count()).select_from(OutboxMessage)) == 0

    def test_exports_everything_without_rules(self, session: Session, job: CrawlJob) -> None:
        job.export_request = {}
        session.commit()

        pipeline.start_requested(session, job)

        (export,) = pipeline.newest_jobs_of(session, job)[1]
        (message,) = session.scalars(select(OutboxMessage))
        assert message.deduplication_id == f"exp-{export.id}"
        execution = Execution.from_json(message.body)
        assert (execution.validation_job_id, export.validation_job_id) == (None, None)

    def test_fails_what_an_execution_left_unfinished(self, session: Session, job: CrawlJob) -> None:
        running = factories.create_validation_job(session, job, status=JobStatus.running)

        pipeline.fail(
            session, validation_job_id=running.id, export_job_id=None, reason="It was stopped."
        )

        session.refresh(running)
        assert (running.status, running.error_message) == (JobStatus.failed, "It was stopped.")


@pytest.mark.role("crawlset_tick")
class TestSweepPipeline:
    def age(self, session: Session, id_: UUID, **ages: str) -> None:
        for column, age in ages.items():
            session.execute(
                text(
                    f"UPDATE validation_jobs SET {column} = now() - CAST(:age AS interval)"
                    " WHERE id = :id"
                ),
                {"age": age, "id": id_},
            )
        session.commit()

    def executions(self, session: Session) -> list[str | None]:
        return list(session.scalars(select(OutboxMessage.deduplication_id)))

    def test_starts_again_what_stood_still(self, session: Session, job: CrawlJob) -> None:
        stalled = factories.create_validation_job(session, job, status=JobStatus.running)
        factories.create_validation_job(session, job, status=JobStatus.running)
        self.age(session, stalled.id, updated_at="2 hours")

        n_swept = pipeline.sweep()

        (name,) = self.executions(session)
        assert n_swept == 1
        assert name is not None
        assert name.startswith(f"val-{stalled.id}-")
        assert pipeline.sweep() == 0

    def test_gives_up_after_a_day(self, session: Session, job: CrawlJob) -> None:
        stalled = factories.create_validation_job(session, job, status=JobStatus.running)
        self.age(session, stalled.id, updated_at="2 hours", created_at="25 hours")

        pipeline.sweep()

        session.refresh(stalled)
        assert (stalled.status, self.executions(session)) == (JobStatus.failed, [])
        assert stalled.error_message == "The work stopped and could not be started again."

    def test_starts_everything_again_when_executions_were_lost(
        self, session: Session, job: CrawlJob
    ) -> None:
        job.validation_rules, job.export_request = {}, {}
        session.commit()
        pipeline.start_requested(session, job)
        session.execute(text("DELETE FROM outbox_messages"))
        session.execute(text("UPDATE validation_jobs SET updated_at = now() - interval '1 second'"))
        session.execute(text("UPDATE export_jobs SET updated_at = now() - interval '1 second'"))
        session.commit()

        pipeline.sweep(everything=True)

        (message,) = session.scalars(select(OutboxMessage))
        validations, exports = pipeline.newest_jobs_of(session, job)
        execution = Execution.from_json(message.body)
        assert execution.validation_job_id == validations[0].id
        assert execution.export_job_id == exports[0].id
