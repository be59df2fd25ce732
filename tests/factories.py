"""One row of each table, by keyword defaults: a test names what matters to it."""

import hashlib
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

from sqlalchemy.orm import Session

from crawlset.kit import db
from crawlset.kit.ids import new_id
from crawlset.kit.strict_json import to_json
from crawlset.models import (
    Base,
    CrawlJob,
    CrawlSchedule,
    ExportFile,
    ExportJob,
    Image,
    ImageVerdict,
    JobChunk,
    JobSearch,
    JobStatus,
    JobTemplate,
    Profile,
    Project,
    Takedown,
    TakedownKind,
    Upload,
    ValidationJob,
    Webhook,
    WorkStatus,
)
from crawlset.outcomes import ImageStatus, Outcome, Verdict
from crawlset.webhooks import encryption
from crawlset.wire import keys
from crawlset.wire.searches import IntendedUse, SearchRequest

SEARCH = SearchRequest(source="sample", keyword="cat", limit=100, intended_use=IntendedUse.research)
_numbers = count(1)


def create_profile(session: Session, **overrides: Any) -> Profile:
    """A profile; the session acts for it from here."""
    id_ = overrides.pop("id", None) or new_id()
    db.act_for(session, id_)
    profile = Profile(
        id=id_, **{"email": f"user{next(_numbers)}@example.org", "name": "A user"} | overrides
    )
    return _saved(session, profile)


def create_project(session: Session, profile: Profile, **overrides: Any) -> Project:
    project = Project(
        user_id=profile.id,
        **{"name": f"Project {next(_numbers)}", "description": None} | overrides,
    )
    return _saved(session, project)


def create_crawl_job(session: Session, project: Project, **overrides: Any) -> CrawlJob:
    job = CrawlJob(
        user_id=project.user_id,
        project_id=project.id,
        **{
            "name": "A crawl",
            "keywords": ["cat"],
            "sources": ["sample"],
            "max_images": 100,
            "policy": {"licences": [], "intended_use": "research"},
            "validation_rules": None,
            "export_request": None,
            "status": JobStatus.running,
        }
        | overrides,
    )
    return _saved(session, job)


def create_recrawl_chunk(session: Session, job: CrawlJob) -> JobChunk:
    """Asks again for three stored pictures of the bytes 0, 1 and 2."""
    chunk = create_chunk(session, job, n_urls=3, is_recrawl=True, outcomes={"stored": 3})
    for ordinal in range(3):
        create_image(
            session,
            chunk,
            ordinal=ordinal,
            sha256=hashlib.sha256(str(ordinal).encode()).digest(),
            etag=f'"{ordinal}"',
        )
    return chunk


def create_search(session: Session, job: CrawlJob, **overrides: Any) -> JobSearch:
    search = JobSearch(
        user_id=job.user_id,
        crawl_job_id=job.id,
        **{
            "source": "sample",
            "keyword": "cat",
            "request": to_json(SEARCH),
            "status": WorkStatus.queued,
        }
        | overrides,
    )
    return _saved(session, search)


def create_chunk(session: Session, job: CrawlJob, **overrides: Any) -> JobChunk:
    chunk = JobChunk(
        user_id=job.user_id,
        crawl_job_id=job.id,
        **{"lane": None, "status": WorkStatus.queued, "n_urls": 1} | overrides,
    )
    return _saved(session, chunk)


def create_image(session: Session, chunk: JobChunk, **overrides: Any) -> Image:
    """A stored image unless `status` says otherwise."""
    number = next(_numbers)
    status = overrides.get("status", ImageStatus.stored)
    url = overrides.pop("url", f"https://images.example.org/{number}.jpg")
    stored = {
        "outcome": Outcome.stored,
        "file_size": 1000,
        "sha256": hashlib.sha256(url.encode()).digest(),
        "width": 640,
        "height": 480,
        "format": "jpeg",
        "phash": number,
        "pack_key": keys.pack(chunk.crawl_job_id, chunk.id, 1, "t"),
        "pack_offset": 512,
        "pack_length": 1000,
    }
    image = Image(
        user_id=chunk.user_id,
        crawl_job_id=chunk.crawl_job_id,
        chunk_id=chunk.id,
        url=url,
        url_hash=hashlib.sha256(url.encode()).digest()[:16],
        **{
            "ordinal": number,
            "host": "images.example.org",
            "source": "sample",
            "query": "cat",
            "keyword": "cat",
            "rank": number,
            "licence": "cc-by-4.0",
            "status": status,
        }
        | (stored if status is ImageStatus.stored else {})
        | overrides,
    )
    return _saved(session, image)


def create_validation_job(session: Session, job: CrawlJob, **overrides: Any) -> ValidationJob:
    validation_job = ValidationJob(
        user_id=job.user_id,
        crawl_job_id=job.id,
        **{"validation_rules": {}, "status": JobStatus.pending} | overrides,
    )
    return _saved(session, validation_job)


def create_export_job(session: Session, job: CrawlJob, **overrides: Any) -> ExportJob:
    export_job = ExportJob(
        user_id=job.user_id,
        crawl_job_id=job.id,
        **{
            "validation_job_id": None,
            "format": "imagefolder",
            "export_options": {},
            "status": JobStatus.pending,
        }
        | overrides,
    )
    return _saved(session, export_job)


def create_template(session: Session, project: Project, **overrides: Any) -> JobTemplate:
    template = JobTemplate(
        user_id=project.user_id,
        project_id=project.id,
        **{
            "name": f"template {next(_numbers)}",
            "configuration": {"name": "cats", "keywords": ["cat"], "sources": ["sample"]},
        }
        | overrides,
    )
    return _saved(session, template)


def create_schedule(session: Session, template: JobTemplate, **overrides: Any) -> CrawlSchedule:
    """Daily at three, due a long time ago."""
    schedule = CrawlSchedule(
        user_id=template.user_id,
        project_id=template.project_id,
        template_id=template.id,
        **{
            "name": f"schedule {next(_numbers)}",
            "cron": "0 3 * * *",
            "next_run_at": datetime(2026, 1, 1, tzinfo=UTC),
        }
        | overrides,
    )
    return _saved(session, schedule)


def create_takedown(session: Session, project: Project, **overrides: Any) -> Takedown:
    takedown = Takedown(
        user_id=project.user_id,
        project_id=project.id,
        **{"kind": TakedownKind.url, "value": "https://images.example.org/x.jpg"} | overrides,
    )
    return _saved(session, takedown)


def create_verdict(
    session: Session,
    validation_job: ValidationJob,
    image: Image,
    rule: str | None = None,
    **overrides: Any,
) -> ImageVerdict:
    """Keeps the image, or rejects it for breaking `rule`."""
    broken = {"verdict": Verdict.reject, "rule": rule, "measured": 10, "threshold": 64}
    verdict = ImageVerdict(
        validation_job_id=validation_job.id,
        image_id=image.id,
        user_id=image.user_id,
        **(broken if rule else {"verdict": Verdict.keep}) | overrides,
    )
    return _saved(session, verdict)


def create_export_file(session: Session, export_job: ExportJob, **overrides: Any) -> ExportFile:
    export_file = ExportFile(
        user_id=export_job.user_id,
        export_job_id=export_job.id,
        **{"name": "data-00000.zip", "file_size": 3, "sha256": b"s"} | overrides,
    )
    return _saved(session, export_file)


def create_upload(session: Session, project: Project, **overrides: Any) -> Upload:
    upload = Upload(
        user_id=project.user_id,
        project_id=project.id,
        **{"n_bytes": 24, "kept_until": datetime.now(UTC) + timedelta(days=1)} | overrides,
    )
    return _saved(session, upload)


def create_webhook(
    session: Session, profile: Profile, secret: bytes = b"s", **overrides: Any
) -> Webhook:
    """A webhook that is told of everything, its `secret` encrypted."""
    id_ = new_id()
    told = {
        "url": "https://example.org",
        "events": ["*"],
        "encrypted_secret": encryption.key().encrypt(secret, id_),
    }
    return _saved(session, Webhook(id=id_, user_id=profile.id, **told | overrides))


def _saved[Row: Base](session: Session, row: Row) -> Row:
    session.add(row)
    session.commit()
    return row
