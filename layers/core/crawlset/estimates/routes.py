from typing import Any
from uuid import UUID

from aws_lambda_powertools.event_handler.router import APIGatewayHttpRouter

from crawlset.crawls.schemas import CrawlJobCreate
from crawlset.estimates import service as estimating
from crawlset.estimates.schemas import EstimateRead

router = APIGatewayHttpRouter()
TAGS: Any = ["estimates"]


@router.post(
    "/api/projects/<project_id>/crawl-jobs/estimate",
    summary="Estimate what a crawl job will find, take and cost",
    tags=TAGS,
)
def estimate_crawl_job(project_id: UUID, request: CrawlJobCreate) -> EstimateRead:
    return estimating.estimate(
        router.context["session"], router.context["user_id"], project_id, request
    )
