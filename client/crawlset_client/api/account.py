"""The caller's account: profile and API keys."""

from collections.abc import Iterator, Sequence
from datetime import datetime

from crawlset_client.api.connection import Resource, path_of
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


class Account(Resource):
    """The account that the API key belongs to."""

    def get_profile(self) -> Profile:
        return self._connection.get(Profile, "profile")

    def update_profile(self, name: str) -> Profile:
        return self._connection.patch(Profile, "profile", {"name": name})


class Keys(Resource):
    """API keys of the account."""

    def list(self) -> Iterator[ApiKey]:
        """Keys, newest first, with those that open nothing any more."""
        return self._connection.list(ApiKey, "api-keys")

    def create(
        self, name: str, scopes: Sequence[str], *, expires_at: datetime | None = None
    ) -> ApiKeyWithText:
        """Make a key, whose text is never given again."""
        body = {"name": name, "scopes": list(scopes)}
        if expires_at is not None:
            body["expires_at"] = expires_at.isoformat()
        return self._connection.post_for_secret(ApiKeyWithText, "api-keys", body)

    def revoke(self, key_id: str) -> None:
        """Let the key open nothing, within a minute."""
        self._connection.delete(path_of("api-keys", key_id))
