"""What tenants find of each other: nothing."""

import numpy as np
import pytest
from sqlalchemy.orm import Session

from crawlset.kit import objects
from crawlset.measuring.vectors import to_parquet
from crawlset.models import CrawlJob
from crawlset.wire import keys
from tests import factories
from tests.integration.finding.asking import RED, ask, ids
from tests.integration.finding.conftest import Keep
from tests.integration.finding.towers_function import TowersFunction

pytestmark = pytest.mark.usefixtures("bucket")


class TestTenants:
    @pytest.mark.parametrize("query", [{"text": "red"}, {"like": 1, "measurer": "towers"}], ids=str)
    def test_find_nothing_of_each_other(
        self,
        session: Session,
        job: CrawlJob,
        keep: Keep,
        towers: TowersFunction,
        query: dict[str, object],
    ) -> None:
        keep([RED])
        stranger = factories.create_profile(session)

        status, body = ask(job, stranger.id, **query)

        assert (status, body["code"]) == (404, "NotFoundError")
        assert towers.events == []

    def test_are_shown_no_row_of_another_job_whose_id_is_among_the_vectors(
        self, session: Session, job: CrawlJob, keep: Keep, towers: TowersFunction
    ) -> None:
        (own,) = keep([RED])
        stranger = factories.create_profile(session)
        other = factories.create_crawl_job(session, factories.create_project(session, stranger))
        image = factories.create_image(
            session, factories.create_chunk(session, other), measurements=own.measurements
        )
        part = str((own.measurements or {})["towers"]["part"])
        vectors = to_parquet([image.id, own.id], np.array([RED, RED]), "toy-1")
        objects.put(keys.vectors(job.id, "towers", part), vectors)

        status, body = ask(job, text="red")

        assert (status, ids(body)) == (200, [own.id])
