"""The account's log: a row for each change, in the transaction that made it."""

from collections.abc import Callable
from functools import wraps
from typing import Any
from uuid import UUID

from aws_lambda_powertools.event_handler.router import APIGatewayHttpRouter
from sqlalchemy.orm import Session

from crawlset.kit import db
from crawlset.models import ActivityLog

ACTIONS: dict[Callable[..., Any], tuple[str, str]] = {}
"""Action of each route that changes something, and the name of its resource's id."""


def logs[**P, Answer](
    router: APIGatewayHttpRouter, action: str, id_name: str = "id"
) -> Callable[[Callable[P, Answer]], Callable[P, Answer]]:
    """
    Decorate a route that does `action`, such as `crawl_job.cancelled`, and logs it when it is done.

    The resource's id is the route's argument `id_name`, or else the field `id_name` of its answer.
    """

    def decorate(route: Callable[P, Answer]) -> Callable[P, Answer]:
        @wraps(route)
        def logged(*args: P.args, **kwargs: P.kwargs) -> Answer:
            answer = route(*args, **kwargs)
            resource_id: Any = kwargs.get(id_name) or getattr(answer, id_name)
            said = router.context
            note(
                said["session"],
                said["user_id"],
                action,
                resource_id,
                request_id=router.current_event.request_context.request_id,
                key_id=said["key_id"],
            )
            return answer

        ACTIONS[logged] = (action, id_name)
        return logged

    return decorate


def note(
    session: Session, user_id: UUID, action: str, resource_id: UUID, **metadata: str | None
) -> None:
    """Add a row to the log, with the next statement."""
    db.insert_ahead(
        session,
        ActivityLog,
        user_id=user_id,
        action=action,
        resource_type=action.partition(".")[0],
        resource_id=resource_id,
        metadata_=metadata,
    )
