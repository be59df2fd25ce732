"""A link to a stored image, opened at the emulator, which checks signatures as S3 does."""

from typing import Any

import httpx
import pytest
from sqlalchemy.orm import Session

from crawlset.kit import objects
from crawlset.models import CrawlJob, Image
from tests import factories
from tests.integration.api import Api

PICTURE, OTHERS = b"p" * 1000, b"o" * 512


@pytest.fixture
def image(session: Session, job: CrawlJob, emulated_bucket: str) -> Image:
    image = factories.create_image(session, factories.create_chunk(session, job))
    objects.put(str(image.pack_key), OTHERS + PICTURE + OTHERS)
    return image


class TestLink:
    """
    Signature version 4 covers a presigned `Range`: X-Amz-SignedHeaders is `host;range`.

    S3 answers 403 to any other, and to none: github.com/aws/aws-sdk-js/issues/2471, where version 2
    let all of the object through, and github.com/boto/boto3/issues/2417.
    """

    def ask(self, api: Api, job: CrawlJob, image: Image) -> Any:
        path = f"/api/projects/{job.project_id}/crawl-jobs/{job.id}/images/{image.id}/content"
        return api.ask("GET", path).body

    def test_opens_the_image(self, api: Api, job: CrawlJob, image: Image) -> None:
        link = self.ask(api, job, image)

        answer = httpx.get(link["url"], headers=link["headers"])

        assert (answer.status_code, answer.content) == (206, PICTURE)

    @pytest.mark.parametrize(
        "headers",
        [{}, {"Range": "bytes=0-511"}, {"Range": "bytes=512-1512"}, {"Range": "bytes=0-"}],
    )
    def test_opens_nothing_else_of_its_pack(
        self, api: Api, job: CrawlJob, image: Image, headers: dict[str, str]
    ) -> None:
        link = self.ask(api, job, image)

        answer = httpx.get(link["url"], headers=headers)

        assert answer.status_code == 403
        assert OTHERS not in answer.content
