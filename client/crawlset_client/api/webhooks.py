"""Webhooks and the deliveries they are sent."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from crawlset_client.api.connection import Resource, path_of
from crawlset_client.models import Record


class Webhook(Record, kw_only=True):
    id: str
    url: str
    events: list[str]
    is_enabled: bool
    created_at: datetime


class WebhookWithSecret(Webhook, kw_only=True):
    secret: str


class Delivery(Record, kw_only=True):
    id: str
    event: dict[str, Any]
    status: str
    n_attempts: int = 0
    next_attempt_at: datetime | None = None
    last_detail: str | None = None
    created_at: datetime


class Webhooks(Resource):
    """Addresses that are told of events."""

    def create(self, url: str, events: Sequence[str] = ("*",)) -> WebhookWithSecret:
        """Have `url` told of events. The secret that verifies them is never given again."""
        body = {"url": url, "events": list(events)}
        return self._connection.post_for_secret(WebhookWithSecret, "webhooks", body)

    def list(self) -> Iterator[Webhook]:
        """Webhooks, newest first."""
        return self._connection.list(Webhook, "webhooks")

    def enable(self, webhook_id: str, *, is_enabled: bool = True) -> Webhook:
        """Enable a webhook, or disable it and give up what waits to be sent."""
        path = path_of("webhooks", webhook_id)
        return self._connection.patch(Webhook, path, {"is_enabled": is_enabled})

    def delete(self, webhook_id: str) -> None:
        self._connection.delete(path_of("webhooks", webhook_id))

    def list_deliveries(self, webhook_id: str, *, status: str | None = None) -> Iterator[Delivery]:
        """Deliveries of a webhook, newest event first."""
        path = path_of("webhooks", webhook_id, "deliveries")
        return self._connection.list(Delivery, path, status=status)

    def replay_delivery(self, webhook_id: str, delivery_id: str) -> Delivery:
        """Have an event sent again, whatever became of it."""
        path = path_of("webhooks", webhook_id, "deliveries", delivery_id, "replay")
        return self._connection.post(Delivery, path)
