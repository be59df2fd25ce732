from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, Field

from crawlset.kit.fields import RequestBody
from crawlset.settings import MAX_MANIFEST_BYTES


class UploadCreate(RequestBody):
    """A file to upload."""

    file_size: Annotated[
        int,
        Field(ge=1, le=MAX_MANIFEST_BYTES, description="Bytes; a file of another size is refused"),
    ]


class UploadRead(BaseModel):
    upload_id: UUID
    url: str
    method: str = "PUT"
    headers: dict[str, str] = {}
    expires_at: datetime
