from http import HTTPStatus
from typing import Any
from uuid import UUID

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.router import APIGatewayHttpRouter

from crawlset.accounts import service
from crawlset.accounts.repository import AccountRepository, AccountUsage
from crawlset.accounts.schemas import (
    ApiKeyCreate,
    ApiKeyCreated,
    ApiKeyRead,
    ProfileRead,
    ProfileUpdate,
    ProjectInProfile,
    Quotas,
    Usage,
)
from crawlset.activity import logs
from crawlset.kit.http import require_match
from crawlset.kit.paging import Cursor, Page, PageLimit, decode_uuid
from crawlset.models import Profile

router = APIGatewayHttpRouter()
TAGS: Any = ["account"]
PROJECTS_SHOWN = 20


@router.get("/api/profile", summary="Who you are, and what you may use and do use", tags=TAGS)
def get_profile() -> ProfileRead:
    profile, usage = _repository().get_profile_and_usage(router.context["user_id"])
    return _read(profile, usage)


@router.patch("/api/profile", summary="Change your name", tags=TAGS)
@logs(router, "profile.updated")
def update_profile(request: ProfileUpdate) -> ProfileRead:
    session = router.context["session"]
    profile = _repository().lock_profile(router.context["user_id"])
    usage = _repository().usage(profile.id)
    require_match(router.current_event, _read(profile, usage))
    if "name" in request.model_fields_set:
        profile.name = request.name
    session.flush()
    session.refresh(profile)
    return _read(profile, usage)


@router.get("/api/api-keys", summary="List API keys, newest first", tags=TAGS)
def list_api_keys(limit: PageLimit = 20, cursor: Cursor = None) -> Page[ApiKeyRead]:
    page = _repository().list_keys(router.context["user_id"], decode_uuid(cursor), limit)
    return Page.of(page, ApiKeyRead.model_validate)


@router.post(
    "/api/api-keys",
    summary="Make an API key, shown this once",
    tags=TAGS,
    status_code=HTTPStatus.CREATED,
)
@logs(router, "api_key.created")
def create_api_key(request: ApiKeyCreate) -> ApiKeyCreated:
    key, text = service.create_key(
        router.context["session"],
        router.context["user_id"],
        name=request.name,
        scopes=[*request.scopes],
        expires_at=request.expires_at,
    )
    return ApiKeyCreated.of(ApiKeyRead.model_validate(key), text)


@router.delete(
    "/api/api-keys/<key_id>",
    summary="Revoke an API key; within a minute it opens nothing",
    tags=TAGS,
    status_code=HTTPStatus.NO_CONTENT,
)
@logs(router, "api_key.revoked", "key_id")
def revoke_api_key(key_id: UUID) -> Response[None]:
    service.revoke_key(router.context["session"], router.context["user_id"], key_id)
    return Response(status_code=HTTPStatus.NO_CONTENT)


def _repository() -> AccountRepository:
    return AccountRepository(router.context["session"])


def _read(profile: Profile, usage: AccountUsage) -> ProfileRead:
    projects = _repository().newest_projects(profile, PROJECTS_SHOWN)
    return ProfileRead(
        id=profile.id,
        email=profile.email,
        name=profile.name,
        quotas=Quotas.model_validate(profile),
        usage=Usage.model_validate(usage),
        projects=[ProjectInProfile.model_validate(project) for project in projects],
        created_at=profile.created_at,
        updated_at=profile.updated_at,
    )
