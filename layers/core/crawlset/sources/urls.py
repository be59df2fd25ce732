"""The caller's own list of URLs: an uploaded manifest, or one made of the request."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from crawlset.settings import SourceSettings
from crawlset.sources import manifests
from crawlset.sources.manifest_columns import MalformedManifestError
from crawlset.sources.protocol import CandidatePage
from crawlset.wire.searches import SearchRequest

if TYPE_CHECKING:
    import httpx


def search(
    request: SearchRequest,
    *,
    client: "httpx.Client",  # noqa: ARG001 - the list is in our own bucket
    settings: SourceSettings,  # noqa: ARG001
    cursor: Any = None,  # noqa: ARG001 - a list is read anew, in one go
) -> Iterator[CandidatePage]:
    """
    Every row of the manifest, once the whole of it has been found readable.

    Raises `MalformedManifestError` before the first page, so that no part of a broken manifest
    is crawled.
    """
    if request.manifest_key is None:
        raise MalformedManifestError("The search names no manifest.")
    manifest = manifests.open_manifest(
        request.manifest_key, request.manifest_format, request.reading
    )
    yield from manifests.read(manifest, request.limit)
