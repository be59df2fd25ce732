"""
Hostile requests to every operation: none may be answered with 5xx.

FUZZ_REQUESTS says how many and FUZZ_SEED which; `make fuzz` asks 20,000.
"""

import json
import logging
import os
import time
from collections import Counter
from collections.abc import Iterator
from itertools import islice
from types import ModuleType
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from crawlset.kit import db, objects
from crawlset.kit.ids import new_id
from crawlset.kit.security_headers import SECURITY_HEADERS
from crawlset.models import ApiKey, HostProof, JobStatus, Profile, WebhookDelivery
from crawlset.observability import logger
from functions.api import app as api
from functions.find import app as find
from functions.thumbnail import app as thumbnail
from tests import factories
from tests.fuzz.asking import Asked, Asking
from tests.integration.role_sessions import sessions_on
from tests.invocations import CONTEXT
from tests.unit.imaging import pictures

N_REQUESTS = int(os.environ.get("FUZZ_REQUESTS", "1000"))
SEED = int(os.environ.get("FUZZ_SEED", "1"))
OF_THUMBNAIL = ("/thumbnail", "/report.html")

pytestmark = pytest.mark.usefixtures("sample_source", "queues", "bucket")


@pytest.fixture
def profile(owner: Session) -> Profile:
    return factories.create_profile(owner, max_requests_per_minute=1_000_000)


@pytest.fixture
def ids(owner: Session, profile: Profile) -> dict[str, object]:
    """The ids of one of everything, by the name of its parameter."""
    session = owner
    project = factories.create_project(session, profile)
    job = factories.create_crawl_job(session, project, status=JobStatus.completed)
    image = factories.create_image(session, factories.create_chunk(session, job))
    objects.put(str(image.pack_key), b"\0" * 512 + pictures.jpeg(size=(64, 48)).ljust(1000, b"\0"))
    validation = factories.create_validation_job(session, job, status=JobStatus.completed)
    factories.create_verdict(session, validation, image)
    export = factories.create_export_job(session, job, status=JobStatus.completed)
    factories.create_export_file(session, export)
    template = factories.create_template(session, project)
    webhook = factories.create_webhook(session, profile)
    delivery = WebhookDelivery(user_id=profile.id, webhook_id=webhook.id, event_id=-1, event={})
    key = ApiKey(
        id=new_id(), user_id=profile.id, name="k", prefix="0" * 12, key_hash=b"", scopes=["read"]
    )
    proof = HostProof(user_id=profile.id, host="images.example.org", token="t")
    session.add_all([delivery, key, proof])
    session.commit()
    return {
        "project_id": project.id,
        "job_id": job.id,
        "crawl_job_id": job.id,
        "dataset_id": job.id,
        "image_id": image.id,
        "validation_job_id": validation.id,
        "export_job_id": export.id,
        "template_id": template.id,
        "schedule_id": factories.create_schedule(session, template).id,
        "takedown_id": factories.create_takedown(session, project).id,
        "webhook_id": webhook.id,
        "delivery_id": delivery.id,
        "key_id": key.id,
        "host_proof_id": proof.id,
    }


@pytest.fixture
def _errors_only() -> Iterator[None]:
    logger.setLevel(logging.ERROR)
    yield
    logger.setLevel(logging.INFO)


@pytest.mark.usefixtures("_errors_only")
def test_nothing_hostile_is_an_error_of_ours(
    engine: Engine, monkeypatch: pytest.MonkeyPatch, profile: Profile, ids: dict[str, object]
) -> None:
    caller = {"user_id": str(profile.id), "key_id": str(UUID(int=1)), "scopes": "read write admin"}
    asking = Asking(json.loads(api.document()), ids, SEED)
    statuses: Counter[int] = Counter()
    broken: dict[str, Asked] = {}
    began = time.monotonic()

    for asked in islice(asking, N_REQUESTS):
        with engine.connect() as connection, connection.begin() as outer:
            monkeypatch.setattr(db, "new_session", sessions_on(connection, ["crawlset_api"]))
            answer = answer_to(asked, caller)
            outer.rollback()
        statuses[answer["statusCode"]] += 1
        if answer["statusCode"] >= 500:
            broken.setdefault(asked.operation, asked)

    seconds = time.monotonic() - began
    print(f"\n{N_REQUESTS} requests, seed {SEED}: {N_REQUESTS / seconds:.0f} a second")
    for status, n in sorted(statuses.items()):
        print(f"  {status}: {n}")
    assert not broken, "\n".join(f"{name}: {shown(asked)}" for name, asked in broken.items())
    assert min(statuses[200], statuses[201], statuses[422]) > 0


def answer_to(asked: Asked, caller: dict[str, str]) -> dict[str, Any]:
    function: ModuleType = api
    if asked.operation.endswith(OF_THUMBNAIL):
        function = thumbnail
    elif asked.operation.endswith("/nearest-images"):
        function = find
    answer: dict[str, Any] = function.handler(asked.event(caller), CONTEXT)
    assert answer["headers"].keys() >= SECURITY_HEADERS.keys()
    return answer


def shown(asked: Asked) -> str:
    return repr(asked)[:1_000]
