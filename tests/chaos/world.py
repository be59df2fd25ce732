"""
The world that faults befall: a laptop's cloud whose parts can be broken one by one.

Three things differ from `crawlset up`. The database is started apart, so that it can be away while
the rest runs, and has a clock that can be set (`clock`). Between functions and emulator stands a
`proxy`. And a message that was received and not deleted is there again after `VISIBILITY` seconds
instead of the template's 3 to 90 minutes: what the queues' patience costs is known, and no seed
could wait for it.
"""

import json
import shutil
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any, Self

import psycopg
from psycopg.rows import dict_row

from crawlset_local import emulator, postgres, postgres_home, processes, template
from crawlset_local.cloud import TEMPLATE, LocalCloud
from crawlset_local.processes import Child
from tests.chaos import clock
from tests.chaos.memory import Memory
from tests.chaos.proxy import Proxy
from tests.integration.webhook_receiver import Receiver
from tests.ports import free_port, free_ports

VISIBILITY = 20


class World:
    """A context manager: everything runs within it, and nothing is left after it."""

    def __init__(self, root: Path, seed: int, receiver: Receiver) -> None:
        self.root = root
        self.seed = seed
        self.receiver = receiver
        self.memory = Memory()
        self.ports = free_ports()
        self.proxy = Proxy(free_port(), self.ports.emulator, seed)
        self.dsn = ""
        self.jumped = 0.0
        """Seconds that the database's clock was set ahead."""
        self.closing = ExitStack()
        """What is closed before the cloud stops."""
        self.lock = threading.Lock()
        """Held by whoever stops or starts parts."""
        self._database: Child | None = None
        self._clients: dict[str, Any] = {}
        self.cloud: LocalCloud

    def __enter__(self) -> Self:
        self.root.mkdir(parents=True)
        self.start_database()
        clock.install(self.dsn)
        self.proxy.start()
        self.start_cloud()
        return self

    def __exit__(self, *_: object) -> None:
        self.closing.close()
        for client in self._clients.values():
            client.close()
        with suppress(AttributeError):
            self.cloud.stop()
        self.stop_database()
        self.proxy.stop()

    def erase(self) -> None:
        """Remove the data; the logs stay."""
        postgres_home.erase(self.root / "database")
        shutil.rmtree(self.root / "cloud" / "s3", ignore_errors=True)
        shutil.rmtree(self.root / "cloud" / "tmp", ignore_errors=True)

    def start_database(self) -> None:
        home = self.root / "database"
        home.mkdir(exist_ok=True)
        self._database, self.dsn = postgres.start(home, self.ports.postgres)

    def stop_database(self, stop_signal: signal.Signals = signal.SIGQUIT) -> None:
        """At once, without a checkpoint: connections break, and the next start recovers."""
        if self._database is not None and self._database.process.poll() is None:
            self._database.process.send_signal(stop_signal)
        if self._database is not None:
            processes.stop(self._database)

    def start_cloud(self) -> None:
        self.cloud = LocalCloud(
            self.root / "cloud",
            self.ports,
            self.dsn,
            template=self._template(),
            private_hosts=[self.receiver.host],
        )
        with through(self.proxy.url):
            self.cloud.start()
        while self._clients:
            self._clients.popitem()[1].close()

    def client(self, service: str) -> Any:
        """A client of the emulator; one is made for all, since that takes a tenth of a second."""
        if service not in self._clients:
            self._clients[service] = self.cloud.client(service)
        return self._clients[service]

    def restart_cloud(self) -> None:
        """As `crawlset up` after a crash. The queues are lost, so it sends `requeue`."""
        self.cloud.stop()
        self.start_cloud()
        self.memory.n_requeues += 1

    def is_database_up(self) -> bool:
        """Whether the server runs, and gets through its recovery if it is at that."""

        def answers() -> bool:
            with suppress(psycopg.OperationalError):
                psycopg.connect(self.dsn, connect_timeout=5).close()
                return True
            return False

        assert self._database is not None
        process = self._database.process
        return processes.wait_until(lambda: answers() or process.poll() is not None, 10, 0.2) and (
            process.poll() is None
        )

    @property
    def database_pid(self) -> int:
        assert self._database is not None
        return self._database.process.pid

    def functions(self, name: str) -> list[int]:
        """The processes of a function's environments, by its logical id; of this world only."""
        physical = self.cloud.stack.resources.get(name, name)
        wanted = {
            f"AWS_LAMBDA_FUNCTION_NAME={physical}".encode(),
            f"AWS_ENDPOINT_URL={self.proxy.url}".encode(),
        }
        found = []
        for entry in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):
                if wanted <= {*(entry / "environ").read_bytes().split(b"\0")}:
                    found.append(int(entry.name))
        return sorted(found)

    def tick(self) -> Any:
        """A round of the tick, beside those of each minute; None if it cannot be asked."""
        try:
            name = self.cloud.stack.resources["TickFunction"]
            answer = self.client("lambda").invoke(FunctionName=name, Payload="{}")
            return json.loads(answer["Payload"].read())
        except Exception:  # noqa: BLE001, a world in trouble answers in many ways
            return None

    def jump(self, seconds: float) -> None:
        clock.jump(self.dsn, seconds)
        self.jumped += seconds

    def rows(self, statement: str, *parameters: Any) -> list[dict[str, Any]]:
        """What the owner reads, past row-level security."""
        with psycopg.connect(self.dsn, connect_timeout=10, row_factory=dict_row) as connection:
            return connection.execute(statement, parameters).fetchall()

    def change(self, statement: str, *parameters: Any) -> int:
        with psycopg.connect(self.dsn, connect_timeout=10) as connection:
            return connection.execute(statement, parameters).rowcount

    @property
    def bucket(self) -> str:
        return self.cloud.outputs["BucketName"]

    def objects(self) -> Iterator[tuple[str, int]]:
        """(key, bytes) of every object."""
        pages = self.client("s3").get_paginator("list_objects_v2")
        for page in pages.paginate(Bucket=self.bucket):
            for entry in page.get("Contents", ()):
                yield entry["Key"], entry["Size"]

    def read(self, key: str) -> bytes:
        body: bytes = self.client("s3").get_object(Bucket=self.bucket, Key=key)["Body"].read()
        return body

    def queues(self) -> dict[str, tuple[int, int]]:
        """(waiting, received and not deleted) messages of each queue, by its logical id."""
        sqs = self.client("sqs")
        found = {}
        for name, url in self.cloud.stack.resources.items():
            if name.endswith(("Queue", "DeadLetters")):
                said = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
                waiting = int(said["ApproximateNumberOfMessages"])
                waiting += int(said["ApproximateNumberOfMessagesDelayed"])
                found[name] = (waiting, int(said["ApproximateNumberOfMessagesNotVisible"]))
        return found

    def executions(self) -> int:
        """Executions of the pipeline that run."""
        listed = self.client("stepfunctions").list_executions(
            stateMachineArn=self.cloud.outputs["PipelineStateMachineArn"], statusFilter="RUNNING"
        )
        return len(listed["executions"])

    def _template(self) -> Path:
        """The checkout's template with the shorter visibility, beside our data."""
        written = template.load(TEMPLATE)
        for resource in written["Resources"].values():
            properties = resource.get("Properties", {})
            for place in ("CodeUri", "ContentUri", "DefinitionUri"):
                if place in properties:
                    properties[place] = str(TEMPLATE.parent / properties[place])
            if resource["Type"] == "AWS::SQS::Queue":
                properties["VisibilityTimeout"] = VISIBILITY
        path = self.root / "template.json"
        path.write_text(json.dumps(written))
        return path


@contextmanager
def through(url: str) -> Iterator[None]:
    """Let an emulator that is started meanwhile give its functions `url` to speak to AWS."""
    usual = emulator._environment
    emulator._environment = lambda home, port: usual(home, port) | {"AWS_ENDPOINT_URL": url}
    try:
        yield
    finally:
        emulator._environment = usual


def wait(seconds: float) -> None:
    """Let the world go on for so long."""
    time.sleep(seconds)
