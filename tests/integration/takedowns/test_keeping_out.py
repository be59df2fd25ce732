import hashlib
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from crawlset.crawls import recording
from crawlset.models import Image, PackRewrite, Project, TakedownKind
from crawlset.outcomes import ImageStatus, Outcome
from crawlset.takedowns.carrying_on import carry_on
from tests import factories
from tests.integration.candidate_parts import plan
from tests.integration.outcomes import create_open_chunk, put_outcome, result


@pytest.mark.role("crawlset_worker")
@pytest.mark.usefixtures("bucket", "queues")
class TestKeepingOut:
    def test_plans_nothing_that_was_taken_down(self, session: Session, project: Project) -> None:
        job = factories.create_crawl_job(session, project)
        factories.create_takedown(session, project, kind=TakedownKind.host, value="a.test")

        plan(session, job, ["https://a.test/x.jpg", "https://b.test/x.jpg"])

        session.expire_all()
        found = {image.url: image.outcome for image in session.scalars(select(Image))}
        assert found == {
            "https://a.test/x.jpg": Outcome.refused_takedown,
            "https://b.test/x.jpg": None,
        }

    @pytest.mark.parametrize(
        ("kind", "value", "phashes"),
        [
            (TakedownKind.url, "https://images.example.org/x.jpg", None),
            (TakedownKind.look_alike, "f" * 16, [-1]),
        ],
    )
    def test_records_nothing_that_turns_out_to_be(
        self,
        session: Session,
        project: Project,
        queues: Any,
        kind: TakedownKind,
        value: str,
        phashes: list[int] | None,
    ) -> None:
        job = factories.create_crawl_job(session, project)
        chunk = create_open_chunk(session, job, 2)
        factories.create_takedown(
            session, project, kind=kind, value=value, phashes=phashes, max_distance=4
        )
        other = result(1, final_url="https://b.test/", phash=7, phashes=[7, 7, 7, 7])

        recording.record_outcome(put_outcome(chunk, [result(0), other]))

        session.expire_all()
        assert chunk.outcomes == {"refused_takedown": 1, "stored": 1}
        assert session.scalars(select(PackRewrite.pack_key)).all() == [chunk.pack_key]
        assert len(queues.bodies("takedowns")) == 1

    def test_records_no_bytes_that_were_taken_down_elsewhere(
        self, session: Session, project: Project
    ) -> None:
        job = factories.create_crawl_job(session, project)
        factories.create_takedown(session, project)
        gone = factories.create_chunk(session, job)
        factories.create_image(
            session,
            gone,
            status=ImageStatus.refused,
            outcome=Outcome.refused_takedown,
            sha256=hashlib.sha256(b"cat").digest(),
        )
        chunk = create_open_chunk(session, job, 1)
        seen = result(0, content=b"cat", final_url="https://b.test/")

        recording.record_outcome(put_outcome(chunk, [seen]))

        session.expire_all()
        assert chunk.outcomes == {"refused_takedown": 1}

    def test_rewrites_the_pack_of_what_was_on_its_way(
        self, session: Session, project: Project, queues: Any
    ) -> None:
        job = factories.create_crawl_job(session, project)
        chunk = create_open_chunk(session, job, 1)
        (image,) = session.scalars(select(Image))
        takedown = factories.create_takedown(session, project, value=image.url)
        carry_on(project.user_id, takedown.id)

        recording.record_outcome(put_outcome(chunk, [result(0)]))

        session.expire_all()
        assert image.outcome is Outcome.refused_takedown
        assert session.scalars(select(PackRewrite.pack_key)).all() == [chunk.pack_key]
