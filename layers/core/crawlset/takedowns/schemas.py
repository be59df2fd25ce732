import re
from datetime import datetime
from typing import Annotated, Self
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from crawlset.kit.texts import printable
from crawlset.models import Takedown, TakedownKind, TakedownStatus
from crawlset.urls.guard import MAX_URL_LENGTH, BlockedUrlError, spell_host
from crawlset.urls.spelling import web_host

MAX_GRACE_HOURS = 30 * 24
PHASH = re.compile(r"[0-9a-f]{16}")

Value = Annotated[str, Field(min_length=1, max_length=MAX_URL_LENGTH), AfterValidator(printable)]
Reason = Annotated[str, Field(max_length=1_000), AfterValidator(printable)]


class TakedownCreate(BaseModel):
    """What to remove: `value` says what; a look-alike may be named by `image_id` instead."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)

    kind: TakedownKind
    value: Annotated[
        Value | None,
        Field(
            description="A URL; a host, which stands for those below it too; a creator's name; "
            "or a perceptual hash of 16 hexadecimal digits"
        ),
    ] = None
    image_id: Annotated[
        int | None,
        Field(ge=1, description="For look_alike: an image of the project that was fetched"),
    ] = None
    max_distance: Annotated[
        int, Field(ge=0, le=16, strict=True, description="For look_alike: bits that may differ")
    ] = 8
    reason: Reason | None = None
    grace_hours: Annotated[
        int | None,
        Field(
            ge=0,
            le=MAX_GRACE_HOURS,
            strict=True,
            description="How long it can be revoked before the bytes are removed; 0: not at all; "
            "null: as long as this deployment usually waits",
        ),
    ] = None

    @model_validator(mode="after")
    def _value_suits_kind(self) -> Self:
        problem = _problem(self)
        if problem is not None:
            raise ValueError(problem)
        return self


class TakenExport(BaseModel):
    """An export whose files held images that were taken down; they are withheld, then removed."""

    model_config = ConfigDict(from_attributes=True)

    export_job_id: UUID
    crawl_job_id: UUID
    n_images: Annotated[int, Field(description="Images in it that were taken down")]
    exported_at: datetime | None


class TakedownPreview(BaseModel):
    """What a takedown would do now; nothing is changed."""

    n_images: Annotated[int, Field(description="Candidates that would become tombstones")]
    n_stored: Annotated[int, Field(description="How many of them are stored images")]
    n_bytes: Annotated[int, Field(description="Size of those stored")]
    n_jobs: Annotated[int, Field(description="Crawl jobs that have any")]
    n_exports: int
    exports: Annotated[
        list[TakenExport], Field(description="Exports of these jobs, a hundred at most")
    ]
    removes_at: Annotated[datetime, Field(description="When the bytes would go")]


class TakedownRead(BaseModel):
    id: UUID
    project_id: UUID
    kind: TakedownKind
    value: str
    max_distance: int | None
    reason: str | None
    status: Annotated[
        TakedownStatus,
        Field(
            description="hidden once nobody can see them; completed once the bytes are gone from "
            "the bucket; revoked once all is as it was"
        ),
    ]
    n_images: Annotated[int, Field(description="Candidates that became tombstones")]
    n_exports: int
    exports: Annotated[list[TakenExport], Field(description="The newest hundred")]
    created_at: datetime
    removes_at: Annotated[
        datetime | None, Field(description="Until then it can be revoked; then the bytes go")
    ]
    completed_at: datetime | None
    revoked_at: datetime | None

    @classmethod
    def of(cls, takedown: Takedown, exports: list[TakenExport], n_exports: int) -> Self:
        return cls(
            id=takedown.id,
            project_id=takedown.project_id,
            kind=takedown.kind,
            value=takedown.value,
            max_distance=takedown.max_distance,
            reason=takedown.reason,
            status=takedown.status,
            n_images=takedown.n_images,
            n_exports=n_exports,
            exports=exports,
            created_at=takedown.created_at,
            removes_at=takedown.removes_at,
            completed_at=takedown.completed_at,
            revoked_at=takedown.revoked_at,
        )


def _problem(request: TakedownCreate) -> str | None:
    value = (request.value or "").lower()
    is_look_alike = request.kind is TakedownKind.look_alike
    problems = {
        "image_id is for a look_alike": request.image_id is not None and not is_look_alike,
        "value is missing": not value and not is_look_alike,
        "a URL begins with http:// or https:// and has a host": (
            request.kind is TakedownKind.url and not web_host(value)
        ),
        "a host is a name such as example.org, without scheme, port and path": (
            request.kind is TakedownKind.host and not _is_host(value)
        ),
        "a look_alike has either a value or an image_id": (
            is_look_alike and bool(value) == (request.image_id is not None)
        ),
        "a perceptual hash has 16 hexadecimal digits": (
            is_look_alike and bool(value) and not PHASH.fullmatch(value)
        ),
    }
    return next((problem for problem, is_there in problems.items() if is_there), None)


def _is_host(text: str) -> bool:
    try:
        return "." in spell_host(text)
    except BlockedUrlError:
        return False
