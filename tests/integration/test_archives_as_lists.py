"""Archives of GBIF and iNaturalist as lists, from the upload to the rows."""

from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from crawlset.models import Image, Project
from tests.integration.api import Api
from tests.integration.lists_followed import Lists
from tests.unit.sources.archives_made import (
    S3,
    gbif_files,
    inaturalist_files,
    media,
    photo,
    tarred,
    zipped,
)
from tests.unit.sources.lists_read import A, B

pytestmark = pytest.mark.usefixtures("bucket")


@pytest.fixture
def lists(api: Api, project: Project, queues: Any, roles: list[str]) -> Lists:
    return Lists(api, project, queues, roles)


def images(session: Session) -> list[Image]:
    return list(session.scalars(select(Image).order_by(Image.rank)))


def test_a_download_of_gbif_is_crawled_by_licence(lists: Lists, session: Session) -> None:
    rows = [
        media(gbifID="1", identifier=A, license="http://creativecommons.org/licenses/by/4.0/"),
        media(gbifID="1", identifier="https://a.example/1.mp3", type="Sound"),
        media(gbifID="2", identifier=B, license="All rights reserved", rightsHolder="Museum"),
    ]

    created = lists.upload(
        zipped(gbif_files(*rows)), sources=["gbif_downloads"], licences=["attribution"]
    )
    shown = lists.crawl(created)

    found = images(session)
    assert [(image.url, image.keyword, image.licence, image.outcome) for image in found] == [
        (A, "Felis catus", "cc-by-4.0", None),
        (B, "Felis Linnaeus, 1758", "all-rights-reserved", "refused_licence"),
    ]
    assert [image.rank for image in found] == [1, 2]
    assert [search["n_skipped"] for search in shown["searches"]] == [1]


def test_open_data_of_inaturalist_gives_the_credit_it_asks_for(
    lists: Lists, session: Session
) -> None:
    body = tarred(inaturalist_files(photo(1, license="CC-BY-NC"), photo(2, license="CC0")))

    lists.crawl(lists.upload(body, sources=["inaturalist_open_data"], url_column="medium_url"))

    assert [(image.url, image.licence, image.attribution) for image in images(session)] == [
        (
            f"{S3}/1/medium.jpg",
            "cc-by-nc-4.0",
            '© Ken-ichi "K" Ueda, some rights reserved (CC-BY-NC)',
        ),
        (f"{S3}/2/medium.jpg", "cc0-1.0", "loarie, no rights reserved (CC0)"),
    ]


def test_an_archive_of_something_else_fails_its_job(lists: Lists) -> None:
    shown = lists.crawl(lists.upload(zipped({"cats/1.jpg": b"\xff\xd8"})))

    [search] = shown["searches"]
    assert (shown["status"], search["status"]) == ("failed", "failed")
    assert search["error_message"].endswith("it has cats/1.jpg.")
