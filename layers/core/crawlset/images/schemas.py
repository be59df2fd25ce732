from datetime import datetime
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, Field, JsonValue

from crawlset.kit.fields import RowRead
from crawlset.outcomes import Change, ImageStatus, Outcome


def _hexadecimal(digest: bytes | None) -> str | None:
    return digest.hex() if digest is not None else None


def _unsigned_hexadecimal(phash: int) -> str:
    return f"{phash % (1 << 64):016x}"


class ContentRead(BaseModel):
    """Where the stored bytes of an image are: a GET with these headers, until then."""

    url: str
    method: str = "GET"
    headers: dict[str, str]
    file_size: int
    sha256: str
    expires_at: datetime


class EmbeddedRead(BaseModel):
    """What a file says about itself in EXIF, XMP or IPTC; null where it does not say it."""

    date_time_original: Annotated[
        str | None,
        Field(description="When it was taken: ISO 8601, as exactly as the file says it"),
    ] = None
    make: Annotated[str | None, Field(description="Who made the camera")] = None
    model: Annotated[str | None, Field(description="The camera")] = None
    creator: Annotated[
        str | None, Field(description="EXIF Artist, dc:creator or By-line; several between `; `")
    ] = None
    copyright_notice: str | None = None
    credit_line: str | None = None
    licensor_name: str | None = None
    licensor_url: str | None = None
    web_statement: Annotated[
        str | None, Field(description="Address of a page about its rights, such as a licence")
    ] = None
    usage_terms: str | None = None
    digital_source_type: Annotated[
        str | None,
        Field(description="Concept of IPTC's vocabulary, such as trainedAlgorithmicMedia"),
    ] = None
    latitude: Annotated[
        float | None, Field(description="Degrees; only where the job keeps locations")
    ] = None
    longitude: float | None = None
    altitude: Annotated[float | None, Field(description="Metres above the sea")] = None


class MeasurementRead(BaseModel):
    """What a measurer made of an image: measures, or an error."""

    version: str
    measures: dict[str, float] = {}
    neighbours: Annotated[
        int | None,
        Field(description="Others of its keyword that its vector was compared with, for nearness"),
    ] = None
    details: dict[str, JsonValue] = {}
    error: str | None = None


class ImageRead(RowRead):
    id: int
    url: str
    status: ImageStatus
    outcome: Outcome | None
    detail: str | None
    source: str
    query: str | None
    keyword: str | None
    rank: int
    landing_url: str | None
    licence: str | None
    licence_raw: str | None
    creator: str | None
    attribution: str | None
    title: str | None
    columns: Annotated[
        dict[str, Any] | None, Field(description="The other columns of its row in a list")
    ]
    final_url: str | None
    http_status: int | None
    content_type: str | None
    file_size: int | None
    sha256: Annotated[str | None, BeforeValidator(_hexadecimal)]
    width: int | None
    height: int | None
    format: str | None
    mode: str | None
    n_frames: int | None
    phashes: Annotated[
        list[Annotated[str, BeforeValidator(_unsigned_hexadecimal)]] | None,
        Field(
            description="64 bits each: whole, mirrored, without the outer 5 %, 10 % and sixth,"
            " turned by 5 degrees; whole on the other paper, of a picture with transparency."
            " Images of an earlier release have fewer"
        ),
    ]
    scores: dict[str, float] | None
    measurements: Annotated[
        dict[str, MeasurementRead] | None, Field(description="By the name of the measurer")
    ]
    transform: dict[str, Any] | None
    embedded: EmbeddedRead | None
    duplicate_of: int | None
    evidence: dict[str, Any] | None
    n_retries: int
    etag: str | None
    last_modified: str | None
    downloaded_at: datetime | None
    change: Change | None
    checked_at: datetime | None
