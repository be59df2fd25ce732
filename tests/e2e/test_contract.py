"""The local cloud keeps to its own OpenAPI document, whatever it is asked."""

import subprocess
import sys
import time
from collections import Counter
from functools import partial
from pathlib import Path

import httpx
import pytest
from sqlalchemy import create_engine, make_url, text

from crawlset.kit.security_headers import SECURITY_HEADERS
from crawlset_local.cloud import LocalCloud
from tests.e2e.http_clients import Api
from tests.fuzz.asking import Asked, Asking

SCHEMATHESIS = Path(sys.executable).with_name("schemathesis")
CONFIG = Path(__file__).with_name("schemathesis.toml")
SECONDS = 60
HOSTILE_SECONDS = 20
CHECKS = (
    "not_a_server_error,status_code_conformance,content_type_conformance,"
    "response_headers_conformance,response_schema_conformance,negative_data_rejection,"
    "missing_required_header,use_after_free,ensure_resource_availability,ignored_auth"
)
UNKNOWN = dict.fromkeys(
    (
        *("crawl_job_id", "dataset_id", "validation_job_id", "export_job_id", "template_id"),
        *("schedule_id", "takedown_id", "webhook_id", "delivery_id", "key_id"),
        "host_proof_id",
    ),
    "01a2242c-c558-7275-a163-d0ecdb03846d",
)
LEFT_OUT = {"POST /api/api-keys", "POST /api/webhooks"}
"""An account may have few of them, and other tests want some."""


@pytest.fixture
def unlimited(cloud: LocalCloud) -> LocalCloud:
    """A cloud whose account may ask as fast as it can."""
    url = make_url(str(cloud.database_url)).set(drivername="postgresql+psycopg")
    engine = create_engine(url)
    with engine.begin() as connection:
        connection.execute(
            text("SELECT set_config('app.user_id', :id, true)"), {"id": cloud.profile_id}
        )
        connection.execute(text("UPDATE profiles SET max_requests_per_minute = 1000000"))
    engine.dispose()
    return cloud


def test_schemathesis_finds_nothing(unlimited: LocalCloud, tmp_path: Path) -> None:
    command: list[str | Path] = [
        *(SCHEMATHESIS, "--config-file", CONFIG, "run"),
        f"{unlimited.api_url}/api/openapi.json",
        *("--url", unlimited.api_url),
        *("--header", f"Authorization: Bearer {unlimited.api_key}"),
        *("--checks", CHECKS, "--max-time", str(SECONDS), "--seed", "4", "--no-color"),
        *("--continue-on-failure", "--suppress-health-check", "all"),
    ]
    run = subprocess.run(
        command,
        capture_output=True,
        text=True,
        cwd=tmp_path,
        check=False,
    )

    assert run.returncode == 0, run.stdout + run.stderr


def test_nothing_hostile_is_an_error_of_ours(unlimited: LocalCloud) -> None:
    """What `make fuzz` asks the functions, here with the gateway before them."""
    with Api.of(unlimited) as api:
        job_id = api.create_job(keywords=["cat"], sources=["sample"], max_images=10)
        ids = UNKNOWN | {"project_id": api.project, "job_id": job_id, "image_id": "1"}
        document = api.client.get("/api/openapi.json").json()
        statuses: Counter[int] = Counter()
        broken: list[Asked] = []
        ends = time.monotonic() + HOSTILE_SECONDS
        for asked in Asking(document, ids, seed=3):
            if time.monotonic() > ends:
                break
            answer = None if asked.operation in LEFT_OUT else send(api.client, asked)
            if answer is None:
                continue
            statuses[answer.status_code] += 1
            if answer.is_server_error:
                broken.append(asked)
            assert answer.headers.keys() >= {name.lower() for name in SECURITY_HEADERS}

    print(f"\n{statuses.total()} hostile requests by HTTP: {dict(sorted(statuses.items()))}")
    assert not broken, broken[:3]
    assert min(statuses[200], statuses[422]) > 0


def send(client: httpx.Client, asked: Asked) -> httpx.Response | None:
    """
    None where the client refuses to say it, as with a line break in a header.

    Asked once more where the gateway has closed a connection that was kept: it may at any time.
    """
    headers = [(name.encode(), v.encode(errors="replace")) for name, v in asked.headers.items()]
    ask = partial(client.request, headers=headers, content=asked.body, timeout=60)
    try:
        try:
            return ask(asked.method, asked.target)
        except httpx.RemoteProtocolError:
            return ask(asked.method, asked.target)
    except (httpx.InvalidURL, httpx.LocalProtocolError):
        return None
