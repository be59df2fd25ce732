"""How a request says in which way its list is to be read."""

import codecs
from typing import Annotated, Any
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from crawlset.kit.fields import printable
from crawlset.kit.strict_json import field_names, from_json
from crawlset.wire.searches import ListReading, ManifestFormat

ENCODINGS = frozenset({
    "utf-8", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-32-be", "ascii",
    "iso8859-1", "iso8859-2", "iso8859-5", "iso8859-7", "iso8859-9", "iso8859-15", "cp1250",
    "cp1251", "cp1252", "cp1253", "cp1254", "cp437", "cp850", "koi8-r", "mac-roman", "shift_jis",
    "cp932", "euc_jp", "gb2312", "gbk", "gb18030", "big5", "euc_kr",
})  # fmt: skip
"""Encodings of texts, as Python calls them. Others of its codecs unpack, or are none of texts."""


def _encoding(name: str) -> str:
    try:
        known = codecs.lookup(name).name
    except (LookupError, ValueError):
        known = ""
    if known not in ENCODINGS:
        message = "is no encoding that lists are read in; some are utf-16, latin-1, cp1252"
        raise ValueError(message)
    return known


ColumnName = Annotated[str, Field(min_length=1, max_length=200), AfterValidator(printable)]


class ListedUpload(BaseModel):
    """One of several lists: an upload, and what it is called where it cannot be read."""

    model_config = ConfigDict(extra="forbid", strict=True)

    upload_id: Annotated[UUID, Field(strict=False)]
    name: Annotated[str, Field(max_length=500), AfterValidator(printable)] | None = None
    manifest_format: Annotated[ManifestFormat | None, Field(strict=False)] = None


class ListOptions(BaseModel):
    """
    Which columns of an uploaded list say what, and its encoding.

    What is inside an object has its names joined: image.url. Columns of a list without a header
    are column_1, column_2 and so on.
    """

    url_column: ColumnName | None = None
    caption_column: ColumnName | None = None
    label_column: Annotated[ColumnName | None, Field(description="The class")] = None
    licence_column: ColumnName | None = None
    creator_column: ColumnName | None = None
    sha256_column: Annotated[
        ColumnName | None,
        Field(description="Refuse files that have another SHA-256; hexadecimal or base64"),
    ] = None
    md5_column: Annotated[
        ColumnName | None,
        Field(description="Refuse files that have another MD5; hexadecimal or base64"),
    ] = None
    keep_columns: Annotated[
        list[ColumnName] | None,
        Field(max_length=100, description="Keep these of the other columns; null: all of them"),
    ] = None
    keep_repeated: Annotated[
        bool,
        Field(
            strict=True,
            description="Keep further rows of a URL with another caption, class or other column",
        ),
    ] = True
    encoding: Annotated[
        Annotated[str, Field(max_length=40), AfterValidator(_encoding)] | None,
        Field(description="Such as latin-1 or utf-16; null: UTF-8, or what a mark says"),
    ] = None


def list_options(request: ListOptions) -> dict[str, Any]:
    """What the request says of its list."""
    return request.model_dump(include=set(field_names(ListReading)), exclude_defaults=True)


def reading_of(request: ListOptions) -> ListReading:
    return from_json(ListReading, list_options(request))
