"""
A small service that speaks as the real one does, and keeps what it was asked.

It takes and gives what docs/openapi.json says, which is generated from the real routes.
"""

import hashlib
import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import httpx

from tests.unit.client import contract
from tests.unit.client.fake_answers import (
    API_KEY,
    COST,
    ESTIMATE,
    HEALTH,
    KNOWN_SOURCES,
    NO_VERDICTS,
    NOW,
    PROFILE,
    PROGRESS,
    REPORT,
    SETTLED,
    SOURCES,
    STORE_URL,
    delete,
    name_taken,
    new_job,
    new_project,
    new_work,
    not_found,
    of_job,
    page,
    problem,
    restore,
)
from tests.unit.client.fake_dataset import dataset_files

Route = Callable[..., httpx.Response]


@dataclass
class FakeApi:
    """Answers as the service would; a job moves on each time somebody asks for it."""

    polls: int = 2
    """How often a job is asked for before it ends."""
    end_status: str = "completed"
    files: dict[str, bytes] = field(default_factory=dataset_files)
    progress: dict[str, int] = field(default_factory=lambda: dict(PROGRESS))
    counts: dict[str, int] = field(default_factory=lambda: NO_VERDICTS | {"kept": 5, "rejected": 1})
    n_images: int = 5
    left_out: dict[str, int] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)
    validation_warnings: list[str] = field(default_factory=list)
    estimates: list[dict[str, Any]] = field(default_factory=list)
    """What the next estimates say otherwise."""
    keeps_contract: bool = True
    """Whether it answers as the real service would; False where a test spoils an answer."""
    next_answers: list[httpx.Response | Exception] = field(default_factory=list)
    """Given to the next requests instead of what is asked for."""
    damage: Callable[[str, bytes], bytes] = lambda _name, body: body
    """What the store makes of a file it hands out."""
    projects: dict[str, dict[str, Any]] = field(default_factory=dict)
    jobs: dict[str, dict[str, Any]] = field(default_factory=dict)
    validations: dict[str, dict[str, Any]] = field(default_factory=dict)
    exports: dict[str, dict[str, Any]] = field(default_factory=dict)
    uploads: dict[str, bytes] = field(default_factory=dict)
    images: list[dict[str, Any]] = field(default_factory=list)
    deleted_projects: dict[str, dict[str, Any]] = field(default_factory=dict)
    deleted_jobs: dict[str, dict[str, Any]] = field(default_factory=dict)
    requests: list[httpx.Request] = field(default_factory=list)
    asked: dict[str, int] = field(default_factory=dict)
    on_create_project: Callable[[], None] = lambda: None
    """Called before a project is created."""
    expired_addresses: int = 0
    """How many downloads are refused because their address is too old."""

    @property
    def transport(self) -> httpx.MockTransport:
        return httpx.MockTransport(self.answer)

    def paths(self, method: str) -> list[str]:
        return [r.url.path for r in self.requests if r.method == method]

    def sent(self, method: str, ending: str) -> dict[str, Any]:
        """The JSON of the last request of this kind."""
        found = [r for r in self.requests if r.method == method and r.url.path.endswith(ending)]
        body: dict[str, Any] = json.loads(found[-1].content)
        return body

    def answer(self, request: httpx.Request) -> httpx.Response:
        request.read()
        self.requests.append(request)
        if self.next_answers:
            answer = self.next_answers.pop(0)
            if isinstance(answer, Exception):
                raise answer
            return answer
        if request.url.host == "store.test":
            return self._store(request)
        if request.url.path != "/api/health" and (
            request.headers.get("authorization") != f"Bearer {API_KEY}"
        ):
            return problem(401, "UnauthorizedError", "Send `Authorization: Bearer cs_…`.")
        for method, pattern, route in self._routes():
            match = re.fullmatch(pattern, request.url.path)
            if match and method == request.method:
                if why := contract.problems_of_request(request):
                    return problem(422, "UnprocessableError", "; ".join(why))
                answer = route(request, **match.groupdict())
                if answer.is_success and self.keeps_contract:
                    assert contract.problems_of_answer(request, answer) == []
                return answer
        return problem(404, "NoRouteError", f"There is no route {request.url.path}.")

    def add_project(self, name: str) -> dict[str, Any]:
        project = new_project(name)
        self.projects[str(project["id"])] = project
        return project

    def add_job(self, project: dict[str, Any], status: str = "completed") -> dict[str, Any]:
        job = new_job(project, status)
        if status == "completed":
            self._settle(job)
        self.jobs[str(job["id"])] = job
        return job

    def _routes(self) -> list[tuple[str, str, Route]]:
        projects = "/api/projects"
        project = f"{projects}/(?P<p>[^/]+)"
        jobs = f"{project}/crawl-jobs"
        job = f"{jobs}/(?P<j>[^/]+)"
        return [
            ("GET", "/api/health", lambda _: httpx.Response(200, json=HEALTH)),
            ("GET", "/api/profile", lambda _: httpx.Response(200, json=PROFILE)),
            (
                "GET",
                "/api/sources",
                lambda request: page(request, SOURCES),
            ),
            ("POST", projects, self._create_project),
            ("GET", projects, self._list_projects),
            ("GET", project, self._get_project),
            ("PATCH", project, self._rename_project),
            ("DELETE", project, self._delete_project),
            ("POST", f"{project}/restore", self._restore_project),
            ("POST", f"{project}/uploads", self._create_upload),
            ("POST", jobs, self._create_job),
            ("POST", f"{jobs}/estimate", self._estimate),
            ("GET", jobs, self._list_jobs),
            ("GET", job, self._get_job),
            ("DELETE", job, self._delete_job),
            ("POST", f"{job}/restore", self._restore_job),
            ("GET", f"{job}/images", self._list_images),
            ("POST", f"{job}/cancel", self._cancel_job),
            ("POST", f"{job}/retry", self._reopen_job),
            ("POST", f"{job}/recrawl", self._reopen_job),
            ("POST", f"{job}/validation-jobs", self._create_validation),
            (
                "GET",
                f"{job}/validation-jobs",
                lambda request, p, j: page(request, of_job(self.validations, j)),
            ),
            ("GET", f"{job}/validation-jobs/(?P<v>[^/]+)", self._get_validation),
            (
                "GET",
                f"{job}/validation-jobs/(?P<v>[^/]+)/report.html",
                lambda _, p, j, v: httpx.Response(200, text=REPORT.format(v)),
            ),
            ("POST", f"{job}/export-jobs", self._create_export),
            (
                "GET",
                f"{job}/export-jobs",
                lambda request, p, j: page(request, of_job(self.exports, j)),
            ),
            ("GET", f"{job}/export-jobs/(?P<e>[^/]+)", self._get_export),
            ("GET", f"{job}/export-jobs/(?P<e>[^/]+)/files", self._list_files),
        ]

    def _create_project(self, request: httpx.Request) -> httpx.Response:
        body = json.loads(request.content)
        self.on_create_project()
        if self._is_taken(body["name"]):
            return name_taken()
        return httpx.Response(201, json=self.add_project(body["name"]))

    def _is_taken(self, name: str) -> bool:
        return any(project["name"] == name for project in self.projects.values())

    def _rename_project(self, request: httpx.Request, p: str) -> httpx.Response:
        name = json.loads(request.content)["name"]
        if p not in self.projects:
            return not_found("project", p)
        if self._is_taken(name):
            return name_taken()
        self.projects[p]["name"] = name
        return httpx.Response(200, json=self.projects[p])

    def _get_project(self, _: httpx.Request, p: str) -> httpx.Response:
        if p not in self.projects:
            return not_found("project", p)
        return httpx.Response(200, json=self.projects[p])

    def _list_projects(self, request: httpx.Request) -> httpx.Response:
        found = self.deleted_projects if "deleted" in request.url.params else self.projects
        return page(request, [*found.values()][::-1])

    def _delete_project(self, request: httpx.Request, p: str) -> httpx.Response:
        if p not in self.projects:
            return not_found("project", p)
        return delete(request, self.projects, self.deleted_projects, p)

    def _restore_project(self, _: httpx.Request, p: str) -> httpx.Response:
        if p not in self.projects | self.deleted_projects:
            return not_found("project", p)
        if p in self.deleted_projects and self._is_taken(self.deleted_projects[p]["name"]):
            return name_taken()
        return restore(self.projects, self.deleted_projects, p)

    def _delete_job(self, request: httpx.Request, p: str, j: str) -> httpx.Response:
        if p not in self.projects or j not in self.jobs:
            return not_found("crawl job", j)
        return delete(request, self.jobs, self.deleted_jobs, j)

    def _restore_job(self, _: httpx.Request, p: str, j: str) -> httpx.Response:
        if p not in self.projects or j not in self.jobs | self.deleted_jobs:
            return not_found("crawl job", j)
        return restore(self.jobs, self.deleted_jobs, j)

    def _list_images(self, request: httpx.Request, p: str, j: str) -> httpx.Response:
        wanted = {
            name: value
            for name in ("status", "outcome", "change")
            if (value := request.url.params.get(name)) is not None
        }
        found = [image for image in self.images if wanted.items() <= image.items()]
        return page(request, found)

    def _create_upload(self, _: httpx.Request, p: str) -> httpx.Response:
        upload_id = str(uuid4())
        body = {
            "upload_id": upload_id,
            "url": f"{STORE_URL}/uploads/{upload_id}?signature=secret",
            "method": "PUT",
            "headers": {},
            "expires_at": NOW,
        }
        return httpx.Response(201, json=body)

    def _create_job(self, request: httpx.Request, p: str) -> httpx.Response:
        body = json.loads(request.content)
        if p not in self.projects:
            return not_found("project", p)
        if set(body["sources"]) - KNOWN_SOURCES:
            detail = f"There is no source {body['sources'][0]!r}. Known are sample, urls."
            return problem(422, "UnknownSourceError", detail)
        job = self.add_job(self.projects[p], "pending")
        job["name"] = body["name"]
        return httpx.Response(201, json=job)

    def _estimate(self, _: httpx.Request, p: str) -> httpx.Response:
        return httpx.Response(
            200, json=ESTIMATE | (self.estimates.pop(0) if self.estimates else {})
        )

    def _list_jobs(self, request: httpx.Request, p: str) -> httpx.Response:
        status = request.url.params.get("status")
        found = self.deleted_jobs if "deleted" in request.url.params else self.jobs
        jobs = [j for j in found.values() if j["project_id"] == p]
        return page(request, [j for j in jobs[::-1] if status in {None, j["status"]}])

    def _get_job(self, _: httpx.Request, p: str, j: str) -> httpx.Response:
        job = self.jobs.get(j)
        if job is None or job["project_id"] != p:
            return not_found("crawl job", j)
        if job["status"] in {"pending", "running"}:
            self._move(job)
        return httpx.Response(200, json=job)

    def _move(self, job: dict[str, Any]) -> None:
        n_asked = self.asked[job["id"]] = self.asked.get(job["id"], 0) + 1
        if n_asked < self.polls:
            job["status"] = "running"
            job["progress"] |= {"candidates": 10, "pending": 6, "stored": 4}
            job["outcomes"] = {"stored": 4}
        elif self.end_status == "completed":
            job["status"] = "completed"
            self._settle(job)
        else:
            job["status"], job["error_message"] = self.end_status, "Every search failed."

    def _settle(self, job: dict[str, Any]) -> None:
        job["progress"], job["outcomes"] = dict(self.progress), dict(SETTLED)
        job["chunks"] = {"total": 2, "queued": 0, "completed": 2}
        job["cost"] = COST

    def _cancel_job(self, _: httpx.Request, p: str, j: str) -> httpx.Response:
        job = self.jobs[j]
        if job["status"] not in {"pending", "running"}:
            detail = f"Crawl job {j} is {job['status']} already."
            return problem(409, "CrawlJobFinishedError", detail)
        job["status"] = "cancelled"
        return httpx.Response(200, json=job)

    def _reopen_job(self, _: httpx.Request, p: str, j: str) -> httpx.Response:
        self.jobs[j]["status"] = "running"
        return httpx.Response(200, json=self.jobs[j])

    def _create_validation(self, request: httpx.Request, p: str, j: str) -> httpx.Response:
        rules = json.loads(request.content).get("validation_rules", {})
        validation = self.add_validation(
            {"id": j}, status="pending", validation_rules=rules, counts=dict(NO_VERDICTS)
        )
        return httpx.Response(201, json=validation)

    def add_validation(self, job: dict[str, Any], **fields: Any) -> dict[str, Any]:
        validation = {
            **new_work(job["id"]),
            "status": "completed",
            "validation_rules": {},
            "by_rule": {},
            "warnings": [],
            "counts": self.counts,
            **fields,
        }
        self.validations[validation["id"]] = validation
        return validation

    def _get_validation(self, _: httpx.Request, p: str, j: str, v: str) -> httpx.Response:
        done = {"status": self.end_status, "counts": self.counts, "by_rule": {"short_side": 1}}
        self.validations[v] |= done | {"warnings": self.validation_warnings}
        return httpx.Response(200, json=self.validations[v])

    def _create_export(self, request: httpx.Request, p: str, j: str) -> httpx.Response:
        body = json.loads(request.content)
        if body["format"] not in {"imagefolder", "parquet"}:
            detail = "/format: Input should be 'imagefolder' or 'parquet'"
            return problem(422, "UnprocessableError", detail)
        export = {
            **new_work(j),
            "validation_job_id": body.get("validation_job_id"),
            "format": body["format"],
            "export_options": body.get("export_options", {}),
            "n_images": 0,
            "left_out": {},
            "warnings": [],
            "file_size": 0,
            "expires_at": None,
        }
        self.exports[export["id"]] = export
        return httpx.Response(201, json=export)

    def _get_export(self, _: httpx.Request, p: str, j: str, e: str) -> httpx.Response:
        if e not in self.exports:
            return not_found("export job", e)
        self.exports[e] |= {"status": self.end_status, "n_images": self.n_images}
        self.exports[e] |= {"left_out": self.left_out, "warnings": self.warnings}
        return httpx.Response(200, json=self.exports[e])

    def _list_files(self, request: httpx.Request, p: str, j: str, e: str) -> httpx.Response:
        if (withheld := self.exports.get(e, {}).get("withheld")) is not None:
            detail = f"The files of export job {e} were removed by {withheld['takedown_id']}."
            return problem(410, "ExportTakenDownError", detail)
        files = [
            {
                "name": name,
                "file_size": len(body),
                "sha256": hashlib.sha256(body).hexdigest(),
                "url": f"{STORE_URL}/exports/{n}?signature=secret",
            }
            for n, (name, body) in enumerate(self.files.items())
        ]
        return page(request, files)

    def _store(self, request: httpx.Request) -> httpx.Response:
        if "authorization" in request.headers:
            return httpx.Response(400, text="Only one auth mechanism allowed")
        kind, _, key = request.url.path[1:].partition("/")
        if kind == "uploads":
            if int(request.headers.get("content-length", -1)) != len(request.content):
                return httpx.Response(411, text="MissingContentLength")
            self.uploads[key] = request.content
            return httpx.Response(200)
        if self.expired_addresses:
            self.expired_addresses -= 1
            return httpx.Response(403, text="<Code>AccessDenied</Code>")
        name, body = [*self.files.items()][int(key)]
        body = self.damage(name, body)
        start = int(request.headers.get("range", "bytes=0-").removeprefix("bytes=")[:-1])
        if start and start >= len(body):
            return httpx.Response(416, text="<Code>InvalidRange</Code>")
        return httpx.Response(206 if start else 200, stream=httpx.ByteStream(body[start:]))
