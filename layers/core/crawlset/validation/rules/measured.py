"""The rule about what a measurer made of the pictures."""

from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator
from sqlalchemy import ColumnElement, and_, case, cast, false, func, literal, or_, select, true

from crawlset.models import ValidationJob
from crawlset.settings import measurer_settings
from crawlset.validation.measures import NUMBER, measurement
from crawlset.validation.quantities import Quantity, number
from crawlset.validation.rules.base import LARGEST_BOUND, Condition, Params, Rule
from crawlset.validation.rules.broken import Broken, in_play_of, select_broken
from crawlset.wire.measurements import MEASURE_NAME

MeasurerName = Annotated[
    str,
    Field(
        pattern="^[A-Za-z0-9_-]{1,64}$",
        description="Its name: one of those built in, or of a function of the deployment's own",
    ),
]
Limit = Annotated[float | None, Field(ge=-LARGEST_BOUND, le=LARGEST_BOUND, allow_inf_nan=False)]


class MeasureRule(Rule):
    """A measure of a measurer is below or above a limit; measured once, decided in SQL."""

    class MeasureParams(Params):
        """A measurer, one of its measures, and the limits between which images are kept."""

        measurer: MeasurerName
        measure: Annotated[str, Field(pattern=f"^{MEASURE_NAME}$")]
        below: Limit = None
        above: Limit = None

        @model_validator(mode="after")
        def _can_be_met(self) -> Self:
            if self.below is None and self.above is None:
                message = "give below, above or both"
                raise ValueError(message)
            if self.below is not None and self.above is not None and self.below > self.above:
                message = (
                    f"whatever is below {self.below:g} or above {self.above:g} is out:"
                    " nothing would be kept"
                )
                raise ValueError(message)
            return self

    scope: Literal["image"] = "image"
    check: Literal["measure"]
    params: MeasureParams

    @property
    def quantity(self) -> Quantity:
        return Quantity(f"{self.params.measurer}'s {self.params.measure}", number)

    def wanted(self) -> str:
        below, above = self.params.below, self.params.above
        if above is None:
            return self.quantity.at_least(below or 0)
        if below is None:
            return self.quantity.at_most(above)
        return f"{self.quantity.name} of {number(below)} to {number(above)}"

    def condition(self) -> Condition:
        """When an image measures too little or too much; what has no measure does neither."""
        below, above, value = self.params.below, self.params.above, self._value()
        limits = [(value < below, below)] if below is not None else []
        limits += [(value > above, above)] if above is not None else []
        is_outside = func.coalesce(or_(*(is_beyond for is_beyond, _ in limits)), false())
        limit = case(*((is_beyond, literal(limit, NUMBER)) for is_beyond, limit in limits))
        return is_outside, value, limit

    def broken(self, job: ValidationJob) -> Broken:
        """
        Select the images in play that measure too little or too much.

        Those that have no such measure come with the reason, as errors.
        """
        is_outside, value, limit = self.condition()
        is_unknown = value.is_(None)
        columns = [
            value.label("value"),
            limit.label("limit"),
            case((is_unknown, self._why_unknown())).label("reason"),
        ]
        rows = in_play_of(job, columns, or_(is_outside, is_unknown))
        return select_broken(
            rows,
            true(),
            measured=rows.c.value,
            threshold=rows.c.limit,
            detail=rows.c.reason,
            is_error=rows.c.value.is_(None),
        )

    def _why_unknown(self) -> ColumnElement[str]:
        """Say of an image without the measure why it has none."""
        measurer, measure = self.params.measurer, self.params.measure
        known = measurement(measurer)
        names = func.jsonb_object_keys(known["measures"]).table_valued("name", name="names")
        others = select(func.string_agg(names.c.name, ", ")).scalar_subquery()
        error = known["error"].astext
        return case(
            (error.is_not(None), error),
            (
                others.is_not(None),
                func.concat(f"{measurer} measures no {measure}, but ", others, "."),
            ),
            else_=f"{measurer} has measured nothing of it.",
        )

    def _value(self) -> ColumnElement[Any]:
        known = measurement(self.params.measurer)
        value = cast(known["measures"][self.params.measure].astext, NUMBER)
        version = _version(self.params.measurer)
        return value if version is None else case((known["version"].astext == version, value))


def without_vector(job: ValidationJob, measurer: str) -> Broken:
    """Select the images in play that have no vector of `measurer`, with the reason."""
    known = measurement(measurer)
    has_vector = and_(known.has_key("part"), known["version"].astext == _version(measurer))
    rows = in_play_of(
        job, [known["error"].astext.label("error")], func.coalesce(has_vector, False).is_(False)
    )
    reason = func.coalesce(rows.c.error, f"{measurer} has made no vector of it.")
    return select_broken(rows, true(), detail=reason, is_error=true())


def _version(measurer: str) -> str | None:
    """The version that a measurer has here; None if the deployment does not have it."""
    deployed = measurer_settings().by_name.get(measurer)
    return None if deployed is None else deployed.version
