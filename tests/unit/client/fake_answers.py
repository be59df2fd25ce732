"""Answers of the fake service: its rows, pages of lists and problems."""

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
    "transfer": 0.012,
    "total": 0.0349,
}
ESTIMATE = {
    "candidates": {"low": 100, "expected": 600, "high": 1000},
    "expected_yield": 0.8,
    "images": 480,
    "bytes": 144_000_000,
    "seconds": 45.0,
    "cost": COST,
    "assumptions": {"basis": "defaults", "n_images_known": 0},
}
SOURCES = [
    {
        "name": "pexels",
        "configured": False,
        "reason": "Name it in the deployment's Sources, and give pexels_key.",
        "intended_uses": [],
        "licences": [],
        "limits": "200 requests an hour",
        "terms_url": "https://www.pexels.com/terms",
        "notes": "Its terms forbid datasets.",
    },
    {
        "name": "sample",
        "configured": True,
        "intended_uses": ["research"],
        "licences": ["cc0"],
        "limits": "50 results a page",
        "terms_url": None,
        "notes": "The pictures that come with Crawlset.",
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
    return {
        "id": str(uuid4()),
        "name": name,
        "description": None,
        "created_at": NOW,
        "updated_at": NOW,
        **KEPT,
    }


def new_job(project: dict[str, Any], status: str) -> dict[str, Any]:
    return {
        "id": str(uuid4()),
        "project_id": project["id"],
        "name": "cats",
        "status": status,
        "keywords": ["cat"],
        "sources": ["sample"],
        "max_images": 1000,
        "licences": [],
        "intended_use": "research",
        "error_message": None,
        "progress": dict.fromkeys(PROGRESS, 0),
        "outcomes": {},
        "bytes_stored": 0,
        "chunks": {"total": 2, "queued": 2, "completed": 0},
        "searches": [],
        "validation_jobs": [],
        "export_jobs": [],
        "created_at": NOW,
        "started_at": NOW,
        "finished_at": None,
        **KEPT,
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
