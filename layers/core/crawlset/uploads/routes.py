from http import HTTPStatus
from typing import Any
from uuid import UUID

from aws_lambda_powertools.event_handler.router import APIGatewayHttpRouter

from crawlset.accounts import idempotency
from crawlset.activity import logs
from crawlset.projects.repository import ProjectRepository
from crawlset.uploads import service
from crawlset.uploads.schemas import UploadCreate, UploadRead

router = APIGatewayHttpRouter()
TAGS: Any = ["uploads"]


@router.post(
    "/api/projects/<project_id>/uploads",
    summary="Get a place to PUT a list to",
    tags=TAGS,
    status_code=HTTPStatus.CREATED,
)
@logs(router, "upload.created", "upload_id")
def create_upload(project_id: UUID, request: UploadCreate) -> UploadRead:
    session, user_id = router.context["session"], router.context["user_id"]
    ProjectRepository(session).require(user_id, project_id)
    key = idempotency.key(router.current_event)
    return service.sign(session, user_id, project_id, request.file_size, key)
