from datetime import datetime
from enum import StrEnum
from typing import Annotated
from uuid import UUID

from pydantic import AfterValidator, Field

from crawlset.kit.fields import RequestBody, RowRead
from crawlset.urls.spelling import read_host

HostName = Annotated[str, Field(min_length=1, max_length=254)]


class HostProofCreate(RequestBody):
    host: Annotated[
        HostName,
        Field(description="Without scheme, port and path", examples=["images.example.org"]),
        AfterValidator(read_host),
    ]


class HostProofStatus(StrEnum):
    pending = "pending"
    checking = "checking"
    proven = "proven"
    failed = "failed"


class HostProofRead(RowRead):
    id: UUID
    host: str
    status: Annotated[
        HostProofStatus, Field(description="A host that is proven may be named in `per_host`")
    ]
    path: Annotated[str, Field(description="Where the host is to answer with the token")]
    token: Annotated[str, Field(description="All that the answer may hold, but for white space")]
    checked_at: datetime | None
    detail: Annotated[str | None, Field(description="What the last check found")]
    proven_until: datetime | None
    next_check_at: Annotated[
        datetime | None, Field(description="Each month, once it is proven; each day, if one fails")
    ]
    created_at: datetime
    updated_at: datetime
