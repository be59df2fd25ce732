"""
Every error this service raises on purpose.

* AppError
  + BadRequestError, UnauthorizedError, ForbiddenError, NotFoundError, ConflictError,
    PreconditionFailedError, UnprocessableError, TooManyRequestsError
  + UnavailableError
    - DatabaseAwayError
    - StorageAwayError
    - AwsAwayError
  + SourceError
    - SourceThrottledError
    - SourceRefusedError

A class name is a contract: Step Functions matches it in `ErrorEquals`, and the API
returns it as the problem's `code`. Features derive their own from these.
"""

from collections.abc import Mapping
from http import HTTPStatus
from types import MappingProxyType
from typing import ClassVar


class AppError(Exception):
    """An expected failure, safe to show to the caller."""

    status: ClassVar[HTTPStatus] = HTTPStatus.INTERNAL_SERVER_ERROR
    headers: Mapping[str, str] = MappingProxyType({})
    """Extra headers of the response."""


class BadRequestError(AppError):
    status = HTTPStatus.BAD_REQUEST


class UnauthorizedError(AppError):
    status = HTTPStatus.UNAUTHORIZED


class ForbiddenError(AppError):
    status = HTTPStatus.FORBIDDEN


class NotFoundError(AppError):
    """The thing is not there, or not this caller's: the two answers are alike."""

    status = HTTPStatus.NOT_FOUND

    def __init__(self, what: str, id_: object) -> None:
        self.id = id_
        super().__init__(f"There is no {what} {id_}.")


class ConflictError(AppError):
    status = HTTPStatus.CONFLICT


class UnprocessableError(AppError):
    """The request is well formed and means nothing we can do."""

    status = HTTPStatus.UNPROCESSABLE_ENTITY

    def __init__(self, detail: str, pointer: str | None = None) -> None:
        self.pointer = pointer
        super().__init__(detail)


class PreconditionFailedError(AppError):
    status = HTTPStatus.PRECONDITION_FAILED

    def __init__(self) -> None:
        super().__init__("It has changed since it was read; read it again.")


class TooManyRequestsError(AppError):
    status = HTTPStatus.TOO_MANY_REQUESTS


class UnavailableError(AppError):
    """Something that the service stands on is away for now; whoever asks again may be served."""

    status = HTTPStatus.SERVICE_UNAVAILABLE
    headers = MappingProxyType({"Retry-After": "5"})


class DatabaseAwayError(UnavailableError):
    """
    The database cannot be reached, cannot work for now, or the connection was lost.

    With `may_have_committed` it was lost during the commit, of which nobody knows whether it was
    done.
    """

    def __init__(self, *, may_have_committed: bool = False) -> None:
        self.may_have_committed = may_have_committed
        done = "it may have been done, so look before you ask again" if may_have_committed else ""
        super().__init__(f"The database is away for a moment; {done or 'nothing was changed'}.")


class StorageAwayError(UnavailableError):
    """The bucket does not take or give anything for now."""


class AwsAwayError(UnavailableError):
    """A service of AWS that a request needs fails for now, and the request with it."""

    def __init__(self) -> None:
        super().__init__("A service that we need is away for a moment; nothing was changed.")


class SourceError(AppError):
    """A source did not answer as its documentation says."""

    status = HTTPStatus.BAD_GATEWAY


class SourceThrottledError(SourceError):
    """The source asks us to wait."""

    def __init__(self, source: str, retry_after_seconds: float) -> None:
        self.source = source
        self.retry_after_seconds = retry_after_seconds
        super().__init__(f"{source} asks to wait {retry_after_seconds:.0f} s.")


class SourceRefusedError(SourceError):
    """The source will not answer this search, now or later."""
