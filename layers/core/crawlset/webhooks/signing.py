"""Secrets and signatures of https://www.standardwebhooks.com."""

import base64
import secrets
from datetime import datetime

from standardwebhooks import Webhook

SECRET_BYTES = 32


def new_secret() -> bytes:
    return secrets.token_bytes(SECRET_BYTES)


def shown(secret: bytes) -> str:
    """Give the secret in the form that receivers' libraries take."""
    return f"whsec_{base64.b64encode(secret).decode()}"


def headers(secret: bytes, message_id: str, at: datetime, body: str) -> dict[str, str]:
    """
    Headers to send with `body`.

    `message_id` is the same at each attempt, for the receiver to know a repetition by; `at`, in
    UTC, is the attempt's own: receivers refuse what is minutes old.
    """
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": Webhook(secret).sign(message_id, at, body),
    }
