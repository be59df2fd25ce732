from http import HTTPStatus
from typing import Any

from aws_lambda_powertools.event_handler.router import APIGatewayHttpRouter

from crawlset import activity
from crawlset.accounts import sessions
from crawlset.accounts.schemas import SessionCreated
from crawlset.kit import db

router = APIGatewayHttpRouter()
TAGS: Any = ["account"]


@router.post(
    "/api/session",
    summary="Exchange an identity provider's access token for an API key of an hour",
    tags=TAGS,
    status_code=HTTPStatus.CREATED,
)
def create_session() -> SessionCreated:
    authorizer = router.current_event.raw_event["requestContext"].get("authorizer", {})
    with db.transaction() as session:
        key, text = sessions.open_session(session, authorizer.get("jwt", {}).get("claims", {}))
        activity.note(
            session,
            key.user_id,
            "session.created",
            key.id,
            request_id=router.current_event.request_context.request_id,
        )
        return SessionCreated(
            user_id=key.user_id, key=text, scopes=key.scopes, expires_at=key.expires_at
        )
