"""What a user may do with webhooks."""

from uuid import UUID

from sqlalchemy import func
from sqlalchemy.orm import Session

from crawlset.accounts.repository import AccountRepository
from crawlset.errors import ConflictError, NotFoundError, UnprocessableError
from crawlset.identity import private_hosts
from crawlset.kit.ids import new_id
from crawlset.models import Webhook, WebhookDelivery
from crawlset.urls.guard import BlockedUrlError, parse_url
from crawlset.webhooks import encryption, signing
from crawlset.webhooks.repository import DeliveryRepository, WebhookRepository
from crawlset.webhooks.schemas import WebhookCreate, WebhookUpdate

MAX_WEBHOOKS = 20


class TooManyWebhooksError(ConflictError):
    def __init__(self) -> None:
        super().__init__(f"An account has {MAX_WEBHOOKS} webhooks at most; delete one first.")


class WebhookDisabledError(ConflictError):
    def __init__(self, webhook: Webhook) -> None:
        super().__init__(f"Webhook {webhook.id} is disabled; enable it first.")


def create(session: Session, user_id: UUID, request: WebhookCreate) -> tuple[Webhook, str]:
    """
    A webhook and its secret, which is never shown again.

    Raises:
        UnprocessableError: an address that is never opened.
        TooManyWebhooksError: the account has as many as it may.
    """
    check_url(request.url)
    webhook_id, secret = new_id(), signing.new_secret()
    encrypted_secret = encryption.key().encrypt(secret, webhook_id)
    AccountRepository(session).lock_profile(user_id)
    if WebhookRepository(session).count(user_id) >= MAX_WEBHOOKS:
        raise TooManyWebhooksError
    webhook = Webhook(
        id=webhook_id,
        user_id=user_id,
        url=request.url,
        events=[*request.events],
        encrypted_secret=encrypted_secret,
    )
    session.add(webhook)
    session.flush()
    session.refresh(webhook)
    return webhook, signing.shown(secret)


def update(session: Session, webhook: Webhook, request: WebhookUpdate) -> None:
    """
    Raises:
        UnprocessableError: an address that is never opened.
    """
    given = request.model_fields_set
    if "url" in given:
        check_url(request.url)
        webhook.url = request.url
    if "events" in given:
        webhook.events = [*request.events]
    if "is_enabled" in given:
        webhook.is_enabled = request.is_enabled
        if not request.is_enabled:
            WebhookRepository(session).give_up(webhook.id)
    session.flush()
    session.refresh(webhook)


def replay(session: Session, webhook: Webhook, delivery_id: UUID) -> WebhookDelivery:
    """
    Have an event sent again, whatever became of it, from the first attempt on.

    Raises:
        NotFoundError: the webhook has no such delivery.
        WebhookDisabledError: nothing is sent there.
    """
    delivery = DeliveryRepository(session).get(webhook, delivery_id)
    if delivery is None:
        raise NotFoundError("delivery", delivery_id)
    if not webhook.is_enabled:
        raise WebhookDisabledError(webhook)
    delivery.n_attempts, delivery.delivered_at = 0, None
    delivery.next_attempt_at = func.now()
    session.flush()
    session.refresh(delivery)
    return delivery


def require(session: Session, user_id: UUID, webhook_id: UUID) -> Webhook:
    """
    Raises:
        NotFoundError: the user has no such webhook.
    """
    webhook = WebhookRepository(session).get(user_id, webhook_id)
    if webhook is None:
        raise NotFoundError("webhook", webhook_id)
    return webhook


def check_url(url: str) -> None:
    """
    Raises:
        UnprocessableError: the guard would refuse it, or it is not https.
    """
    try:
        target = parse_url(url, private_hosts())
    except BlockedUrlError as refusal:
        raise UnprocessableError(f"This URL is never opened: {refusal.reason}.", "/url") from None
    if target.scheme != "https" and not target.is_private:
        raise UnprocessableError("A webhook's URL begins with https://.", "/url")
