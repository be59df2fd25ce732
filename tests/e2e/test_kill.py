"""`kill -9` of every process in the middle of a job, then `crawlset up`."""

import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from crawlset_local.cloud import LocalCloud
from crawlset_local.home import read_profile
from crawlset_local.ports import Ports
from tests.e2e.http_clients import Address, Api, SampleSite, assert_conserved, wait_for
from tests.ports import free_ports

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")

N_URLS = 3_000


@contextmanager
def crawlset_up(home: Path, ports: Ports) -> Iterator[Address]:
    """`crawlset up` in a process of its own, from ready until the block ends."""
    process = subprocess.Popen(
        [
            *(str(Path(sys.executable).with_name("crawlset")), "up", "--home", str(home)),
            *("--port", str(ports.gateway), "--emulator-port", str(ports.emulator)),
            *("--postgres-port", str(ports.postgres), "--sample-port", str(ports.sample)),
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    assert process.stdout is not None
    with process, process.stdout as lines:
        said = []
        for line in lines:
            said.append(line)
            profile = read_profile(home)
            if profile and profile["api_key"] in line:
                break
        else:
            pytest.fail("".join(said))
        yield Address(profile["api_url"], profile["api_key"], f"http://127.0.0.1:{ports.sample}")
        process.send_signal(signal.SIGTERM)


def processes_of(home: Path) -> set[int]:
    """Every process that has to do with the home: by its arguments or its working directory."""
    places = (home, (home / "pgdata").resolve())
    found = set()
    for entry in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            directory = (entry / "cwd").readlink()
            arguments = (entry / "cmdline").read_bytes()
            if str(home).encode() in arguments or any(map(directory.is_relative_to, places)):
                found.add(int(entry.name))
    return found - {os.getpid()}


def test_goes_on_where_it_stopped(tmp_path: Path) -> None:
    home, ports = tmp_path / "home", free_ports()

    with crawlset_up(home, ports) as killed:
        with Api.of(killed) as api, SampleSite.of(killed) as site:
            urls = site.manifest(N_URLS)
            job_id = api.create_job(sources=["urls"], urls=urls)
            wait_for(lambda: api.job(job_id), lambda job: job["progress"]["stored"] > 0, 120)
            project = api.project
        for pid in processes_of(home):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
    wait_for(lambda: processes_of(home), lambda left: not left, 30)

    with crawlset_up(home, ports) as again, Api.of(again, project) as api:
        job = api.wait_for_job(job_id, 300)
        images = list(api.items(f"{api.job_path(job_id)}/images"))
    LocalCloud(home, ports).erase()

    assert job["status"] == "completed"
    assert_conserved(job)
    assert Counter(image["url"] for image in images) == Counter(urls)
    stored = [image["sha256"] for image in images if image["outcome"] == "stored"]
    assert len(stored) == len(set(stored))
