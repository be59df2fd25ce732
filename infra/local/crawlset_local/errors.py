"""
What can go wrong with the laptop cloud, each as one line for a person.

* LocalCloudError
  + PortBusyError, HomeBusyError, HomeError, SourceAccessError
  + PostgresError, EmulatorError, ChildDiedError
  + DeployError, FunctionFailedError
"""

from pathlib import Path

_MESSAGE_LENGTH = 300


class LocalCloudError(Exception):
    """The laptop cloud cannot start or go on; the message says why and what to do."""


class PortBusyError(LocalCloudError):
    def __init__(self, port: int, option: str) -> None:
        self.port = port
        self.option = option
        super().__init__(f"Port {port} on 127.0.0.1 is in use; choose another with {option}.")


class HomeBusyError(LocalCloudError):
    def __init__(self, home: Path, pid: str) -> None:
        super().__init__(f"{home} is in use by another `crawlset up` (process {pid or 'unknown'}).")


class HomeError(LocalCloudError):
    """The data directory is not usable as it is."""


class SourceAccessError(LocalCloudError):
    """What should say which sources may be asked does not say it."""


class PostgresError(LocalCloudError):
    """The embedded PostgreSQL does not start, or the given one does not answer."""


class EmulatorError(LocalCloudError):
    """The AWS emulator does not start."""


class ChildDiedError(LocalCloudError):
    def __init__(self, name: str, returncode: int, log: Path) -> None:
        super().__init__(f"{name} ended by itself (status {returncode}); see {log}.")


class DeployError(LocalCloudError):
    """A resource of the template was refused; the message names it and the reason."""


class FunctionFailedError(LocalCloudError):
    """A function the start-up needs raised; `type` is the name of its error."""

    def __init__(self, function: str, type_: str, message: str) -> None:
        self.type = type_
        first_line = message.partition("\n")[0]
        super().__init__(f"{function} failed: {type_}: {first_line[:_MESSAGE_LENGTH]}")
