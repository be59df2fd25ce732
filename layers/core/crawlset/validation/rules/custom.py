"""The rule that a validator of the deployment's own decides."""

from typing import Annotated, Literal

from pydantic import Field, JsonValue

from crawlset.validation.rules.base import Params, Rule

MAX_PARAMETERS = 20
Parameters = dict[Annotated[str, Field(max_length=100)], JsonValue]


class CustomRule(Rule):
    """A validator of the deployment's own says so, having seen the picture."""

    class CustomParams(Params):
        """A Lambda function that the deployment allows, and what it is told."""

        validator: Annotated[str, Field(pattern="^[A-Za-z0-9_-]{1,64}$", description="Its name")]
        parameters: Parameters = Field(default={}, max_length=MAX_PARAMETERS)

    scope: Literal["image"] = "image"
    check: Literal["custom"]
    params: CustomParams

    def wanted(self) -> str:
        return f"what the validator {self.params.validator} asks for"
