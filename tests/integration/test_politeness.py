"""What keeps two jobs together as polite to a host as one: the groups of the lanes' queue."""

from collections import Counter
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from crawlset.crawls.planner import LANE_URLS, LANES_PER_HOST
from crawlset.models import JobChunk, JobStatus, Project
from crawlset.settings import CHUNK_URLS
from tests import factories
from tests.integration.candidate_parts import plan
from tests.spellings import SPELLINGS

pytestmark = [pytest.mark.role("crawlset_worker"), pytest.mark.usefixtures("bucket")]


def groups(queues: Any) -> Counter[str]:
    """The group of each message on the lanes' queue, which is empty then."""
    found: Counter[str] = Counter()
    url = queues.urls["host_lanes"]
    while messages := queues.sqs.receive_message(
        QueueUrl=url, MaxNumberOfMessages=10, AttributeNames=["MessageGroupId"]
    ).get("Messages"):
        for message in messages:
            found[message["Attributes"]["MessageGroupId"]] += 1
            queues.sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    return found


def plan_of(session: Session, project: Project, *hosts: str) -> int:
    """The number of chunks of a new job that has so many URLs of each host that it needs lanes."""
    job = factories.create_crawl_job(session, project, status=JobStatus.pending)
    plan(
        session, job, [f"https://{host}/{at}.jpg" for host in hosts for at in range(LANE_URLS + 1)]
    )
    return len(session.scalars(select(JobChunk).where(JobChunk.crawl_job_id == job.id)).all())


class TestTwoJobs:
    def test_share_the_lanes_of_a_host(self, session: Session, queues: Any) -> None:
        profile = factories.create_profile(session)
        n_urls = CHUNK_URLS * LANES_PER_HOST + 1
        for n in range(2):
            project = factories.create_project(session, profile)
            job = factories.create_crawl_job(session, project, status=JobStatus.pending)
            urls = [f"https://Busy.example.org:443/{n}/{at}.jpg" for at in range(n_urls)]
            plan(session, job, [*urls, f"https://busy.example.org/{n}/last.jpg"])

        assert groups(queues) == {"busy.example.org#0": 4, "busy.example.org#1": 2}

    @pytest.mark.parametrize("host", SPELLINGS)
    def test_share_the_lanes_of_a_host_that_they_spell_differently(
        self, session: Session, queues: Any, host: str
    ) -> None:
        profile = factories.create_profile(session)
        for spelling in SPELLINGS[host][::2]:
            project = factories.create_project(session, profile)
            job = factories.create_crawl_job(session, project, status=JobStatus.pending)
            n_urls = LANE_URLS + 1
            plan(session, job, [f"https://{spelling}/{at}.jpg" for at in range(n_urls)])

        assert groups(queues) == {f"{host}#0": len(SPELLINGS[host][::2])}

    def test_share_the_lanes_of_hosts_that_were_crawled_together_before(
        self, session: Session, project: Project, queues: Any
    ) -> None:
        both = plan_of(session, project, "a.example.org", "b.example.org")
        alone = plan_of(session, project, "b.example.org")
        beside_a_new_one = plan_of(session, project, "b.example.org", "c.example.org")
        the_new_one = plan_of(session, project, "c.example.org")

        assert {both, alone, beside_a_new_one, the_new_one} == {1}
        assert groups(queues) == {"a.example.org#0": 4}

    def test_of_few_urls_of_a_host_need_no_lane(
        self, session: Session, project: Project, queues: Any
    ) -> None:
        job = factories.create_crawl_job(session, project, status=JobStatus.pending)

        plan(session, job, [f"https://calm.example.org/{at}.jpg" for at in range(LANE_URLS)])

        assert groups(queues) == {}
        assert len(queues.bodies("chunks")) == 1
