"""Each invariant, broken by hand in a world at rest, is seen to be broken, and by its own name."""

import random
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

import psycopg
import pytest

from tests.chaos import invariants
from tests.chaos.driver import let_a_day_pass, open_tenants
from tests.chaos.healing import heal, unfinished
from tests.chaos.memory import Answer
from tests.chaos.sample import read_picture
from tests.chaos.traffic import Traffic
from tests.chaos.view import View
from tests.chaos.world import World
from tests.integration.webhook_receiver import receiving

Break = Callable[[World], AbstractContextManager[None]]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """At rest, after some of everything: a day after its last request."""
    root = tmp_path_factory.mktemp("chaos") / "world"
    with receiving() as receiver, World(root, 0, receiver) as world:
        ada, _ = open_tenants(world, random.Random(0))
        ada.open(receiver.url)
        (project,) = ada.tenant.projects
        body = {"sources": ["urls"], "urls": ada.urls[:80], "validation_rules": {"preset": "basic"}}
        ada.create(f"/api/projects/{project}", body | {"export": {"format": "webdataset"}})
        assert not heal(world).left
        _, job = ada.tenant.jobs[-1]
        ada.client.post(f"/api/projects/{project}/crawl-jobs/{job}/recrawl")
        assert not heal(world).left
        _take_one_down(ada, project, job)
        world.jump(15 * 60)
        world.tick()
        ada.rest()
        assert not heal(world).left
        let_a_day_pass(world)
        yield world
    world.erase()


def _take_one_down(ada: Traffic, project: str, job: str) -> None:
    path = f"/api/projects/{project}/crawl-jobs/{job}/images"
    known = ada.memory.contents
    url = next(i["url"] for i in ada.client.items(path, status="stored") if i["url"] in known)
    body = {"kind": "url", "value": url, "grace_hours": 0}
    assert ada.client.post(f"/api/projects/{project}/takedowns", body) is not None


@contextmanager
def rows_changed(world: World, table: str, statement: str) -> Iterator[None]:
    """Change rows past triggers and keys, and bring all of the table back afterwards."""

    def run(*statements: str) -> None:
        with psycopg.connect(world.dsn) as connection:
            connection.execute("SET session_replication_role = replica")
            for one in statements:
                connection.execute(one)

    run(f"CREATE TABLE clock.kept AS SELECT * FROM {table}")
    try:
        with psycopg.connect(world.dsn) as connection:
            connection.execute("SET session_replication_role = replica")
            assert connection.execute(statement).rowcount > 0, statement
        yield
    finally:
        run(
            f"DELETE FROM {table}",
            f"INSERT INTO {table} OVERRIDING SYSTEM VALUE SELECT * FROM clock.kept",
            "DROP TABLE clock.kept",
        )


def rows(table: str, statement: str) -> Break:
    return lambda world: rows_changed(world, table, statement)


@contextmanager
def object_put(world: World, key: str, body: bytes) -> Iterator[None]:
    """The object as it should not be, until the block ends."""
    s3 = world.client("s3")
    usual = world.read(key) if key in dict(world.objects()) else None
    s3.put_object(Bucket=world.bucket, Key=key, Body=body)
    try:
        yield
    finally:
        if usual is None:
            s3.delete_object(Bucket=world.bucket, Key=key)
        else:
            s3.put_object(Bucket=world.bucket, Key=key, Body=usual)


def stray(key: str) -> Break:
    """An object that no row knows; `{job}` and `{chunk}` are of one that there is."""

    @contextmanager
    def put(world: World) -> Iterator[None]:
        (row,) = world.rows("SELECT crawl_job_id AS job, id AS chunk FROM job_chunks LIMIT 1")
        with object_put(world, key.format(**row), b"stray"):
            yield

    return put


@contextmanager
def pack_damaged(world: World) -> Iterator[None]:
    (row,) = world.rows("SELECT pack_key, pack_offset FROM images WHERE status = 'stored' LIMIT 1")
    body = bytearray(world.read(row["pack_key"]))
    body[row["pack_offset"] + 7] ^= 1
    with object_put(world, row["pack_key"], bytes(body)):
        yield


def export_damaged(name: str) -> Break:
    @contextmanager
    def put(world: World) -> Iterator[None]:
        key = next(key for key, _ in world.objects() if key.endswith(name) and "exports/" in key)
        with object_put(world, key, world.read(key)[:-1] + b"!"):
            yield

    return put


@contextmanager
def taken_down_picture_in_the_bucket(world: World) -> Iterator[None]:
    """The picture lies on in a folder of its project, as a file of its own."""
    (row,) = world.rows(
        "SELECT t.value, j.id FROM takedowns t JOIN crawl_jobs j ON j.project_id = t.project_id"
        " WHERE t.status = 'completed' LIMIT 1"
    )
    picture = read_picture(row["value"], world.ports.sample)
    with object_put(world, f"jobs/{row['id']}/left", picture):
        yield


@contextmanager
def message_waits(world: World, queue: str) -> Iterator[None]:
    url = world.cloud.stack.resources[queue]
    sqs = world.client("sqs")
    sqs.send_message(QueueUrl=url, MessageBody="{}", DelaySeconds=900)
    try:
        yield
    finally:
        sqs.purge_queue(QueueUrl=url)


@contextmanager
def deleted_job_is_there(world: World) -> Iterator[None]:
    tenant = world.memory.tenants[0]
    tenant.deleted.append(tenant.jobs[0][1])
    yield
    tenant.deleted.pop()


@contextmanager
def answered(world: World, status: int, code: str, retry_after: str | None) -> Iterator[None]:
    world.memory.answers.append(Answer(time.time(), "GET /", status, code, retry_after))
    yield
    world.memory.answers.pop()


@contextmanager
def nothing_received(world: World) -> Iterator[None]:
    received = [*world.receiver.received]
    world.receiver.received.clear()
    yield
    world.receiver.received.extend(received)


@contextmanager
def another_secret(world: World) -> Iterator[None]:
    (webhook,) = world.memory.webhooks.values()
    usual = webhook["secret"]
    webhook["secret"] = "whsec_" + "A" * 44
    yield
    webhook["secret"] = usual


OUTBOX = (
    "INSERT INTO outbox_messages (target, body, leased_until)"
    " VALUES ('chunks', '{}', now() + interval '1 day')"
)
ONE_STORED = "(SELECT id FROM images WHERE status = 'stored' LIMIT 1)"
TWO_URLS = (
    "UPDATE images SET url = (SELECT url FROM images i WHERE i.crawl_job_id = images.crawl_job_id"
    " AND i.id <> images.id LIMIT 1) WHERE id IN (SELECT id FROM images WHERE crawl_job_id ="
    " (SELECT id FROM crawl_jobs WHERE validation_rules IS NOT NULL LIMIT 1) LIMIT 1)"
)
ONE_LOST = (
    "DELETE FROM images WHERE id IN (SELECT id FROM images WHERE crawl_job_id ="
    " (SELECT id FROM crawl_jobs WHERE validation_rules IS NOT NULL LIMIT 1) LIMIT 1)"
)
ONE_INSTANT = (
    "UPDATE crawl_jobs SET schedule_id = s.id, created_at = s.created_at FROM crawl_schedules s"
)
BREAKS: list[tuple[str, str, Break]] = [
    ("everything_is_at_rest", "outbox", rows("outbox_messages", OUTBOX)),
    ("everything_is_at_rest", "queue", lambda w: message_waits(w, "ChunksQueue")),
    ("everything_is_at_rest", "dead letters", lambda w: message_waits(w, "PlanQueueDeadLetters")),
    ("every_candidate_has_one_end", "other status",
        rows("images", f"UPDATE images SET status = 'failed' WHERE id = {ONE_STORED}")),
    ("every_candidate_has_one_end", "open",
        rows("images",
             f"UPDATE images SET status = 'pending', outcome = NULL WHERE id = {ONE_STORED}")),
    ("no_url_is_lost_or_twice", "lost", rows("images", ONE_LOST)),
    ("no_url_is_lost_or_twice", "twice", rows("images", TWO_URLS)),
    ("counters_are_what_rows_say", "outcomes",
        rows("job_chunks", """UPDATE job_chunks SET outcomes = outcomes || '{"http_404": 99}'""")),
    ("counters_are_what_rows_say", "bytes",
        rows("job_chunks", "UPDATE job_chunks SET bytes_stored = bytes_stored + 1")),
    ("counters_are_what_rows_say", "row",
        rows("images", "UPDATE images SET status = 'failed', outcome = 'timeout'"
                       f" WHERE id = {ONE_STORED}")),
    ("changes_are_counted", "all gone",
        rows("job_chunks",
             "UPDATE job_chunks SET changes = jsonb_build_object('gone', n_urls)"
            " WHERE is_recrawl")),
    ("failed_work_says_why", "export",
        rows("export_jobs", "UPDATE export_jobs SET status = 'failed', error_message = NULL")),
    ("schedules_fire_once_an_instant", "two jobs", rows("crawl_jobs", ONE_INSTANT)),
    ("what_was_deleted_leaves_no_row", "job", deleted_job_is_there),
    ("stored_pictures_are_their_bytes", "a bit", pack_damaged),
    ("stored_pictures_are_their_bytes", "place",
        rows("images", f"UPDATE images SET pack_offset = pack_offset + 1 WHERE id = {ONE_STORED}")),
    ("exports_are_what_they_say", "shard", export_damaged("train-000000.tar")),
    ("exports_are_what_they_say", "sums", export_damaged("SHA256SUMS")),
    ("exports_are_what_they_say", "count",
        rows("export_jobs", "UPDATE export_jobs SET n_images = n_images + 1")),
    ("exports_are_what_they_say", "row",
        rows("export_files", "UPDATE export_files SET file_size = file_size + 1")),
    ("completed_takedowns_left_no_byte", "picture", taken_down_picture_in_the_bucket),
    ("quotas_are_what_the_bucket_holds", "usage",
        rows("job_chunks", "UPDATE job_chunks SET pack_bytes = pack_bytes + 1")),
    ("events_are_complete_and_in_order", "end",
        rows("job_events", "DELETE FROM job_events WHERE type = 'crawl_job.completed'")),
    ("events_are_complete_and_in_order", "order",
        rows("job_events",
             "UPDATE job_events SET transaction_id = 0 WHERE type = 'crawl_job.completed'")),
    ("events_are_complete_and_in_order", "chunk twice",
        rows("job_events",
             "INSERT INTO job_events (user_id, crawl_job_id, type, data) SELECT user_id,"
             " crawl_job_id, type, data FROM job_events WHERE type = 'chunk.completed'")),
    ("webhooks_are_told_of_every_event", "undelivered",
        rows("webhook_deliveries", "UPDATE webhook_deliveries SET delivered_at = NULL")),
    ("webhooks_are_told_of_every_event", "not even tried",
        rows("webhook_deliveries", "DELETE FROM webhook_deliveries")),
    ("webhooks_are_told_of_every_event", "not received", nothing_received),
    ("webhooks_are_told_of_every_event", "signature", another_secret),
    ("webhooks_are_told_of_every_event", "another event",
        rows("webhook_deliveries",
             """UPDATE webhook_deliveries SET event = event || '{"type": "other"}'""")),
    ("answers_are_none_of_500", "500", lambda w: answered(w, 500, "InternalServerError", None)),
    ("answers_are_none_of_500", "no Retry-After",
        lambda w: answered(w, 503, "ServiceUnavailableError", None)),
    ("objects_have_owners", "pack", stray("jobs/{job}/chunks/{chunk}/1-00.tar")),
    ("objects_have_owners", "outcome", stray("jobs/{job}/chunks/{job}/outcome")),
    ("objects_have_owners", "part", stray("jobs/{job}/candidates/{job}.00000.jsonl.gz")),
    ("objects_have_owners", "export", stray("exports/{job}/README.md")),
    ("objects_have_owners", "validation", stray("validations/{job}/near/0.npz")),
    ("objects_have_owners", "upload", stray("uploads/{job}/{job}")),
    ("objects_have_owners", "anything", stray("somewhere/else")),
]  # fmt: skip
ALL = dict.fromkeys((*invariants.AT_REST, *invariants.A_DAY_LATER))


def test_all_hold_in_a_world_without_faults(world: World) -> None:
    """Once what the tick of a minute may have begun meanwhile has come to its end."""
    assert not invariants.check(View(world, heal(world).left), tuple(ALL))


@pytest.mark.parametrize(
    ("invariant", "break_"),
    [(name, break_) for name, _, break_ in BREAKS],
    ids=[f"{name}-{what}" for name, what, _ in BREAKS],
)
def test_a_broken_one_is_seen(world: World, invariant: str, break_: Break) -> None:
    (check,) = (one for one in ALL if one.__name__ == invariant)

    with break_(world):
        seen = invariants.check(View(world, unfinished(world)), (check,))

    assert seen


def test_each_invariant_is_broken_by_one_of_them() -> None:
    assert {name for name, _, _ in BREAKS} == {check.__name__ for check in ALL}


def test_a_503_that_says_when_to_ask_again_is_fine(world: World) -> None:
    with answered(world, 503, "DatabaseAwayError", "5"):
        assert not invariants.check(View(world, {}), invariants.AT_REST[-1:])
