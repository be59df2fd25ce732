from datetime import UTC, datetime, timedelta
from typing import Annotated, Any
from uuid import UUID

from aws_lambda_powertools.event_handler.openapi.params import Query
from aws_lambda_powertools.event_handler.router import APIGatewayHttpRouter

from crawlset.images.repository import ImageFilter, ImageRepository
from crawlset.images.schemas import ContentRead, ImageRead
from crawlset.jobs.crawl_repository import require_crawl_job
from crawlset.kit import objects
from crawlset.kit.paging import Cursor, Order, Page, PageLimit, RowId, Sort, Word, decode_int
from crawlset.models import Image
from crawlset.outcomes import Change, ImageStatus, Outcome
from crawlset.packs.stored import require_stored

router = APIGatewayHttpRouter()
TAGS: Any = ["images"]
LINK_LIFETIME = timedelta(minutes=15)


@router.get(
    "/api/projects/<project_id>/crawl-jobs/<job_id>/images",
    summary="List candidates and what became of them",
    tags=TAGS,
)
def list_images(
    project_id: UUID,
    job_id: UUID,
    *,
    status: Annotated[ImageStatus | None, Query()] = None,
    outcome: Annotated[Outcome | None, Query()] = None,
    change: Annotated[Change | None, Query(description="What the last re-crawl found")] = None,
    keyword: Word = None,
    source: Word = None,
    sort: Sort = Order.oldest,
    limit: PageLimit = 20,
    cursor: Cursor = None,
) -> Page[ImageRead]:
    session = router.context["session"]
    job = require_crawl_job(session, project_id, job_id)
    wanted = ImageFilter(status, outcome, change, keyword, source)
    page = ImageRepository(session).list_page(job, wanted, decode_int(cursor), limit, sort)
    return Page.of(page, ImageRead.model_validate)


@router.get(
    "/api/projects/<project_id>/crawl-jobs/<job_id>/images/<image_id>",
    summary="Get one candidate",
    tags=TAGS,
)
def get_image(project_id: UUID, job_id: UUID, image_id: RowId) -> ImageRead:
    return ImageRead.model_validate(_require(project_id, job_id, image_id))


@router.get(
    "/api/projects/<project_id>/crawl-jobs/<job_id>/images/<image_id>/content",
    summary="Get a link to the stored bytes of an image",
    tags=TAGS,
)
def get_image_content(project_id: UUID, job_id: UUID, image_id: RowId) -> ContentRead:
    return _content_of(_require(project_id, job_id, image_id))


def _require(project_id: UUID, job_id: UUID, image_id: int) -> Image:
    repository = ImageRepository(router.context["session"])
    return repository.require(project_id, job_id, image_id)[1]


def _content_of(image: Image) -> ContentRead:
    """
    A link to its range of the pack, which opens no other range.

    Raises:
        ImageNotStoredError: there are no bytes of it.
    """
    stored = require_stored(image)
    headers = {"Range": f"bytes={stored.offset}-{stored.offset + stored.length - 1}"}
    return ContentRead(
        url=objects.presign_get(stored.pack_key, LINK_LIFETIME, **headers),
        headers=headers,
        file_size=stored.length,
        sha256=(image.sha256 or b"").hex(),
        expires_at=datetime.now(UTC) + LINK_LIFETIME,
    )
