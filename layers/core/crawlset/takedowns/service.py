"""What a user may do with takedowns."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from uuid import UUID

from sqlalchemy import func
from sqlalchemy.orm import Session

from crawlset import outbox
from crawlset.errors import ConflictError, NotFoundError, UnprocessableError
from crawlset.kit import db
from crawlset.kit.ids import new_id
from crawlset.models import REVOKED, Takedown, TakedownKind
from crawlset.observability import logger
from crawlset.projects.repository import ProjectRepository
from crawlset.settings import takedown_settings
from crawlset.takedowns import previewing
from crawlset.takedowns.messages import message_of
from crawlset.takedowns.repository import TakedownRepository
from crawlset.takedowns.schemas import (
    TakedownCreate,
    TakedownPreview,
    TakedownRead,
    TakenExport,
)
from crawlset.urls.spelling import plain_host

MAX_TAKEDOWNS = 10_000
"""Takedowns of a project: each of its candidates is held against all of them."""
EXPORTS_SHOWN = 100
SIGN_BIT = 1 << 63


class TooManyTakedownsError(ConflictError):
    def __init__(self) -> None:
        super().__init__(f"A project has {MAX_TAKEDOWNS:,} takedowns at most.")


class TakedownGraceOverError(ConflictError):
    def __init__(self, takedown: Takedown) -> None:
        ended = "it had none"
        if takedown.removes_at is not None and takedown.removes_at > takedown.created_at:
            ended = f"that ended at {takedown.removes_at:%Y-%m-%d %H:%M} UTC"
        super().__init__(
            f"Takedown {takedown.id} can be revoked within its grace only, and {ended}."
        )


class NoHashError(UnprocessableError):
    def __init__(self, image_id: int) -> None:
        super().__init__(f"Image {image_id} was never decoded: it has no hash.", "/image_id")


def create(session: Session, user_id: UUID, project_id: UUID, request: TakedownCreate) -> Takedown:
    """
    From here on nothing that it means is stored in the project; what is there is hidden soon, and
    its bytes go once the grace is over.

    Raises:
        NotFoundError: the caller has no such project, or the project no such image.
        NoHashError: the image has no perceptual hash.
        TooManyTakedownsError: the project has as many as it may.
    """
    ProjectRepository(session).lock(user_id, project_id)
    if TakedownRepository(session).count(project_id) >= MAX_TAKEDOWNS:
        raise TooManyTakedownsError
    takedown = _drafted(session, user_id, project_id, request)
    takedown.removes_at = func.now() + _grace(request)
    session.add(takedown)
    session.flush()
    session.refresh(takedown)
    outbox.post(session, [message_of(takedown)])
    logger.info("takedown_created", takedown_id=str(takedown.id), kind=takedown.kind)
    return takedown


def revoke(session: Session, takedown: Takedown) -> None:
    """
    Take it back: from here on it keeps nothing out, and what it hides comes back soon.

    Revoked once more it stays as it is.

    Raises:
        TakedownGraceOverError: its images are being removed, or were.
    """
    if TakedownRepository(session).revoke(takedown.id):
        outbox.post(session, [message_of(takedown)])
        logger.info("takedown_revoking", takedown_id=str(takedown.id))
    session.refresh(takedown)
    if takedown.status not in REVOKED:
        raise TakedownGraceOverError(takedown)


def require(session: Session, project_id: UUID, takedown_id: UUID) -> Takedown:
    """
    Raises:
        NotFoundError: the caller's project has no such takedown.
    """
    takedown = TakedownRepository(session).get(project_id, takedown_id)
    if takedown is None:
        raise NotFoundError("takedown", takedown_id)
    return takedown


def read(session: Session, takedowns: Sequence[Takedown]) -> list[TakedownRead]:
    exports = TakedownRepository(session).exports_of(
        [takedown.id for takedown in takedowns], EXPORTS_SHOWN
    )
    reads = []
    for takedown in takedowns:
        listed, n_exports = exports.get(takedown.id, ([], 0))
        shown = [TakenExport.model_validate(row) for row in listed]
        reads.append(TakedownRead.of(takedown, shown, n_exports))
    return reads


def preview(
    session: Session, user_id: UUID, project_id: UUID, request: TakedownCreate
) -> TakedownPreview:
    """
    What `create` would do with this request.

    Raises:
        NotFoundError, NoHashError: as `create`.
    """
    ProjectRepository(session).require(user_id, project_id)
    drafted = _drafted(session, user_id, project_id, request)
    with db.showing_deleted(session):  # what is deleted may be restored
        meant = previewing.preview(session, drafted)
    exports = sorted(meant.exports, key=lambda export: export.export_job_id, reverse=True)
    return TakedownPreview(
        n_images=meant.n_images,
        n_stored=meant.n_stored,
        n_bytes=meant.n_bytes,
        n_jobs=meant.n_jobs,
        n_exports=len(exports),
        exports=exports[:EXPORTS_SHOWN],
        removes_at=datetime.now(UTC) + _grace(request),
    )


def _drafted(
    session: Session, user_id: UUID, project_id: UUID, request: TakedownCreate
) -> Takedown:
    value, phashes = _meant(session, project_id, request)
    is_look_alike = request.kind is TakedownKind.look_alike
    return Takedown(
        id=new_id(),
        user_id=user_id,
        project_id=project_id,
        kind=request.kind,
        value=value,
        phashes=phashes,
        max_distance=request.max_distance if is_look_alike else None,
        reason=request.reason,
    )


def _grace(request: TakedownCreate) -> timedelta:
    hours = request.grace_hours
    return timedelta(hours=takedown_settings().takedown_grace_hours if hours is None else hours)


def _meant(
    session: Session, project_id: UUID, request: TakedownCreate
) -> tuple[str, list[int] | None]:
    """The value to keep, and the hashes of a look-alike."""
    if request.image_id is not None:
        image = TakedownRepository(session).image_of(project_id, request.image_id)
        if image is None:
            raise NotFoundError("image", request.image_id)
        if not image.phashes:
            raise NoHashError(request.image_id)
        return f"{image.phashes[0] % (1 << 64):016x}", list(image.phashes)
    value = request.value or ""
    if request.kind is TakedownKind.look_alike:
        return value.lower(), [(int(value, 16) ^ SIGN_BIT) - SIGN_BIT]
    return (plain_host(value) if request.kind is TakedownKind.host else value), None
