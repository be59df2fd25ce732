"""Images of a crawl job: what became of each candidate, its bytes and its provenance."""

from collections.abc import Iterator
from typing import Any

from crawlset_client import calls
from crawlset_client.api.connection import Resource, given, in_job
from crawlset_client.models import Content, Document, Image
from crawlset_client.nearest import NearestImages


class Images(Resource):
    """Candidates of a crawl job, stored or not."""

    def list(
        self,
        project_id: str,
        job_id: str,
        *,
        status: str | None = None,
        outcome: str | None = None,
        change: str | None = None,
    ) -> Iterator[Image]:
        """Every candidate and what became of it; `change` is what the last re-crawl found."""
        path = in_job(project_id, job_id, "images")
        return self._connection.list(Image, path, status=status, outcome=outcome, change=change)

    def find(
        self,
        project_id: str,
        job_id: str,
        text: str | None = None,
        *,
        like: int | None = None,
        measurer: str | None = None,
        limit: int = 20,
    ) -> NearestImages:
        """
        The stored images nearest to a text, or to the image `like` by vectors of `measurer`.

        Texts need towers that the service was given. `limit` is 100 at most.
        """
        path = in_job(project_id, job_id, "nearest-images")
        asked = given(text=text, like=like, measurer=measurer)
        return self._connection.get(NearestImages, path, **asked, limit=limit)

    def read(self, project_id: str, job_id: str, image_id: int) -> bytes:
        """The bytes of a stored image, as they are stored."""
        path = in_job(project_id, job_id, "images", image_id, "content")
        content = self._connection.get(Content, path)
        storage = self._connection.storage
        request = storage.build_request("GET", content.url, headers=content.headers)
        return calls.send(storage, request, sleep=self._connection.sleep).content

    def read_thumbnail(
        self, project_id: str, job_id: str, image_id: int, *, size: int = 256
    ) -> bytes:
        """A JPEG whose longer side has at most `size` pixels."""
        path = in_job(project_id, job_id, "images", image_id, "thumbnail")
        return self._connection.send("GET", path, params={"size": size}).content

    def get_provenance(self, project_id: str, job_id: str, image_id: int) -> dict[str, Any]:
        """Where a candidate comes from, what was said about using it, and what decided."""
        path = in_job(project_id, job_id, "images", image_id, "provenance")
        return self._connection.get(Document, path).document
