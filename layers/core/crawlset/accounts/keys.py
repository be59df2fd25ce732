"""API keys: what a caller shows, and what is kept of it."""

import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime
from types import MappingProxyType

from crawlset.errors import UnauthorizedError

SHAPE = re.compile(r"cs_(?P<prefix>[0-9a-f]{12})_(?P<secret>[A-Za-z0-9_-]{43})")


class ApiKeyExpiredError(UnauthorizedError):
    headers = MappingProxyType({"WWW-Authenticate": 'Bearer error="invalid_token"'})

    def __init__(self, expired_at: datetime) -> None:
        self.expired_at = expired_at
        super().__init__(
            f"This API key expired at {expired_at.astimezone(UTC):%Y-%m-%d %H:%M UTC}."
        )


@dataclass(frozen=True, slots=True)
class ApiKeyText:
    """`cs_<prefix>_<secret>`: the prefix finds the row, the secret (32 random bytes) proves it."""

    prefix: str
    secret: str

    def __str__(self) -> str:
        return f"cs_{self.prefix}_{self.secret}"

    @property
    def digest(self) -> bytes:
        """SHA-256 of the secret: it is random, so a slow hash would add nothing."""
        return hashlib.sha256(self.secret.encode()).digest()

    def matches(self, digest: bytes) -> bool:
        return hmac.compare_digest(self.digest, digest)


def generate() -> ApiKeyText:
    return ApiKeyText(prefix=secrets.token_hex(6), secret=secrets.token_urlsafe(32))


def parse(header: str) -> ApiKeyText | None:
    """The key in an `Authorization: Bearer …` header, if it has the shape of one."""
    scheme, _, token = header.partition(" ")
    match = SHAPE.fullmatch(token.strip())
    if scheme.lower() != "bearer" or match is None:
        return None
    return ApiKeyText(**match.groupdict())
