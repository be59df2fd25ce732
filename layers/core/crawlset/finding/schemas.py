from typing import Annotated

from pydantic import BaseModel, Field

from crawlset.images.schemas import ImageRead


class NearestImage(BaseModel):
    """An image, and how near its vector is to the one that was asked with."""

    similarity: Annotated[float, Field(description="Cosine of both vectors, -1 to 1")]
    image: ImageRead


class NearestImages(BaseModel):
    """Stored images, the nearest first, and how many were looked at."""

    items: list[NearestImage]
    measurer: Annotated[str, Field(description="Measurer that made the vectors")]
    version: Annotated[str, Field(description="The measurer's version")]
    n_compared: Annotated[int, Field(description="Images whose vectors were compared")]
    n_stored: Annotated[int, Field(description="Images that the job has stored")]
    is_complete: Annotated[
        bool, Field(description="False if time ran out before all vectors were read, newest first")
    ]
