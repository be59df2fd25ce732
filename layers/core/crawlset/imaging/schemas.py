"""What a request may ask of pictures; imports no decoder."""

from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from crawlset.resizing import ResizeMode, StoredFormat


class EncodeCreate(BaseModel):
    """A format to encode pictures in."""

    model_config = ConfigDict(extra="forbid")

    format: StoredFormat = StoredFormat.jpeg
    quality: Annotated[
        int | None,
        Field(
            strict=True,
            description="1 to 100 for jpeg and webp (95), compression 0 to 9 for png (6)",
        ),
    ] = None

    @model_validator(mode="after")
    def _quality_suits_format(self) -> Self:
        is_png = self.format is StoredFormat.png
        low, high, usual = (0, 9, 6) if is_png else (1, 100, 95)
        if self.quality is None:
            self.quality = usual
        elif not low <= self.quality <= high:
            message = f"quality of {self.format} is {low} to {high}"
            raise ValueError(message)
        return self


class ResizeCreate(EncodeCreate):
    """What to store in place of the bytes received, in the words of img2dataset."""

    mode: ResizeMode
    size: Annotated[
        int, Field(strict=True, ge=16, le=4096, description="Pixels of the side that mode means")
    ]
    only_if_bigger: Annotated[bool, Field(strict=True)] = False
