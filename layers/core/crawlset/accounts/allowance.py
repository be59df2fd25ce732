"""Requests a minute: counted in the database, so that it holds whichever function answers."""

from uuid import UUID

from crawlset.accounts.repository import AccountRepository
from crawlset.errors import TooManyRequestsError
from crawlset.kit import db


class RequestsExceededError(TooManyRequestsError):
    def __init__(self, max_requests: int, headers: dict[str, str], seconds_left: int) -> None:
        self.headers = headers | {"Retry-After": str(seconds_left)}
        super().__init__(
            f"This account may make {max_requests} requests a minute; wait {seconds_left} s."
        )


def take(user_id: UUID) -> dict[str, str]:
    """
    Count one request, and give the headers that tell what is left (draft-ietf-httpapi-ratelimit).

    By itself: requests of one account must not wait for each other's work.

    Raises:
        AccountGoneError: there is no such user any more.
        RequestsExceededError: none is left until the minute ends.
    """
    with db.single_statement() as session:
        row = AccountRepository(session).count_request(user_id)
    n_left = max(0, row.max_requests - row.n_requests)
    headers = {
        "RateLimit-Policy": f'"requests";q={row.max_requests};w=60',
        "RateLimit": f'"requests";r={n_left};t={row.seconds_left}',
    }
    if row.n_requests > row.max_requests:
        raise RequestsExceededError(row.max_requests, headers, row.seconds_left)
    return headers
