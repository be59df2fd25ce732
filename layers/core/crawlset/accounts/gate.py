"""What each request of a caller passes: its scope, its allowance, and one transaction."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response
from aws_lambda_powertools.event_handler.middlewares import NextMiddleware

from crawlset.accounts import allowance, authorizer, edge, idempotency, waking
from crawlset.accounts.failures import FailuresExceededError
from crawlset.accounts.keys import ApiKeyExpiredError
from crawlset.errors import ConflictError, DatabaseAwayError, ForbiddenError
from crawlset.kit import db
from crawlset.observability import logger

READ_METHODS = frozenset({"GET", "HEAD"})
ADMIN_PATHS = ("/api/api-keys", "/api/webhooks")
"""Whoever may make keys may do everything, and a webhook is told of everything."""


class MissingScopeError(ForbiddenError):
    def __init__(self, scope: str) -> None:
        super().__init__(f"This API key lacks the scope {scope!r}.")


class PassedByTheEdgeError(ForbiddenError):
    def __init__(self) -> None:
        super().__init__("This API is asked at the address of its edge only.")


class UnknownApiKeyError(ForbiddenError):
    def __init__(self) -> None:
        super().__init__("This API key is not known, or was revoked.")


def once_more(app: APIGatewayHttpResolver, next_middleware: NextMiddleware) -> Response[Any]:
    """
    Answer again, from the start, if the database was lost and nothing can come of it twice.

    Raises:
        DatabaseAwayError: it stays away, or the request may have been carried out.
    """
    try:
        return next_middleware(app)
    except DatabaseAwayError as away:
        event = app.current_event
        is_safe = event.http_method in READ_METHODS or idempotency.asked(event) is not None
        if away.may_have_committed and not is_safe:
            raise
        logger.warning("database_lost", error=repr(away.__cause__))
    return next_middleware(app)


def as_caller(app: APIGatewayHttpResolver, next_middleware: NextMiddleware) -> Response[Any]:
    """
    Answer in one transaction of the caller that the authorizer named. An open route has no caller.

    Raises:
        ApiKeyExpiredError: the key was good once.
        UnknownApiKeyError: the authorizer could not look, and there is no such key.
        FailuresExceededError: the key is not known, and many from its address were not.
        MissingScopeError: the key is not for this.
        TooManyRequestsError: the minute's requests are used up.
        IdempotencyKeyReusedError: the key was sent with another request before.
    """
    caller = _caller(app)
    if not caller:
        return next_middleware(app)
    user_id = UUID(caller["user_id"])
    headers = _admit(app, user_id, caller)
    asked = idempotency.asked(app.current_event)
    app.append_context(user_id=user_id, key_id=caller["key_id"])
    response = _answer(app, next_middleware, user_id, asked)
    response.headers.update(headers)
    return response


def admit(app: APIGatewayHttpResolver, next_middleware: NextMiddleware) -> Response[Any]:
    """
    Middleware like `as_caller` for a route that reads and does slow things outside a transaction.

    Raises:
        ApiKeyExpiredError, UnknownApiKeyError, FailuresExceededError: as there.
        MissingScopeError, TooManyRequestsError: as there.
    """
    caller = _caller(app)
    user_id = UUID(caller["user_id"])
    headers = _admit(app, user_id, caller)
    app.append_context(user_id=user_id)
    response = next_middleware(app)
    response.headers.update(headers)
    return response


def _caller(app: APIGatewayHttpResolver) -> dict[str, str]:
    """
    What the authorizer says, or would have said if it had reached the database.

    Nothing for an open route.

    Raises:
        ApiKeyExpiredError: it says so, or the key has expired since: the gateway keeps its answer.
        FailuresExceededError: it says so.
        PassedByTheEdgeError: the gateway keeps its answer, whichever way the next request comes.
        UnknownApiKeyError: it could not look, and there is no such key.
    """
    event = app.current_event
    if edge.source_ip(event.headers, event.request_context.http.source_ip) is None:
        raise PassedByTheEdgeError
    caller: dict[str, str] = (
        event.raw_event["requestContext"].get("authorizer", {}).get("lambda") or {}
    )
    if authorizer.NOT_LOOKED_UP in caller:
        found = authorizer.look_up(
            event.headers.get("authorization", ""),
            caller.get(authorizer.SOURCE_IP, event.request_context.http.source_ip),
        )
        if found is None:
            raise UnknownApiKeyError
        caller = found
    if "expired_at" in caller:
        raise ApiKeyExpiredError(datetime.fromisoformat(caller["expired_at"]))
    if "limited_until" in caller:
        raise FailuresExceededError(datetime.fromisoformat(caller["limited_until"]))
    if "expires_at" in caller:
        expires_at = datetime.fromisoformat(caller["expires_at"])
        if expires_at <= datetime.now(UTC):
            raise ApiKeyExpiredError(expires_at)
    return caller


def _admit(app: APIGatewayHttpResolver, user_id: UUID, caller: dict[str, str]) -> dict[str, str]:
    """The headers that tell what is left of the minute's allowance."""
    event = app.current_event
    _require_scope(event.http_method, event.path, caller["scopes"].split())
    headers = allowance.take(user_id)
    app.append_context(headers=headers)
    return headers


def _answer(
    app: APIGatewayHttpResolver,
    next_middleware: NextMiddleware,
    user_id: UUID,
    asked: idempotency.Asked | None,
) -> Response[Any]:
    if asked is not None and (kept := idempotency.replay(user_id, asked)) is not None:
        return kept
    if app.current_event.http_method not in READ_METHODS:
        waking.note_writing()
    try:
        with db.transaction(user_id) as session:
            app.append_context(session=session)
            response = next_middleware(app)
            if asked is not None:
                idempotency.keep(session, user_id, asked, response)
            return response
    except ConflictError:  # perhaps with the same request, answered meanwhile
        kept = idempotency.replay(user_id, asked) if asked is not None else None
        if kept is None:
            raise
        return kept


def _require_scope(method: str, path: str, scopes: list[str]) -> None:
    needed = "read" if method in READ_METHODS else "write"
    if path.startswith(ADMIN_PATHS):
        needed = "admin"
    if needed not in scopes:
        raise MissingScopeError(needed)
