from typing import Annotated, Any
from uuid import UUID

from aws_lambda_powertools.event_handler.openapi.params import Query
from aws_lambda_powertools.event_handler.router import APIGatewayHttpRouter
from pydantic import AfterValidator, StringConstraints

from crawlset.finding.schemas import NearestImages
from crawlset.kit.fields import printable
from crawlset.kit.paging import MAX_BIGINT
from crawlset.wire.texts import MAX_TEXT

TAGS: Any = ["finding"]
Text = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=MAX_TEXT),
    AfterValidator(printable),
]


def build_router() -> APIGatewayHttpRouter:
    """For two functions: one answers, the other has the route in its document."""
    router = APIGatewayHttpRouter()

    @router.get(
        "/api/projects/<project_id>/crawl-jobs/<job_id>/nearest-images",
        summary="Find stored images by a text, or by another image",
        tags=TAGS,
    )
    def find_nearest_images(
        project_id: UUID,
        job_id: UUID,
        *,
        text: Annotated[
            Text | None,
            Query(description="Words about what they show; needs towers, see docs/measurers.md"),
        ] = None,
        like: Annotated[
            int | None, Query(ge=1, le=MAX_BIGINT, description="Id of an image of the same job")
        ] = None,
        measurer: Annotated[
            str | None,
            Query(
                min_length=1,
                max_length=100,
                description="Measurer of the vectors that `like` compares; relevance if not given",
            ),
        ] = None,
        limit: Annotated[int, Query(ge=1, le=100, description="Images at most")] = 20,
    ) -> NearestImages:
        from crawlset.finding import service  # noqa: PLC0415 - nothing for the other function

        question = service.Question(text, like, measurer, limit)
        left = router.lambda_context.get_remaining_time_in_millis
        return service.nearest(
            router.context["user_id"],
            project_id,
            job_id,
            question,
            seconds_left=lambda: left() / 1_000,
        )

    return router
