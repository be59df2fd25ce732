"""What a laptop cloud keeps when its processes are killed, and that nothing of them is left."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psycopg
import pytest

from crawlset_local import emulator
from crawlset_local.cloud import LocalCloud
from crawlset_local.home import open_home
from crawlset_local.ports import Ports
from crawlset_local.processes import wait_until
from tests.ports import free_ports

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")

TEMPLATES = Path(__file__).parent / "local_toy"
BUCKET = "crawlset-local-bucket"
PART = 5 * 1024 * 1024


@pytest.fixture
def template(request: pytest.FixtureRequest) -> Path:
    """`template.yaml` for the test classes that need functions, else one with a bucket only."""
    return TEMPLATES / getattr(request.cls, "template", "bucket.yaml")


@pytest.fixture
def cloud(tmp_path: Path, template: Path) -> Iterator[LocalCloud]:
    """A stopped cloud, whose data go in the end."""
    cloud = LocalCloud(tmp_path / "home", free_ports(), template=template, with_sample_site=False)
    yield cloud
    cloud.stop()
    cloud.erase()


def start_apart(cloud: LocalCloud, template: Path) -> "subprocess.Popen[bytes]":
    """Start `cloud` in a process of its own, as `crawlset up` does; return when it is ready."""
    ports: Ports = cloud.ports
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "crawlset_local.cloud", "--without-sample-site"),
            *("--home", str(cloud.home), "--template", str(template)),
            *("--port", str(ports.gateway), "--emulator-port", str(ports.emulator)),
            *("--postgres-port", str(ports.postgres)),
        ],
        stdout=subprocess.PIPE,
        start_new_session=True,
    )
    assert process.stdout is not None
    with process.stdout as lines:
        assert any(b"ready" in line for line in lines)
    return process


def processes_of(cloud: LocalCloud) -> set[int]:
    """Every process that has to do with the home: by its arguments or its working directory."""
    data = (cloud.home / "pgdata").resolve()
    found = set()
    for entry in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            directory = (entry / "cwd").readlink()
            if (
                str(cloud.home).encode() in (entry / "cmdline").read_bytes()
                or directory.is_relative_to(data)
                or directory.is_relative_to(cloud.home)
            ):
                found.add(int(entry.name))
    return found - {os.getpid()}


def keep_something(cloud: LocalCloud) -> None:
    """Put a row, an object, a large object in parts, and half of another into the cloud."""
    s3 = cloud.client("s3")
    s3.put_object(Bucket=BUCKET, Key="jobs/1/outcome", Body=b"one", ContentType="text/plain")
    for key in ("large", "never-completed"):
        upload = s3.create_multipart_upload(Bucket=BUCKET, Key=key)["UploadId"]
        parts = [
            {
                "PartNumber": n,
                "ETag": s3.upload_part(
                    Bucket=BUCKET, Key=key, UploadId=upload, PartNumber=n, Body=bytes([n]) * PART
                )["ETag"],
            }
            for n in (1, 2)
        ]
        if key == "large":
            s3.complete_multipart_upload(
                Bucket=BUCKET, Key=key, UploadId=upload, MultipartUpload={"Parts": parts}
            )
    dsn = f"postgresql://crawlset:{password(cloud)}@127.0.0.1:{cloud.ports.postgres}/crawlset"
    with psycopg.connect(dsn) as connection:
        connection.execute("INSERT INTO seen VALUES ('row')")


def password(cloud: LocalCloud) -> str:
    return (cloud.home / "postgres-password").read_text()


def rows(cloud: LocalCloud) -> list[str]:
    with psycopg.connect(str(cloud.database_url)) as connection:
        return [key for (key,) in connection.execute("SELECT key FROM seen")]


class TestKillOfEveryProcess:
    template = "template.yaml"

    def test_next_start_has_every_row_and_object(self, cloud: LocalCloud, template: Path) -> None:
        first = start_apart(cloud, template)
        keep_something(cloud)

        for pid in processes_of(cloud):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        first.wait()
        cloud.start()

        s3 = cloud.client("s3")
        one = s3.get_object(Bucket=BUCKET, Key="jobs/1/outcome")
        large = s3.get_object(Bucket=BUCKET, Key="large")["Body"].read()
        keys = {entry["Key"] for entry in s3.list_objects_v2(Bucket=BUCKET)["Contents"]}
        assert (one["Body"].read(), one["ContentType"]) == (b"one", "text/plain")
        assert large == bytes([1]) * PART + bytes([2]) * PART
        assert keys == {"jobs/1/outcome", "large"}
        assert "row" in rows(cloud)
        assert cloud.api_key == "toy-key"
        s3.put_object(Bucket=BUCKET, Key="jobs/2/outcome", Body=b"two")
        assert wait_until(lambda: "jobs/2/outcome" in rows(cloud), 60)


class TestKillOfTheParent:
    def test_takes_every_child_along(self, cloud: LocalCloud, template: Path) -> None:
        first = start_apart(cloud, template)

        first.kill()
        first.wait()

        assert wait_until(lambda: not processes_of(cloud), 60)


class TestKillOfTheServer:
    def test_next_start_waits_for_what_it_left(self, cloud: LocalCloud, template: Path) -> None:
        first = start_apart(cloud, template)
        record = json.loads((cloud.home / "run" / "postgres.json").read_text())

        os.kill(record["pid"], signal.SIGKILL)
        first.wait()
        cloud.start()

        assert cloud.pids["postgres"] != record["pid"]


class TestStop:
    @pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
    def test_leaves_no_process_and_no_record(
        self, cloud: LocalCloud, template: Path, number: signal.Signals
    ) -> None:
        first = start_apart(cloud, template)

        first.send_signal(number)

        assert first.wait(60) == 0
        assert processes_of(cloud) == set()
        assert list((cloud.home / "run").iterdir()) == []


class TestStartOverWhatIsLeft:
    def test_stops_a_recorded_process_of_ours(self, cloud: LocalCloud) -> None:
        open_home(cloud.home).close()
        left = emulator.start(cloud.home, cloud.ports.emulator)

        cloud.start()

        assert left.process.wait(60) is not None
        assert cloud.pids["emulator"] != left.process.pid

    def test_leaves_alone_a_process_that_took_the_number(self, cloud: LocalCloud) -> None:
        open_home(cloud.home).close()
        run = cloud.home / "run"
        record = {"pid": os.getpid(), "argv": [sys.executable, "-m", "ministack"]}
        (run / "emulator.json").write_text(json.dumps(record))

        emulator.stop_left_behind(cloud.home)

        assert list(run.iterdir()) == []
