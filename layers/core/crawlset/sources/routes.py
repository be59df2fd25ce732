from datetime import UTC, datetime
from functools import partial
from typing import Any

from aws_lambda_powertools.event_handler.router import APIGatewayHttpRouter

from crawlset.kit.paging import Page
from crawlset.settings import source_settings
from crawlset.sources import allowances
from crawlset.sources.registry import SourceRead, describe_sources

router = APIGatewayHttpRouter()
TAGS: Any = ["sources"]


@router.get("/api/sources", summary="What each source permits", tags=TAGS)
def list_sources() -> Page[SourceRead]:
    allowance_of = partial(allowances.load, now=datetime.now(UTC))
    return Page(items=describe_sources(source_settings(), allowance_of))
