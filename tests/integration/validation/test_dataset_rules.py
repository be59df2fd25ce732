from typing import Any

import pytest
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from crawlset.imaging import mosaic
from crawlset.imaging.colours import packed
from crawlset.models import CrawlJob, ImageVerdict, JobChunk
from crawlset.outcomes import Verdict
from tests import factories
from tests.integration.validation.rules import WIDE, bounds
from tests.integration.validation.steps import validate, verdicts

RED, WEAK_RED = packed([-20, 90] * 4), packed([-6, 30] * 4)
BLUE, GREEN = packed([100, -20] * 4), packed([-60, -60] * 4)

pytestmark = pytest.mark.usefixtures("bucket")


@pytest.mark.role("crawlset_worker")
class TestDatasetRules:
    def test_keeps_the_largest_then_the_earliest_of_the_same_bytes(
        self, session: Session, job: CrawlJob, chunk: JobChunk
    ) -> None:
        session.execute(text("DROP INDEX uq_images_stored_sha256"))
        small, large, later = (
            factories.create_image(session, chunk, sha256=bytes(32), width=width).id
            for width in (100, 200, 200)
        )
        other = factories.create_image(session, chunk, width=100).id
        validation_job = factories.create_validation_job(session, job)

        validate(validation_job)

        seen = verdicts(session, validation_job)
        assert {id_: verdict.duplicate_of for id_, verdict in seen.items()} == {
            small: large,
            large: None,
            later: large,
            other: None,
        }
        assert seen[later].rule == "exact_duplicates"
        session.refresh(validation_job)
        assert validation_job.by_rule == {"exact_duplicates": 2}

    def test_prefers_an_image_that_breaks_no_rule_as_keeper(
        self, session: Session, job: CrawlJob, chunk: JobChunk
    ) -> None:
        session.execute(text("DROP INDEX uq_images_stored_sha256"))
        too_wide, fit = (
            factories.create_image(session, chunk, sha256=bytes(32), width=width).id
            for width in (5000, 200)
        )
        validation_job = factories.create_validation_job(session, job)

        validate(validation_job)

        seen = verdicts(session, validation_job)
        assert (seen[too_wide].rule, seen[fit].verdict) == ("aspect_ratio", Verdict.keep)

    def test_keeps_the_same_bytes_when_told_to(
        self, session: Session, job: CrawlJob, chunk: JobChunk
    ) -> None:
        session.execute(text("DROP INDEX uq_images_stored_sha256"))
        for _ in range(2):
            factories.create_image(session, chunk, sha256=bytes(32))
        validation_job = factories.create_validation_job(
            session, job, validation_rules={"rules": [WIDE]}
        )

        validate(validation_job)

        session.refresh(validation_job)
        assert validation_job.n_kept == 2

    def judge(
        self, session: Session, chunk: JobChunk, rule: dict[str, Any], *images: dict[str, Any]
    ) -> list[tuple[str | None, int | None]]:
        """Rule and place of the keeper, of each image."""
        ids = [factories.create_image(session, chunk, **image).id for image in images]
        job = session.get_one(CrawlJob, chunk.crawl_job_id)
        validation_job = factories.create_validation_job(
            session, job, validation_rules={"rules": [rule]}
        )
        validate(validation_job)
        found = verdicts(session, validation_job)
        return [
            (found[id_].rule, ids.index(keeper) if (keeper := found[id_].duplicate_of) else None)
            for id_ in ids
        ]

    def test_keeps_one_of_the_same_pixels(self, session: Session, chunk: JobChunk) -> None:
        rule = {"check": "exact_duplicates", "params": {"by": "pixels"}}
        images: list[dict[str, Any]] = [{"pixel_hash": hash_} for hash_ in (7, 7, 8, None)]

        found = self.judge(session, chunk, rule, *images)

        assert found == [(None, None), ("exact_duplicates", 0), (None, None), (None, None)]

    def test_clusters_near_duplicates_around_the_largest_then_the_freest(
        self, session: Session, chunk: JobChunk
    ) -> None:
        base, far = 0x0F0F_1234_5678_9ABC, 0x7333_3333_0000_FFFF
        views = [base, 1 << 60, 3 << 50, 5 << 40]
        images: list[dict[str, Any]] = [
            {"phashes": views, "width": 100, "licence": "cc0-1.0"},
            {"phashes": [base ^ 0b1111, 9, 9 << 9, 9 << 20], "width": 500},
            {"phashes": [77, 9 << 30, base ^ 0x3F_0000, 11], "width": 500, "licence": "pdm-1.0"},
            {"phashes": [far, far ^ 1, far, far]},
            {"phashes": None},
        ]

        found = self.judge(session, chunk, {"check": "near_duplicates"}, *images)

        near = "near_duplicates"
        assert found == [(near, 2), (near, 2), (None, None), (None, None), (None, None)]
        clusters = session.scalars(select(ImageVerdict.cluster).order_by(ImageVerdict.image_id))
        ids = session.scalars(select(ImageVerdict.image_id).order_by(ImageVerdict.image_id)).all()
        assert clusters.all() == [ids[2]] * 3 + [None] * 2

    @pytest.mark.parametrize(
        ("colours", "kept"),
        [
            ([RED, BLUE, RED, BLUE], [None, None, 0, 1]),
            ([RED, BLUE, GREEN, None], [None, None, None, 0]),
            ([None, BLUE, RED, RED], [None, 0, 0, 0]),
            ([RED, 0, WEAK_RED, BLUE], [None, 0, 0, None]),
            ([0, RED, 0, 0], [None, 0, 0, 0]),
        ],
    )
    def test_clusters_no_pictures_of_other_colours_than_the_keeper_s(
        self,
        session: Session,
        chunk: JobChunk,
        colours: list[int | None],
        kept: list[int | None],
    ) -> None:
        """Equal in grey; a grey picture, or one of which no colours are known, is like any."""
        views = [0x1234_5678_9ABC_DEF0, 1 << 60, 3 << 50, 5 << 40]
        images = [{"phashes": views, "colours": each} for each in colours]

        found = self.judge(session, chunk, {"check": "near_duplicates"}, *images)

        assert [keeper for _, keeper in found] == kept

    def test_clusters_no_icons_that_are_other_shapes(
        self, session: Session, chunk: JobChunk
    ) -> None:
        """Equal in their hashes; None is of one with many grey levels."""
        ring = mosaic.packed([7, 1, 1, 7, 1, 15, 15, 1] * 2)
        square = mosaic.packed([0] * 16)
        images = [
            {"phashes": [0x1234_5678_9ABC_DEF0] * 4, "mosaic": each}
            for each in (ring, square, ring, square, None)
        ]

        found = self.judge(session, chunk, {"check": "near_duplicates"}, *images)

        assert [keeper for _, keeper in found] == [None, None, 0, 1, 0]

    def test_finds_a_picture_on_either_paper(self, session: Session, chunk: JobChunk) -> None:
        """The fifth hash is of a picture with transparency on the other paper."""
        on_white, on_black, far = (
            0x1234_5678_9ABC_DEF0,
            0x6DCB_2987_6543_210F,
            0x7333_3333_0000_FFFF,
        )
        images: list[dict[str, Any]] = [
            {"phashes": [on_white] * 4 + [on_black]},
            {"phashes": [on_black ^ 1] * 4},
            {"phashes": [far] * 4},
        ]

        found = self.judge(session, chunk, {"check": "near_duplicates"}, *images)

        assert [keeper for _, keeper in found] == [None, 0, None]

    def test_measures_the_distance_to_the_nearest(self, session: Session, chunk: JobChunk) -> None:
        views = [0x1234_5678_9ABC_DEF0, 1 << 60, 3 << 50, 5 << 40]
        other = [views[0] ^ 0b111, 9, 9 << 9, 9 << 20]

        self.judge(
            session, chunk, {"check": "near_duplicates"}, {"phashes": views}, {"phashes": other}
        )

        verdict = session.scalars(select(ImageVerdict).where(ImageVerdict.rule.is_not(None))).one()
        assert (verdict.measured, verdict.threshold) == (3, 10)

    def test_finds_odd_sizes_among_the_others(self, session: Session, chunk: JobChunk) -> None:
        usual = [{"width": 90 + n, "height": 90 + n} for n in range(20)]
        odd = {"width": 5_000, "height": 5_000}

        found = self.judge(session, chunk, {"check": "odd_size"}, *usual, odd)

        assert [rule for rule, _ in found] == [None] * 20 + ["odd_size"]

    @pytest.mark.parametrize(
        ("rule", "n_broken"),
        [
            (bounds("class_size", min=3), 2),
            (bounds("class_size", max=3), 2),
            (bounds("class_size", min=3, max=4), 3),
            (bounds("host_cap", max=6), 1),
            (bounds("creator_cap", max=1), 1),
        ],
    )
    def test_holds_classes_hosts_and_creators_to_their_sizes(
        self, session: Session, chunk: JobChunk, rule: dict[str, Any], n_broken: int
    ) -> None:
        cats = [{"keyword": "cat"}] * 3 + [{"keyword": "cat", "creator": "Ida"}] * 2
        images = [*cats, *[{"keyword": "dog"}] * 2]

        found = self.judge(session, chunk, rule, *images)

        assert [label for label, _ in found].count(rule["check"]) == n_broken

    def test_changes_nothing_when_dataset_rules_run_twice(
        self, session: Session, job: CrawlJob, chunk: JobChunk
    ) -> None:
        for _ in range(3):
            factories.create_image(session, chunk)
        validation_job = factories.create_validation_job(
            session, job, validation_rules={"rules": [bounds("host_cap", max=1)]}
        )
        validate(validation_job, times=2)

        session.refresh(validation_job)
        assert validation_job.by_rule == {"host_cap": 2}
        assert validation_job.n_rejected == 2

    def test_finds_the_same_odd_sizes_when_the_step_runs_twice(
        self, session: Session, job: CrawlJob, chunk: JobChunk
    ) -> None:
        """Among those that are left, 150 would be odd too."""
        for side in (100, 101, 102, 103, 150, 150, 1_000):
            factories.create_image(session, chunk, width=side, height=side, pixel_hash=side)
        copies = {"check": "exact_duplicates", "params": {"by": "pixels"}}
        validation_job = factories.create_validation_job(
            session, job, validation_rules={"rules": [{"check": "odd_size"}, copies]}
        )
        validate(validation_job, times=2)

        session.refresh(validation_job)
        assert validation_job.by_rule == {"odd_size": 1, "exact_duplicates": 1}
