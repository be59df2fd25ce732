import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest

from tests.sockets import CheckedSockets

_OF_THE_USER = (
    "AWS_",
    "COLUMNS",
    "CRAWLSET_",
    "DATABASE_URL",
    "FORCE_COLOR",
    "HF_",
    "LINES",
    "NO_COLOR",
    "PG",
)
"""What shells say of accounts, servers and terminals begins so, and changes no test."""

for _name in [*os.environ]:
    if _name.startswith(_OF_THE_USER) or _name.upper().endswith("_PROXY"):
        del os.environ[_name]

os.environ |= {
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_EC2_METADATA_DISABLED": "true",
    "AWS_SECRET_ACCESS_KEY": "test",
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    "BUCKET_NAME": "crawlset-test",
    "CHUNKS_QUEUE_URL": "https://sqs.us-east-1.amazonaws.com/123456789012/chunks",
    "CONTACT": "tests@example.org",
    "DELIVERIES_QUEUE_URL": "https://sqs.us-east-1.amazonaws.com/123456789012/deliveries",
    "DATABASE_SECRET_ARN": "a test patches what reads it",
    "DISCOVER_QUEUE_URL": "https://sqs.us-east-1.amazonaws.com/123456789012/discover.fifo",
    "EVENT_BUS_NAME": "events",
    "HOST_LANES_QUEUE_URL": "https://sqs.us-east-1.amazonaws.com/123456789012/host-lanes.fifo",
    "PIPELINE_STATE_MACHINE_ARN": "arn:aws:states:us-east-1:123456789012:stateMachine:pipeline",
    "PLAN_QUEUE_URL": "https://sqs.us-east-1.amazonaws.com/123456789012/plan",
    "POWERTOOLS_METRICS_NAMESPACE": "test",
    "POWERTOOLS_SERVICE_NAME": "test",
    "RESULTS_QUEUE_URL": "https://sqs.us-east-1.amazonaws.com/123456789012/results",
    "TAKEDOWNS_QUEUE_URL": "https://sqs.us-east-1.amazonaws.com/123456789012/takedowns",
}

# How long an example takes says how busy the machine is, and nothing of the code.
hypothesis.settings.register_profile(
    "crawlset",
    deadline=None,
    database=None,
    suppress_health_check=[hypothesis.HealthCheck.too_slow],
)
hypothesis.settings.load_profile("crawlset")


@pytest.fixture(autouse=True)
def sockets(monkeypatch: pytest.MonkeyPatch) -> Iterator[CheckedSockets]:
    """What the test dials; it fails when that is anything but loopback."""
    sockets = CheckedSockets(monkeypatch)
    yield sockets
    sockets.end()


@pytest.fixture(scope="session")
def made_models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """EfficientNet-Lite0 and CenterFace, made as `make models` makes them."""
    folder: Path = tmp_path_factory.mktemp("models")
    layers = Path(__file__).parents[1] / "layers"
    for program, model in {
        "relevance/efficientnet_lite0.py": "efficientnet-lite0.onnx",
        "faces/centerface.py": "centerface.onnx",
    }.items():
        subprocess.run([sys.executable, layers / program, folder / model], check=True)
    return folder


@pytest.fixture
def models(made_models: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of installed models, with all that there are."""
    monkeypatch.setenv("MODELS_FOLDER", str(made_models))
    return made_models
