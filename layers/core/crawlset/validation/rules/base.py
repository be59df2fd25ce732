"""The base of every rule: a check, its parameters, and what becomes of an image that breaks it."""

from enum import StrEnum
from typing import Annotated, Any, ClassVar, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from crawlset.outcomes import Verdict
from crawlset.validation.quantities import MEASURED, Quantity

LARGEST_BOUND = 1e15
Condition = tuple[Any, Any, Any]
"""When an image breaks a rule, in SQL: whether, what is measured, the threshold; null if none."""

Name = Annotated[str, Field(pattern="^[a-z][a-z0-9_]{0,39}$")]
Bound = Annotated[float | None, Field(ge=0, le=LARGEST_BOUND, allow_inf_nan=False)]


class Severity(StrEnum):
    """Consequence for an image that breaks a rule, the gravest first."""

    reject = "reject"
    quarantine = "quarantine"
    """Kept apart: in an export only when it asks for them."""
    warn = "warn"
    tag = "tag"

    @property
    def verdict(self) -> Verdict:
        match self:
            case Severity.reject:
                return Verdict.reject
            case Severity.quarantine:
                return Verdict.quarantine
            case Severity.warn | Severity.tag:
                return Verdict.keep

    @property
    def consequence(self) -> str:
        match self:
            case Severity.reject:
                return "rejected"
            case Severity.quarantine:
                return "put in quarantine"
            case Severity.warn | Severity.tag:
                return f"kept, with a {'warning' if self is Severity.warn else 'tag'}"


class Params(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class NoParams(Params):
    pass


class Bounds(Params):
    min: Bound = None
    max: Bound = None

    @model_validator(mode="after")
    def _can_be_met(self) -> Self:
        if self.min is None and self.max is None:
            message = "give min, max or both"
            raise ValueError(message)
        if self.min is not None and self.max is not None and self.min > self.max:
            message = f"min {self.min:g} is above max {self.max:g}: nothing would be kept"
            raise ValueError(message)
        return self

    def of(self, quantity: Quantity) -> str:
        """The bounds in words: `width of 100 px to 2,000 px`."""
        if self.max is None:
            return quantity.at_least(self.min or 0)
        if self.min is None:
            return quantity.at_most(self.max)
        return f"{quantity.name} of {quantity.amount(self.min)} to {quantity.amount(self.max)}"


class Rule(BaseModel):
    """
    A check of images with its parameters.

    A subclass narrows `scope`, `check` and `params` to what the API reads, and adds how its check
    is made; `registry` lists it.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Annotated[
        Name | None,
        Field(description="Name of the rule in verdicts and counts; the check's name if null"),
    ] = None
    severity: Severity = Severity.reject
    scope: str
    check: str
    params: Params

    measure: ClassVar[Quantity] = MEASURED

    @property
    def label(self) -> str:
        """The rule's name in verdicts and counts."""
        return self.name or self.check

    @property
    def quantity(self) -> Quantity:
        """The quantity that the rule measures of an image."""
        return self.measure

    def wanted(self) -> str:
        """Say what the rule wants of an image: `short side of at least 64 px`."""
        raise NotImplementedError

    def finding(self, measured: float | None, threshold: float | None) -> str:
        """Say why an image breaks the rule: `short side 60 px, at least 64 px wanted`."""
        if measured is None:
            return f"wanted: {self.wanted()}"
        return self.quantity.compare(measured, threshold)
