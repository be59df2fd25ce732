"""An account with something of everything, and a request for each route that succeeds any time."""

import json
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any
from uuid import UUID

from sqlalchemy import create_engine, delete, func, make_url, select
from sqlalchemy.orm import Session

from crawlset.kit import db
from crawlset.models import (
    ApiKey,
    CrawlJob,
    Image,
    JobStatus,
    Profile,
    Project,
    TakedownStatus,
    Webhook,
    WebhookDelivery,
    WorkStatus,
)
from crawlset.outcomes import ImageStatus, Outcome
from crawlset_local import emulator
from crawlset_local.cloud import LocalCloud
from crawlset_local.home import webhook_key
from tests import factories
from tests.e2e.http_clients import Api as HttpApi
from tests.integration.api import Api

N_JOBS = 50
N_IMAGES = 500
JOBS = "/api/projects/{project_id}/crawl-jobs"
JOB = f"{JOBS}/{{job_id}}"
TEMPLATES = "/api/projects/{project_id}/job-templates"
SCHEDULES = "/api/projects/{project_id}/crawl-schedules"
TAKEDOWNS = "/api/projects/{project_id}/takedowns"
CRAWL = {"name": "cats", "keywords": ["cat"], "sources": ["sample"], "max_images": 1}
HOOK = {"url": "https://hooks.example.org/"}
SESSION = "POST /api/session"
NOT_COUNTED = {
    "GET /api/health",
    SESSION,
    f"GET {JOB}/images/{{image_id}}/thumbnail",
    f"GET {JOB}/nearest-images",
    f"GET {JOB}/validation-jobs/{{validation_job_id}}/report.html",
}
"""Without a caller, or answered by another function."""

Ids = dict[str, object]


@dataclass(frozen=True)
class Asked:
    method: str
    path: str
    query: dict[str, str]
    body: Any
    headers: Mapping[str, str]


class Furnished:
    """
    Requests by route, such as `GET /api/projects/{project_id}`, that succeed however often.

    Raises `SystemExit` if a route of the document has none here.
    """

    def __init__(self, cloud: LocalCloud, session: Session, token: str) -> None:
        self._session = session
        self._numbers = count()
        self._key, self._token = cloud.api_key, token
        self.user = Api(UUID(cloud.profile_id))
        db.act_for(session, self.user_id)
        profile = session.get_one(Profile, self.user_id)
        profile.max_active_jobs = profile.max_requests_per_minute = 1_000_000
        session.commit()
        self._ids = self._fill(cloud)
        self._project = session.get_one(Project, UUID(str(self._ids["project_id"])))
        self._template = factories.create_template(session, self._project)
        self._ids |= {"template_id": self._template.id, "schedule_id": self._schedule()}
        self._ids["takedown_id"] = self._takedown()
        self._fill_up()
        for _ in range(N_JOBS - 1):
            self._job(JobStatus.completed)
        self._bodies = self._all_bodies()
        self._fresh = self._all_fresh()

    @property
    def user_id(self) -> UUID:
        return UUID(self.user.caller["user_id"])

    @property
    def routes(self) -> list[str]:
        """Of the API's document; reading ones first, for writing ones leave work behind."""
        from functions.api import app  # noqa: PLC0415 - it reads the environment

        routes = [
            f"{method.upper()} {path}"
            for path, methods in json.loads(app.document())["paths"].items()
            for method in methods
        ]
        unknown = [
            r for r in routes if not r.startswith(("GET", "DELETE")) and r not in self._bodies
        ]
        if unknown:
            raise SystemExit(f"No request is known here for {', '.join(unknown)}")
        return sorted(routes, key=lambda route: not route.startswith("GET"))

    def ask(self, route: str) -> Asked:
        """A request; what it would change or delete is new."""
        method, path = route.split()
        fresh = self._fresh.get(route, dict)()
        body = self._bodies.get(route)
        token = self._token if route == SESSION else self._key
        return Asked(
            method,
            path.format(**self._ids | fresh),
            self._query(route),
            body() if callable(body) else body,
            {"Authorization": f"Bearer {token}"},
        )

    def _query(self, route: str) -> dict[str, str]:
        if route == f"GET {JOB}/nearest-images":
            return {"like": str(self._ids["image_id"]), "measurer": "palette"}
        return {"limit": str(N_JOBS)} if route == f"GET {JOBS}" else {}

    def _fill(self, cloud: LocalCloud) -> Ids:
        """A dataset made of the sample site, and the ids of what belongs to it."""
        with HttpApi.of(cloud) as api:
            job_id = api.create_job(
                keywords=["cat", "coffee"],
                sources=["sample"],
                max_images=100,
                validation_rules={"preset": "report_only", "measurers": ["palette"]},
                export={"format": "imagefolder"},
            )
            job = api.wait_for_pipeline(job_id, 180)
            (image, *_) = api.get(f"{api.job_path(job_id)}/images", status="stored")["items"]
            webhook_id = api.post("/api/webhooks", HOOK)["id"]
        return {
            "project_id": api.project,
            "job_id": job_id,
            "dataset_id": job_id,
            "image_id": image["id"],
            "validation_job_id": job["validation_jobs"][0]["id"],
            "export_job_id": job["export_jobs"][0]["id"],
            "webhook_id": webhook_id,
        }

    def _fill_up(self) -> None:
        """Another chunk of the dataset, so that it has `N_IMAGES`."""
        job = self._session.get_one(CrawlJob, UUID(str(self._ids["job_id"])))
        settled = Image.crawl_job_id == job.id
        n = N_IMAGES - self._session.scalars(select(func.count(Image.id)).where(settled)).one()
        chunk = factories.create_chunk(
            self._session, job, status=WorkStatus.completed, n_urls=n, outcomes={"stored": n}
        )
        for _ in range(n):
            factories.create_image(self._session, chunk)

    def _all_bodies(self) -> dict[str, Any]:
        def named(**fields: Any) -> Callable[[], dict[str, Any]]:
            return lambda: {"name": f"n{next(self._numbers)}", **fields}

        return {
            "PATCH /api/profile": {"name": "Bench"},
            "POST /api/api-keys": named(scopes=["read"]),
            "POST /api/projects": named(),
            "POST /api/projects/{project_id}/restore": {},
            "PATCH /api/projects/{project_id}": named(),
            "POST /api/projects/{project_id}/uploads": {"file_size": 1_000},
            f"POST {JOBS}": CRAWL,
            f"POST {JOBS}/estimate": CRAWL,
            f"POST {JOB}/restore": {},
            f"POST {JOB}/cancel": {},
            f"POST {JOB}/retry": {},
            f"POST {JOB}/recrawl": {},
            f"POST {JOB}/validation-jobs": {},
            f"POST {JOB}/pipeline": {},
            f"POST {JOB}/validation-jobs/{{validation_job_id}}/cancel": {},
            f"POST {JOB}/export-jobs": {"format": "imagefolder"},
            f"POST {JOB}/export-jobs/{{export_job_id}}/cancel": {},
            f"POST {TEMPLATES}": named(configuration=CRAWL),
            f"PATCH {TEMPLATES}/{{template_id}}": named(),
            f"POST {TEMPLATES}/{{template_id}}/start": {},
            f"POST {SCHEDULES}": named(template_id=str(self._template.id), cron="0 4 * * *"),
            f"PATCH {SCHEDULES}/{{schedule_id}}": {"is_paused": False},
            f"POST {TAKEDOWNS}": self._what_to_take_down,
            f"POST {TAKEDOWNS}/preview": self._what_to_take_down,
            f"POST {TAKEDOWNS}/{{takedown_id}}/revoke": {},
            "POST /api/webhooks": HOOK,
            "PATCH /api/webhooks/{webhook_id}": {"is_enabled": True},
            "POST /api/webhooks/{webhook_id}/deliveries/{delivery_id}/replay": {},
            "POST /api/datasets": {"name": "old", "keywords": ["cat"], "max_images": 1},
            SESSION: {},
        }

    def _all_fresh(self) -> dict[str, Callable[[], Ids]]:
        """The ids of what a request is to find as it was made, by route."""
        session = self._session

        def ended() -> Ids:
            return {"job_id": self._job(JobStatus.completed).id}

        def validation() -> Ids:
            job = self._job(JobStatus.completed)
            made = factories.create_validation_job(session, job)
            return {"job_id": job.id, "validation_job_id": made.id}

        def export() -> Ids:
            job = self._job(JobStatus.completed)
            return {"job_id": job.id, "export_job_id": factories.create_export_job(session, job).id}

        return {
            "DELETE /api/api-keys/{key_id}": lambda: {"key_id": self._api_key()},
            "DELETE /api/projects/{project_id}": lambda: {
                "project_id": factories.create_project(session, self._profile()).id
            },
            "POST /api/projects/{project_id}/restore": lambda: {
                "project_id": factories.create_project(
                    session, self._profile(), **self._deletion()
                ).id
            },
            "DELETE /api/webhooks/{webhook_id}": lambda: {"webhook_id": self._webhook()},
            "POST /api/webhooks": self._without_webhooks,
            "POST /api/api-keys": self._without_keys,
            "POST /api/webhooks/{webhook_id}/deliveries/{delivery_id}/replay": self._delivery,
            f"DELETE {TEMPLATES}/{{template_id}}": lambda: {
                "template_id": factories.create_template(session, self._project).id
            },
            f"DELETE {SCHEDULES}/{{schedule_id}}": lambda: {"schedule_id": self._schedule()},
            f"DELETE {JOB}": ended,
            f"POST {JOB}/restore": lambda: {
                "job_id": self._job(JobStatus.completed, **self._deletion()).id
            },
            f"POST {JOB}/cancel": lambda: {"job_id": self._job(JobStatus.running).id},
            f"POST {JOB}/retry": lambda: {"job_id": self._job(JobStatus.completed, failed=True).id},
            f"POST {JOB}/recrawl": ended,
            f"POST {JOB}/validation-jobs": ended,
            f"POST {JOB}/pipeline": ended,
            f"POST {JOB}/validation-jobs/{{validation_job_id}}/cancel": validation,
            f"POST {JOB}/export-jobs": ended,
            f"POST {JOB}/export-jobs/{{export_job_id}}/cancel": export,
            f"POST {TAKEDOWNS}/{{takedown_id}}/revoke": lambda: {"takedown_id": self._takedown()},
        }

    def _profile(self) -> Profile:
        return self._session.get_one(Profile, self.user_id)

    def _deletion(self) -> dict[str, Any]:
        now = datetime.now(UTC)
        return {"deleted_at": now, "purges_at": now + timedelta(days=1)}

    def _job(self, status: JobStatus, *, failed: bool = False, **columns: Any) -> CrawlJob:
        """With one image."""
        job = factories.create_crawl_job(self._session, self._project, status=status, **columns)
        chunk = factories.create_chunk(self._session, job, status=WorkStatus.completed)
        outcome = {"status": ImageStatus.failed, "outcome": Outcome.timeout} if failed else {}
        factories.create_image(self._session, chunk, **outcome)
        return job

    def _schedule(self) -> UUID:
        far = datetime(2100, 1, 1, tzinfo=UTC)
        return factories.create_schedule(self._session, self._template, next_run_at=far).id

    def _takedown(self) -> UUID:
        """Hidden, and to be revoked for a day."""
        return factories.create_takedown(
            self._session,
            self._project,
            value=self._what_to_take_down()["value"],
            status=TakedownStatus.hidden,
            removes_at=datetime.now(UTC) + timedelta(days=1),
        ).id

    def _what_to_take_down(self) -> dict[str, str]:
        """A URL that no image has."""
        return {"kind": "url", "value": f"https://images.example.org/n{next(self._numbers)}.jpg"}

    def _add(self, row: ApiKey | Webhook | WebhookDelivery) -> UUID:
        self._session.add(row)
        self._session.commit()
        return row.id

    def _api_key(self) -> UUID:
        prefix = f"{next(self._numbers):012x}"
        return self._add(
            ApiKey(user_id=self.user_id, name="k", prefix=prefix, key_hash=b"", scopes=["read"])
        )

    def _webhook(self) -> UUID:
        return self._add(Webhook(user_id=self.user_id, events=["*"], clear_secret=b"s", **HOOK))

    def _delivery(self) -> Ids:
        delivery = WebhookDelivery(
            user_id=self.user_id,
            webhook_id=UUID(str(self._ids["webhook_id"])),
            event_id=-next(self._numbers),
            event={},
        )
        return {"delivery_id": self._add(delivery)}

    def _without_webhooks(self) -> Ids:
        """An account may have few."""
        kept = UUID(str(self._ids["webhook_id"]))
        self._session.execute(delete(Webhook).where(Webhook.id != kept))
        self._session.commit()
        return {}

    def _without_keys(self) -> Ids:
        self._session.execute(delete(ApiKey).where(ApiKey.name.like("n%")))
        self._session.commit()
        return {}


@contextmanager
def furnish(cloud: LocalCloud, token: str) -> Iterator[Furnished]:
    """An account of the cloud; the handlers of the API may run in this process from here on."""
    _name_in_environment(cloud)
    url = make_url(str(cloud.database_url)).set(drivername="postgresql+psycopg")
    engine = create_engine(url)
    with Session(engine, expire_on_commit=False) as session:
        yield Furnished(cloud, session, token)
    engine.dispose()


def _name_in_environment(cloud: LocalCloud) -> None:
    """What the API's handlers read, when they run here."""
    outputs = cloud.stack.outputs
    key, secret = emulator.ADMINISTRATOR
    os.environ |= {
        "AWS_ACCESS_KEY_ID": key,
        "AWS_SECRET_ACCESS_KEY": secret,
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ENDPOINT_URL": cloud.emulator_url,
        "BUCKET_NAME": outputs["BucketName"],
        "DATABASE_SECRET_ARN": outputs["ApiDatabaseSecretArn"],
        "POWERTOOLS_METRICS_NAMESPACE": "bench",
        "POWERTOOLS_SERVICE_NAME": "bench",
        "SAMPLE_SOURCE_URL": cloud.sample_url,
        "WEBHOOK_KEY_FILE": str(webhook_key(cloud.home)),
        **{
            f"{name}_QUEUE_URL": outputs[f"{output}QueueUrl"]
            for name, output in (
                ("DISCOVER", "Discover"),
                ("PLAN", "Plan"),
                ("CHUNKS", "Chunks"),
                ("HOST_LANES", "HostLanes"),
                ("RESULTS", "Results"),
                ("TAKEDOWNS", "Takedowns"),
            )
        },
    }
