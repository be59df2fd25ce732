"""What tenants do meanwhile: every kind of request that starts, changes or ends work."""

import random
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from tests.chaos.client import Client
from tests.chaos.memory import Memory, Tenant

SLOW_HOSTS = ("slow.", "overloaded.", "throttling.")
N_URLS = (30, 110)
FORMATS = ("webdataset", "imagefolder", "parquet")
EVENTS = [
    "crawl_job.created", "crawl_job.completed", "crawl_job.cancelled", "crawl_job.failed",
    "validation_job.completed", "export_job.completed", "export_job.failed",
]  # fmt: skip
Q = {"preset": "basic"}


class Traffic:
    """One tenant at work, by the chances of a seed."""

    def __init__(
        self,
        client: Client,
        tenant: Tenant,
        memory: Memory,
        urls: list[str],
        chance: random.Random,
    ) -> None:
        self.client = client
        self.tenant = tenant
        self.memory = memory
        self.urls = urls
        self.chance = chance

    def open(self, webhook_url: str) -> None:
        """What every tenant begins with: a project, a webhook, a schedule, a crawl."""
        self.new_project()
        webhook = self.client.post("/api/webhooks", {"url": webhook_url, "events": EVENTS})
        if webhook is not None:
            self.memory.webhooks[webhook["id"]] = webhook
        self.crawl()
        self.schedule()

    def act(self) -> str:
        """Do one thing more, and name it."""
        actions = [*ACTIONS]
        action = self.chance.choices(actions, [ACTIONS[a] for a in actions])[0]
        action(self)
        return action.__name__

    def new_project(self) -> None:
        name = f"{self.tenant.name}-{self.chance.getrandbits(32):08x}"
        project = self.client.post("/api/projects", {"name": name})
        if project is not None:
            self.tenant.projects.append(project["id"])

    def crawl(self) -> None:
        """Crawl a list of URLs; some ask for a validation, an export or both."""
        if (path := self._some_project()) is None:
            return
        n_urls = self.chance.randint(*N_URLS)
        # Distinct, and enough of them asked by other jobs too.
        body: dict[str, Any] = {"sources": ["urls"], "urls": self.chance.sample(self.urls, n_urls)}
        if self.chance.random() < 0.6:
            body["validation_rules"] = Q
        if self.chance.random() < 0.6:
            body["export"] = {"format": self.chance.choice(FORMATS)}
        self.create(path, body)

    def search(self) -> None:
        if (path := self._some_project()) is not None:
            keyword = self.chance.choice(["cat", "coffee", "rocket", "coins"])
            self.create(path, {"sources": ["sample"], "keywords": [keyword], "max_images": 40})

    def cancel(self) -> None:
        self._post_to_job("cancel")

    def retry(self) -> None:
        self._post_to_job("retry")

    def recrawl(self) -> None:
        self._post_to_job("recrawl")

    def validate(self) -> None:
        self._post_to_job("validation-jobs", {"validation_rules": Q})

    def export(self) -> None:
        self._post_to_job("export-jobs", {"format": self.chance.choice(FORMATS)})

    def pipeline(self) -> None:
        export = {"format": self.chance.choice(FORMATS)}
        self._post_to_job("pipeline", {"validation_rules": Q, "export": export})

    def cancel_export(self) -> None:
        if (path := self._some_job()) is None:
            return
        for export in self.client.items(f"{path}/export-jobs"):
            self.client.post(f"{path}/export-jobs/{export['id']}/cancel")

    def take_down(self) -> None:
        """At once and for good, by host or by URL."""
        url = self.chance.choice(self.urls)
        host = (urlsplit(url).hostname or "").lower()
        is_url = self.chance.random() < 0.6
        self._take_down(
            {"kind": "url", "value": url} if is_url else {"kind": "host", "value": host}
        )

    def take_down_and_revoke(self) -> None:
        url = self.chance.choice(self.urls)
        made = self._take_down({"kind": "url", "value": url}, grace_hours=24)
        if made is not None:
            self.client.post(f"{made}/revoke")

    def delete_job(self) -> None:
        """Some for good; the others are restored."""
        if (path := self._some_job()) is None:
            return
        if self.chance.random() < 0.5:
            if self.client.ask("DELETE", path, params={"grace_hours": 0}) is not None:
                self.tenant.deleted.append(path.rpartition("/")[2])
        elif self.client.ask("DELETE", path) is not None:
            self.client.post(f"{path}/restore")

    def delete_project(self) -> None:
        """For good, and begin another one."""
        if len(self.tenant.projects) > 1:
            project = self.chance.choice(self.tenant.projects[1:])
            path = f"/api/projects/{project}"
            if self.client.ask("DELETE", path, params={"grace_hours": 0}) is not None:
                self.tenant.projects.remove(project)
                self.tenant.deleted.append(project)
        self.new_project()

    def schedule(self) -> None:
        """Every 15 minutes, which is the least."""
        if (path := self._some_project()) is None:
            return
        name = f"every-{self.chance.getrandbits(32):08x}"
        search = {"sources": ["sample"], "keywords": ["cat"], "max_images": 12}
        configuration = {"name": f"{name}-run"} | search
        template = self.client.post(
            f"{path}/job-templates", {"name": name, "configuration": configuration}
        )
        if template is not None:
            body = {"name": name, "template_id": template["id"], "rate": "15 minutes"}
            self.client.post(f"{path}/crawl-schedules", body)

    def rest(self) -> None:
        """Pause every schedule: nothing starts by itself any more."""
        for project in self.tenant.projects:
            path = f"/api/projects/{project}/crawl-schedules"
            for schedule in self.client.items(path):
                self.client.ask("PATCH", f"{path}/{schedule['id']}", json={"is_paused": True})

    def create(self, project_path: str, body: dict[str, Any]) -> None:
        name = f"{self.tenant.name}-{self.chance.getrandbits(48):012x}"
        if "urls" in body:
            self.memory.urls[name] = body["urls"]
        job = self.client.post(f"{project_path}/crawl-jobs", {"name": name} | body)
        if job is not None:
            self.tenant.jobs.append((job["project_id"], job["id"]))

    def _take_down(self, meant: dict[str, Any], grace_hours: int = 0) -> str | None:
        if (path := self._some_project()) is None:
            return None
        made = self.client.post(f"{path}/takedowns", meant | {"grace_hours": grace_hours})
        return None if made is None else f"{path}/takedowns/{made['id']}"

    def _post_to_job(self, action: str, body: dict[str, Any] | None = None) -> None:
        if (path := self._some_job()) is not None:
            self.client.post(f"{path}/{action}", body)

    def _some_project(self) -> str | None:
        if not self.tenant.projects:
            self.new_project()
        if not self.tenant.projects:
            return None
        return f"/api/projects/{self.chance.choice(self.tenant.projects)}"

    def _some_job(self) -> str | None:
        here = [job for job in self.tenant.jobs if job[0] in self.tenant.projects]
        if not here:
            return None
        project, job = self.chance.choice(here)
        return f"/api/projects/{project}/crawl-jobs/{job}"


ACTIONS: dict[Callable[[Traffic], None], int] = {
    Traffic.crawl: 5,
    Traffic.search: 2,
    Traffic.cancel: 3,
    Traffic.retry: 3,
    Traffic.recrawl: 3,
    Traffic.validate: 2,
    Traffic.export: 4,
    Traffic.pipeline: 3,
    Traffic.cancel_export: 1,
    Traffic.take_down: 4,
    Traffic.take_down_and_revoke: 2,
    Traffic.delete_job: 2,
    Traffic.delete_project: 1,
    Traffic.schedule: 1,
}
"""What a tenant may do next, and how often of all."""
