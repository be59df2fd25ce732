"""`crawlset webhooks`."""

from collections.abc import Sequence
from enum import StrEnum
from typing import Annotated

import typer
from rich.console import Console

from crawlset_client.api import Crawlset
from crawlset_client.api.webhooks import Delivery, Webhook
from crawlset_client.cli.completion import complete_deliveries, complete_webhooks
from crawlset_client.cli.running import AsJson, Yes, confirm_deletion, running
from crawlset_client.lookup import full_id
from crawlset_client.output import table

app = typer.Typer(
    name="webhooks", help="Webhooks: servers that are told of events.", no_args_is_help=True
)

WebhookId = Annotated[
    str,
    typer.Argument(
        metavar="ID", help="`crawlset webhooks list` shows it.", autocompletion=complete_webhooks
    ),
]


class Status(StrEnum):
    pending = "pending"
    delivered = "delivered"
    failed = "failed"


@app.command("list")
def list_webhooks(context: typer.Context, *, as_json: AsJson = False) -> None:
    """List your webhooks, newest first."""
    with running(context, as_json=as_json) as run, run.connect() as crawlset:
        found = list(crawlset.webhooks.list())
        document = {"items": [webhook.document for webhook in found]}
        run.output.result(document, lambda console: draw_webhooks(console, found))


@app.command()
def create(
    context: typer.Context,
    url: Annotated[str, typer.Argument(metavar="URL", help="https, and public.")],
    *,
    event: Annotated[
        list[str] | None,
        typer.Option(
            metavar="TYPE", help="Such as crawl_job.completed; can be repeated. All if not given."
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Have a server told of events; prints the secret, which is shown this once."""
    with running(context, as_json=as_json) as run, run.connect() as crawlset:
        made = crawlset.webhooks.create(url, event or ["*"])
        run.output.note(f"Webhook {made.id}. Keep the secret now: it is not shown again.")
        run.output.result(
            made.document,
            lambda console: console.print(made.secret, soft_wrap=True),
        )


@app.command()
def enable(context: typer.Context, webhook_id: WebhookId, *, as_json: AsJson = False) -> None:
    """Send to a disabled webhook again."""
    _switch(context, webhook_id, is_enabled=True, as_json=as_json)


@app.command()
def disable(context: typer.Context, webhook_id: WebhookId, *, as_json: AsJson = False) -> None:
    """Send it nothing more; what waits is given up."""
    _switch(context, webhook_id, is_enabled=False, as_json=as_json)


@app.command()
def delete(
    context: typer.Context, webhook_id: WebhookId, *, yes: Yes = False, as_json: AsJson = False
) -> None:
    """Delete a webhook with its deliveries."""
    with running(context, as_json=as_json) as run, run.connect() as crawlset:
        meant = _webhook_id(crawlset, webhook_id)
        confirm_deletion(f"webhook {meant} with its deliveries", yes=yes)
        crawlset.webhooks.delete(meant)
        run.output.result({"deleted": meant}, lambda console: console.print(f"deleted {meant}"))


@app.command()
def deliveries(
    context: typer.Context,
    webhook_id: WebhookId,
    *,
    status: Annotated[Status | None, typer.Option(help="Only those.")] = None,
    as_json: AsJson = False,
) -> None:
    """List what was sent or is to be sent, newest event first."""
    with running(context, as_json=as_json) as run, run.connect() as crawlset:
        found = list(
            crawlset.webhooks.list_deliveries(_webhook_id(crawlset, webhook_id), status=status)
        )
        document = {"items": [delivery.document for delivery in found]}
        run.output.result(document, lambda console: draw_deliveries(console, found))


@app.command()
def replay(
    context: typer.Context,
    webhook_id: WebhookId,
    delivery_id: Annotated[
        str, typer.Argument(metavar="DELIVERY", help="Its id.", autocompletion=complete_deliveries)
    ],
    *,
    as_json: AsJson = False,
) -> None:
    """Send an event again."""
    with running(context, as_json=as_json) as run, run.connect() as crawlset:
        webhook = _webhook_id(crawlset, webhook_id)
        sent = crawlset.webhooks.list_deliveries(webhook)
        listing = f"crawlset webhooks deliveries {webhook}"
        meant = full_id(delivery_id, sent, "delivery", listing)
        delivery = crawlset.webhooks.replay_delivery(webhook, meant)
        run.output.result(delivery.document, lambda console: draw_deliveries(console, [delivery]))


def _webhook_id(crawlset: Crawlset, given: str) -> str:
    return full_id(given, crawlset.webhooks.list(), "webhook", "crawlset webhooks list")


def _switch(context: typer.Context, webhook_id: str, *, is_enabled: bool, as_json: bool) -> None:
    with running(context, as_json=as_json) as run, run.connect() as crawlset:
        meant = _webhook_id(crawlset, webhook_id)
        webhook = crawlset.webhooks.enable(meant, is_enabled=is_enabled)
        run.output.result(webhook.document, lambda console: draw_webhooks(console, [webhook]))


def draw_webhooks(console: Console, webhooks: Sequence[Webhook]) -> None:
    rows = [
        (webhook.id, webhook.url, ", ".join(webhook.events), _state(webhook))
        for webhook in webhooks
    ]
    table(console, ("id", "url", "events", "state"), rows)


def draw_deliveries(console: Console, found: Sequence[Delivery]) -> None:
    rows = [
        (
            delivery.id,
            delivery.event.get("type", ""),
            delivery.status,
            delivery.n_attempts,
            delivery.last_detail,
        )
        for delivery in found
    ]
    table(console, ("id", "event", "status", "attempts", "last"), rows)


def _state(webhook: Webhook) -> str:
    return "enabled" if webhook.is_enabled else "disabled"
