"""A user who has something of everything, for tests that walk the routes."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy.orm import Session

from crawlset.kit import objects
from crawlset.models import (
    ActivityLog,
    ApiKey,
    FurtherRow,
    HostProof,
    IdempotencyKey,
    JobStatus,
    LoginIdentity,
    OutboxMessage,
    PackRewrite,
    Profile,
    SourceProbe,
    TakedownExport,
    TakedownImage,
    Target,
    WebhookDelivery,
    WorkStatus,
)
from crawlset.outcomes import ImageStatus
from tests import factories
from tests.integration.api import Api
from tests.unit.imaging import pictures

FAR_OFF = datetime(2100, 1, 1, tzinfo=UTC)
CRAWL = {"name": "cats", "keywords": ["cat"], "sources": ["sample"]}
REPORT: dict[str, Any] = {
    "rules": [],
    "histograms": {},
    "classes": [],
    "examples": [],
    "clusters": [],
}


@dataclass(frozen=True)
class Tenant:
    """A user with something of everything, and the ids of it by the names that routes use."""

    profile: Profile
    ids: dict[str, str]

    @property
    def api(self) -> Api:
        return Api(self.profile.id)


def furnish(session: Session) -> Tenant:
    profile = factories.create_profile(session)
    project = factories.create_project(session, profile)
    job = factories.create_crawl_job(session, project, status=JobStatus.completed)
    factories.create_search(session, job, status=WorkStatus.completed)
    chunk = factories.create_chunk(session, job, status=WorkStatus.completed)
    picture = pictures.jpeg()
    image = factories.create_image(session, chunk, pack_length=len(picture))
    objects.put(str(image.pack_key), b"\0" * 512 + picture)
    validation_job = factories.create_validation_job(
        session, job, status=JobStatus.completed, report=REPORT
    )
    export_job = factories.create_export_job(session, job, status=JobStatus.completed)
    owner: dict[str, Any] = {"user_id": profile.id}
    factories.create_export_file(session, export_job)
    factories.create_verdict(session, validation_job, image)
    template = factories.create_template(session, project, configuration=CRAWL)
    schedule = factories.create_schedule(session, template, next_run_at=FAR_OFF)
    webhook = factories.create_webhook(session, profile)
    takedown = factories.create_takedown(session, project, status="revoked")
    factories.create_upload(session, project)
    key = ApiKey(name="k", prefix=profile.id.hex[-12:], key_hash=b"x", scopes=["read"], **owner)
    proof = HostProof(host="images.example.org", token="t", **owner)
    delivery = WebhookDelivery(webhook_id=webhook.id, event_id=1, event={}, **owner)
    session.add_all(
        [
            ActivityLog(action="project.created", resource_type="project", **owner),
            IdempotencyKey(key="k", fingerprint=b"f", status=201, body={}, **owner),
            FurtherRow(crawl_job_id=job.id, url_hash=image.url_hash, rank=2, **owner),
            LoginIdentity(issuer="https://login.example.org", subject=str(profile.id), **owner),
            key,
            delivery,
            proof,
            OutboxMessage(target=Target.plan, body={}, leased_until=FAR_OFF, **owner),
            SourceProbe(source="sample", keyword="cat", **owner),
            TakedownExport(
                takedown_id=takedown.id, export_job_id=export_job.id, n_images=1, **owner
            ),
            TakedownImage(
                takedown_id=takedown.id,
                image_id=image.id,
                crawl_job_id=job.id,
                status=ImageStatus.stored,
                **owner,
            ),
            PackRewrite(
                crawl_job_id=job.id,
                takedown_id=takedown.id,
                pack_key="k",
                due_at=FAR_OFF,
                **owner,
            ),
        ]
    )
    session.commit()
    return Tenant(
        profile,
        {
            "project_id": str(project.id),
            "job_id": str(job.id),
            "dataset_id": str(job.id),
            "image_id": str(image.id),
            "validation_job_id": str(validation_job.id),
            "export_job_id": str(export_job.id),
            "template_id": str(template.id),
            "schedule_id": str(schedule.id),
            "key_id": str(key.id),
            "webhook_id": str(webhook.id),
            "delivery_id": str(delivery.id),
            "takedown_id": str(takedown.id),
            "host_proof_id": str(proof.id),
        },
    )
