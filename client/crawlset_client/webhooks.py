"""
Webhooks: one method a route.

    with Webhooks("http://127.0.0.1:8480", key) as crawlset:
        print(crawlset.create_webhook("https://hooks.example.org/", ["crawl_job.completed"]).secret)
"""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any
from urllib.parse import quote

from crawlset_client.api import Crawlset
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


class Webhooks(Crawlset):
    """The service, with what tells others of events."""

    def create_webhook(self, url: str, events: Sequence[str] = ("*",)) -> WebhookWithSecret:
        """
        Have `url` told of events. The secret that verifies them is never given again.

        It carries no Idempotency-Key: the service would keep the secret to repeat it.
        """
        body = {"url": url, "events": list(events)}
        return self._read(WebhookWithSecret, self._send("POST", "webhooks", json=body))

    def list_webhooks(self) -> Iterator[Webhook]:
        """Newest first."""
        return self._list(Webhook, "webhooks")

    def enable_webhook(self, webhook_id: str, *, is_enabled: bool = True) -> Webhook:
        """Or disable it: what waits to be sent is given up then."""
        response = self._send("PATCH", _webhook(webhook_id), json={"is_enabled": is_enabled})
        return self._read(Webhook, response)

    def delete_webhook(self, webhook_id: str) -> None:
        self._send("DELETE", _webhook(webhook_id))

    def list_deliveries(self, webhook_id: str, *, status: str | None = None) -> Iterator[Delivery]:
        """Newest event first."""
        return self._list(Delivery, f"{_webhook(webhook_id)}/deliveries", status=status)

    def replay_delivery(self, webhook_id: str, delivery_id: str) -> Delivery:
        """Have an event sent again, whatever became of it."""
        path = f"{_webhook(webhook_id)}/deliveries/{quote(delivery_id, safe='')}/replay"
        return self._post(Delivery, path)


def _webhook(webhook_id: str) -> str:
    return f"webhooks/{quote(webhook_id, safe='')}"
