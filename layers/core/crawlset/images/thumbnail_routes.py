import base64
from http import HTTPStatus
from typing import Annotated, Any
from uuid import UUID

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.params import Query
from aws_lambda_powertools.event_handler.router import APIGatewayHttpRouter

from crawlset.images.repository import ImageRepository
from crawlset.kit import db
from crawlset.kit.paging import RowId
from crawlset.packs import stored

TAGS: Any = ["images"]
JPEG = "image/jpeg"


def build_router() -> APIGatewayHttpRouter:
    """For two functions: one answers, the other has the route in its document."""
    router = APIGatewayHttpRouter()

    @router.get(
        "/api/projects/<project_id>/crawl-jobs/<job_id>/images/<image_id>/thumbnail",
        summary="Get a small JPEG of a stored image",
        tags=TAGS,
        responses={
            200: {
                "description": "The picture, upright",
                "content": {JPEG: {"schema": {"type": "string", "format": "binary"}}},
            }
        },
    )
    def get_thumbnail(
        project_id: UUID,
        job_id: UUID,
        image_id: RowId,
        size: Annotated[
            int, Query(ge=32, le=1024, description="Pixels of the longer side, at most")
        ] = 256,
    ) -> Response[str]:
        from crawlset.images import thumbnails  # noqa: PLC0415 - nothing for the other function

        with db.transaction(router.context["user_id"]) as session:
            _, image = ImageRepository(session).require(project_id, job_id, image_id)
        picture = thumbnails.thumbnail(image, stored.bytes_of(image), size)
        answer = Response(
            HTTPStatus.OK,
            JPEG,
            base64.b64encode(picture).decode(),
            headers={"Cache-Control": "private, max-age=86400"},
        )
        answer.base64_encoded = True
        return answer

    return router
