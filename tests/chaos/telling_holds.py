"""What must hold of what is told: events, webhooks, and answers."""

import json
from collections import defaultdict
from collections.abc import Iterator
from http import HTTPStatus
from itertools import pairwise
from typing import Any

from standardwebhooks import Webhook as Verifier
from standardwebhooks.webhooks import WebhookVerificationError

from tests.chaos.memory import Answer
from tests.chaos.view import View

AFTER: dict[str, set[str]] = {
    "created": {"running", "completed", "failed", "cancelled"},
    "running": {"completed", "failed", "cancelled"},
    "completed": {"reopened"},
    "failed": {"reopened"},
    "cancelled": {"reopened"},
    "reopened": {"completed", "failed", "cancelled"},
}
"""What may happen next to a crawl, validation or export job; an end ends the latter two."""

GATEWAYS_OWN = {"ServiceUnavailableError", "GatewayTimeoutError"}
"""Codes with which the gateway answers for an API that is not there."""


def events_are_complete_and_in_order(view: View) -> Iterator[str]:
    """What happened to each job leads from its creation to the status that its row has."""
    by_resource: dict[str, list[str]] = defaultdict(list)
    for event in view.rows(
        "SELECT type, data ->> 'id' AS of FROM job_events ORDER BY transaction_id, id"
    ):
        by_resource[event["of"]].append(event["type"].partition(".")[2])
    for table in ("crawl_jobs", "validation_jobs", "export_jobs"):
        for row in view.rows(f"SELECT id::text, status FROM {table}"):
            happened = by_resource[row["id"]]
            end = "running" if happened[-1:] == ["reopened"] else happened[-1:]
            is_told = end in (row["status"], [row["status"]]) or (
                row["status"] == "pending" and happened == ["created"]
            )
            if happened[:1] != ["created"] or not is_told:
                yield f"{row['status']} {row['id']} of {table}: {happened}"
            if wrong := [(a, b) for a, b in pairwise(happened) if b not in AFTER[a]]:
                yield f"{row['id']} of {table} went {wrong[0][0]} -> {wrong[0][1]}"
    # A chunk of what is refused when it is planned is made completed, and nothing happens to it.
    for row in view.rows(
        "SELECT id::text FROM job_chunks WHERE status = 'completed' AND finished_at > created_at"
    ):
        if by_resource[row["id"]].count("completed") != 1:
            yield f"chunk {row['id']} is told {by_resource[row['id']]}"


def webhooks_are_told_of_every_event(view: View) -> Iterator[str]:
    """Each event that a webhook wants has arrived there, signed with its secret."""
    received: dict[str, list[Any]] = defaultdict(list)
    for one in view.world.receiver.received:
        received[one.headers["webhook-id"]].append(one)
    for row in view.rows(
        "SELECT e.id, e.type, w.id AS webhook_id FROM job_events e JOIN webhooks w"
        " ON w.user_id = e.user_id AND e.type = ANY (w.events) AND w.is_enabled"
        " AND e.created_at > w.created_at"
        " LEFT JOIN webhook_deliveries d ON d.webhook_id = w.id AND d.event_id = e.id"
        " WHERE d.id IS NULL"
    ):
        yield f"{row['type']} {row['id']} was never to be told to {row['webhook_id']}"
    for row in view.rows(
        "SELECT id::text, webhook_id::text, event, n_attempts, delivered_at, last_detail"
        " FROM webhook_deliveries"
    ):
        arrived = received[row["id"]]
        if row["delivered_at"] is None or not arrived:
            yield (
                f"delivery {row['id']}: {len(arrived)} of {row['n_attempts']} attempts arrived;"
                f" {row['last_detail']}"
            )
        elif not any(
            _is_told(one, view.memory.webhooks.get(row["webhook_id"]), row) for one in arrived
        ):
            yield f"delivery {row['id']} arrived with another event or signature"


def _is_told(one: Any, webhook: dict[str, Any] | None, row: dict[str, Any]) -> bool:
    """No `webhook` stands for one whose answer came too late: nobody knows its secret."""
    if webhook is not None:
        try:
            Verifier(webhook["secret"]).verify(one.body, one.headers)
        except WebhookVerificationError:
            return False
    return bool(json.loads(one.body) == row["event"])


def answers_are_none_of_500(view: View) -> Iterator[str]:
    """
    An answer of 5xx is a 503 that says when to ask again.

    The gateway's own answers count only where nothing had happened to what it asks: API Gateway's
    are as they are.
    """
    for answer in view.memory.answers:
        if answer.status < HTTPStatus.INTERNAL_SERVER_ERROR:
            continue
        is_polite = answer.status == HTTPStatus.SERVICE_UNAVAILABLE and answer.retry_after
        if not is_polite and not (answer.code in GATEWAYS_OWN and _was_broken(view, answer)):
            yield f"{answer.request}: {answer.status} {answer.code[:120]}"


def _was_broken(view: View, answer: Answer) -> bool:
    return any(begin <= answer.at <= end for begin, end in view.memory.spans)
