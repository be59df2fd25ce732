from http import HTTPStatus
from typing import Annotated, Any
from uuid import UUID

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.params import Query
from aws_lambda_powertools.event_handler.router import APIGatewayHttpRouter

from crawlset.activity import logs
from crawlset.kit.http import require_match
from crawlset.kit.paging import Cursor, Page, PageLimit, decode_int, decode_uuid
from crawlset.models import Webhook
from crawlset.webhooks import service
from crawlset.webhooks.repository import DeliveryRepository, WebhookRepository
from crawlset.webhooks.schemas import (
    DeliveryRead,
    DeliveryStatus,
    WebhookCreate,
    WebhookCreated,
    WebhookRead,
    WebhookUpdate,
)

router = APIGatewayHttpRouter()
TAGS: Any = ["webhooks"]


@router.get("/api/webhooks", summary="List webhooks, newest first", tags=TAGS)
def list_webhooks(limit: PageLimit = 20, cursor: Cursor = None) -> Page[WebhookRead]:
    page = WebhookRepository(router.context["session"]).list_page(
        router.context["user_id"], decode_uuid(cursor), limit
    )
    return Page(
        items=[WebhookRead.model_validate(row) for row in page.rows], next_cursor=page.next_key
    )


@router.post(
    "/api/webhooks",
    summary="Be told of events; the secret is shown this once",
    tags=TAGS,
    status_code=HTTPStatus.CREATED,
)
@logs(router, "webhook.created")
def create_webhook(request: WebhookCreate) -> WebhookCreated:
    session = router.context["session"]
    webhook, secret = service.create(session, router.context["user_id"], request)
    return WebhookCreated.of(WebhookRead.model_validate(webhook), secret)


@router.get("/api/webhooks/<webhook_id>", summary="Get a webhook", tags=TAGS)
def get_webhook(webhook_id: UUID) -> WebhookRead:
    return WebhookRead.model_validate(_require(webhook_id))


@router.patch("/api/webhooks/<webhook_id>", summary="Change a webhook", tags=TAGS)
@logs(router, "webhook.updated", "webhook_id")
def update_webhook(webhook_id: UUID, request: WebhookUpdate) -> WebhookRead:
    webhook = _require_matched(webhook_id)
    service.update(router.context["session"], webhook, request)
    return WebhookRead.model_validate(webhook)


@router.delete(
    "/api/webhooks/<webhook_id>",
    summary="Delete a webhook with its deliveries",
    tags=TAGS,
    status_code=HTTPStatus.NO_CONTENT,
)
@logs(router, "webhook.deleted", "webhook_id")
def delete_webhook(webhook_id: UUID) -> Response[None]:
    router.context["session"].delete(_require_matched(webhook_id))
    return Response(status_code=HTTPStatus.NO_CONTENT)


@router.get(
    "/api/webhooks/<webhook_id>/deliveries",
    summary="List what was sent or is to be sent, newest event first",
    tags=TAGS,
)
def list_deliveries(
    webhook_id: UUID,
    *,
    status: Annotated[DeliveryStatus | None, Query()] = None,
    limit: PageLimit = 20,
    cursor: Cursor = None,
) -> Page[DeliveryRead]:
    webhook = _require(webhook_id)
    after = decode_int(cursor)
    page = DeliveryRepository(router.context["session"]).list_page(
        webhook, status, int(after) if after else None, limit
    )
    return Page(
        items=[DeliveryRead.model_validate(row) for row in page.rows], next_cursor=page.next_key
    )


@router.post(
    "/api/webhooks/<webhook_id>/deliveries/<delivery_id>/replay",
    summary="Send an event again",
    tags=TAGS,
)
@logs(router, "webhook_delivery.replayed", "delivery_id")
def replay_delivery(webhook_id: UUID, delivery_id: UUID) -> DeliveryRead:
    webhook = _require(webhook_id)
    delivery = service.replay(router.context["session"], webhook, delivery_id)
    return DeliveryRead.model_validate(delivery)


def _require(webhook_id: UUID) -> Webhook:
    return service.require(router.context["session"], router.context["user_id"], webhook_id)


def _require_matched(webhook_id: UUID) -> Webhook:
    webhook = _require(webhook_id)
    WebhookRepository(router.context["session"]).lock(webhook)
    require_match(router.current_event, WebhookRead.model_validate(webhook))
    return webhook
