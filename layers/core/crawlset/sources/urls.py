"""The caller's own list of URLs: uploaded manifests, one made of the request, or a prefix."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from crawlset.errors import UnprocessableError
from crawlset.settings import SourceSettings
from crawlset.sources import lists, manifests
from crawlset.sources.manifest_columns import MalformedManifestError
from crawlset.sources.protocol import CandidatePage
from crawlset.sources.reading_place import START, ReadingPlace
from crawlset.wire.candidates import ListRead
from crawlset.wire.lists import ListedFile, UnreadList
from crawlset.wire.record import Record
from crawlset.wire.searches import SearchRequest

if TYPE_CHECKING:
    import httpx

UNREAD_NAMED = 100
MAX_REASON_CHARS = 300


@dataclass(frozen=True, slots=True)
class _ListCursor(Record):
    """Where the reading of a list goes on, and what has become of it so far."""

    files: tuple[ListedFile, ...]
    total_bytes: int
    file: int = 0
    """Files that are done with."""
    place: ReadingPlace = START
    n_rows: int = 0
    """Rows of the file that is being read, before `place`."""
    n_read_files: int = 0
    n_read_rows: int = 0
    """Rows of the files that were read to their end."""
    n_read_bytes: int = 0
    """Bytes of the files that are done with."""
    unread: tuple[UnreadList, ...] = ()
    n_unread: int = 0


def search(
    request: SearchRequest,
    *,
    client: "httpx.Client",  # noqa: ARG001 - the list is in a bucket
    settings: SourceSettings,
    cursor: Any = None,
) -> Iterator[CandidatePage]:
    """
    Every row of the manifests, of each once the whole of it has been found readable.

    One of several that cannot be read is named, and the others are read.
    Raises `MalformedManifestError` before the first page of the only one, or if none of several can
    be read, and `UnknownListsError` for a prefix that cannot be.
    """
    if cursor is None:
        at = _beginning(request, settings)
    else:
        at = _ListCursor.from_json(cursor)
        yield _told(at)
    while at.file < len(at.files):
        file = at.files[at.file]
        size = 0
        try:
            manifest = manifests.open_manifest(file.key, file.format, request.reading, file.bucket)
            size = manifest.file.size
            if len(at.files) == 1:
                at = replace(at, total_bytes=size)
            for page in manifests.read(manifest, request.limit, at.place, at.n_rows):
                at = replace(at, place=page.place, n_rows=page.n_rows)
                page.cursor, page.read = at, _read(at, page.n_bytes)
                yield page
        except UnprocessableError as error:
            if len(at.files) == 1:
                raise
            unread = UnreadList(file.name, str(error)[:MAX_REASON_CHARS])
            at = replace(
                at,
                unread=(*at.unread, unread)[:UNREAD_NAMED],
                n_unread=at.n_unread + 1,
            )
        else:
            at = replace(at, n_read_files=at.n_read_files + 1)
        at = replace(
            at,
            file=at.file + 1,
            place=START,
            n_rows=0,
            n_read_rows=at.n_read_rows + at.n_rows,
            n_read_bytes=at.n_read_bytes + size,
        )
        last = _told(at)
        last.cursor = at
        yield last
    if not at.n_read_files:
        first = at.unread[0]
        raise MalformedManifestError(
            f"None of the {len(at.files):,} lists can be read. {first.name}: {first.reason}"
        )


def _beginning(request: SearchRequest, settings: SourceSettings) -> _ListCursor:
    if request.manifest_key is not None:
        only = ListedFile(request.manifest_key, "", request.manifest_format)
        return _ListCursor((only,), 0)
    if not request.is_list:
        raise MalformedManifestError("The search names no manifest.")
    head, files = lists.files_of(request, settings)
    return _ListCursor(tuple(files), head.n_bytes)


def _told(at: _ListCursor) -> CandidatePage:
    """A page without rows, which says how much has been read."""
    page = CandidatePage()
    page.read = _read(at)
    return page


def _read(at: _ListCursor, n_bytes: int = 0) -> ListRead:
    n_read_bytes = at.n_read_bytes + n_bytes
    return ListRead(
        n_rows=at.n_read_rows + at.n_rows,
        n_bytes=n_read_bytes,
        total_bytes=max(at.total_bytes, n_read_bytes),
        unread=at.unread,
        n_unread=at.n_unread,
    )
