"""
Answers of the fake service: its rows, pages of lists and problems.

Each is held against docs/openapi.json when it is given (`contract`).
"""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx

API_URL = "http://api.test"
API_KEY = "cs_test"
STORE_URL = "http://store.test"
NOW = "2026-01-02T03:04:05Z"
HEALTH = {"status": "ok", "version": "0.1.0"}
KEPT = {"deleted_at": None, "purges_at": None}
"""Fields of what is not deleted."""
PAGE = 2
"""Items on a page, so that every list is read in several."""
REPORT = '<html><head><meta name="generator" content="Crawlset"></head>{}</html>'
SETTLED = {"stored": 6, "duplicate_bytes": 1, "truncated": 1, "refused_robots": 1, "http_404": 1}
PROGRESS = {
    "candidates": 10,
    "pending": 0,
    "stored": 6,
    "duplicate": 1,
    "rejected": 1,
    "refused": 1,
    "failed": 1,
    "cancelled": 0,
}
COST = {
    "aws_lambda": 0.0195,
    "s3": 0.0031,
    "sqs": 0.0001,
    "requests": 0.0002,
    "database": 0.0021,
    "pipeline": 0.0007,
    "logs": 0.0004,
    "storage": 0.0016,
    "transfer": 0.012,
    "total": 0.0397,
    "fixed_per_month": 24.65,
}
KNOWN_SOURCES = frozenset(
    {"sample", "urls", "open_images", "laion", "gbif_downloads", "inaturalist_open_data"}
)
NO_VERDICTS = {"kept": 0, "quarantined": 0, "rejected": 0, "errors": 0}
PROFILE = {
    "id": "01920000-0000-7000-8000-000000000001",
    "email": "me@test",
    "name": "me",
    "quotas": {
        "max_active_jobs": 10,
        "max_images_per_job": 100_000,
        "max_stored_bytes": 1 << 40,
        "max_requests_per_minute": 600,
    },
    "usage": {"active_jobs": 0, "stored_bytes": 0, "n_projects": 0},
    "projects": [],
    "projects_url": "/api/projects",
    "created_at": NOW,
    "updated_at": NOW,
}
ESTIMATE = {
    "is_complete": True,
    "probes": [],
    "licence_share": 1.0,
    "candidates": {"low": 100, "expected": 600, "high": 1000},
    "expected_yield": 0.8,
    "images": 480,
    "bytes": 144_000_000,
    "seconds": 45.0,
    "cost": COST,
    "assumptions": {
        "basis": "defaults",
        "n_images_known": 0,
        "bytes_per_image": 300_000,
        "fetch_seconds_per_candidate": 0.05,
        "candidates_per_chunk": 250.0,
        "fetchers": 2,
        "months_stored": 1,
        "downloads": 1,
        "price_region": "us-east-1",
        "prices_as_of": "2026-01-01",
    },
}
SOURCES = [
    {
        "name": "pexels",
        "configured": False,
        "reason": "Name it in the deployment's Sources, and give pexels_key.",
        "is_list": False,
        "intended_uses": [],
        "licences": [],
        "limits": "200 requests an hour",
        "terms_url": "https://www.pexels.com/terms",
        "notes": "Its terms forbid datasets.",
        "obstacles": None,
        "allowance": None,
    },
    {
        "name": "sample",
        "configured": True,
        "reason": None,
        "is_list": False,
        "intended_uses": ["research"],
        "licences": ["cc0"],
        "limits": "50 results a page",
        "allowance": {
            "n_left": 137,
            "limit": 200,
            "period_seconds": 86_400,
            "seen_at": "2026-11-29T12:00:00Z",
        },
        "terms_url": None,
        "notes": "The pictures that come with Crawlset.",
        "obstacles": None,
    },
    {
        "name": "gbif_downloads",
        "configured": True,
        "reason": None,
        "is_list": True,
        "intended_uses": ["research"],
        "licences": ["cc0"],
        "limits": "1,000,000 rows and 1 GiB a manifest",
        "allowance": None,
        "terms_url": "https://www.gbif.org/terms/data-user",
        "notes": "Downloads of GBIF.",
        "obstacles": None,
    },
]


def page(request: httpx.Request, items: list[dict[str, Any]]) -> httpx.Response:
    start = int(request.url.params.get("cursor", 0))
    more = start + PAGE < len(items)
    body = {
        "items": items[start : start + PAGE],
        "next_cursor": str(start + PAGE) if more else None,
    }
    return httpx.Response(200, json=body)


def deletion(hours: int) -> dict[str, str]:
    """Fields of what is deleted now, and removed so many hours later."""
    purges_at = datetime.fromisoformat(NOW) + timedelta(hours=hours)
    return {"deleted_at": NOW, "purges_at": f"{purges_at:%Y-%m-%dT%H:%M:%SZ}"}


def problem(status: int, code: str, detail: str, **headers: str) -> httpx.Response:
    body = {
        "type": "about:blank",
        "title": "Problem",
        "status": status,
        "detail": detail,
        "code": code,
        "request_id": "request-1",
    }
    media_type = {"content-type": "application/problem+json"}
    return httpx.Response(status, json=body, headers={**media_type, **headers})


def name_taken() -> httpx.Response:
    return problem(409, "ProjectNameTakenError", "You have a project of this name already.")


def not_found(what: str, id_: str) -> httpx.Response:
    try:
        UUID(id_)
    except ValueError:
        return problem(422, "InvalidRequestError", f"{id_} is no UUID")
    return problem(404, "NotFoundError", f"There is no {what} {id_}.")


def new_project(name: str) -> dict[str, Any]:
    id_ = str(uuid4())
    return {
        "id": id_,
        "name": name,
        "description": None,
        "created_at": NOW,
        "updated_at": NOW,
        "crawl_jobs": [],
        "crawl_jobs_url": f"/api/projects/{id_}/crawl-jobs",
        **KEPT,
    }


def new_job(project: dict[str, Any], status: str) -> dict[str, Any]:
    id_ = str(uuid4())
    path = f"/api/projects/{project['id']}/crawl-jobs/{id_}"
    return {
        "id": id_,
        "project_id": project["id"],
        "project": {"id": project["id"], "name": project["name"]},
        "name": "cats",
        "status": status,
        "keywords": ["cat"],
        "sources": ["sample"],
        "max_images": 1000,
        "licences": [],
        "intended_use": "research",
        "expansion": {},
        "policy": {},
        "resize": None,
        "formats": ["jpeg", "png", "webp", "gif", "avif", "bmp", "ico"],
        "transcode": None,
        "per_host": {},
        "keep_location": False,
        "error_message": None,
        "progress": dict.fromkeys(PROGRESS, 0),
        "outcomes": {},
        "bytes_stored": 0,
        "bytes_received": 0,
        "chunks": {"total": 2, "queued": 2, "completed": 0},
        "searches": [],
        "validation_jobs": [],
        "export_jobs": [],
        "chunks_url": f"{path}/chunks",
        "images_url": f"{path}/images",
        "events_url": f"{path}/events",
        "validation_jobs_url": f"{path}/validation-jobs",
        "export_jobs_url": f"{path}/export-jobs",
        "created_at": NOW,
        "started_at": NOW,
        "finished_at": None,
        **KEPT,
    }


def new_image(number: int) -> dict[str, Any]:
    """A stored image, as a list of candidates has it."""
    return {
        **dict.fromkeys(
            [
                "detail",
                "query",
                "keyword",
                "landing_url",
                "licence_raw",
                "creator",
                "attribution",
                "title",
                "final_url",
                "http_status",
                "content_type",
                "sha256",
                "format",
                "measurements",
                "mode",
                "n_frames",
                "phashes",
                "scores",
                "measurements",
                "transform",
                "embedded",
                "columns",
                "duplicate_of",
                "evidence",
                "etag",
                "last_modified",
                "downloaded_at",
                "change",
                "checked_at",
            ]
        ),
        "id": number,
        "url": f"http://host.test/{number}.jpg",
        "status": "stored",
        "outcome": "stored",
        "source": "sample",
        "rank": number,
        "licence": "cc-by-4.0",
        "file_size": 1_500,
        "width": 640,
        "height": 480,
        "n_retries": 0,
    }


def new_probe(source: str, keyword: str) -> dict[str, Any]:
    """A question to a source that it has not answered yet."""
    return {
        "source": source,
        "keyword": keyword,
        "status": "asked",
        "total": None,
        "licences": {},
        "error_message": None,
        "asked_at": NOW,
    }


def new_work(job_id: str) -> dict[str, Any]:
    return {
        "id": str(uuid4()),
        "crawl_job_id": job_id,
        "status": "pending",
        "error_message": None,
        "created_at": NOW,
        "started_at": None,
        "finished_at": None,
    }


def delete(
    request: httpx.Request,
    kept: dict[str, dict[str, Any]],
    deleted: dict[str, dict[str, Any]],
    id_: str,
) -> httpx.Response:
    hours = int(request.url.params.get("grace_hours", 24))
    gone = kept.pop(id_) | deletion(hours)
    if hours:
        deleted[id_] = gone
    return httpx.Response(200, json=gone)


def restore(
    kept: dict[str, dict[str, Any]], deleted: dict[str, dict[str, Any]], id_: str
) -> httpx.Response:
    if id_ in deleted:
        kept[id_] = deleted.pop(id_) | KEPT
    return httpx.Response(200, json=kept[id_])


def of_job(works: dict[str, dict[str, Any]], job_id: str) -> list[dict[str, Any]]:
    """Newest first."""
    return [work for work in works.values() if work["crawl_job_id"] == job_id][::-1]
