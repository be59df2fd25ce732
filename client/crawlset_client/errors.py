"""
What can go wrong for somebody who uses the client, each as one line for a person.

* CrawlsetError
  + ApiError
  + NotRunningError, ConnectionLostError, UnexpectedAnswerError, ConfigError
  + NotFoundHereError, AmbiguousIdError, JobEndedError, MissingPartError, WatchInterruptedError
  + ExportDamagedError, UnsafeArchiveError, TargetError
  + HubError
    - HubNameError, HubSignInError, HubNotReachedError
  + DoesNotAddUpError, NotMigratedError, SystemRefusedError
  + UsageError, InvalidListError
  + UnexpectedError
"""

from collections.abc import Mapping, Sequence
from enum import IntEnum
from pathlib import Path
from typing import Any

DEFAULT_API_URL = "http://127.0.0.1:8480"
TOO_MANY_REQUESTS = 429
SERVER_ERRORS_FROM = 500


class ExitCode(IntEnum):
    """What a command's exit code says; docs/cli.md has them for people."""

    done = 0
    failed = 1
    wrong_use = 2
    unreachable = 3
    refused = 4
    job_ended = 5
    does_not_add_up = 6
    defect = 70
    interrupted = 130


class CrawlsetError(Exception):
    """An expected failure; its message is for a person, `code` for a program."""

    exit_code: int = ExitCode.failed

    def __init__(self, detail: str) -> None:
        self.detail = detail
        self.request_id: str | None = None
        self.subject: dict[str, Any] = {}
        """What the failure is about, by name; shown beside the error in JSON."""
        super().__init__(detail)

    @property
    def code(self) -> str:
        return type(self).__name__


class ApiError(CrawlsetError):
    """The service refused; `code`, `detail` and `errors` are its own (RFC 9457)."""

    def __init__(
        self,
        status: int,
        code: str,
        detail: str,
        request_id: str | None = None,
        errors: Sequence[Mapping[str, Any]] = (),
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.request_id = request_id
        self.errors = tuple(errors)
        is_busy = status == TOO_MANY_REQUESTS or status >= SERVER_ERRORS_FROM
        self.exit_code = ExitCode.unreachable if is_busy else ExitCode.refused
        self._code = code

    @property
    def code(self) -> str:
        return self._code


class NotRunningError(CrawlsetError):
    exit_code = ExitCode.unreachable

    def __init__(self, url: str) -> None:
        super().__init__(
            f"Nothing answers at {url}. Start it with `crawlset up`, or set CRAWLSET_API_URL."
        )


class ConnectionLostError(CrawlsetError):
    exit_code = ExitCode.unreachable

    def __init__(self, host: str, reason: str) -> None:
        super().__init__(f"The connection to {host} broke: {reason}.")


class UnexpectedAnswerError(CrawlsetError):
    exit_code = ExitCode.unreachable

    def __init__(self, url: str) -> None:
        super().__init__(f"What answers at {url} does not answer as Crawlset does.")


class ConfigError(CrawlsetError):
    """The settings of the client cannot be read or make no sense."""


class NotFoundHereError(CrawlsetError):
    """No project or job of the caller is meant by what was given, or more than one is."""

    exit_code = ExitCode.refused


class AmbiguousIdError(NotFoundHereError):
    """A part of an id with which several ids begin or end."""


class JobEndedError(CrawlsetError):
    """A job that was waited for failed or was cancelled."""

    exit_code = ExitCode.job_ended


class MissingPartError(CrawlsetError):
    """A part of Crawlset that this command needs is not installed."""

    def __init__(self, package: str, *, extra: str = "local") -> None:
        super().__init__(
            f"This needs the package {package}, which is not installed:"
            f" pip install 'crawlset[{extra}]'."
        )


class WatchInterruptedError(CrawlsetError):
    """Ctrl-C ended the watching, not the work."""

    exit_code = ExitCode.interrupted


class ExportDamagedError(CrawlsetError):
    """A downloaded file is not the one the service made."""

    exit_code = ExitCode.does_not_add_up


class UnsafeArchiveError(CrawlsetError):
    def __init__(self, archive: str, member: str, reason: str) -> None:
        super().__init__(f"{archive} is not unpacked: its member {member!r} {reason}.")


class TargetError(CrawlsetError):
    """The directory to export into cannot be used."""


class DoesNotAddUpError(CrawlsetError):
    """Counts that must agree do not."""

    exit_code = ExitCode.does_not_add_up


class ManifestError(CrawlsetError):
    """An export has no manifest that can be read."""


class HubError(CrawlsetError):
    """A dataset cannot go, or did not go, to the Hugging Face Hub."""


class HubNameError(HubError):
    exit_code = 2

    def __init__(self, repository: str, reason: str) -> None:
        super().__init__(f"{repository!r} is no name of a dataset on the Hub: {reason}.")


class HubSignInError(HubError):
    def __init__(self, reason: str) -> None:
        super().__init__(
            f"The Hugging Face Hub does not know you: {reason}. Sign in with `hf auth login`, or"
            " set HF_TOKEN."
        )


class HubNotReachedError(HubError):
    def __init__(self, address: str, reason: str) -> None:
        super().__init__(
            f"The Hugging Face Hub at {address} cannot be reached: {reason}. Nothing was exported;"
            " without --push-to-hub it is, and can be pushed later."
        )


class NotMigratedError(CrawlsetError):
    """Some rows of a file of old datasets were not moved."""


class SystemRefusedError(CrawlsetError):
    """The machine refused something: a file, a directory, room on the disk."""


class UnexpectedError(CrawlsetError):
    """A defect of the client, not of what it was given."""

    exit_code = ExitCode.defect


class UsageError(CrawlsetError):
    """What was asked for makes no sense."""

    exit_code = ExitCode.wrong_use


class InvalidListError(UsageError):
    """The file of URLs cannot be sent as it is."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(f"{path}: {reason}.")
