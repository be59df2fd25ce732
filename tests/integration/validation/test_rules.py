from typing import Any

import pytest
from sqlalchemy.orm import Session

from crawlset.models import CrawlJob, JobChunk, JobStatus
from crawlset.outcomes import ImageStatus, Outcome, Verdict
from tests import factories
from tests.integration.validation.rules import NOT_OF_A, PD_ONLY, bounds
from tests.integration.validation.steps import STEPS, step, validate, verdicts

pytestmark = pytest.mark.usefixtures("bucket")


MUNICH = "xn--mnchen-3ya.de"


def not_of(host: str) -> dict[str, Any]:
    return {"check": "host", "params": {"denied": [host]}}


def licensed(choice: str) -> dict[str, Any]:
    return {"check": "licence", "params": {"allowed": [choice]}}


def used_for(use: str) -> dict[str, Any]:
    return {"check": "policy", "params": {"intended_use": use}}


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
