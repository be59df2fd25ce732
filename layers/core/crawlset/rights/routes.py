from typing import Annotated, Any
from uuid import UUID

from aws_lambda_powertools.event_handler.openapi.params import Path, Query
from aws_lambda_powertools.event_handler.router import APIGatewayHttpRouter

from crawlset.images.repository import ImageRepository
from crawlset.kit.paging import MAX_BIGINT
from crawlset.rights.provenance import provenance
from crawlset.rights.repository import LedgerRepository, verdicts_of
from crawlset.rights.schemas import ProvenanceRead, SummaryRead
from crawlset.rights.summary import ProviderSize, summarise

router = APIGatewayHttpRouter()
TAGS: Any = ["rights"]


@router.get(
    "/api/projects/<project_id>/crawl-jobs/<job_id>/images/<image_id>/provenance",
    summary="Where a candidate comes from, what was said about using it, and what decided",
    tags=TAGS,
)
def get_provenance(
    project_id: UUID, job_id: UUID, image_id: Annotated[int, Path(ge=1, le=MAX_BIGINT)]
) -> ProvenanceRead:
    session = router.context["session"]
    job, image = ImageRepository(session).require(project_id, job_id, image_id)
    return provenance(job, image, verdicts_of(session, image))


@router.get(
    "/api/projects/<project_id>/summary",
    summary="Sections 2.3 and 3.1 of the EU's public summary of training content",
    tags=TAGS,
)
def get_summary(
    project_id: UUID,
    crawl_job_id: Annotated[UUID | None, Query()] = None,
    provider_size: Annotated[ProviderSize, Query()] = ProviderSize.other,
) -> SummaryRead:
    ledger = LedgerRepository(
        router.context["session"], router.context["user_id"], project_id, crawl_job_id
    )
    return summarise(ledger, provider_size)
