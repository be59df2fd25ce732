"""One row of each table, by keyword defaults: a test names what matters to it."""

import hashlib
from datetime import UTC, datetime
from itertools import count
from typing import Any

from sqlalchemy.orm import Session

from crawlset.kit import db
from crawlset.kit.ids import new_id
from crawlset.kit.strict_json import to_json
from crawlset.models import (
    CrawlJob,
    CrawlSchedule,
    ExportJob,
    Image,
    JobChunk,
    JobSearch,
    JobStatus,
    JobTemplate,
    Profile,
    Project,
    Takedown,
    TakedownKind,
    ValidationJob,
    WorkStatus,
)
from crawlset.outcomes import ImageStatus, Outcome
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
    session.add(profile)
    session.commit()
    return profile


def create_project(session: Session, profile: Profile, **overrides: Any) -> Project:
    project = Project(
        id=new_id(),
        user_id=profile.id,
        **{"name": f"Project {next(_numbers)}", "description": None} | overrides,
    )
    session.add(project)
    session.commit()
    return project


def create_crawl_job(session: Session, project: Project, **overrides: Any) -> CrawlJob:
    job = CrawlJob(
        id=new_id(),
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
    session.add(job)
    session.commit()
    return job


def create_search(session: Session, job: CrawlJob, **overrides: Any) -> JobSearch:
    search = JobSearch(
        id=new_id(),
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
    session.add(search)
    session.commit()
    return search


def create_chunk(session: Session, job: CrawlJob, **overrides: Any) -> JobChunk:
    chunk = JobChunk(
        id=new_id(),
        user_id=job.user_id,
        crawl_job_id=job.id,
        **{"lane": None, "status": WorkStatus.queued, "n_urls": 1} | overrides,
    )
    session.add(chunk)
    session.commit()
    return chunk


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
    session.add(image)
    session.commit()
    return image


def create_validation_job(session: Session, job: CrawlJob, **overrides: Any) -> ValidationJob:
    validation_job = ValidationJob(
        id=new_id(),
        user_id=job.user_id,
        crawl_job_id=job.id,
        **{"validation_rules": {}, "status": JobStatus.pending} | overrides,
    )
    session.add(validation_job)
    session.commit()
    return validation_job


def create_export_job(session: Session, job: CrawlJob, **overrides: Any) -> ExportJob:
    export_job = ExportJob(
        id=new_id(),
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
    session.add(export_job)
    session.commit()
    return export_job


def create_template(session: Session, project: Project, **overrides: Any) -> JobTemplate:
    template = JobTemplate(
        id=new_id(),
        user_id=project.user_id,
        project_id=project.id,
        **{
            "name": f"template {next(_numbers)}",
            "configuration": {"name": "cats", "keywords": ["cat"], "sources": ["sample"]},
        }
        | overrides,
    )
    session.add(template)
    session.commit()
    return template


def create_schedule(session: Session, template: JobTemplate, **overrides: Any) -> CrawlSchedule:
    """Daily at three, due a long time ago."""
    schedule = CrawlSchedule(
        id=new_id(),
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
    session.add(schedule)
    session.commit()
    return schedule


def create_takedown(session: Session, project: Project, **overrides: Any) -> Takedown:
    takedown = Takedown(
        id=new_id(),
        user_id=project.user_id,
        project_id=project.id,
        **{"kind": TakedownKind.url, "value": "https://images.example.org/x.jpg"} | overrides,
    )
    session.add(takedown)
    session.commit()
    return takedown
