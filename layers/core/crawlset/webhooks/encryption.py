"""
The key that webhooks' secrets are encrypted with before they reach the database.

On AWS it is in KMS, where the API may encrypt and only the tick decrypt; on a laptop in a file.
Either way a secret is bound to its webhook: in another's row it cannot be read.
"""

import os
from functools import cache
from pathlib import Path
from typing import Protocol
from uuid import UUID

from crawlset.errors import UnprocessableError
from crawlset.kit import aws
from crawlset.settings import webhook_key_settings

NONCE_BYTES = 12


class UnreadableSecretError(Exception):
    """The secret was encrypted with another key, for another webhook, or is damaged."""

    def __init__(self) -> None:
        super().__init__("its secret cannot be decrypted; make the webhook anew")


class WebhooksOffError(UnprocessableError):
    def __init__(self) -> None:
        super().__init__(
            "This deployment has no webhooks; whoever runs it switches them on (WithWebhooks)."
        )


class SecretKey(Protocol):
    def encrypt(self, secret: bytes, webhook_id: UUID) -> bytes: ...

    def decrypt(self, encrypted_secret: bytes, webhook_id: UUID) -> bytes:
        """Raises `UnreadableSecretError`; a key that cannot be asked raises what it likes."""


class KmsKey:
    """
    A symmetric key in KMS; without an ARN none, where there are no webhooks.

    It encrypts up to 4,096 bytes and authenticates the context:
    https://docs.aws.amazon.com/kms/latest/cryptographic-details/encrypt-operation.html
    """

    def __init__(self, arn: str) -> None:
        self.arn = arn

    def encrypt(self, secret: bytes, webhook_id: UUID) -> bytes:
        if not self.arn:
            raise WebhooksOffError
        answer = aws.kms().encrypt(
            KeyId=self.arn, Plaintext=secret, EncryptionContext=_context(webhook_id)
        )
        return answer["CiphertextBlob"]

    def decrypt(self, encrypted_secret: bytes, webhook_id: UUID) -> bytes:
        if not self.arn:
            raise UnreadableSecretError
        client = aws.kms()
        try:
            answer = client.decrypt(
                KeyId=self.arn,
                CiphertextBlob=encrypted_secret,
                EncryptionContext=_context(webhook_id),
            )
        except (
            client.exceptions.IncorrectKeyException,
            client.exceptions.InvalidCiphertextException,
        ) as error:
            raise UnreadableSecretError from error
        return answer["Plaintext"]


class FileKey:
    """AES-256-GCM with the 32 bytes of a file; a nonce stands before what is encrypted."""

    def __init__(self, path: Path) -> None:
        # No layer has it: a laptop alone does without KMS.
        from cryptography.exceptions import InvalidTag  # noqa: PLC0415
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # noqa: PLC0415

        self._cipher = AESGCM(path.read_bytes())
        self._invalid = InvalidTag

    def encrypt(self, secret: bytes, webhook_id: UUID) -> bytes:
        nonce = os.urandom(NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, secret, webhook_id.bytes)

    def decrypt(self, encrypted_secret: bytes, webhook_id: UUID) -> bytes:
        nonce, encrypted = encrypted_secret[:NONCE_BYTES], encrypted_secret[NONCE_BYTES:]
        try:
            return self._cipher.decrypt(nonce, encrypted, webhook_id.bytes)
        except (self._invalid, ValueError) as error:
            raise UnreadableSecretError from error


@cache
def key() -> SecretKey:
    """The one that the settings name."""
    settings = webhook_key_settings()
    if settings.webhook_key_file:
        return FileKey(Path(settings.webhook_key_file))
    return KmsKey(settings.webhook_key_arn)


def _context(webhook_id: UUID) -> dict[str, str]:
    """CloudTrail logs it in clear, and an id may be read."""
    return {"webhook_id": str(webhook_id)}
