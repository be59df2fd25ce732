"""
The caller's account: one method a route.

    with Accounts("http://127.0.0.1:8480", key) as crawlset:
        print(crawlset.create_api_key("ci", ["read"]).key)
"""

from collections.abc import Iterator, Sequence
from datetime import datetime
from urllib.parse import quote

from crawlset_client.api import Crawlset
from crawlset_client.models import Record


class Quotas(Record, kw_only=True):
    max_active_jobs: int
    max_images_per_job: int
    max_stored_bytes: int
    max_requests_per_minute: int


class Usage(Record, kw_only=True):
    active_jobs: int
    stored_bytes: int
    n_projects: int


class Profile(Record, kw_only=True):
    id: str
    email: str
    name: str
    quotas: Quotas
    usage: Usage


class ApiKey(Record, kw_only=True):
    id: str
    name: str
    prefix: str
    scopes: list[str]
    expires_at: datetime | None = None
    revoked_at: datetime | None = None
    last_used_at: datetime | None = None
    created_at: datetime


class ApiKeyWithText(ApiKey, kw_only=True):
    key: str


class Accounts(Crawlset):
    """The service, with what an account may change of itself."""

    def get_profile(self) -> Profile:
        return self._get(Profile, "profile")

    def update_profile(self, name: str) -> Profile:
        return self._read(Profile, self._send("PATCH", "profile", json={"name": name}))

    def list_api_keys(self) -> Iterator[ApiKey]:
        """Newest first, with those that open nothing any more."""
        return self._list(ApiKey, "api-keys")

    def create_api_key(
        self, name: str, scopes: Sequence[str], *, expires_at: datetime | None = None
    ) -> ApiKeyWithText:
        """
        Make a key, whose text is never given again.

        It carries no Idempotency-Key: the service would keep the text to repeat it.
        """
        body = {"name": name, "scopes": list(scopes)}
        if expires_at is not None:
            body["expires_at"] = expires_at.isoformat()
        return self._read(ApiKeyWithText, self._send("POST", "api-keys", json=body))

    def revoke_api_key(self, key_id: str) -> None:
        """Let the key open nothing, within a minute."""
        self._send("DELETE", f"api-keys/{quote(key_id, safe='')}")
