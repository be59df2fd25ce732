import os
import signal
from collections import Counter
from pathlib import Path

from crawlset_local.cloud import LocalCloud
from crawlset_local.ports import free_ports
from tests.e2e.support import Api, SampleSite, assert_conserved, is_alive, wait_for


def test_goes_on_where_it_stopped_after_kill_9_of_everything(tmp_path: Path) -> None:
    ports = free_ports()
    killed = LocalCloud(tmp_path, ports)
    killed.start()
    with Api.of(killed) as api, SampleSite.of(killed) as site:
        urls = site.manifest(3_000)
        job_id = api.create_job(sources=["urls"], urls=urls)
        wait_for(lambda: api.job(job_id), lambda job: job["progress"]["stored"] > 0, 120)
        project = api.project
    for pid in killed.pids.values():
        os.kill(pid, signal.SIGKILL)
    wait_for(
        lambda: [pid for pid in killed.pids.values() if is_alive(pid)], lambda left: not left, 30
    )

    cloud = LocalCloud(tmp_path, ports)
    with cloud, Api.of(cloud, project) as api:
        job = api.wait_for_job(job_id, 300)
        images = list(api.items(f"{api.job_path(job_id)}/images"))
    cloud.erase()

    assert job["status"] == "completed"
    assert_conserved(job)
    assert Counter(image["url"] for image in images) == Counter(urls)
    stored = [image["sha256"] for image in images if image["outcome"] == "stored"]
    assert len(stored) == len(set(stored))
