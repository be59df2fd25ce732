import base64
import io
import json
from typing import Any

import pytest
from PIL import Image as Picture
from sqlalchemy.orm import Session

from crawlset.kit import objects
from crawlset.models import CrawlJob, Image, Profile
from crawlset.outcomes import ImageStatus, Outcome
from functions.thumbnail import app
from tests import factories
from tests.invocations import CONTEXT, reader, request
from tests.unit.imaging import files, pictures

pytestmark = pytest.mark.usefixtures("bucket")


def store(session: Session, profile: Profile, picture: bytes, **overrides: Any) -> Image:
    job = factories.create_crawl_job(session, factories.create_project(session, profile))
    chunk = factories.create_chunk(session, job)
    image = factories.create_image(session, chunk, **{"pack_length": len(picture)} | overrides)
    if image.pack_key is not None:
        objects.put(image.pack_key, b"\0" * 512 + picture + b"\0" * 512)
    return image


def ask(session: Session, image: Image, **query: str) -> Any:
    job = session.get_one(CrawlJob, image.crawl_job_id)
    path = f"/api/projects/{job.project_id}/crawl-jobs/{job.id}/images/{image.id}/thumbnail"
    event = request("GET", path, reader(image.user_id), query=query)
    return app.handler(event, CONTEXT)


def shown(answer: Any) -> Picture.Image:
    assert answer["isBase64Encoded"]
    return Picture.open(io.BytesIO(base64.b64decode(answer["body"])))


class TestThumbnail:
    def test_is_a_small_jpeg(self, session: Session, profile: Profile) -> None:
        image = store(session, profile, pictures.jpeg(size=(640, 480)))

        answer = ask(session, image)

        assert answer["statusCode"] == 200
        assert answer["headers"]["Content-Type"] == "image/jpeg"
        picture = shown(answer)
        assert (picture.format, picture.size) == ("JPEG", (256, 192))

    @pytest.mark.parametrize("name", ["avif RGB", "heic RGB", "tiff I;16", "jxl RGB", "jp2 LA"])
    def test_is_a_jpeg_of_every_format(self, session: Session, profile: Profile, name: str) -> None:
        data = {each: data for each, _, _, data in files.files()}[name]
        image = store(session, profile, data, format=name.split(maxsplit=1)[0])

        picture = shown(ask(session, image, size="64"))

        assert (picture.format, picture.size) == ("JPEG", (64, 48))

    def test_is_as_large_as_asked_for(self, session: Session, profile: Profile) -> None:
        image = store(session, profile, pictures.jpeg(size=(640, 480)))

        assert shown(ask(session, image, size="64")).size == (64, 48)

    def test_never_enlarges(self, session: Session, profile: Profile) -> None:
        image = store(session, profile, pictures.jpeg(size=(100, 80)))

        assert shown(ask(session, image)).size == (100, 80)

    def test_is_not_made_of_what_is_not_stored(self, session: Session, profile: Profile) -> None:
        image = store(
            session,
            profile,
            b"",
            status=ImageStatus.failed,
            outcome=Outcome.http_404,
            pack_length=None,
        )

        answer = ask(session, image)

        assert answer["statusCode"] == 409
        assert json.loads(answer["body"])["code"] == "ImageNotStoredError"

    def test_survives_what_kills_the_decoder(self, session: Session, profile: Profile) -> None:
        broken = store(session, profile, pictures.jpeg()[:200])
        image = store(session, profile, pictures.jpeg(size=(640, 480)))

        first, second = ask(session, broken), ask(session, image)

        assert first["statusCode"] == 422
        assert json.loads(first["body"])["code"] == "NoThumbnailError"
        assert second["statusCode"] == 200
