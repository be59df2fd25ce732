from datetime import UTC, datetime
from typing import Annotated, Literal, Self
from uuid import UUID

from pydantic import AfterValidator, BaseModel, Field

from crawlset.kit.fields import Instant, Name, RequestBody, RowRead

Scope = Literal["read", "write", "admin"]
LAST_YEAR = datetime(9999, 1, 1, tzinfo=UTC)
"""Latest expiry that Python can represent in any time zone; PostgreSQL allows later ones."""


def _each_once(scopes: list[Scope]) -> list[Scope]:
    if len(set(scopes)) < len(scopes):
        message = "a scope is named twice"
        raise ValueError(message)
    return scopes


class ProfileUpdate(RequestBody):
    name: Name = ""


class Quotas(RowRead):
    max_active_jobs: Annotated[int, Field(description="Crawl jobs pending or running at once")]
    max_images_per_job: int
    max_stored_bytes: Annotated[int, Field(description="No job starts beyond it")]
    max_requests_per_minute: int


class Usage(RowRead):
    active_jobs: int
    stored_bytes: Annotated[int, Field(description="Packs and files of exports in the bucket")]
    n_projects: int


class ProjectInProfile(RowRead):
    id: UUID
    name: str


class ProfileRead(BaseModel):
    """The account with its newest projects; `projects_url` lists them all."""

    id: UUID
    email: str
    name: str
    quotas: Quotas
    usage: Usage
    projects: list[ProjectInProfile]
    projects_url: str = "/api/projects"
    created_at: datetime
    updated_at: datetime


class ApiKeyCreate(RequestBody):
    name: Name
    scopes: Annotated[list[Scope], Field(min_length=1), AfterValidator(_each_once)]
    expires_at: (
        Annotated[Instant, Field(lt=LAST_YEAR, description="When it expires; null: never")] | None
    ) = None


class ApiKeyRead(RowRead):
    id: UUID
    name: str
    prefix: Annotated[str, Field(description="The key begins with cs_ and this")]
    scopes: list[str]
    expires_at: datetime | None
    revoked_at: datetime | None
    last_used_at: Annotated[datetime | None, Field(description="To five minutes")]
    created_at: datetime


class ApiKeyCreated(ApiKeyRead):
    key: Annotated[str, Field(description="Shown this once: only a hash of it is kept")]

    @classmethod
    def of(cls, read: ApiKeyRead, key: str) -> Self:
        return cls(**read.model_dump(), key=key)


class SessionCreated(BaseModel):
    user_id: UUID
    key: Annotated[str, Field(description="Send it as a bearer token; shown this once")]
    scopes: list[str]
    expires_at: datetime | None
