from http import HTTPStatus
from typing import Any
from uuid import UUID

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.router import APIGatewayHttpRouter

from crawlset.images.repository import ImageRepository
from crawlset.kit import db
from crawlset.validation import service as validation

TAGS: Any = ["validation"]
HTML = "text/html"
CONTENT_SECURITY_POLICY = (
    "default-src 'none'; img-src data:; style-src 'unsafe-inline'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


def build_router() -> APIGatewayHttpRouter:
    """For two functions: one answers, the other has the route in its document."""
    router = APIGatewayHttpRouter()

    @router.get(
        "/api/projects/<project_id>/crawl-jobs/<job_id>"
        "/validation-jobs/<validation_job_id>/report.html",
        summary="What a completed validation found, as a page with pictures",
        tags=TAGS,
        responses={
            200: {
                "description": "A page that needs no other file",
                "content": {HTML: {"schema": {"type": "string"}}},
            }
        },
    )
    def get_report_page(project_id: UUID, job_id: UUID, validation_job_id: UUID) -> Response[str]:
        from crawlset.validation import report_page  # noqa: PLC0415 - nothing for the other function

        with db.transaction(router.context["user_id"]) as session:
            job, report = validation.read_report(session, project_id, job_id, validation_job_id)
            images = ImageRepository(session).list_some(job, report_page.image_ids(report))
        page = report_page.render(
            report, job, report_page.pictures(images), report_page.links(images)
        )
        return Response(
            HTTPStatus.OK,
            f"{HTML}; charset=utf-8",
            page,
            headers={
                "Cache-Control": "private, max-age=300",
                "Content-Security-Policy": CONTENT_SECURITY_POLICY,
            },
        )

    return router
