"""Real PostgreSQL, rolled back after each test, and AWS by moto."""

import json
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import alembic.command
import boto3
import psycopg
import pytest
from sqlalchemy import Connection, Engine, create_engine, delete, make_url
from sqlalchemy.orm import Session

from crawlset import settings
from crawlset.fetching import bucket as fetching_bucket
from crawlset.images import thumbnails
from crawlset.kit import aws as clients
from crawlset.kit import db
from crawlset.models import CrawlJob, EventCursor, JobSearch, OutboxMessage, Profile, Project
from crawlset_local import emulator, postgres_home, processes
from crawlset_local.home import open_home, webhook_key
from tests import factories
from tests.certificates import self_signed
from tests.integration.api import Api
from tests.integration.database_relay import Relay, relaying
from tests.integration.migrations import alembic_config
from tests.integration.role_sessions import sessions_on
from tests.integration.servers import serving
from tests.mocked_aws import mocked_aws
from tests.mortal_decoder import write_child
from tests.ports import free_ports


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """A PostgreSQL server of this test run, in the version TEST_POSTGRES; its database is empty."""
    major = int(os.environ.get("TEST_POSTGRES", postgres_home.NEWEST))
    with serving(free_ports().postgres, major) as dsn:
        _trust_the_machine(dsn)
        yield dsn


def _trust_the_machine(dsn: str) -> None:
    """Wait for no disk: when the machine fails, the tests have failed as well."""
    with psycopg.connect(dsn, autocommit=True) as connection:
        for setting in ("fsync", "full_page_writes", "synchronous_commit"):
            connection.execute(f"ALTER SYSTEM SET {setting} = off")
        connection.execute("SELECT pg_reload_conf()")


@pytest.fixture(scope="session")
def engine(postgres_url: str) -> Iterator[Engine]:
    """A database at the newest migration."""
    url = make_url(postgres_url).set(drivername="postgresql+psycopg")
    alembic.command.upgrade(alembic_config(url), "head")
    engine = create_engine(url)
    yield engine
    engine.dispose()


@pytest.fixture
def connection(engine: Engine) -> Iterator[Connection]:
    """A connection of the owner whose work is always rolled back."""
    with engine.connect() as connection, connection.begin() as outer:
        yield connection
        outer.rollback()


@pytest.fixture
def roles(request: pytest.FixtureRequest) -> list[str]:
    """
    The role of the code under test is the last of these.

    `@pytest.mark.role` names the first; `crawlset_api` unless said.
    """
    marker = request.node.get_closest_marker("role")
    return [marker.args[0] if marker else "crawlset_api"]


@pytest.fixture
def tick(roles: list[str]) -> Callable[[Callable[[], Any]], Any]:
    """Do a chore in the tick's role."""

    def do(chore: Callable[[], Any]) -> Any:
        roles.append("crawlset_tick")
        done = chore()
        roles.pop()
        return done

    return do


@pytest.fixture
def session(
    connection: Connection, monkeypatch: pytest.MonkeyPatch, roles: list[str]
) -> Iterator[Session]:
    """
    The owner's session, for the test. The code under test gets its own on the same connection,
    in its role and as nobody yet.
    """

    monkeypatch.setattr(db, "new_session", sessions_on(connection, roles))
    with Session(
        connection, join_transaction_mode="create_savepoint", expire_on_commit=False
    ) as session:
        yield session


@pytest.fixture
def owner(engine: Engine) -> Iterator[Session]:
    """The owner's session, which commits; without the tenants it has made afterwards."""
    with Session(engine, expire_on_commit=False) as session:
        yield session
        session.rollback()
        for table in (Profile, OutboxMessage, EventCursor):
            session.execute(delete(table))
        session.commit()


@pytest.fixture
def own_connections(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """The code under test opens connections of its own, and commits."""
    monkeypatch.setattr(db, "new_session", lambda: Session(engine, expire_on_commit=False))


@pytest.fixture
def relay(
    aws: None, engine: Engine, owner: Session, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Relay]:
    """The code under test has an engine of its own, and reaches the database through this."""
    with relaying(engine.url) as (relay, url):
        dsn = url.set(drivername="postgresql").render_as_string(hide_password=False)
        secret = boto3.client("secretsmanager").create_secret(
            Name="login", SecretString=json.dumps({"dsn": dsn})
        )
        monkeypatch.setenv("DATABASE_SECRET_ARN", secret["ARN"])
        for cache in (settings.database_settings, db.engine):
            cache.cache_clear()
        yield relay
        db.engine().dispose()
    for cache in (settings.database_settings, db.engine):
        cache.cache_clear()


@pytest.fixture
def profile(session: Session) -> Profile:
    return factories.create_profile(session)


@pytest.fixture
def project(session: Session, profile: Profile) -> Project:
    return factories.create_project(session, profile)


@pytest.fixture
def job(session: Session, project: Project) -> CrawlJob:
    return factories.create_crawl_job(session, project)


@pytest.fixture
def search(session: Session, job: CrawlJob) -> JobSearch:
    return factories.create_search(session, job)


@pytest.fixture
def api(profile: Profile) -> Api:
    """The API as the owner of `profile` sees it."""
    return Api(profile.id)


@pytest.fixture
def path(project: Project) -> str:
    """The crawl jobs of `project`; tests of other routes put theirs in its place."""
    return f"/api/projects/{project.id}/crawl-jobs"


@pytest.fixture
def sample_source(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The sample source may be asked for; nobody answers there."""
    monkeypatch.setenv("SAMPLE_SOURCE_URL", "http://127.0.0.1:1")
    settings.source_settings.cache_clear()
    yield
    settings.source_settings.cache_clear()


@pytest.fixture(scope="session", autouse=True)
def webhook_key_file(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """What webhooks' secrets are encrypted with, as on a laptop."""
    path = webhook_key(tmp_path_factory.mktemp("home"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("WEBHOOK_KEY_FILE", str(path))
        yield path


@pytest.fixture(scope="session", autouse=True)
def _no_decoder_left() -> Iterator[None]:
    yield
    if thumbnails.decode_pool.cache_info().currsize:
        thumbnails.decode_pool().close()


@pytest.fixture
def aws() -> Iterator[None]:
    caches = (
        settings.bucket_settings,
        settings.queue_settings,
        settings.delivery_settings,
        settings.result_settings,
    )
    with mocked_aws():
        clients.clear()
        for cache in caches:
            cache.cache_clear()
        yield
    clients.clear()
    for cache in caches:
        cache.cache_clear()


@pytest.fixture
def bucket(aws: None) -> str:
    """The service's bucket, empty."""
    name = settings.bucket_settings().bucket_name
    clients.s3().create_bucket(Bucket=name)
    return name


@pytest.fixture(scope="session")
def emulator_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """An AWS emulator of this test run, for what does not ask AWS through boto3."""
    home = tmp_path_factory.mktemp("emulator")
    port = free_ports().emulator
    with open_home(home):
        child = emulator.start(home, port)
        try:
            yield emulator.url(port)
        finally:
            processes.stop(child)


@pytest.fixture
def emulated_bucket(emulator_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The service's bucket in the emulator, empty; for boto3 too."""
    caches = (settings.bucket_settings, fetching_bucket.store)
    name = f"test-{uuid4()}"
    monkeypatch.setenv("AWS_ENDPOINT_URL", emulator_url)
    monkeypatch.setenv("BUCKET_NAME", name)
    clients.clear()
    for cache in caches:
        cache.cache_clear()
    clients.s3().create_bucket(Bucket=name)
    yield name
    clients.clear()
    for cache in caches:
        cache.cache_clear()


@pytest.fixture
def pipeline_arn(aws: None, monkeypatch: pytest.MonkeyPatch) -> str:
    """The pipeline's state machine, which ends at once."""
    arn = boto3.client("stepfunctions").create_state_machine(
        name="pipeline",
        definition='{"StartAt": "A", "States": {"A": {"Type": "Succeed"}}}',
        roleArn="arn:aws:iam::123456789012:role/x",
    )["stateMachineArn"]
    monkeypatch.setenv("PIPELINE_STATE_MACHINE_ARN", arn)
    settings.queue_settings.cache_clear()
    return arn


@pytest.fixture
def queues(aws: None, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The service's queues; `queues.bodies("chunks")` takes what waits on one."""
    sqs = boto3.client("sqs")
    urls = {}
    for name in ("discover", "plan", "chunks", "host_lanes", "results", "deliveries", "takedowns"):
        is_fifo = name in {"discover", "host_lanes"}
        urls[name] = sqs.create_queue(
            QueueName=name + (".fifo" if is_fifo else ""),
            Attributes={"FifoQueue": "true"} if is_fifo else {},
        )["QueueUrl"]
        monkeypatch.setenv(f"{name.upper()}_QUEUE_URL", urls[name])
    for cached in (settings.queue_settings, settings.delivery_settings, settings.result_settings):
        cached.cache_clear()

    def bodies(name: str) -> list[Any]:
        taken = []
        while messages := sqs.receive_message(QueueUrl=urls[name], MaxNumberOfMessages=10).get(
            "Messages"
        ):
            taken += [message["Body"] for message in messages]
            for message in messages:
                sqs.delete_message(QueueUrl=urls[name], ReceiptHandle=message["ReceiptHandle"])
        return taken

    return SimpleNamespace(urls=urls, bodies=bodies, sqs=sqs)


@pytest.fixture
def mortal_decoder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Decoding children that start in this test die of `DEADLY`."""
    monkeypatch.setattr(sys, "executable", str(write_child(tmp_path / "child")))


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """A certificate of its own signing, with its key, for the hosts of a `Web`."""
    path = tmp_path / "certificate.pem"
    path.write_bytes(self_signed("web.localhost"))
    return path
