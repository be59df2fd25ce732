"""Every rule there is: a new one is a class, and a line here."""

from typing import Annotated

from pydantic import Field

from crawlset.validation.rules import dataset, image
from crawlset.validation.rules.custom import CustomRule
from crawlset.validation.rules.measured import MeasureRule

AnyRule = Annotated[
    image.BoundsRule
    | image.FormatRule
    | image.DecodeRule
    | image.DarkRule
    | image.LightRule
    | image.LowInformationRule
    | image.BlurryRule
    | image.GrayscaleRule
    | image.UniformRule
    | image.BorderRule
    | image.LicenceRule
    | image.ProvenanceRule
    | image.PolicyRule
    | image.HostRule
    | dataset.OddSizeRule
    | dataset.ExactDuplicatesRule
    | dataset.NearDuplicatesRule
    | dataset.SemanticDuplicatesRule
    | dataset.ClassSizeRule
    | dataset.CapRule
    | dataset.LeakageRule
    | CustomRule
    | MeasureRule,
    Field(discriminator="check"),
]
