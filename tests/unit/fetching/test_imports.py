"""A fetch starts often: what it imports is what its users wait for."""

import subprocess
import sys

HEAVY = {
    *("PIL", "boto3", "botocore.session", "httpx", "numpy", "psycopg", "pydantic"),
    *("pydantic_settings", "simplejpeg", "sqlalchemy"),
}


def test_a_fetch_imports_nothing_heavy() -> None:
    script = "import sys, functions.fetch.app; print(*sys.modules)"

    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, check=True, text=True
    )

    assert HEAVY.isdisjoint(done.stdout.split())
