"""The measurer `towers`: pictures and texts, by a pair of networks of the deployment's own."""

from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from crawlset.measuring import text_tower
from crawlset.measuring.handler import handler_of
from crawlset.measuring.towers import load_towers
from crawlset.wire.texts import TextRequest

measure = handler_of(load_towers)


def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Measure a batch of pictures, or make the vector of a text that is searched by."""
    if TextRequest.describes(event):
        return text_tower.answer(TextRequest.from_json(event)).to_json()
    return measure(event, context)
