"""
The rules a validation judges by: each is a check with its parameters, and what breaking it means.

An image rule looks at one image, a dataset rule at all those that the image rules let through.
Thresholds of the photometric checks are cleanvision's defaults, but for `grayscale`, `uniform` and
`border`, which it does not have in this form.
"""

from enum import StrEnum
from typing import Annotated, Literal, Self
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, JsonValue, model_validator

from crawlset import licences
from crawlset.wire.searches import IntendedUse

MAX_RULES = 50
MAX_RADIUS = 12
MAX_PARAMETERS = 20
LARGEST = 1e15

ImageFormat = Literal["jpeg", "png", "webp", "gif"]
FORMATS: tuple[ImageFormat, ...] = ("jpeg", "png", "webp", "gif")


class Severity(StrEnum):
    """What becomes of an image that breaks a rule."""

    reject = "reject"
    quarantine = "quarantine"
    """Kept apart: in an export only when it asks for them."""
    warn = "warn"
    tag = "tag"


def _licence(choice: str) -> str:
    try:
        return licences.parse_choice(choice)
    except licences.UnknownLicenceError as error:
        raise ValueError(str(error)) from error


Name = Annotated[str, Field(pattern="^[a-z][a-z0-9_]{0,39}$")]
Bound = Annotated[float | None, Field(ge=0, le=LARGEST, allow_inf_nan=False)]
Share = Annotated[float, Field(gt=0, lt=1)]
Radius = Annotated[int, Field(ge=0, le=MAX_RADIUS, description="Bits that may differ")]


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


class RuleBase(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Annotated[
        Name | None, Field(description="Of the rule in verdicts and counts; the check's if none")
    ] = None
    severity: Severity = Severity.reject

    @property
    def label(self) -> str:
        return self.name or str(getattr(self, "check"))  # noqa: B009 - each kind has its own type


class ImageRule(RuleBase):
    scope: Literal["image"] = "image"


class DatasetRule(RuleBase):
    scope: Literal["dataset"] = "dataset"


class BoundsRule(ImageRule):
    """Bytes; pixels of a side; pixels; longer side to shorter; frames."""

    check: Literal[
        "file_size", "width", "height", "short_side", "long_side", "area", "aspect_ratio", "frames"
    ]
    params: Bounds


class FormatParams(Params):
    allowed: Annotated[tuple[ImageFormat, ...], Field(min_length=1)] = FORMATS


class FormatRule(ImageRule):
    check: Literal["format"]
    params: FormatParams = FormatParams()


class DecodeRule(ImageRule):
    """The decoder found something odd in the file, and could mend it without loss."""

    check: Literal["decode"]
    params: NoParams = NoParams()


class DarkParams(Params):
    below: Annotated[Share, Field(description="Brightness of the 99th percentile, 0 to 1")] = 0.32


class DarkRule(ImageRule):
    check: Literal["dark"]
    params: DarkParams = DarkParams()


class LightParams(Params):
    above: Annotated[Share, Field(description="Brightness of the 5th percentile, 0 to 1")] = 0.95


class LightRule(ImageRule):
    check: Literal["light"]
    params: LightParams = LightParams()


class LowInformationParams(Params):
    below: Annotated[float, Field(gt=0, lt=10, description="Entropy of the pixels, in bits")] = 3.0


class LowInformationRule(ImageRule):
    check: Literal["low_information"]
    params: LowInformationParams = LowInformationParams()


class BlurryParams(Params):
    below: Annotated[Share, Field(description="cleanvision's blurry score")] = 0.29


class BlurryRule(ImageRule):
    check: Literal["blurry"]
    params: BlurryParams = BlurryParams()


class GrayscaleParams(Params):
    below: Annotated[
        float,
        Field(gt=0, lt=0.5, description="Colour of the 99th percentile, 0 grey to 0.5"),
    ] = 0.02


class GrayscaleRule(ImageRule):
    """By the pixels: a picture of three equal channels is grey too."""

    check: Literal["grayscale"]
    params: GrayscaleParams = GrayscaleParams()


class UniformParams(Params):
    above: Annotated[
        Share, Field(description="Share of the pixels within 16 grey levels of each other")
    ] = 0.95


class UniformRule(ImageRule):
    """Nearly one colour: a placeholder."""

    check: Literal["uniform"]
    params: UniformParams = UniformParams()


class BorderParams(Params):
    above: Annotated[Share, Field(description="Share of the area that is a frame")] = 0.3


class BorderRule(ImageRule):
    check: Literal["border"]
    params: BorderParams = BorderParams()


class LicenceParams(Params):
    allowed: Annotated[
        tuple[Annotated[str, AfterValidator(_licence)], ...],
        Field(min_length=1, max_length=50, description="Ids, families and presets"),
    ]


class LicenceRule(ImageRule):
    check: Literal["licence"]
    params: LicenceParams


ProvenanceField = Literal["landing_url", "creator", "licence", "attribution", "title"]


class ProvenanceParams(Params):
    required: Annotated[tuple[ProvenanceField, ...], Field(min_length=1)] = (
        "licence",
        "landing_url",
    )


class ProvenanceRule(ImageRule):
    """Something that has to be known of it is not."""

    check: Literal["provenance"]
    params: ProvenanceParams = ProvenanceParams()


class PolicyParams(Params):
    intended_use: IntendedUse


class PolicyRule(ImageRule):
    """Its source does not permit this use, or a signal refuses it that the crawl did not heed."""

    check: Literal["policy"]
    params: PolicyParams


class HostParams(Params):
    denied: Annotated[
        tuple[Annotated[str, Field(min_length=1, max_length=253)], ...],
        Field(min_length=1, max_length=1_000),
    ]


class HostRule(ImageRule):
    check: Literal["host"]
    params: HostParams


class OddSizeParams(Params):
    iqr_factor: Annotated[float, Field(gt=0, le=100)] = 3.0


class OddSizeRule(DatasetRule):
    """The square root of its area is that far from the middle half of all of them."""

    check: Literal["odd_size"]
    params: OddSizeParams = OddSizeParams()


class ExactDuplicatesParams(Params):
    by: Annotated[
        Literal["bytes", "pixels"], Field(description="Of the files, or of the decoded pictures")
    ] = "bytes"


class ExactDuplicatesRule(DatasetRule):
    check: Literal["exact_duplicates"]
    params: ExactDuplicatesParams = ExactDuplicatesParams()


class NearDuplicatesParams(Params):
    radius: Radius = 10


class NearDuplicatesRule(DatasetRule):
    """All but the keeper of each cluster: the largest, then the freest, then the earliest."""

    check: Literal["near_duplicates"]
    params: NearDuplicatesParams = NearDuplicatesParams()


class ClassSizeRule(DatasetRule):
    """Classes with fewer images than min break it whole; of larger ones the images beyond max."""

    check: Literal["class_size"]
    params: Bounds


class CapParams(Params):
    max: Annotated[int, Field(ge=1, le=1_000_000)]


class CapRule(DatasetRule):
    """More images of one host, or of one creator, than this."""

    check: Literal["host_cap", "creator_cap"]
    params: CapParams


class LeakageParams(Params):
    """Exactly one says which other set: a crawl job, an export, or a list of hashes."""

    crawl_job_id: UUID | None = None
    export_job_id: UUID | None = None
    upload_id: Annotated[
        UUID | None,
        Field(description="Text of one hash a line: SHA-256, or perceptual of 16 hex digits"),
    ] = None
    radius: Radius = 10

    @model_validator(mode="after")
    def _names_one(self) -> Self:
        named = (self.crawl_job_id, self.export_job_id, self.upload_id)
        if sum(id_ is not None for id_ in named) != 1:
            message = "give one of crawl_job_id, export_job_id and upload_id"
            raise ValueError(message)
        return self


class LeakageRule(DatasetRule):
    """It is in another set too, such as the one that a model is tested with."""

    check: Literal["leakage"]
    params: LeakageParams


class CustomParams(Params):
    """A Lambda function that the deployment allows, and what it is told."""

    validator: Annotated[str, Field(pattern="^[A-Za-z0-9_-]{1,64}$", description="Its name")]
    parameters: Annotated[
        dict[Annotated[str, Field(max_length=100)], JsonValue], Field(max_length=MAX_PARAMETERS)
    ] = {}


class CustomRule(RuleBase):
    """A validator of the deployment's own says so, having seen the picture."""

    scope: Literal["image"] = "image"
    check: Literal["custom"]
    params: CustomParams


Rule = Annotated[
    BoundsRule
    | FormatRule
    | DecodeRule
    | DarkRule
    | LightRule
    | LowInformationRule
    | BlurryRule
    | GrayscaleRule
    | UniformRule
    | BorderRule
    | LicenceRule
    | ProvenanceRule
    | PolicyRule
    | HostRule
    | OddSizeRule
    | ExactDuplicatesRule
    | NearDuplicatesRule
    | ClassSizeRule
    | CapRule
    | LeakageRule
    | CustomRule,
    Field(discriminator="check"),
]
