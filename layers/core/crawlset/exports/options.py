"""Options of an export, as a request may have them."""

import math
from enum import StrEnum
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from crawlset.imaging.schemas import EncodeCreate, ResizeCreate
from crawlset.kit.fields import printable
from crawlset.licences import parse_choice
from crawlset.resizing import Resize, ResizeMode

MAX_CLASSES = 10_000
MAX_SHARD_BYTES = 8 << 30
"""Limit of a shard, which must fit on a function's disk of 10 GB."""

Ratio = Annotated[float, Field(ge=0, le=1)]
ClassName = Annotated[str, Field(min_length=1, max_length=100), AfterValidator(printable)]


class Archive(StrEnum):
    zip = "zip"
    tar = "tar"
    tar_gz = "tar.gz"


class Group(StrEnum):
    """Property that images have in common which shall not be in two splits."""

    near_duplicates = "near_duplicates"
    host = "host"
    creator = "creator"


class Boxes(StrEnum):
    image = "image"
    none = "none"


class MissingClasses(StrEnum):
    """What an export does about a class of which a split has no image."""

    tell = "tell"
    folder = "folder"
    fail = "fail"


class CsvFormulas(StrEnum):
    """What stands in a cell of images.csv whose text a spreadsheet would calculate."""

    keep = "keep"
    escape = "escape"


class Splits(BaseModel):
    """Shares of the images; a split that is not named gets none."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    train: Ratio = 0.0
    validation: Ratio = 0.0
    test: Ratio = 0.0

    @model_validator(mode="after")
    def add_up(self) -> Self:
        total = self.train + self.validation + self.test
        if not math.isclose(total, 1, abs_tol=1e-6):
            message = f"train, validation and test add up to {total:g}, not to 1"
            raise ValueError(message)
        return self

    @property
    def wanted(self) -> list[str]:
        """Splits that are to have images."""
        return [split for split, share in self.model_dump().items() if share]


class ImagesTable(BaseModel):
    """A table of the exported images, `images.parquet`, with all measures."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    vectors: Annotated[
        tuple[Annotated[str, Field(pattern="^[A-Za-z0-9_-]{1,64}$")], ...],
        Field(max_length=5, description="Measurers whose vectors are columns of it"),
    ] = ()


class ExportOptions(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    splits: Splits = Splits(train=0.8, validation=0.1, test=0.1)
    seed: Annotated[
        str, Field(max_length=200, description="Another seed splits the images otherwise")
    ] = "crawlset"
    stratify: Annotated[
        bool,
        Field(
            description="Hold the shares of the splits within each class, as nearly as can be, and"
            " put a class of three images or more into all three;"
            " otherwise an image's split depends on its bytes and the seed alone"
        ),
    ] = True
    group_by: Annotated[
        list[Group],
        Field(
            max_length=3,
            description="Images of one cluster of near duplicates (as the validation found them),"
            " one host, one creator never are in two splits",
        ),
    ] = [Group.near_duplicates]
    licences: Annotated[
        list[Annotated[str, Field(min_length=1, max_length=50), AfterValidator(parse_choice)]]
        | None,
        Field(
            min_length=1, max_length=50, description="Only these: ids, families, presets, as a job"
        ),
    ] = None
    include_quarantined: Annotated[
        bool, Field(description="Also what the validation put in quarantine")
    ] = False
    classes: Annotated[
        dict[str, ClassName | None],
        Field(
            max_length=MAX_CLASSES,
            description="A keyword's class; null leaves its images out;"
            " a keyword that is not named is its own",
        ),
    ] = {}
    resize: Annotated[
        ResizeCreate | None, Field(description="Resize the pictures; null: at the size they have")
    ] = None
    encode: Annotated[
        EncodeCreate | None,
        Field(description="Encode the pictures anew at the size they have; null: as stored"),
    ] = None
    blur_faces: Annotated[
        bool,
        Field(
            description="Blur the faces that the measurer `faces` has found; a picture that it has"
            " not measured is left out. Pictures with faces are encoded anew, as JPEG unless resize"
            " or encode says otherwise; metadata is removed from all, as by `strip`"
        ),
    ] = False
    metadata: Annotated[
        Literal["keep", "strip"],
        Field(
            description="`strip` removes EXIF, IPTC, comments and XMP but for statements about"
            " rights; orientation and colour profile stay"
        ),
    ] = "keep"
    shard_images: Annotated[int, Field(ge=1, le=100_000, description="Images in a file")] = 10_000
    shard_bytes: Annotated[
        int | None,
        Field(
            ge=1_000_000,
            le=MAX_SHARD_BYTES,
            description="Bytes of the pictures in a file; null: 500 MB, or more of a huge export",
        ),
    ] = None
    archive: Annotated[
        Archive, Field(description="What imagefolder, coco and yolo are packed in")
    ] = Archive.zip
    boxes: Annotated[
        Boxes, Field(description="coco: an image's class as a box around it, or no annotation")
    ] = Boxes.image
    missing_classes: Annotated[
        MissingClasses,
        Field(
            description="If a split has no image of a class: `tell` says so in the card and in"
            " `warnings`; `folder` also makes an empty folder in imagefolder and yolo, for loaders"
            " that number the folders they find; `fail` ends the export, also if a loader of these"
            " passes over all images of a class by their format"
        ),
    ] = MissingClasses.tell
    images_table: Annotated[
        ImagesTable | None,
        Field(description="Also write images.parquet, with a row for each image; null: none"),
    ] = None
    csv_formulas: Annotated[
        CsvFormulas,
        Field(
            description="csv: `escape` writes `'` before a text that a spreadsheet would take for a"
            " formula; `keep` leaves it as it is, for programs"
        ),
    ] = CsvFormulas.keep

    @model_validator(mode="after")
    def resize_or_encode(self) -> Self:
        if self.resize is not None and self.encode is not None:
            message = "resize names a format and a quality itself, so that encode is too much"
            raise ValueError(message)
        return self

    @property
    def keeps_bytes(self) -> bool:
        """Whether pictures are exported as they are stored, byte for byte."""
        return self.transform is None and not self.is_stripped and not self.blur_faces

    @property
    def is_stripped(self) -> bool:
        """Whether metadata is removed; a thumbnail in it would show the faces again."""
        return self.metadata == "strip" or self.blur_faces

    @property
    def transform(self) -> Resize | None:
        """Resizing and encoding of each picture; None if its bytes stay."""
        if self.resize is not None:
            return Resize(**self.resize.model_dump())
        if self.encode is not None:
            return Resize(mode=ResizeMode.no, size=0, **self.encode.model_dump())
        return None
