"""
The laptop cloud: PostgreSQL, the AWS emulator, the sample site and the gateway as one thing.

Everything it knows is in its home directory, so a stop or a `kill -9`, and a new start, go on
where it stopped.
"""

import argparse
import os
import shutil
import signal
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from types import FrameType, TracebackType
from typing import TYPE_CHECKING, Any, Self, TextIO

from crawlset_local import deploy, emulator, models, postgres, postgres_home, processes
from crawlset_local.deploy import Prepared, Stack
from crawlset_local.errors import (
    ChildDiedError,
    EmulatorError,
    LocalCloudError,
)
from crawlset_local.home import LOCAL_EMAIL, default_home, open_home, webhook_key
from crawlset_local.ports import LOOPBACK, RELEASE_SECONDS, Ports, is_listening, require_free
from crawlset_local.processes import Child
from crawlset_local.sample_hosts import SAMPLE_HOSTS
from crawlset_local.towers import put_towers, towers_parameters

if TYPE_CHECKING:
    from crawlset_local.source_access import SourceAccess

_HERE = Path(__file__).resolve()
_PACKAGED = _HERE.parent / "stack"
TEMPLATE = (_PACKAGED if _PACKAGED.is_dir() else _HERE.parents[3]) / "template.yaml"
"""What is deployed: from the installed package, or from the checkout."""

SAMPLE_SITE = "sample_site"
GATEWAY = "gateway"
KEYS_SECRET = "crawlset-source-keys"  # noqa: S105 - its name
LISTEN_SECONDS = 60.0


@dataclass(frozen=True)
class Event:
    """A step of the start is done: `seconds` since the start began, `detail` for a person."""

    step: str
    seconds: float
    detail: str


def ignore(event: Event) -> None:
    """Hear of progress and do nothing."""


class LocalCloud:
    """
    One laptop cloud on the data of `home`; a context manager that starts and stops it.

    With `database_url` that PostgreSQL is used and none is started. `parameters` are template
    parameters over the laptop's own, `template` another template than the checkout's. The
    `private_hosts` (`host:port`) may be crawled, and told of events by webhooks, the `owned_hosts`
    asked for more at once than others. The sources that `access` names may be asked, with its keys;
    without one, those that `secrets.toml` in `home` and the environment name. Pictures are found by
    texts with the towers in `towers_folder`, if it is given. After `start` the attributes tell
    where everything is; `api_url` has no `/api` at its end.
    """

    def __init__(
        self,
        home: Path,
        ports: Ports | None = None,
        database_url: str | None = None,
        *,
        template: Path = TEMPLATE,
        parameters: Mapping[str, str] | None = None,
        with_sample_site: bool = True,
        private_hosts: Sequence[str] = (),
        owned_hosts: Sequence[str] = (),
        access: "SourceAccess | None" = None,
        towers_folder: Path | None = None,
    ) -> None:
        self.home = home.absolute()
        self.ports = ports or Ports()
        self.database_url = database_url
        self.api_url = f"http://{LOOPBACK}:{self.ports.gateway}"
        self.emulator_url = emulator.url(self.ports.emulator)
        self.sample_url = f"http://{LOOPBACK}:{self.ports.sample}"
        self.api_key = ""
        self.profile_id = ""
        self.stack = Stack({}, {}, None, {})
        self._template = template
        self._parameters = dict(parameters or {})
        self._with_sample_site = with_sample_site
        self._private_hosts = [*private_hosts]
        self._owned_hosts = [*owned_hosts]
        self._access = access
        self._towers_folder = towers_folder
        self._owns_database = database_url is None
        self._children: list[Child] = []
        self._lock: TextIO | None = None
        self._stopping = threading.Event()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    @property
    def outputs(self) -> dict[str, str]:
        """The stack's outputs."""
        return self.stack.outputs

    @property
    def pids(self) -> dict[str, int]:
        """The children's process ids by name."""
        return {child.name: child.process.pid for child in self._children}

    def start(self, progress: Callable[[Event], None] = ignore) -> None:
        """
        Start everything; return when the API answers.

        Whatever fails, what was started is stopped again. Raises `LocalCloudError`, whose
        message is for a person.
        """
        began = time.monotonic()

        def done(step: str, detail: str) -> None:
            progress(Event(step, time.monotonic() - began, detail))

        self._stopping.clear()
        self._lock = open_home(self.home)
        try:
            self._start(done)
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Stop everything, last started first; a stopped cloud stays so."""
        self._stopping.set()
        while self._children:
            processes.stop(self._children[-1])
            self._children.pop()
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def wait(self) -> None:
        """Return once `stop` is called. Raises `ChildDiedError` if a part ends by itself."""
        while not self._stopping.wait(0.2):
            for child in list(self._children):
                status = child.process.poll()
                if status is not None and not self._stopping.is_set():
                    raise ChildDiedError(child.name, status, child.log)

    def client(self, service: Any) -> Any:
        """A boto3 client of the emulator's account, with the administrator's key."""
        return emulator.client(service, self.ports.emulator)

    def invoke(self, function: str, event: Mapping[str, Any]) -> Any:
        """What the function with this logical id answers. Raises `FunctionFailedError`."""
        return deploy.invoke(self.ports.emulator, self.stack.resources[function], event)

    def erase(self) -> None:
        """Delete all data of a stopped cloud, also what lies outside of its home."""
        if self.home.exists():
            with open_home(self.home):
                postgres_home.erase(self.home)
                shutil.rmtree(self.home)

    def _start(self, done: Callable[[str, str], None]) -> None:
        was_left = self._stop_left_behind()
        self._require_ports(RELEASE_SECONDS if was_left else 0)
        aws = emulator.launch(self.home, self.ports.emulator)
        self._children.append(aws)
        site = self._spawn_sample_site() if self._with_sample_site else None
        with ThreadPoolExecutor(1) as aside:
            prepared = aside.submit(deploy.prepare, self._template, self.home)
            owner_dsn = self._start_database()
            is_given = not self._owns_database
            done("postgres", "given" if is_given else f"{LOOPBACK}:{self.ports.postgres}")
            emulator.wait_for(aws, self.ports.emulator)
            done("emulator", self.emulator_url)
        self._deploy(prepared.result(), owner_dsn)
        done("deploy", f"{len(self.stack.resources)} resources")
        front = self._spawn_gateway(self.stack.api_id) if self.stack.api_id else None
        done("models", models.install(self._template.parent))
        self._prepare_database(front, done)
        if site is not None:
            self._await_listening(site, self.ports.sample)
            done(SAMPLE_SITE, self.sample_url)
        if front is not None:
            done(GATEWAY, self.api_url)
        done("ready", self.api_url)

    def _stop_left_behind(self) -> bool:
        """Stop what an earlier start left running; says whether it ended without a stop."""
        names = (GATEWAY, SAMPLE_SITE)
        were_left = [emulator.stop_left_behind(self.home)]
        were_left += [processes.stop_recorded(name, self.home / "run") for name in names]
        if self._owns_database:
            were_left += [postgres.stop_left_behind(self.home)]
        return any(were_left)

    def _require_ports(self, seconds: float) -> None:
        require_free(self.ports.gateway, "--port", seconds=seconds)
        require_free(self.ports.emulator, "--emulator-port", seconds=seconds)
        if self._owns_database:
            require_free(self.ports.postgres, "--postgres-port", seconds=seconds)
        if self._with_sample_site:
            require_free(self.ports.sample, "--sample-port", seconds=seconds)

    def _start_database(self) -> str:
        if not self._owns_database and self.database_url is not None:
            # Slow to import: the emulator starts meanwhile.
            from crawlset_local import connections  # noqa: PLC0415

            connections.require(self.database_url)
            return self.database_url
        child, self.database_url = postgres.start(self.home, self.ports.postgres)
        self._children.insert(0, child)  # is stopped last: functions use it
        return self.database_url

    def _deploy(self, prepared: Prepared, owner_dsn: str) -> None:
        secret_arn = deploy.put_owner_secret(self.ports.emulator, owner_dsn)
        parameters = self._template_parameters(secret_arn)
        self.stack = deploy.deploy(prepared, self.ports.emulator, parameters)
        if self._towers_folder is not None:
            put_towers(self._towers_folder, self.outputs["BucketName"], self.ports.emulator)

    def _template_parameters(self, secret_arn: str) -> dict[str, str]:
        from crawlset_local.source_access import read_source_access  # noqa: PLC0415

        access = self._access or read_source_access(self.home, os.environ)
        keys_arn = ""
        if access.keys:
            keys_arn = deploy.put_secret(self.ports.emulator, KEYS_SECRET, access.keys)
        hosts = [*self._private_hosts]
        if self._with_sample_site:
            hosts += [f"{host}.localhost:{self.ports.sample}" for host in SAMPLE_HOSTS]
        return {
            **deploy.LAPTOP,
            "Contact": access.contact or LOCAL_EMAIL,
            "DatabaseSecretArn": secret_arn,
            "MaxFetchConcurrency": "2",
            "MaxDatabaseConcurrency": "2",
            "AllowedPrivateHosts": ",".join(hosts),
            "OwnedHosts": ",".join(self._owned_hosts),
            "SampleSourceUrl": self.sample_url if self._with_sample_site else "",
            "Sources": ",".join(access.sources),
            "SourceKeysSecretArn": keys_arn,
            "WebhookKeyFile": str(webhook_key(self.home)),
            **towers_parameters(self._towers_folder),
        } | self._parameters

    def _prepare_database(self, front: Child | None, done: Callable[[str, str], None]) -> None:
        from crawlset_local.opening import Opening  # noqa: PLC0415

        opening = Opening(self.home, self.ports.emulator, self.stack, str(self.database_url))
        if opening.is_needed:
            done("migrate", opening.migrate(is_own=self._owns_database))
        aside = ThreadPoolExecutor(1)
        try:
            # The API and what guards it start at the same time.
            answered = aside.submit(self._await_answer, front) if front is not None else None
            if opening.is_needed:
                self.profile_id, self.api_key = opening.find_key(self.api_url, answered)
                done("profile", self.profile_id)
            if answered is not None:
                answered.result()
        finally:
            aside.shutdown(wait=False)  # Ctrl-C does not wait for an answer
        if "TickFunction" in self.stack.resources:
            # The queues are empty after a stop: what the database knows to be under way is
            # sent again.
            deploy.send(
                self.ports.emulator, self.stack.resources["TickFunction"], {"requeue": True}
            )
            done("requeue", "")

    def _spawn_sample_site(self) -> Child:
        return self._spawn(SAMPLE_SITE, "--port", str(self.ports.sample))

    def _spawn_gateway(self, api_id: str) -> Child:
        return self._spawn(
            GATEWAY,
            *("--port", str(self.ports.gateway)),
            *("--emulator-port", str(self.ports.emulator)),
            *("--api-id", api_id),
        )

    def _spawn(self, name: str, *arguments: str) -> Child:
        argv = [sys.executable, "-X", f"crawlset={self.home}", "-m", f"crawlset_local.{name}"]
        child = processes.spawn(
            name,
            [*argv, *arguments],
            run=self.home / "run",
            log=self.home / "logs" / f"{name}.log",
            environment=processes.clean_environment(PYTHONUNBUFFERED="1"),
        )
        self._children.append(child)
        return child

    def _await_answer(self, front: Child) -> None:
        """Return when the API has answered, whatever it says: its function has started by then."""
        self._await_listening(front, self.ports.gateway)
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            opener.open(f"{self.api_url}/api/health", timeout=LISTEN_SECONDS).close()
        except urllib.error.HTTPError as error:
            error.close()
        except OSError:
            pass  # a machine too busy to answer now may be used all the same

    def _await_listening(self, child: Child, port: int) -> None:
        def settled() -> bool:
            return is_listening(port) or child.process.poll() is not None

        if not processes.wait_until(settled, LISTEN_SECONDS) or child.process.poll() is not None:
            raise EmulatorError(f"{child.name} does not start:\n{processes.last_lines(child.log)}")


def serve(cloud: LocalCloud, progress: Callable[[Event], None] = ignore) -> None:
    """
    Start `cloud` and keep it until Ctrl-C, SIGTERM or SIGHUP, then stop it in good order.

    To be called in the main thread. Raises `LocalCloudError` if it does not start or a part of
    it ends by itself.
    """

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    signals = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {number: signal.signal(number, interrupt) for number in signals}
    try:
        cloud.start(progress)
        cloud.wait()
    except KeyboardInterrupt:
        pass
    finally:
        for number in signals:
            signal.signal(number, signal.SIG_IGN)
        cloud.stop()
        for number, handler in before.items():
            signal.signal(number, handler)


def main() -> int:
    parser = argparse.ArgumentParser(prog="crawlset_local.cloud")
    parser.add_argument("--home", type=Path, default=default_home())
    parser.add_argument("--template", type=Path, default=TEMPLATE)
    parser.add_argument("--database-url")
    parser.add_argument("--without-sample-site", action="store_true")
    defaults = Ports()
    parser.add_argument("--port", type=int, default=defaults.gateway)
    parser.add_argument("--emulator-port", type=int, default=defaults.emulator)
    parser.add_argument("--postgres-port", type=int, default=defaults.postgres)
    parser.add_argument("--sample-port", type=int, default=defaults.sample)
    a = parser.parse_args()
    from rich.console import Console  # noqa: PLC0415 - the cloud has no use for it

    console = Console(highlight=False, soft_wrap=True)
    cloud = LocalCloud(
        a.home,
        Ports(a.port, a.emulator_port, a.postgres_port, a.sample_port),
        a.database_url,
        template=a.template,
        with_sample_site=not a.without_sample_site,
    )
    try:
        serve(
            cloud,
            lambda event: console.print(f"{event.seconds:6.2f} s  {event.step}  {event.detail}"),
        )
    except LocalCloudError as error:
        console.print(f"error: {error}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
