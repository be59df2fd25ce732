"""A completed crawl job with vectors, and toy towers that are deployed."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any
from uuid import uuid4

import numpy as np
import pytest
from sqlalchemy.orm import Session

from crawlset import settings
from crawlset.kit import objects
from crawlset.measuring.text_tower import load_text_tower
from crawlset.measuring.vectors import to_parquet
from crawlset.models import CrawlJob, Image, JobChunk, JobStatus, Project
from crawlset.wire import keys
from functions.towers import app as towers_app
from tests import factories
from tests.integration.finding.towers_function import ARN, TowersFunction
from tests.unit.measuring import toy_towers

VERSION = "toy-1"
OTHERS = "palette@1=arn:aws:lambda:us-east-1:123456789012:function:stack-palette"
Deploy = Callable[[str], None]
Keep = Callable[..., list[Image]]


@pytest.fixture
def job(session: Session, project: Project) -> CrawlJob:
    return factories.create_crawl_job(session, project, status=JobStatus.completed)


@pytest.fixture
def chunk(session: Session, job: CrawlJob) -> JobChunk:
    return factories.create_chunk(session, job)


@pytest.fixture
def deploy(monkeypatch: pytest.MonkeyPatch) -> Iterator[Deploy]:
    """Deploy these measurers, and no others."""

    def deploy(arns: str) -> None:
        monkeypatch.setenv("MEASURER_ARNS", arns)
        settings.measurer_settings.cache_clear()

    yield deploy
    settings.measurer_settings.cache_clear()


@pytest.fixture
def towers(
    bucket: str, deploy: Deploy, monkeypatch: pytest.MonkeyPatch
) -> Iterator[TowersFunction]:
    """Toy towers in the bucket, their function, and what is said of them to the others."""
    for name, body in toy_towers.files().items():
        objects.put(f"{toy_towers.FOLDER}/{name}", body)
    monkeypatch.setenv("TOWERS_FOLDER", toy_towers.FOLDER)
    monkeypatch.setenv("TOWERS_VERSION", VERSION)
    deploy(f"{OTHERS},towers@{VERSION}={ARN}")
    for cache in (settings.towers_settings, load_text_tower):
        cache.cache_clear()
    function = TowersFunction(towers_app.handler)
    function.deploy()
    yield function
    for cache in (settings.towers_settings, load_text_tower):
        cache.cache_clear()


@pytest.fixture
def keep(session: Session, chunk: JobChunk) -> Keep:
    """Store images with these vectors of a measurer, in one part."""

    def keep(
        vectors: Sequence[Sequence[float]],
        measurer: str = "towers",
        version: str = VERSION,
        **more: Any,
    ) -> list[Image]:
        part = keys.vectors_part(1, 2, uuid4(), 0)
        told = {measurer: {"version": version, "measures": {}, "part": part}}
        images = [
            factories.create_image(session, chunk, measurements=told, **more) for _ in vectors
        ]
        body = to_parquet([image.id for image in images], np.array(vectors), version)
        objects.put(keys.vectors(chunk.crawl_job_id, measurer, part), body)
        return images

    return keep
