"""
The AWS emulator as a child process: on loopback, with IAM enforced, its objects on disk.

An object is on disk before its PUT is answered (multipart uploads: before they complete), so
`kill -9` loses none that was acknowledged. All else is in memory and made anew by the deploy.
"""

import os
import shutil
import sys
import threading
import urllib.error
import urllib.request
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from crawlset_local import processes
from crawlset_local.errors import EmulatorError
from crawlset_local.ports import LOOPBACK, RELEASE_SECONDS, require_free
from crawlset_local.processes import Child

if TYPE_CHECKING:
    from boto3.session import Session

NAME = "emulator"
REGION = "us-east-1"
ACCOUNT = "000000000000"
ADMINISTRATOR = ("test", "test")
"""The access key that the emulator takes for the account's root."""

CONCURRENT_EXECUTIONS = 64
"""
More than the gateway, every event source and every Map can ask for together: above it the
emulator throttles, and a throttled batch counts as a receive.
"""

START_SECONDS = 60.0

_making = threading.Lock()
"""A session makes one client at a time."""
ALLOCATOR = {
    "MALLOC_MMAP_THRESHOLD_": str(32 << 20),
    "MALLOC_TRIM_THRESHOLD_": str(64 << 20),
}
"""
Memory that the emulator's glibc keeps for the next pack; see mallopt(3).

Without it each piece of a request is in pages that the kernel has to clear first, a quarter of the
time of a PUT. Other C libraries read no such names.
"""


def start(home: Path, port: int) -> Child:
    """Start the emulator of `home`; return when it answers. Raises what its two steps raise."""
    child = launch(home, port)
    try:
        wait_for(child, port)
    except BaseException:
        processes.stop(child)
        raise
    return child


def launch(home: Path, port: int) -> Child:
    """Begin to start the emulator of `home`. Raises `PortBusyError`."""
    was_left = stop_left_behind(home)
    require_free(port, "--emulator-port", seconds=RELEASE_SECONDS if was_left else 0)
    scratch = home / "tmp"
    shutil.rmtree(scratch, ignore_errors=True)
    for directory in (scratch, home / "s3"):
        directory.mkdir(mode=0o700, exist_ok=True)
    return processes.spawn(
        NAME,
        [
            *(sys.executable, "-X", f"crawlset={home}"),
            *("-m", "crawlset_local.emulator_server", "--port", str(port)),
        ],
        run=home / "run",
        log=home / "logs" / f"{NAME}.log",
        environment=_environment(home, port),
    )


def wait_for(child: Child, port: int) -> None:
    """Return when the emulator answers. Raises `EmulatorError` if it does not."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))

    def answers() -> bool:
        try:
            opener.open(f"{url(port)}/_ministack/health", timeout=5).close()
        except (urllib.error.URLError, OSError):
            return child.process.poll() is not None
        return True

    if not processes.wait_until(answers, START_SECONDS) or child.process.poll() is not None:
        raise EmulatorError(f"The AWS emulator does not start:\n{processes.last_lines(child.log)}")


def stop_left_behind(home: Path) -> bool:
    """Stop what an earlier start left running; says whether it ended without a stop."""
    return processes.stop_recorded(NAME, home / "run")


def url(port: int) -> str:
    return f"http://{LOOPBACK}:{port}"


def client(service: Any, port: int, *, read_timeout: float = 120) -> Any:
    """The boto3 client of the emulator's account, whatever the shell says of AWS."""
    with _making:
        return _client(service, port, read_timeout)


@cache
def session() -> "Session":
    """The session of the emulator's account, which reads neither AWS_PROFILE nor AWS's files."""
    # Slow to import: the emulator starts meanwhile.
    import boto3  # noqa: PLC0415
    import botocore.session  # noqa: PLC0415

    key, secret = ADMINISTRATOR
    ours = {
        "profile": (None, None, None, None),
        "config_file": (None, None, os.devnull, None),
        "credentials_file": (None, None, os.devnull, None),
    }
    return boto3.session.Session(
        botocore_session=botocore.session.Session(session_vars=ours),
        aws_access_key_id=key,
        aws_secret_access_key=secret,
        region_name=REGION,
    )


@cache
def _client(service: Any, port: int, read_timeout: float) -> Any:
    from botocore.config import Config  # noqa: PLC0415

    return session().client(
        service,
        endpoint_url=url(port),
        config=Config(
            proxies={},
            read_timeout=read_timeout,
            retries={"mode": "standard", "max_attempts": 1},
            s3={"addressing_style": "path"},
        ),
    )


def _environment(home: Path, port: int) -> dict[str, str]:
    key, secret = ADMINISTRATOR
    return processes.clean_environment(
        HOME=str(home / "tmp"),
        TMPDIR=str(home / "tmp"),
        **ALLOCATOR,
        PYTHONUNBUFFERED="1",
        GATEWAY_PORT=str(port),
        BIND_HOST=LOOPBACK,
        MINISTACK_HOST=LOOPBACK,
        AUTH="true",
        IOT_MTLS_ENABLED="0",
        SFTP_ENABLED="0",
        PERSIST_STATE="0",
        S3_PERSIST="1",
        S3_DATA_DIR=str(home / "s3"),
        LAMBDA_ACCOUNT_CONCURRENCY=str(CONCURRENT_EXECUTIONS),
        AWS_ENDPOINT_URL=url(port),
        AWS_ACCESS_KEY_ID=key,
        AWS_SECRET_ACCESS_KEY=secret,
        AWS_DEFAULT_REGION=REGION,
        MINISTACK_REGION=REGION,
        MINISTACK_ACCOUNT_ID=ACCOUNT,
        AWS_CONFIG_FILE=os.devnull,
        AWS_SHARED_CREDENTIALS_FILE=os.devnull,
        AWS_EC2_METADATA_DISABLED="true",
        POWERTOOLS_TRACE_DISABLED="true",
    )
