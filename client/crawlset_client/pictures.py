"""Stored pictures: their bytes and thumbnails, and reports that show them."""

from datetime import datetime

from crawlset_client import calls
from crawlset_client.api import Crawlset
from crawlset_client.models import Record


class Content(Record, kw_only=True):
    url: str
    headers: dict[str, str]
    file_size: int
    sha256: str
    expires_at: datetime


class Pictures(Crawlset):
    """The service, with the pictures it stores."""

    def read_picture(self, project_id: str, job_id: str, image_id: int) -> bytes:
        """The bytes as they are stored."""
        path = f"{_image(project_id, job_id, image_id)}/content"
        content = self._get(Content, path)
        request = self._storage.build_request("GET", content.url, headers=content.headers)
        return calls.send(self._storage, request, sleep=self._sleep).content

    def read_thumbnail(
        self, project_id: str, job_id: str, image_id: int, *, size: int = 256
    ) -> bytes:
        """A JPEG whose longer side has at most `size` pixels."""
        path = f"{_image(project_id, job_id, image_id)}/thumbnail"
        return self._send("GET", path, params={"size": size}).content

    def read_report_page(self, project_id: str, job_id: str, validation_id: str) -> bytes:
        """What a completed validation found, as an HTML page with its pictures."""
        path = f"projects/{project_id}/crawl-jobs/{job_id}/validation-jobs/{validation_id}"
        return self._send("GET", f"{path}/report.html").content


def _image(project_id: str, job_id: str, image_id: int) -> str:
    return f"projects/{project_id}/crawl-jobs/{job_id}/images/{image_id}"
