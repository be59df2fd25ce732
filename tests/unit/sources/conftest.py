import time
from collections.abc import Callable, Iterator
from typing import Any
from uuid import UUID

import boto3
import pytest

from crawlset import settings
from crawlset.kit import aws, objects
from crawlset.kit.strict_json import from_json
from crawlset.wire.searches import DiscoverMessage, SearchRequest
from tests.mocked_aws import mocked_aws

Upload = Callable[[bytes], str]
MakeMessage = Callable[..., DiscoverMessage]


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Bombs come first: one worker has them for minutes, while the others do the rest."""
    items.sort(key=lambda item: item.path.name != "test_bombs.py")


@pytest.fixture(scope="module")
def upload() -> Iterator[Upload]:
    """Put bytes into the bucket, over those put before; gives their key."""
    aws.clear()
    settings.bucket_settings.cache_clear()
    with mocked_aws():
        boto3.client("s3").create_bucket(Bucket=objects.bucket())

        def put(body: bytes) -> str:
            objects.put("uploads/someone/list", body)
            return "uploads/someone/list"

        yield put
    aws.clear()
    settings.bucket_settings.cache_clear()


@pytest.fixture(autouse=True)
def slept(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Seconds that adapters would have waited."""
    slept: list[float] = []
    monkeypatch.setattr(time, "sleep", slept.append)
    return slept


@pytest.fixture
def make_message() -> MakeMessage:
    def make(**request: Any) -> DiscoverMessage:
        request = {
            "source": "sample",
            "keyword": "cat",
            "limit": 100,
            "intended_use": "research",
        } | request
        asked = from_json(SearchRequest, request)
        return DiscoverMessage(UUID(int=1), UUID(int=2), attempt=1, request=asked)

    return make
