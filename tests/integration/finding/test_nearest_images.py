"""Images found by a text and by another image, over HTTP."""

import io
from itertools import chain, repeat
from types import SimpleNamespace
from typing import Any

import pytest
from PIL import Image as Picture
from sqlalchemy.orm import Session

from crawlset.kit import objects
from crawlset.models import CrawlJob, JobChunk, Profile
from crawlset.outcomes import ImageStatus, Outcome
from crawlset.wire import keys
from functions.towers import app as towers_app
from tests import factories
from tests.integration.finding.asking import BLUE, GREEN, RED, ask, ids
from tests.integration.finding.conftest import Deploy, Keep
from tests.integration.finding.towers_function import TowersFunction
from tests.integration.validation.steps import validate
from tests.invocations import CONTEXT
from tests.unit.measuring import toy_towers

pytestmark = pytest.mark.usefixtures("bucket")


def png(*rgb: int) -> bytes:
    body = io.BytesIO()
    Picture.new("RGB", (40, 40), rgb).save(body, "PNG")
    return body.getvalue()


class TestText:
    @pytest.mark.role("crawlset_worker")
    def test_finds_what_a_validation_had_measured(
        self, session: Session, chunk: JobChunk, towers: TowersFunction, roles: list[str]
    ) -> None:
        colours = {"blue": (0, 0, 255), "red": (255, 0, 0), "violet": (200, 0, 255)}
        images = {}
        for name, rgb in colours.items():
            picture = png(*rgb)
            images[name] = factories.create_image(
                session,
                chunk,
                format="png",
                pack_offset=0,
                pack_length=len(picture),
                pack_key=keys.pack(chunk.crawl_job_id, chunk.id, 1, name),
            )
            objects.put(str(images[name].pack_key), picture)
        job = session.get_one(CrawlJob, chunk.crawl_job_id)
        validation = factories.create_validation_job(
            session, job, validation_rules={"measurers": ["towers"]}
        )
        validate(validation, measurer=lambda event: towers_app.handler(event, CONTEXT))
        roles.append("crawlset_api")

        status, body = ask(job, text="a photo of blue", limit=2)

        assert status == 200
        assert ids(body) == [images["blue"].id, images["violet"].id]
        assert [one["similarity"] for one in body["items"]] == pytest.approx([1, 0.787], abs=0.01)
        assert body["items"][0]["image"]["url"] == images["blue"].url
        told = {name: value for name, value in body.items() if name != "items"}
        assert told == {
            "measurer": "towers",
            "version": "toy-1",
            "n_compared": 3,
            "n_stored": 0,
            "is_complete": True,
        }

    def test_says_how_many_the_job_has_stored(
        self, session: Session, job: CrawlJob, chunk: JobChunk, keep: Keep, towers: TowersFunction
    ) -> None:
        chunk.outcomes = {"stored": 5, "http_404": 2}
        session.commit()
        keep([RED, BLUE])

        _, body = ask(job, text="red")

        assert (body["n_compared"], body["n_stored"]) == (2, 5)

    def test_gives_twenty_unless_told_otherwise(
        self, job: CrawlJob, keep: Keep, towers: TowersFunction
    ) -> None:
        images = keep([RED] * 25)

        _, body = ask(job, text="red")

        assert ids(body) == [image.id for image in images[:20]]

    @pytest.mark.parametrize(
        "change",
        [
            {"status": ImageStatus.rejected, "outcome": Outcome.damaged},
            {"status": ImageStatus.refused, "outcome": Outcome.refused_takedown},
            {"measurements": None},
            {"measurements": {"towers": {"version": "toy-1", "part": "another"}}},
            {"measurements": {"towers": {"version": "toy-1", "error": "truncated"}}},
        ],
        ids=["rejected", "taken down", "other bytes", "measured again", "not measured again"],
    )
    def test_finds_nothing_that_is_stored_no_more(
        self,
        session: Session,
        job: CrawlJob,
        keep: Keep,
        towers: TowersFunction,
        change: dict[str, Any],
    ) -> None:
        gone, there = keep([BLUE, [0.1, 0, 1]])
        for name, value in change.items():
            setattr(gone, name, value)
        session.commit()

        status, body = ask(job, text="blue", limit=1)

        assert (status, ids(body)) == (200, [there.id])

    def test_finds_an_image_once_that_was_measured_twice(
        self, session: Session, job: CrawlJob, keep: Keep, towers: TowersFunction
    ) -> None:
        (image,) = keep([BLUE])
        part = (image.measurements or {})["towers"]["part"]
        body = objects.get(keys.vectors(job.id, "towers", part))
        objects.put(keys.vectors(job.id, "towers", part.replace("-0", "-1", 1)), body)

        _, answer = ask(job, text="blue")

        assert ids(answer) == [image.id]
        assert answer["n_compared"] == 1

    def test_leaves_out_parts_that_cannot_be_read(
        self, job: CrawlJob, keep: Keep, towers: TowersFunction
    ) -> None:
        (there,) = keep([RED])
        objects.put(keys.vectors(job.id, "towers", f"{5:019d}-{6:019d}-x-0"), b"PAR1 no more")

        status, body = ask(job, text="red")

        assert (status, ids(body), body["is_complete"]) == (200, [there.id], False)

    def test_leaves_out_what_another_version_measured(
        self, job: CrawlJob, keep: Keep, towers: TowersFunction
    ) -> None:
        keep([RED], version="toy-0")
        (there,) = keep([GREEN])

        _, body = ask(job, text="red")

        assert (ids(body), body["n_compared"], body["is_complete"]) == ([there.id], 1, True)


class TestTime:
    @staticmethod
    def context(*left: float) -> Any:
        """Of the seconds that are left the next is told, each time that somebody asks."""
        told = chain(left, repeat(left[-1]))
        return SimpleNamespace(
            **vars(CONTEXT) | {"get_remaining_time_in_millis": lambda: next(told) * 1_000}
        )

    def test_ends_the_search_and_is_told(
        self, job: CrawlJob, keep: Keep, towers: TowersFunction
    ) -> None:
        older, newer = keep([RED]), keep([RED])

        status, body = ask(job, context=self.context(20, 4), text="red")

        assert status == 200
        assert (body["n_compared"], body["is_complete"]) == (1, False)
        assert ids(body)[0] in {older[0].id, newer[0].id}

    def test_ends_looking_for_images_that_are_stored(
        self, session: Session, job: CrawlJob, keep: Keep, towers: TowersFunction
    ) -> None:
        images = keep([RED] * 6)
        for image in images[:5]:
            image.status, image.outcome = ImageStatus.rejected, Outcome.damaged
        session.commit()

        status, body = ask(job, context=self.context(20, 4), text="red", limit=1)

        assert (status, ids(body), body["is_complete"]) == (200, [], False)

    def test_suffices_to_look_past_images_that_are_not_stored(
        self, session: Session, job: CrawlJob, keep: Keep, towers: TowersFunction
    ) -> None:
        images = keep([RED] * 50)
        for image in images[:49]:
            image.status, image.outcome = ImageStatus.rejected, Outcome.damaged
        session.commit()

        _, body = ask(job, text="red", limit=1)

        assert (ids(body), body["is_complete"]) == ([images[49].id], True)

    def test_that_is_over_before_anything_was_compared_is_answered_503(
        self, job: CrawlJob, keep: Keep, towers: TowersFunction
    ) -> None:
        keep([RED])

        status, body = ask(job, context=self.context(4), text="red")

        assert (status, body["code"]) == (503, "TimeOverError")


class TestTextRefused:
    def test_is_answered_422_without_towers(
        self, job: CrawlJob, keep: Keep, deploy: Deploy
    ) -> None:
        deploy("palette@1=arn:aws:lambda:us-east-1:123456789012:function:stack-palette")

        status, body = ask(job, text="red")

        assert (status, body["code"]) == (422, "NoSuchVectorsError")
        assert "no towers" in body["detail"]

    def test_is_answered_409_while_nothing_is_measured(
        self, job: CrawlJob, towers: TowersFunction
    ) -> None:
        status, body = ask(job, text="red")

        assert (status, body["code"]) == (409, "NotMeasuredError")
        assert '"measurers": ["towers"]' in body["detail"]
        assert towers.events == []

    def test_is_answered_409_if_another_version_measured_all(
        self, job: CrawlJob, keep: Keep, towers: TowersFunction
    ) -> None:
        keep([RED, RED], version="toy-0")

        status, body = ask(job, text="red")

        assert (status, body["code"]) == (409, "NotMeasuredError")

    @pytest.mark.parametrize(
        "query",
        [
            {},
            {"text": ""},
            {"text": "   "},
            {"text": "r" * 1_001},
            {"text": "red\x1b[2J"},
            {"text": "red\ngreen"},
            {"text": "red\0"},
            {"text": "red", "like": 1},
            {"text": "red", "measurer": "palette"},
            {"text": "red", "limit": 0},
            {"text": "red", "limit": 101},
            {"like": 0},
            {"like": "first"},
            {"like": 1, "measurer": "stranger"},
        ],
        ids=lambda query: str(query)[:40],
    )
    def test_is_answered_422_if_it_makes_no_sense(
        self, job: CrawlJob, towers: TowersFunction, query: dict[str, object]
    ) -> None:
        status, _ = ask(job, **query)

        assert status == 422
        assert towers.events == []

    @pytest.mark.parametrize("name", ["text.onnx", "tokenizer.json", "settings.json"])
    def test_names_a_file_of_the_towers_that_is_damaged(
        self, job: CrawlJob, keep: Keep, towers: TowersFunction, name: str
    ) -> None:
        keep([RED])
        objects.put(f"{toy_towers.FOLDER}/{name}", b"no such file")

        status, body = ask(job, text="red")

        assert (status, body["code"]) == (500, "TowersFailedError")
        assert f"{toy_towers.FOLDER}/{name} is damaged" in body["detail"]

    def test_is_answered_500_if_vectors_have_another_length_than_the_text_s(
        self, job: CrawlJob, keep: Keep, towers: TowersFunction
    ) -> None:
        keep([[*RED, 0.0]])

        status, body = ask(job, text="red")

        assert (status, body["code"]) == (500, "VectorsUnreadableError")

    def test_is_answered_503_while_lambda_has_no_room(
        self, job: CrawlJob, keep: Keep, towers: TowersFunction
    ) -> None:
        keep([RED])
        towers.status = 429

        status, body = ask(job, text="red")

        assert (status, body["code"]) == (503, "AwsAwayError")
        assert len(towers.events) == 1


class TestLike:
    def test_finds_those_that_are_near_an_image_and_not_itself(
        self, job: CrawlJob, keep: Keep, towers: TowersFunction
    ) -> None:
        red, green, orange = keep([RED, GREEN, [2, 1, 0]], measurer="palette", version="1")

        status, body = ask(job, like=red.id, measurer="palette")

        assert (status, ids(body)) == (200, [orange.id, green.id])
        assert [one["similarity"] for one in body["items"]] == pytest.approx([0.894, 0], abs=1e-3)
        assert towers.events == []

    def test_is_answered_409_for_an_image_without_a_vector(
        self, job: CrawlJob, keep: Keep, towers: TowersFunction
    ) -> None:
        (red,) = keep([RED])

        status, body = ask(job, like=red.id, measurer="palette")

        assert (status, body["code"]) == (409, "NotMeasuredError")
        assert body["detail"] == (
            f"Image {red.id} has no vector of palette 1. It has one of towers."
        )

    def test_is_answered_409_for_an_image_that_was_taken_down(
        self, session: Session, job: CrawlJob, keep: Keep, towers: TowersFunction
    ) -> None:
        red, _ = keep([RED, GREEN])
        red.status, red.pack_key = ImageStatus.refused, None
        session.commit()

        status, body = ask(job, like=red.id, measurer="towers")

        assert (status, body["code"]) == (409, "ImageNotStoredError")

    def test_is_answered_409_if_its_vector_is_gone(
        self, job: CrawlJob, keep: Keep, towers: TowersFunction
    ) -> None:
        red, _ = keep([RED, GREEN], measurer="palette", version="1")
        objects.delete_all(keys.vectors_prefix(job.id))

        status, body = ask(job, like=red.id, measurer="palette")

        assert (status, body["code"]) == (409, "NotMeasuredError")

    def test_is_answered_500_if_its_vector_is_damaged(
        self, job: CrawlJob, keep: Keep, towers: TowersFunction
    ) -> None:
        (red,) = keep([RED], measurer="palette", version="1")
        keep([GREEN], measurer="palette", version="1")
        part = str((red.measurements or {})["palette"]["part"])
        objects.put(keys.vectors(job.id, "palette", part), b"PAR1 no more")

        status, body = ask(job, like=red.id, measurer="palette")

        assert (status, body["code"]) == (500, "VectorsUnreadableError")

    def test_is_answered_404_for_an_image_of_another_job(
        self, session: Session, job: CrawlJob, keep: Keep, towers: TowersFunction
    ) -> None:
        keep([RED])
        project = factories.create_project(session, session.get_one(Profile, job.user_id))
        other = factories.create_crawl_job(session, project)
        image = factories.create_image(session, factories.create_chunk(session, other))

        status, body = ask(job, like=image.id, measurer="towers")

        assert (status, body["code"]) == (404, "NotFoundError")
