"""Templates and schedules over HTTP, and what the tick makes of them."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from crawlset.models import CrawlJob, CrawlSchedule, Image, JobStatus, Profile, Project, WorkStatus
from crawlset.outcomes import ImageStatus, Outcome
from crawlset.schedules import firing
from crawlset.schedules.schemas import CrawlScheduleRead
from tests import factories
from tests.integration.api import Api
from tests.integration.candidate_parts import plan

pytestmark = pytest.mark.usefixtures("bucket", "queues", "sample_source")

CRAWL = {"name": "cats", "keywords": ["cat"], "sources": ["sample"], "max_images": 50}


@pytest.fixture
def templates(project: Project) -> str:
    return f"/api/projects/{project.id}/job-templates"


@pytest.fixture
def schedules(project: Project) -> str:
    return f"/api/projects/{project.id}/crawl-schedules"


@pytest.fixture
def template(api: Api, templates: str) -> dict[str, Any]:
    status, body = api.call("POST", templates, {"name": "cats", "configuration": CRAWL})
    assert status == 201, body
    return dict(body)


class TestTemplates:
    def test_start_jobs(self, api: Api, templates: str, template: dict[str, Any]) -> None:
        start = f"{templates}/{template['id']}/start"

        _, same = api.call("POST", start, {})
        _, bare = api.call("POST", start)
        status, other = api.call("POST", start, {"name": "few cats", "max_images": 5})

        assert status == 201
        assert bare["max_images"] == 50
        assert (same["name"], same["max_images"], same["keywords"]) == ("cats", 50, ["cat"])
        assert (other["name"], other["max_images"], other["keywords"]) == ("few cats", 5, ["cat"])

    def test_keep_the_configuration_of_a_job(
        self, api: Api, templates: str, project: Project
    ) -> None:
        resize = {"mode": "border", "size": 256, "format": "webp"}
        wanted = CRAWL | {"licences": ["cc-by"], "policy": {"tdmrep": False}, "resize": resize}
        wanted |= {"formats": ["jpeg", "heic"], "transcode": "webp"}
        job = api.call("POST", f"/api/projects/{project.id}/crawl-jobs", wanted)[1]

        template = api.call("POST", templates, {"name": "t", "crawl_job_id": job["id"]})[1]
        started = api.call("POST", f"{templates}/{template['id']}/start", {})[1]

        same = (
            "keywords",
            "sources",
            "max_images",
            "licences",
            "policy",
            "resize",
            "formats",
            "transcode",
        )
        assert {name: started[name] for name in same} == {name: job[name] for name in same}

    def test_are_changed_and_deleted(
        self, api: Api, templates: str, template: dict[str, Any]
    ) -> None:
        path = f"{templates}/{template['id']}"

        changed = api.call("PATCH", path, {"configuration": CRAWL | {"max_images": 7}})[1]

        assert (changed["name"], changed["configuration"]["max_images"]) == ("cats", 7)
        assert api.call("GET", templates)[1]["items"] == [changed]
        assert api.call("DELETE", path)[0] == 204
        assert api.call("GET", path)[0] == 404

    @pytest.mark.parametrize(
        ("body", "pointer"),
        [
            ({"name": "x"}, "/"),
            (
                {"name": "x", "configuration": {"name": "x", "sources": []}},
                "/configuration/sources",
            ),
            (
                {"name": "x", "configuration": CRAWL | {"sources": ["nowhere"]}},
                "/configuration/sources",
            ),
            (
                {
                    "name": "x",
                    "configuration": {
                        "name": "x",
                        "sources": ["urls"],
                        "urls": ["https://example.org/1.jpg"],
                    },
                },
                "/configuration/urls",
            ),
        ],
    )
    def test_must_make_a_job(
        self, api: Api, templates: str, body: dict[str, Any], pointer: str
    ) -> None:
        status, problem = api.call("POST", templates, body)

        assert (status, problem["errors"][0]["pointer"]) == (422, pointer)

    def test_are_not_made_of_a_list(
        self, api: Api, templates: str, session: Session, project: Project
    ) -> None:
        job = factories.create_crawl_job(session, project, sources=["urls"], keywords=[])

        status, problem = api.call("POST", templates, {"name": "x", "crawl_job_id": str(job.id)})

        assert (status, problem["errors"][0]["pointer"]) == (422, "/crawl_job_id")

    def test_have_a_name_of_their_own(
        self, api: Api, templates: str, template: dict[str, Any]
    ) -> None:
        status, problem = api.call("POST", templates, {"name": "cats", "configuration": CRAWL})

        assert (status, problem["code"]) == (409, "NameTakenError")

    def test_are_not_renamed_to_another_s_name(
        self, api: Api, templates: str, template: dict[str, Any]
    ) -> None:
        other = api.call("POST", templates, {"name": "other", "configuration": CRAWL})[1]

        status, problem = api.call("PATCH", f"{templates}/{other['id']}", {"name": "cats"})

        assert (status, problem["code"]) == (409, "NameTakenError")

    def test_stay_while_a_schedule_starts_them(
        self, api: Api, templates: str, schedules: str, template: dict[str, Any]
    ) -> None:
        api.call("POST", schedules, {"name": "s", "template_id": template["id"], "rate": "1 day"})

        status, problem = api.call("DELETE", f"{templates}/{template['id']}")

        assert (status, problem["code"]) == (409, "TemplateScheduledError")


class TestSchedules:
    def create(
        self, api: Api, schedules: str, template: dict[str, Any], **fields: Any
    ) -> dict[str, Any]:
        body = {"name": "s", "template_id": template["id"]} | fields
        return dict(api.call("POST", schedules, body)[1])

    def test_tell_their_next_runs_in_their_time_zone(
        self, api: Api, schedules: str, template: dict[str, Any]
    ) -> None:
        made = self.create(api, schedules, template, cron="30 4 * * 1", timezone="Europe/Berlin")

        runs = [datetime.fromisoformat(run) for run in made["next_runs"]]
        assert len(runs) == 5
        assert all(run > datetime.now(UTC) for run in runs)
        assert {(run.astimezone(UTC).hour, run.minute) for run in runs} <= {(2, 30), (3, 30)}
        assert {later - earlier for earlier, later in pairwise(runs)} <= {
            timedelta(days=7),
            timedelta(days=7, hours=1),
            timedelta(days=7, hours=-1),
        }

    def test_run_at_a_rate(self, api: Api, schedules: str, template: dict[str, Any]) -> None:
        made = self.create(api, schedules, template, rate="90 minutes")

        runs = [datetime.fromisoformat(run) for run in made["next_runs"]]
        assert (made["rate"], made["cron"]) == ("90 minutes", None)
        assert made["next_run_at"] == made["next_runs"][0]
        assert {b - a for a, b in pairwise(runs)} == {timedelta(minutes=90)}

    @pytest.mark.parametrize(
        ("fields", "pointer"),
        [
            ({}, "/"),
            ({"cron": "0 4 * * 1", "rate": "1 day"}, "/"),
            ({"cron": "every day"}, "/cron"),
            ({"cron": "0 0 4 * * 1"}, "/cron"),
            ({"cron": "0 0 30 2 *"}, "/cron"),
            ({"cron": "*/5 * * * *"}, "/cron"),
            ({"rate": "1 fortnight"}, "/rate"),
            ({"rate": "14 minutes"}, "/rate"),
            ({"rate": "367 days"}, "/rate"),
            ({"cron": "0 4 * * 1", "timezone": "Mars/Base"}, "/timezone"),
            ({"cron": "0 4 * * 1", "timezone": "../../etc/passwd"}, "/timezone"),
        ],
    )
    def test_must_run_some_time_and_not_too_often(
        self,
        api: Api,
        schedules: str,
        template: dict[str, Any],
        fields: dict[str, str],
        pointer: str,
    ) -> None:
        problem = self.create(api, schedules, template, **fields)

        assert (problem["status"], problem["errors"][0]["pointer"]) == (422, pointer)

    @pytest.mark.parametrize(
        "fields", [{"cron": "0 5 * * 1"}, {"rate": "2 days"}, {"timezone": "Europe/Berlin"}]
    )
    def test_keep_their_name_when_another_has_the_new_one(
        self, api: Api, schedules: str, template: dict[str, Any], fields: dict[str, str]
    ) -> None:
        self.create(api, schedules, template, cron="0 4 * * 1", name="taken")
        made = self.create(api, schedules, template, cron="0 4 * * 1")

        path = f"{schedules}/{made['id']}"
        status, problem = api.call("PATCH", path, {"name": "taken"} | fields)

        assert (status, problem["code"]) == (409, "NameTakenError")

    def test_pause_and_go_on_from_now(
        self, api: Api, schedules: str, template: dict[str, Any], session: Session
    ) -> None:
        made = self.create(api, schedules, template, rate="1 day")
        path = f"{schedules}/{made['id']}"

        paused = api.call("PATCH", path, {"is_paused": True})[1]
        session.execute(update(CrawlSchedule).values(next_run_at=datetime(2020, 1, 1, tzinfo=UTC)))
        session.commit()
        resumed = api.call("PATCH", path, {"is_paused": False})[1]

        assert (paused["next_run_at"], paused["next_runs"]) == (None, [])
        assert datetime.fromisoformat(resumed["next_runs"][0]) > datetime.now(UTC)

    def test_change_from_a_rate_to_a_cron_expression(
        self, api: Api, schedules: str, template: dict[str, Any]
    ) -> None:
        made = self.create(api, schedules, template, rate="1 day")

        changed = api.call("PATCH", f"{schedules}/{made['id']}", {"cron": "0 4 * * *"})[1]

        assert (changed["cron"], changed["rate"]) == ("0 4 * * *", None)
        assert datetime.fromisoformat(changed["next_runs"][0]).hour == 4

    def test_leave_their_jobs_when_they_go(
        self, api: Api, schedules: str, template: dict[str, Any], session: Session, project: Project
    ) -> None:
        made = self.create(api, schedules, template, rate="1 day")
        job = factories.create_crawl_job(session, project, schedule_id=made["id"])

        assert api.call("DELETE", f"{schedules}/{made['id']}")[0] == 204

        session.refresh(job)
        assert job.schedule_id is None


@pytest.mark.role("crawlset_tick")
class TestFiring:
    @pytest.fixture
    def schedule(self, session: Session, project: Project) -> CrawlSchedule:
        template = factories.create_template(session, project)
        return factories.create_schedule(session, template)

    @pytest.mark.parametrize(
        ("catches_up", "late", "n_jobs"),
        [
            (True, timedelta(days=3), 1),
            (False, timedelta(days=3), 0),
            (False, timedelta(minutes=4), 1),
        ],
    )
    def test_keeps_the_rule_for_missed_runs(
        self,
        session: Session,
        schedule: CrawlSchedule,
        catches_up: bool,
        late: timedelta,
        n_jobs: int,
    ) -> None:
        schedule.catches_up = catches_up
        schedule.next_run_at = datetime.now(UTC) - late
        session.commit()

        firing.fire_due()

        session.refresh(schedule)
        assert len(session.scalars(select(CrawlJob)).all()) == n_jobs
        assert schedule.next_run_at > datetime.now(UTC)

    def test_keeps_the_beat_of_a_rate(self, session: Session, schedule: CrawlSchedule) -> None:
        planned = datetime.now(UTC) - timedelta(hours=25, minutes=30)
        schedule.cron, schedule.rate_seconds, schedule.next_run_at = None, 3600, planned
        session.commit()

        firing.fire_due()

        session.refresh(schedule)
        assert schedule.next_run_at == planned + timedelta(hours=26)

    def test_leaves_a_run_due_until_the_account_has_room(
        self, session: Session, schedule: CrawlSchedule, profile: Profile
    ) -> None:
        planned = datetime.now(UTC) - timedelta(hours=25, minutes=30)
        schedule.cron, schedule.rate_seconds, schedule.next_run_at = None, 3600, planned
        profile.max_active_jobs = 0
        session.commit()

        firing.fire_due()
        session.refresh(schedule)
        waiting = CrawlScheduleRead.of(schedule)
        profile.max_active_jobs = 1
        session.commit()
        firing.fire_due()

        session.refresh(schedule)
        assert waiting.next_runs == [planned + timedelta(hours=n) for n in (0, 26, 27, 28, 29)]
        assert schedule.next_run_at == planned + timedelta(hours=26)
        assert len(session.scalars(select(CrawlJob)).all()) == 1

    def test_passes_over_an_account_without_room(
        self, session: Session, schedule: CrawlSchedule, project: Project, profile: Profile
    ) -> None:
        profile.max_active_jobs = 1
        template = factories.create_template(session, project)
        just_now = datetime.now(UTC) - timedelta(minutes=1)
        once = factories.create_schedule(session, template, catches_up=False, next_run_at=just_now)
        others = factories.create_project(session, factories.create_profile(session))
        other = factories.create_schedule(
            session, factories.create_template(session, others), next_run_at=just_now
        )
        factories.create_crawl_job(session, project)
        session.commit()

        assert firing.fire_due() == 2

        started = select(CrawlJob.schedule_id).where(CrawlJob.schedule_id.is_not(None))
        assert session.scalars(started).all() == [other.id]
        for row in (schedule, once):
            session.refresh(row)
        assert schedule.next_run_at < just_now < once.next_run_at


@pytest.mark.role("crawlset_worker")
class TestScheduledRun:
    def test_crawls_what_no_run_of_its_schedule_has_settled(
        self, session: Session, project: Project
    ) -> None:
        schedule = factories.create_schedule(session, factories.create_template(session, project))
        urls = [f"https://a.example.org/{name}.jpg" for name in ("stored", "cancelled", "new")]
        first = factories.create_crawl_job(
            session, project, schedule_id=schedule.id, status=JobStatus.completed
        )
        chunk = factories.create_chunk(session, first, status=WorkStatus.completed)
        factories.create_image(session, chunk, url=urls[0])
        factories.create_image(
            session,
            chunk,
            url=urls[1],
            status=ImageStatus.cancelled,
            outcome=Outcome.cancelled,
        )
        run = factories.create_crawl_job(session, project, schedule_id=schedule.id)
        alone = factories.create_crawl_job(session, project)

        n_new = [plan(session, job, urls) for job in (run, run, alone)]

        crawled = session.scalars(select(Image.url).where(Image.crawl_job_id == run.id))
        assert n_new == [2, 0, 3]
        assert sorted(crawled) == sorted(urls[1:])
