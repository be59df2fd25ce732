"""The laptop cloud, as far as the command line knows it."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from crawlset_client.errors import CrawlsetError, MissingPartError

GATEWAY_PORT = 8480
EMULATOR_PORT = 4566
POSTGRES_PORT = 8432
SAMPLE_PORT = 8490

STEP_NAMES = {
    "postgres": "PostgreSQL",
    "emulator": "AWS emulator",
    "deploy": "template deployed",
    "models": "models",
    "migrate": "database migrated",
    "profile": "profile",
    "requeue": "work under way taken up",
    "sample_site": "sample site",
    "gateway": "API",
}


class LaptopError(CrawlsetError):
    """The laptop cloud cannot start or go on."""

    def __init__(self, name: str, detail: str) -> None:
        super().__init__(detail)
        self._code = name

    @property
    def code(self) -> str:
        return self._code


@dataclass(frozen=True)
class CloudOptions:
    home: Path
    port: int = GATEWAY_PORT
    emulator_port: int = EMULATOR_PORT
    postgres_port: int = POSTGRES_PORT
    sample_port: int = SAMPLE_PORT
    database_url: str | None = None
    private_hosts: tuple[str, ...] = ()
    owned_hosts: tuple[str, ...] = ()
    towers: Path | None = None


class Step(Protocol):
    """A step of the start that is done."""

    @property
    def step(self) -> str: ...
    @property
    def detail(self) -> str: ...


class Cloud(Protocol):
    """What is used of `crawlset_local.cloud.LocalCloud`."""

    api_url: str
    api_key: str
    profile_id: str

    def start(self, progress: Callable[[Step], None]) -> None: ...
    def stop(self) -> None: ...


class Laptop(Protocol):
    """Makes clouds, and keeps one up until Ctrl-C."""

    def make(self, options: CloudOptions) -> Cloud: ...
    def start(self, cloud: Cloud, progress: Callable[[Step], None]) -> None: ...
    def serve(self, cloud: Cloud, progress: Callable[[Step], None]) -> None: ...


class ThisLaptop:
    """The real thing. Raises `LaptopError`, and `MissingPartError` where it is not installed."""

    def make(self, options: CloudOptions) -> Cloud:
        try:
            from crawlset_local.cloud import LocalCloud  # noqa: PLC0415 - not always installed
            from crawlset_local.ports import Ports  # noqa: PLC0415
        except ModuleNotFoundError as error:
            raise MissingPartError(error.name or "crawlset_local") from error
        ports = Ports(
            gateway=options.port,
            emulator=options.emulator_port,
            postgres=options.postgres_port,
            sample=options.sample_port,
        )
        return LocalCloud(
            options.home,
            ports,
            options.database_url,
            private_hosts=options.private_hosts,
            owned_hosts=options.owned_hosts,
            towers_folder=options.towers,
        )

    def start(self, cloud: Cloud, progress: Callable[[Step], None]) -> None:
        from crawlset_local.errors import LocalCloudError  # noqa: PLC0415

        try:
            cloud.start(progress)
        except LocalCloudError as error:
            raise LaptopError(type(error).__name__, str(error)) from error

    def serve(self, cloud: Cloud, progress: Callable[[Step], None]) -> None:
        from crawlset_local.cloud import LocalCloud, serve  # noqa: PLC0415
        from crawlset_local.errors import LocalCloudError  # noqa: PLC0415

        assert isinstance(cloud, LocalCloud)  # noqa: S101 - `make` made it
        try:
            serve(cloud, progress)
        except LocalCloudError as error:
            raise LaptopError(type(error).__name__, str(error)) from error
