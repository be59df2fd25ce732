"""`sam local` on a laptop's cloud: its files, the functions on Lambda's own runtime, and docker."""

import json
import platform
import shutil
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from crawlset_local.cloud import LocalCloud
from crawlset_local.home import read_profile
from crawlset_local.processes import clean_environment
from tests.e2e.http_clients import Api
from tests.e2e.lambda_runtime import SamLocal

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "infra/sam_local.py"
SAM = ROOT / ".uv/sam/bin/sam"
BUILT = ROOT / ".aws-sam/build/template.yaml"
FUNCTIONS = {
    "api": "ApiFunction",
    "authorize": "AuthorizeFunction",
    "plan": "PlanFunction",
    "record": "RecordFunction",
    "validate": "ValidateFunction",
}
NOTHING_FAILED: dict[str, Any] = {"batchItemFailures": []}


def write_files(cloud: LocalCloud, out: Path, *options: str) -> None:
    subprocess.run(
        [sys.executable, SCRIPT, "--home", cloud.home, "--out", out, *options],
        check=True,
        stdout=subprocess.DEVNULL,
    )


@pytest.fixture(scope="module")
def job(cloud: LocalCloud) -> Iterator[Any]:
    """A crawl job that is over and validated, and how to read it again."""
    with Api.of(cloud) as api:
        job_id = api.create_job(keywords=["cat"], sources=["sample"], max_images=3)
        api.wait_for_job(job_id, 120)
        api.post(f"{api.job_path(job_id)}/validation-jobs")
        api.wait_for_pipeline(job_id, 60)
        yield lambda: api.job(job_id)


@pytest.fixture(scope="module")
def sam_local(cloud: LocalCloud, job: Any, tmp_path_factory: pytest.TempPathFactory) -> SamLocal:
    """The files for functions that run on this machine, of the template as it is written."""
    out = tmp_path_factory.mktemp("sam-local")
    write_files(cloud, out, "--template", str(ROOT / "template.yaml"), "--host", "127.0.0.1")
    return SamLocal(out)


@pytest.mark.skipif(sys.platform != "linux", reason="awslambdaric has wheels for Linux alone")
class TestLambdaRuntime:
    def test_answers_a_request_of_the_api(self, sam_local: SamLocal, job: Any) -> None:
        with sam_local.running(FUNCTIONS["api"]) as function:
            answer = function.invoke(sam_local.event("api"))

        assert (answer.kind, answer.payload["statusCode"]) == ("response", 200)
        assert json.loads(answer.payload["body"])["id"] == job()["id"]

    def test_lets_in_who_shows_the_key(self, sam_local: SamLocal, cloud: LocalCloud) -> None:
        event = sam_local.event("authorize")
        with sam_local.running(FUNCTIONS["authorize"]) as function:
            let_in = function.invoke(event)
            refused = function.invoke(event | {"headers": {"authorization": "Bearer cs_no"}})

        assert let_in.payload["context"]["user_id"] == read_profile(cloud.home)["profile_id"]
        assert not refused.payload["isAuthorized"]

    @pytest.mark.parametrize("name", ["plan", "record"])
    def test_handles_a_message_again_that_changes_nothing(
        self, sam_local: SamLocal, job: Any, name: str
    ) -> None:
        before, event = job(), sam_local.event(name)
        lost = json.dumps(event).replace(before["id"], str(uuid4()))

        with sam_local.running(FUNCTIONS[name]) as function:
            done = function.invoke(event)
            failed = function.invoke(json.loads(lost))

        assert (done.kind, done.payload) == ("response", NOTHING_FAILED)
        assert failed.payload == {
            "batchItemFailures": [{"itemIdentifier": event["Records"][0]["messageId"]}]
        }
        assert job() == before

    def test_runs_a_step_of_the_state_machine_and_names_its_errors(
        self, sam_local: SamLocal, job: Any
    ) -> None:
        event = sam_local.event("validate")
        with sam_local.running(FUNCTIONS["validate"]) as function:
            done = function.invoke(event)
            unknown = function.invoke(event | {"validation_job_id": str(uuid4())})

        assert (done.kind, done.payload["batches"]) == ("response", [])
        assert (unknown.kind, unknown.payload["errorType"]) == ("error", "NotFoundError")


@pytest.mark.skipif(not SAM.is_file(), reason="SAM is installed by `make validate` or `make build`")
class TestSamItself:
    def test_hands_every_variable_to_every_function_and_finds_the_code(
        self, sam_local: SamLocal
    ) -> None:
        read = subprocess.run(
            [
                SAM.with_name("python"),
                Path(__file__).with_name("what_sam_reads.py"),
                sam_local.folder,
            ],
            check=True,
            capture_output=True,
            text=True,
            env=clean_environment(SAM_CLI_TELEMETRY="0"),
        )

        told = json.loads(read.stdout.splitlines()[-1])
        wanted = json.loads((sam_local.folder / "env.json").read_text())
        assert told["variables"].keys() == wanted.keys()
        for name, variables in wanted.items():
            assert variables.items() <= told["variables"][name].items()
            assert Path(told["code"][name], "app.py").is_file() or name == "MigrateFunction"
            assert all(Path(layer).is_dir() for layer in told["layers"][name])
        assert ["/api/projects", "ApiFunction"] in told["routes"]


@cache
def why_not() -> str:
    """What `sam local` lacks here; empty if it can run a function."""
    docker = shutil.which("docker")
    if not docker or subprocess.run([docker, "info"], capture_output=True, check=False).returncode:
        return "`sam local` runs functions in docker, and no docker answers here"
    if not (SAM.is_file() and BUILT.is_file()):
        return "nothing is built: make build"
    is_arm = platform.machine() in {"aarch64", "arm64"}
    if not is_arm and not Path("/proc/sys/fs/binfmt_misc/qemu-aarch64").exists():
        return (
            "this machine runs no arm64: docker run --privileged tonistiigi/binfmt --install arm64"
        )
    return ""


@pytest.mark.skipif(bool(why_not()), reason=why_not())
class TestInDocker:
    @pytest.fixture
    def in_docker(self, cloud: LocalCloud, job: Any, tmp_path: Path) -> Iterator[list[str]]:
        """The options with which `sam local` finds the cloud."""
        gateway = subprocess.run(
            ["docker", "network", "inspect", "bridge", "-f", "{{(index .IPAM.Config 0).Gateway}}"],
            check=True,
            capture_output=True,
            text=True,
        ).stdout.strip()
        relay = subprocess.Popen(
            [sys.executable, SCRIPT, "--home", cloud.home, "--out", tmp_path, "--listen", gateway],
            stdout=subprocess.PIPE,
            text=True,
        )
        try:
            assert relay.stdout
            while "Leave it running" not in (line := relay.stdout.readline()):
                assert line, "infra/sam_local.py has ended"
            yield [
                *("--template", str(tmp_path / "template.json")),
                *("--env-vars", str(tmp_path / "env.json")),
                *("--add-host", f"host.docker.internal:{gateway}"),
            ]
        finally:
            relay.kill()
            relay.communicate()

    @pytest.mark.parametrize("name", ["api", "plan", "record", "validate"])
    def test_answers_in_docker_as_on_the_laptop(
        self, in_docker: list[str], tmp_path: Path, name: str
    ) -> None:
        answer = subprocess.run(
            [
                *(str(SAM), "local", "invoke", FUNCTIONS[name]),
                *("--event", str(tmp_path / "events" / f"{name}.json"), *in_docker),
            ],
            check=True,
            capture_output=True,
            text=True,
        )

        told = json.loads(answer.stdout.splitlines()[-1])
        assert "errorType" not in told
        assert told.get("statusCode", 200) == 200
        assert told.get("batchItemFailures", []) == []
