"""The lists that a request brings: looked at, and put where a search finds them."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy.orm import Session

from crawlset.crawls.list_schemas import ListedUpload, reading_of
from crawlset.crawls.schemas import CrawlJobCreate
from crawlset.errors import UnprocessableError
from crawlset.sources import manifests
from crawlset.sources.manifest_rows import has_url
from crawlset.uploads import service as uploads
from crawlset.uploads.repository import UploadRepository
from crawlset.uploads.service import StoredList
from crawlset.wire import keys
from crawlset.wire.lists import ListedFile, ListHead
from crawlset.wire.record import pack


@dataclass(frozen=True, slots=True)
class Listed:
    """What a search is to read: one list, or an object that names several."""

    manifest_key: str | None = None
    lists_key: str | None = None
    n_bytes: int | None = None
    """None of what is below a prefix, which only `discover` sees."""
    uploads: tuple[StoredList, ...] = ()
    """Objects to be kept for as long as the job may read them."""


def store(session: Session, user_id: UUID, request: CrawlJobCreate) -> Listed | None:
    """
    Look at the list that was uploaded, or store the one in the request; None if there is none.

    Of several lists only is checked that there are such uploads: what is wrong with one of them
    the job says.

    Raises:
        UnprocessableError: a list without a URL, one that cannot be read, or no such upload.
    """
    if request.urls is not None:
        if not any(map(has_url, request.urls)):
            raise UnprocessableError("There is no URL in the list.", "/urls")
        lines = "\n".join(map(json.dumps, request.urls))
        stored = uploads.store(user_id, lines.encode())
    elif request.upload_id is not None:
        key = keys.upload(user_id, request.upload_id)
        manifest = manifests.inspect(key, request.manifest_format, reading_of(request))
        stored = StoredList(request.upload_id, key, manifest.file.size)
    elif request.lists is not None:
        return _store_several(session, user_id, request.lists)
    else:
        return Listed() if request.list_uri is not None else None
    return Listed(stored.key, n_bytes=stored.n_bytes, uploads=(stored,))


def n_bytes(session: Session, user_id: UUID, request: CrawlJobCreate) -> int | None:
    """
    Bytes of the lists that were uploaded, 0 if there are none; None where they are not known.

    Raises:
        UnprocessableError: a list that cannot be read, or no such upload.
    """
    if request.list_uri is not None:
        return None
    if request.lists is not None:
        return sum(_sizes(session, user_id, request.lists).values())
    if request.upload_id is None:
        return 0
    key = keys.upload(user_id, request.upload_id)
    return manifests.inspect(key, request.manifest_format, reading_of(request)).file.size


def _store_several(session: Session, user_id: UUID, lists: Sequence[ListedUpload]) -> Listed:
    sizes = _sizes(session, user_id, lists)
    files = [
        ListedFile(
            keys.upload(user_id, each.upload_id),
            each.name or f"list {number}",
            each.manifest_format,
        )
        for number, each in enumerate(lists, 1)
    ]
    total = sum(sizes.values())
    index = uploads.store(user_id, pack(ListHead(len(files), total), files), "application/gzip")
    kept = (
        StoredList(upload_id, keys.upload(user_id, upload_id), size)
        for upload_id, size in sizes.items()
    )
    return Listed(lists_key=index.key, n_bytes=total, uploads=(index, *kept))


def _sizes(session: Session, user_id: UUID, lists: Sequence[ListedUpload]) -> dict[UUID, int]:
    sizes = UploadRepository(session).sizes(user_id, {each.upload_id for each in lists})
    seen: set[UUID] = set()
    for place, each in enumerate(lists):
        pointer = f"/lists/{place}/upload_id"
        if each.upload_id not in sizes:
            raise UnprocessableError(f"There is no upload {each.upload_id}.", pointer)
        if each.upload_id in seen:
            raise UnprocessableError(f"The upload {each.upload_id} is named twice.", pointer)
        seen.add(each.upload_id)
    return sizes
