"""Every fault, one function each: it begins, lasts as long as the chances say, and ends."""

import os
import random
import resource
import signal
import subprocess
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from uuid import uuid4

from crawlset.wire import keys
from crawlset_local import processes
from crawlset_local.cloud import GATEWAY
from tests.chaos import proxy
from tests.chaos.world import VISIBILITY, World, wait

Fault = Callable[[World, random.Random], None]

ANSWERING = ("ApiFunction", "AuthorizeFunction")
WORKING = (
    "DiscoverFunction", "PlanFunction", "FetchFunction", "RecordFunction", "ValidateFunction",
    "ExportFunction", "TakedownFunction", "DeliverFunction", "TickFunction",
)  # fmt: skip
FULL_AT_BYTES = 64 << 10
AFTERWARDS_SECONDS = 36.0
"""For so long an answer may still be one that a fault has broken: the gateway waits 35 s."""


@contextmanager
def nobody_answers(world: World) -> Iterator[None]:
    """Note when processes that answer requests are broken: the gateway answers for them."""
    began = time.time()
    yield
    world.memory.spans.append((began, time.time() + AFTERWARDS_SECONDS))


def send(pids: Iterable[int], number: signal.Signals) -> None:
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, number)


@contextmanager
def frozen(pids: list[int]) -> Iterator[None]:
    send(pids, signal.SIGSTOP)
    try:
        yield
    finally:
        send(pids, signal.SIGCONT)


def kill_function(world: World, chance: random.Random) -> None:
    """Kill the environments of a function some times, wherever they are in their work."""
    name = chance.choice(WORKING)
    for _ in range(chance.randint(1, 3)):
        send(world.functions(name), signal.SIGKILL)
        wait(chance.uniform(0.2, 1.5))


def kill_fetchers(world: World, chance: random.Random) -> None:
    for _ in range(chance.randint(2, 4)):
        send(world.functions("FetchFunction"), signal.SIGKILL)
        wait(chance.uniform(0.2, 1.0))


def kill_api(world: World, chance: random.Random) -> None:
    with nobody_answers(world):
        for _ in range(chance.randint(1, 4)):
            send(world.functions(chance.choice(ANSWERING)), signal.SIGKILL)
            wait(chance.uniform(0.1, 1.0))


def freeze_function(world: World, chance: random.Random) -> None:
    with frozen(world.functions(chance.choice(WORKING))):
        wait(chance.uniform(1, 6))


def freeze_function_past_visibility(world: World, chance: random.Random) -> None:
    """Its message is given to another; then it wakes up, and goes on."""
    with frozen(
        world.functions(chance.choice(("FetchFunction", "RecordFunction", "PlanFunction")))
    ):
        wait(VISIBILITY + chance.uniform(1, 4))


def freeze_api(world: World, chance: random.Random) -> None:
    pids = [pid for name in ANSWERING for pid in world.functions(name)]
    with nobody_answers(world), frozen(pids):
        wait(chance.uniform(1, 5))


def kill_decoders(world: World, chance: random.Random) -> None:
    """Kill the child processes in which pictures are opened."""
    for _ in range(5):
        fetchers = set(world.functions("FetchFunction"))
        send((pid for pid in fetchers if _parent(pid) in fetchers), signal.SIGKILL)
        wait(chance.uniform(0.1, 0.6))


def kill_gateway(world: World, chance: random.Random) -> None:
    with nobody_answers(world), world.lock:
        send([world.cloud.pids[GATEWAY]], signal.SIGKILL)
        dead = next(c for c in world.cloud._children if c.name == GATEWAY)
        processes.stop(dead)
        world.cloud._children.remove(dead)
        wait(chance.uniform(0, 1))
        front = world.cloud._spawn_gateway(str(world.cloud.stack.api_id))
        world.cloud._await_listening(front, world.ports.gateway)


def freeze_emulator(world: World, chance: random.Random) -> None:
    with nobody_answers(world), frozen([world.cloud.pids["emulator"]]):
        wait(chance.uniform(1, 5))


def kill_emulator(world: World, _: random.Random) -> None:
    """With it go the queues, so the cloud is started as after a crash."""
    with nobody_answers(world), world.lock:
        send([world.cloud.pids["emulator"]], signal.SIGKILL)
        world.restart_cloud()


def restart_everything(world: World, _: random.Random) -> None:
    with nobody_answers(world), world.lock:
        everything = [*world.cloud.pids.values(), world.database_pid]
        send(everything, signal.SIGKILL)
        world.cloud.stop()
        world.stop_database()
        world.start_database()
        world.start_cloud()
        world.memory.n_requeues += 1


def kill_database_backends(world: World, chance: random.Random) -> None:
    """One that is killed takes all others with it: PostgreSQL recovers by itself."""
    for _ in range(chance.randint(1, 3)):
        backends = _children(world.database_pid)
        send(chance.sample(backends, min(1, len(backends))), signal.SIGKILL)
        wait(chance.uniform(0.5, 2))


def kill_database(world: World, _: random.Random) -> None:
    _database_away(world, 0)


def fail_over_database(world: World, _: random.Random) -> None:
    _database_away(world, 30)


def _database_away(world: World, seconds: float) -> None:
    with world.lock:
        world.stop_database(signal.SIGKILL)
        wait(seconds)
        world.start_database()


def freeze_database(world: World, chance: random.Random) -> None:
    with frozen([world.database_pid, *_children(world.database_pid)]):
        wait(chance.uniform(1, 6))


def slow_database(world: World, chance: random.Random) -> None:
    """As on a disk that is busy with others: it gets on a fifth of the time."""
    until = time.monotonic() + chance.uniform(3, 6)
    while time.monotonic() < until:
        with frozen([world.database_pid, *_children(world.database_pid)]):
            wait(0.2)
        wait(0.05)


def full_database_disk(world: World, chance: random.Random) -> None:
    """
    No file of the database may grow: what meets a limit has the error of what meets the end of a
    disk. PostgreSQL panics when its log cannot be written, and recovers once there is room.
    """
    pids = [world.database_pid, *_children(world.database_pid)]
    _limit(pids, chance.uniform(1, 3), 256 << 10)
    with world.lock:
        if not world.is_database_up():
            world.stop_database()
            world.start_database()


def full_scratch_disk(world: World, chance: random.Random) -> None:
    """Fetchers and exports have no room for their packs and shards."""
    pids = [pid for name in ("FetchFunction", "ExportFunction") for pid in world.functions(name)]
    _limit(pids, chance.uniform(2, 5))


def _limit(pids: list[int], seconds: float, most: int = FULL_AT_BYTES) -> None:
    """Let no file become larger than `most` bytes for a while."""
    _set_limits(pids, most)
    wait(seconds)
    _set_limits(pids, resource.RLIM_INFINITY)


def _set_limits(pids: list[int], most: int) -> None:
    """
    Set RLIMIT_FSIZE of processes, each by a process of the same user, for whom prlimit(2) asks no
    privilege. It is the soft limit, which may be raised again.
    """

    def limit() -> None:
        for pid in pids:
            with suppress(OSError):
                resource.prlimit(pid, resource.RLIMIT_FSIZE, (most, resource.RLIM_INFINITY))

    for owner in {owner for pid in pids if (owner := _owner(pid)) is not None}:
        is_other = owner != (os.geteuid(), os.getegid())
        user, group = owner if is_other else (None, None)
        subprocess.run(
            ["true"], check=True, user=user, group=group, preexec_fn=limit,
            extra_groups=[] if is_other else None,
        )  # fmt: skip


def _owner(pid: int) -> tuple[int, int] | None:
    with suppress(OSError):
        status = Path(f"/proc/{pid}").stat()
        return status.st_uid, status.st_gid
    return None


def two_ticks(world: World, chance: random.Random) -> None:
    with ThreadPoolExecutor(3) as threads:
        for _ in range(chance.randint(2, 6)):
            threads.submit(world.tick)


def clock_jump(world: World, chance: random.Random) -> None:
    world.jump(chance.choice([90, 600, 3_700, 7_300, -20]))
    world.tick()


def lose_bucket_events(world: World, chance: random.Random) -> None:
    s3 = world.client("s3")
    usual = s3.get_bucket_notification_configuration(Bucket=world.bucket)
    usual.pop("ResponseMetadata")
    s3.put_bucket_notification_configuration(Bucket=world.bucket, NotificationConfiguration={})
    wait(chance.uniform(1, 5))
    s3.put_bucket_notification_configuration(Bucket=world.bucket, NotificationConfiguration=usual)


def double_bucket_events(world: World, chance: random.Random) -> None:
    """Events of objects that were there long ago, in any order: S3 delivers at least once."""
    written = [key for key, _ in world.objects()]
    sqs = world.client("sqs")
    for suffix, queue in (("/outcome", "ResultsQueue"), (".jsonl.gz", "PlanQueue")):
        known = [key for key in written if key.startswith("jobs/") and key.endswith(suffix)]
        for key in chance.sample(known, min(len(known), 10)):
            body = _event(world.bucket, key)
            sqs.send_message(QueueUrl=world.cloud.stack.resources[queue], MessageBody=body)


def fail_receiver(world: World, chance: random.Random) -> None:
    world.receiver.status = chance.choice([500, 503, 404])
    wait(chance.uniform(2, 6))
    world.receiver.status = 204


def _behind_proxy(fault: proxy.Fault, name: str) -> Fault:
    def interfere(world: World, chance: random.Random) -> None:
        world.proxy.faults.append(fault)
        wait(chance.uniform(3, 8))
        world.proxy.faults.remove(fault)

    interfere.__name__ = name
    return interfere


def _event(bucket: str, key: str) -> str:
    """https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html."""
    job_id = keys.job_id_of(key)
    return (
        '{"Records": [{"eventVersion": "2.1", "eventSource": "aws:s3", "eventName": '
        f'"ObjectCreated:Put", "responseElements": {{"x-amz-request-id": "{uuid4().hex[:16]}"}}, '
        f'"s3": {{"s3SchemaVersion": "1.0", "bucket": {{"name": "{bucket}"}}, '
        f'"object": {{"key": "{key}", "sequencer": "{job_id[:16]}"}}}}}}]}}'
    )


def _parent(pid: int) -> int:
    with suppress(OSError):
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return int(fields[1])
    return 0


def _children(pid: int) -> list[int]:
    numbers = (int(entry.name) for entry in Path("/proc").glob("[0-9]*"))
    return [number for number in numbers if _parent(number) == pid]


FAULTS: dict[str, Fault] = {
    fault.__name__: fault
    for fault in (
        kill_function, kill_fetchers, kill_api, freeze_function, freeze_function_past_visibility,
        freeze_api, kill_decoders, kill_gateway, freeze_emulator, kill_emulator,
        restart_everything, kill_database_backends, kill_database, fail_over_database,
        freeze_database, slow_database, full_database_disk, full_scratch_disk,
        two_ticks, clock_jump, lose_bucket_events, double_bucket_events, fail_receiver,
        _behind_proxy(proxy.slow_down(0.4), "s3_slow_down"),
        _behind_proxy(proxy.slow_down(1.0), "s3_away"),
        _behind_proxy(proxy.internal_error(0.4), "s3_internal_error"),
        _behind_proxy(proxy.lost_replies(0.3), "s3_lost_replies"),
        _behind_proxy(proxy.slow_s3(1.0), "slow_disk"),
        _behind_proxy(proxy.refused_messages(0.5), "refuse_messages"),
        _behind_proxy(proxy.lost_messages(0.5), "lose_messages"),
        _behind_proxy(proxy.doubled_messages(0.5), "double_messages"),
        _behind_proxy(proxy.reordered_messages(0.5), "reorder_messages"),
    )
}  # fmt: skip
"""By name, as plans and reports have them."""

COSTLY = {
    "kill_emulator",
    "restart_everything",
    "fail_over_database",
    "freeze_function_past_visibility",
}
"""They take half a minute; a seed has one of them at most."""
