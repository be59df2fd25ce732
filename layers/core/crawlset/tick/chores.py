"""The tick: what the service does by itself, each minute, in bounded rounds."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from crawlset import outbox
from crawlset.accounts import failures, idempotency
from crawlset.crawls import lost_events, lost_messages, sweeping
from crawlset.estimates import probes
from crawlset.events import publishing
from crawlset.hosts import dispatching as host_checks
from crawlset.kit import db
from crawlset.models import FailedAuthentication, IdempotencyKey, SourceProbe, WebhookDelivery
from crawlset.observability import logger, metrics
from crawlset.pipeline import service as pipeline
from crawlset.schedules import firing
from crawlset.settings import crawling_settings
from crawlset.takedowns import resending
from crawlset.tick import folder_removals, orphans, purging
from crawlset.tick.repository import RoundRepository
from crawlset.uploads import removing as uploads
from crawlset.webhooks import dispatching

HALF_AN_HOUR = 30


def tick(*, requeue: bool = False) -> dict[str, Any]:
    """
    Run every chore, unless another tick is at it; gives what each has done.

    With `requeue` everything unfinished counts as stalled, and another tick is not waited for.
    """
    with db.single_statement() as session:
        is_alone = RoundRepository(session).lock()
    if not (is_alone or requeue):
        logger.info("tick_skipped")
        return {}
    try:
        return _run_chores(requeue=requeue)
    finally:
        if is_alone:
            with db.single_statement() as session:
                RoundRepository(session).unlock()


def _run_chores(*, requeue: bool) -> dict[str, Any]:
    """
    Run every chore; one that fails is logged and keeps none of the others back.

    The heartbeat metric is missing when any failed, which is what its alarm waits for.
    """
    chores: dict[str, Callable[[], Any]] = {
        "relay": outbox.relay,
        "schedules": firing.fire_due,
        "lost_events": lost_events.send_again,
        "lost_messages": lost_messages.send_again,
        "sweep": lambda: sweeping.sweep(everything=requeue),
        "pipeline": lambda: pipeline.sweep(everything=requeue),
        "exports": pipeline.expire_exports,
        "purges": purging.purge_due,
        "removals": folder_removals.remove_due,
        "uploads": uploads.remove_due,
        "takedowns": lambda: resending.resend_due(everything=requeue),
        "idempotency_keys": lambda: purging.forget_old(IdempotencyKey.created_at, idempotency.KEPT),
        "failed_authentications": lambda: purging.forget_old(
            FailedAuthentication.window_start, failures.KEPT
        ),
        "probes": lambda: purging.forget_old(SourceProbe.asked_at, probes.KEPT),
        "webhook_secrets": dispatching.encrypt_clear_secrets,
        "webhooks": dispatching.dispatch_due,
        "host_checks": host_checks.dispatch_due,
        "events": publishing.publish_new,
        "old_deliveries": lambda: purging.forget_old(WebhookDelivery.created_at, dispatching.KEPT),
        "relay_again": outbox.relay,
        "stray_uploads": lambda: _half_hourly(uploads.remove_strays),
        "orphans": lambda: _half_hourly(orphans.remove),
    }
    if not crawling_settings().crawling_enabled:
        del chores["lost_messages"]
    done: dict[str, Any] = {}
    for name, chore in chores.items():
        try:
            done[name] = chore()
        except Exception:  # noqa: BLE001 - whatever it is, the other chores go on
            logger.exception("chore_failed", chore=name)
    with db.transaction() as session:
        age = outbox.oldest_age_seconds(session)
    metrics.add_metric(name="OutboxAge", unit="Seconds", value=age)
    if len(done) == len(chores):
        metrics.add_metric(name="TickCompleted", unit="Count", value=1)
    logger.info("ticked", done=done, outbox_age_seconds=age)
    return done


def _half_hourly(chore: Callable[[datetime], int]) -> int:
    """Do what lists the bucket in the first minute of each half hour; otherwise nothing."""
    with db.transaction() as session:
        now = db.now(session)
    return chore(now) if now.minute % HALF_AN_HOUR == 0 else 0
