"""Have the database migrated by the version that CloudFormation names, and tell it how it went."""

from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from crawlset.kit import custom_resource, invoking
from crawlset.observability import logger

RESOURCE_ID = "database"


def migrate(properties: dict[str, str]) -> str:
    return str(invoking.wait_for(properties["MigrateVersionArn"], {"action": "upgrade"}))


@logger.inject_lambda_context(clear_state=True)
def handler(event: dict[str, Any], context: LambdaContext) -> None:
    custom_resource.answer(event, RESOURCE_ID, migrate, custom_resource.put)
