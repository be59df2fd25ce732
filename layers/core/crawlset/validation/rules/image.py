"""
Image rules: each looks at one stored image, by measures that were taken when it was fetched.

Thresholds of the photometric checks are cleanvision's defaults, but for `grayscale`, `uniform` and
`border`, which it does not have in this form.
"""

from typing import Annotated, ClassVar, Literal, get_args

from pydantic import AfterValidator, Field
from sqlalchemy import case, cast, func, literal, not_, null, or_

from crawlset import licences
from crawlset.models import Image
from crawlset.resizing import ImageFormat
from crawlset.sources.catalogue import SOURCES
from crawlset.urls.spelling import plain_host, unicode_host
from crawlset.validation import measures
from crawlset.validation.measures import NUMBER, Measure
from crawlset.validation.rules.base import Bounds, Condition, NoParams, Params, Rule
from crawlset.wire.searches import IntendedUse

REFUSING = r"\m(noai|noimageai|noml|noindex|noimageindex|none)\M|train-(gen)?ai=(n|\?0)"
"""Matches a refusal of training in a header that was kept as it was sent."""
NAMES_SHOWN = 5

Share = Annotated[float, Field(gt=0, lt=1)]


class ImageRule(Rule):
    """A rule that one image breaks whatever the others are."""

    scope: Literal["image"] = "image"

    def condition(self) -> Condition:
        """When an image breaks the rule; a measure that is missing breaks none."""
        is_broken, measured, threshold = self._broken()
        return (
            func.coalesce(is_broken, literal(value=False)),
            cast(measured, NUMBER),
            cast(threshold, NUMBER),
        )

    def _broken(self) -> Condition:
        raise NotImplementedError


class BelowParams(Params):
    below: float


class BelowRule(ImageRule):
    """A rule broken by images that measure less than `below`."""

    params: BelowParams
    measure: ClassVar[Measure]

    def _broken(self) -> Condition:
        value, below = self.measure.value, self.params.below
        return value < below, value, literal(below)

    def wanted(self) -> str:
        return self.quantity.at_least(self.params.below)


class AboveParams(Params):
    above: float


class AboveRule(ImageRule):
    """A rule broken by images that measure more than `above`."""

    params: AboveParams
    measure: ClassVar[Measure]

    def _broken(self) -> Condition:
        value, above = self.measure.value, self.params.above
        return value > above, value, literal(above)

    def wanted(self) -> str:
        return self.quantity.at_most(self.params.above)


class BoundsRule(ImageRule):
    """Bytes; pixels of a side; pixels; longer side to shorter; frames."""

    check: Literal[
        "file_size", "width", "height", "short_side", "long_side", "area", "aspect_ratio", "frames"
    ]
    params: Bounds

    @property
    def quantity(self) -> Measure:
        return measures.BOUNDED[self.check]

    def _broken(self) -> Condition:
        value, least, most = self.quantity.value, self.params.min, self.params.max
        if least is None:
            return value > most, value, literal(most)
        if most is None:
            return value < least, value, literal(least)
        is_broken = or_(value < least, value > most)
        return is_broken, value, case((value < least, least), else_=most)

    def wanted(self) -> str:
        return self.params.of(self.quantity)


class FormatRule(ImageRule):
    class FormatParams(Params):
        allowed: Annotated[tuple[ImageFormat, ...], Field(min_length=1)] = get_args(ImageFormat)

    check: Literal["format"]
    params: FormatParams = FormatParams()

    def _broken(self) -> Condition:
        return Image.format.not_in(self.params.allowed), null(), null()

    def wanted(self) -> str:
        return f"format {_any_of(self.params.allowed)}"


class DecodeRule(ImageRule):
    """The decoder found something odd in the file, and could mend it without loss."""

    check: Literal["decode"]
    params: NoParams = NoParams()

    def _broken(self) -> Condition:
        return Image.evidence.has_key("warning"), null(), null()

    def wanted(self) -> str:
        return "a file in which the decoder finds nothing odd"


class DarkRule(BelowRule):
    class DarkParams(BelowParams):
        below: Annotated[Share, Field(description="Brightness of the 99th percentile, 0 to 1")] = (
            0.32
        )

    check: Literal["dark"]
    params: DarkParams = DarkParams()
    measure = measures.BRIGHTEST


class LightRule(AboveRule):
    class LightParams(AboveParams):
        above: Annotated[Share, Field(description="Brightness of the 5th percentile, 0 to 1")] = (
            0.95
        )

    check: Literal["light"]
    params: LightParams = LightParams()
    measure = measures.DARKEST


class LowInformationRule(BelowRule):
    class LowInformationParams(BelowParams):
        below: Annotated[
            float, Field(gt=0, lt=10, description="Entropy of the pixels, in bits")
        ] = 3.0

    check: Literal["low_information"]
    params: LowInformationParams = LowInformationParams()
    measure = measures.COLOUR_ENTROPY


class BlurryRule(BelowRule):
    class BlurryParams(BelowParams):
        below: Annotated[Share, Field(description="cleanvision's blurry score")] = 0.29

    check: Literal["blurry"]
    params: BlurryParams = BlurryParams()
    measure = measures.SHARPNESS


class GrayscaleRule(BelowRule):
    """By the pixels: a picture of three equal channels is grey too."""

    class GrayscaleParams(BelowParams):
        below: Annotated[
            float,
            Field(gt=0, lt=0.5, description="Colour of the 99th percentile, 0 grey to 0.5"),
        ] = 0.02

    check: Literal["grayscale"]
    params: GrayscaleParams = GrayscaleParams()
    measure = measures.COLOUR


class UniformRule(AboveRule):
    """Nearly one colour: a placeholder."""

    class UniformParams(AboveParams):
        above: Annotated[
            Share, Field(description="Share of the pixels within 16 grey levels of each other")
        ] = 0.95

    check: Literal["uniform"]
    params: UniformParams = UniformParams()
    measure = measures.UNIFORMITY


class BorderRule(AboveRule):
    class BorderParams(AboveParams):
        above: Annotated[Share, Field(description="Share of the area that is a frame")] = 0.3

    check: Literal["border"]
    params: BorderParams = BorderParams()
    measure = measures.BORDER


class LicenceRule(ImageRule):
    class LicenceParams(Params):
        allowed: Annotated[
            tuple[Annotated[str, AfterValidator(licences.parse_choice)], ...],
            Field(min_length=1, max_length=50, description="Ids, families and presets"),
        ]

    check: Literal["licence"]
    params: LicenceParams

    def _broken(self) -> Condition:
        wanted = licences.wanted(self.params.allowed)
        if wanted is None:
            return literal(value=False), null(), null()
        family = func.regexp_replace(Image.licence, licences.VERSIONED, "")
        is_wanted = or_(Image.licence.in_(wanted), family.in_(wanted))
        return not_(func.coalesce(is_wanted, literal(value=False))), null(), null()

    def wanted(self) -> str:
        return f"licence {_any_of(self.params.allowed)}"


ProvenanceField = Literal["landing_url", "creator", "licence", "attribution", "title"]


class ProvenanceRule(ImageRule):
    """Something that has to be known of it is not."""

    class ProvenanceParams(Params):
        required: Annotated[tuple[ProvenanceField, ...], Field(min_length=1)] = (
            "licence",
            "landing_url",
        )

    check: Literal["provenance"]
    params: ProvenanceParams = ProvenanceParams()

    def _broken(self) -> Condition:
        missing = (getattr(Image, name).is_(None) for name in self.params.required)
        return or_(*missing), null(), null()

    def wanted(self) -> str:
        return f"known {' and '.join(self.params.required).replace('_', ' ')}"


class PolicyRule(ImageRule):
    """Its source does not permit this use, or a signal refuses it that the crawl did not heed."""

    class PolicyParams(Params):
        intended_use: IntendedUse

    check: Literal["policy"]
    params: PolicyParams

    def _broken(self) -> Condition:
        """Headers kept with the image say what a crawl may have been told not to heed."""
        use = self.params.intended_use
        permitting = [name for name, source in SOURCES.items() if use in source.intended_uses]
        signals = Image.evidence["signals"]
        headers = signals["headers"]
        refuses = or_(
            func.lower(headers["X-Robots-Tag"].astext).op("~")(REFUSING),
            func.lower(headers["Content-Usage"].astext).op("~")(REFUSING),
            headers["tdm-reservation"].astext == "1",
            signals["xmp"].astext.like("DMI-PROHIBITED%"),
        )
        is_refused = func.coalesce(refuses, literal(value=False))
        return or_(Image.source.not_in(permitting), is_refused), null(), null()

    def wanted(self) -> str:
        return f"no source or signal that refuses {self.params.intended_use} use"


class HostRule(ImageRule):
    class HostParams(Params):
        denied: Annotated[
            tuple[Annotated[str, Field(min_length=1, max_length=253)], ...],
            Field(min_length=1, max_length=1_000),
        ]

    check: Literal["host"]
    params: HostParams

    def _broken(self) -> Condition:
        typed = {host.lower().strip(".") for host in self.params.denied}
        plain = {plain_host(host) for host in typed}
        # Images planned before decision 0027 may have their host as the URL spelled it.
        hosts = typed | plain | {unicode_host(host) for host in plain}
        host_of_image = func.rtrim(Image.host, ".")
        below = (host_of_image.endswith(f".{host}", autoescape=True) for host in hosts)
        return or_(host_of_image.in_(hosts), *below), null(), null()

    def wanted(self) -> str:
        return f"not from {_any_of(self.params.denied)}"


def _any_of(names: tuple[str, ...]) -> str:
    more = [f"{len(names) - NAMES_SHOWN:,} more"] if len(names) > NAMES_SHOWN else []
    return " or ".join([*names[:NAMES_SHOWN], *more])
