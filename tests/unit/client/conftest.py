import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from typer import testing
from typer.testing import CliRunner, Result

from crawlset_client.api import Crawlset
from crawlset_client.cli import app
from crawlset_client.cli.running import Outside
from crawlset_client.laptop import Cloud, CloudOptions, Step
from tests.unit.client.fake_answers import API_KEY, API_URL
from tests.unit.client.fake_api import FakeApi


@dataclass(frozen=True)
class DoneStep:
    step: str
    detail: str = ""


@dataclass
class FakeCloud:
    options: CloudOptions
    api_url: str = API_URL
    api_key: str = API_KEY
    profile_id: str = "profile"
    is_up: bool = False
    n_stops: int = 0

    def start(self, progress: Callable[[Step], None]) -> None:
        for name in ("postgres", "deploy", "gateway", "ready"):
            progress(DoneStep(name, self.api_url))
        self.is_up = True

    def stop(self) -> None:
        self.is_up = False
        self.n_stops += 1


@dataclass
class FakeLaptop:
    clouds: list[FakeCloud] = field(default_factory=list)
    failure: Exception | None = None

    def make(self, options: CloudOptions) -> FakeCloud:
        self.clouds.append(FakeCloud(options))
        return self.clouds[-1]

    def start(self, cloud: Cloud, progress: Callable[[Step], None]) -> None:
        if self.failure is not None:
            raise self.failure
        cloud.start(progress)

    def serve(self, cloud: Cloud, progress: Callable[[Step], None]) -> None:
        self.start(cloud, progress)
        cloud.stop()


@dataclass
class Shell:
    """Runs commands in `directory` against a fake service, with a clock that sleeping moves."""

    api: FakeApi
    laptop: FakeLaptop
    directory: Path
    slept: list[float] = field(default_factory=list)
    on_sleep: Callable[[], None] = lambda: None
    now: float = 0.0

    def run(self, *arguments: str, **env: str | None) -> Result:
        return self._run(arguments, env)

    def answer(self, answer: str, *arguments: str) -> Result:
        """Run at a terminal, where somebody types this line."""
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(testing._NamedTextIOWrapper, "isatty", lambda _: True, raising=False)
            return self._run(arguments, {}, answer + "\n")

    def _run(
        self, arguments: tuple[str, ...], env: dict[str, str | None], typed: str | None = None
    ) -> Result:
        environ = {
            "XDG_CONFIG_HOME": str(self.directory / "config"),
            "CRAWLSET_API_URL": API_URL,
            "CRAWLSET_API_KEY": API_KEY,
            "COLUMNS": None,
            "CRAWLSET_HOME": None,
            "DATABASE_URL": None,
            **env,
        }
        outside = Outside(self.api.transport, self._sleep, lambda: self.now, self.laptop)
        return CliRunner(env=environ).invoke(
            app, arguments, typed, obj=outside, catch_exceptions=False
        )

    def json(self, *arguments: str, **env: str | None) -> Any:
        """The one document on standard output."""
        return json.loads(self.run(*arguments, "--json", **env).stdout)

    def _sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds
        self.on_sleep()


def names(directory: Path) -> set[str]:
    return {path.name for path in directory.iterdir()}


def interrupt() -> None:
    raise KeyboardInterrupt


@pytest.fixture
def api() -> FakeApi:
    return FakeApi()


@pytest.fixture
def laptop() -> FakeLaptop:
    return FakeLaptop()


@pytest.fixture
def shell(
    api: FakeApi, laptop: FakeLaptop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Shell:
    monkeypatch.chdir(tmp_path)
    return Shell(api, laptop, tmp_path)


@pytest.fixture
def crawlset(api: FakeApi) -> Iterator[Crawlset]:
    with Crawlset(API_URL, API_KEY, transport=api.transport, sleep=lambda _: None) as client:
        yield client


@pytest.fixture
def job_id(api: FakeApi) -> str:
    """A completed job of the project `cats`."""
    return str(api.add_job(api.add_project("cats"))["id"])
