from http import HTTPStatus
from typing import Any
from uuid import UUID

from aws_lambda_powertools.event_handler.router import APIGatewayHttpRouter

from crawlset.activity import logs
from crawlset.datasets import service
from crawlset.datasets.deprecation import PATH, until_sunset
from crawlset.datasets.schemas import DatasetCreate, DatasetRead
from crawlset.kit.paging import Cursor, Page, PageLimit, decode_uuid

router = APIGatewayHttpRouter()
TAGS: Any = ["datasets"]
MIDDLEWARES: Any = [until_sunset]


@router.post(
    PATH,
    summary="Make a project and a crawl job",
    tags=TAGS,
    status_code=HTTPStatus.CREATED,
    deprecated=True,
    middlewares=MIDDLEWARES,
)
@logs(router, "dataset.created")
def create_dataset(request: DatasetCreate) -> DatasetRead:
    return service.create(router.context["session"], router.context["user_id"], request)


@router.get(PATH, summary="List crawl jobs", tags=TAGS, deprecated=True, middlewares=MIDDLEWARES)
def list_datasets(limit: PageLimit = 20, cursor: Cursor = None) -> Page[DatasetRead]:
    session = router.context["session"]
    page = service.list_page(session, router.context["user_id"], decode_uuid(cursor), limit)
    return Page.of_items(page, service.read_many(session, page.rows))


@router.get(
    f"{PATH}/<dataset_id>",
    summary="Get a crawl job",
    tags=TAGS,
    deprecated=True,
    middlewares=MIDDLEWARES,
)
def get_dataset(dataset_id: UUID) -> DatasetRead:
    session = router.context["session"]
    job = service.require(session, router.context["user_id"], dataset_id)
    (read,) = service.read_many(session, [job])
    return read
