"""The local cloud keeps to its own OpenAPI document, whatever it is asked."""

import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import create_engine, make_url, text

from crawlset_local.cloud import LocalCloud

SCHEMATHESIS = Path(sys.executable).with_name("schemathesis")
CONFIG = Path(__file__).with_name("schemathesis.toml")
SECONDS = 60
CHECKS = (
    "not_a_server_error,status_code_conformance,content_type_conformance,"
    "response_headers_conformance,response_schema_conformance,negative_data_rejection,"
    "missing_required_header,use_after_free,ensure_resource_availability,ignored_auth"
)


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
