"""What the rule on near duplicates says of pictures, from their rows to the API."""

from typing import Any, ClassVar

import numpy as np
import pytest
from PIL import Image
from sqlalchemy.orm import Session

from crawlset.imaging.second_look import signature_of
from crawlset.kit import objects
from crawlset.models import CrawlJob, JobChunk, ValidationJob
from tests import factories
from tests.integration.api import Api
from tests.integration.validation.measurers import Scores, saying, validated
from tests.integration.validation.steps import step, validate, verdicts

BASE = 0x0F0F_1234_5678_9ABC
RULE = {"check": "near_duplicates", "params": {"max_cluster": 3}}
NARROW = {"check": "near_duplicates", "name": "narrow", "params": {"radius": 2}}

pytestmark = pytest.mark.usefixtures("bucket")


def judged(session: Session, job: CrawlJob, rule: dict[str, Any], **options: Any) -> ValidationJob:
    validation_job = factories.create_validation_job(
        session, job, validation_rules={"rules": [rule]}
    )
    validate(validation_job, **options)
    return validation_job


def create(session: Session, chunk: JobChunk, *hashes: int, **fields: Any) -> list[int]:
    """Ids of images without a signature, as an earlier release stored them; the largest first."""
    widths = range(900, 0, -1)
    return [
        factories.create_image(session, chunk, phashes=[hash_] * 4, width=width, **fields).id
        for hash_, width in zip(hashes, widths, strict=False)
    ]


def picture(seed: int, brightness: int = 0) -> bytes:
    """The signature of a picture of clouds, which another seed makes another picture."""
    random = np.random.default_rng(seed)
    clouds = Image.fromarray(random.integers(20, 220, (9, 9), dtype=np.uint8))
    grey = np.asarray(clouds.resize((64, 64), Image.Resampling.BICUBIC)) // 2 + 40 + brightness
    return signature_of(grey, None, (0, 0, 64, 64))


def told(api: Api, path: str, validation_job: ValidationJob) -> list[dict[str, Any]]:
    _, body = api.call("GET", f"{path}/{validation_job.id}/verdicts")
    return body["items"]


def keepers(found: list[dict[str, Any]]) -> list[int | None]:
    """Place of what each image is a duplicate of."""
    ids = [verdict["image_id"] for verdict in found]
    return [ids.index(of) if (of := verdict["duplicate_of"]) else None for verdict in found]


class TestKeepers:
    def test_put_out_what_is_near_them_and_nothing_that_is_near_to_that_only(
        self, api: Api, path: str, session: Session, job: CrawlJob, chunk: JobChunk
    ) -> None:
        create(session, chunk, BASE, BASE ^ 0b1111, BASE ^ 0b1111_0000_1111)

        found = told(api, path, judged(session, job, RULE))

        assert keepers(found) == [None, 0, None]
        assert [verdict["verdict"] for verdict in found] == ["keep", "reject", "keep"]
        assert [verdict["cluster"] for verdict in found] == [found[0]["image_id"]] * 2 + [None]

    @pytest.mark.parametrize(("hash_", "keeper"), [(BASE ^ 0b1111, 0), (BASE ^ 0b1_1111, None)])
    def test_of_images_without_signature_are_within_fewer_bits(
        self, api: Api, path: str, session: Session, job: CrawlJob, chunk: JobChunk,
        hash_: int, keeper: int | None,
    ) -> None:  # fmt: skip
        create(session, chunk, BASE)
        create(session, chunk, hash_, signature=picture(1))

        found = told(api, path, judged(session, job, RULE))

        assert keepers(found) == [None, keeper]

    @pytest.mark.parametrize(
        ("hash_", "signature", "keeper"),
        [
            (BASE, picture(2), None),
            (BASE, picture(1, brightness=20), 0),
            (BASE ^ 0b11_1111_1111, picture(1, brightness=20), 0),
            (BASE ^ 0b111_1111_1111, picture(1), None),
        ],
        ids=["same_hash_other_picture", "same_hash", "ten_bits", "eleven_bits"],
    )
    def test_are_copies_by_hash_and_by_second_look(
        self, api: Api, path: str, session: Session, job: CrawlJob, chunk: JobChunk,
        hash_: int, signature: bytes, keeper: int | None,
    ) -> None:  # fmt: skip
        create(session, chunk, BASE, signature=picture(1))
        create(session, chunk, hash_, signature=signature)

        found = told(api, path, judged(session, job, RULE))

        assert keepers(found) == [None, keeper]

    def test_are_found_by_their_hashes_where_a_signature_has_another_form(
        self, api: Api, path: str, session: Session, job: CrawlJob, chunk: JobChunk
    ) -> None:
        create(session, chunk, BASE, BASE, BASE, signature=b"of a release to come")
        create(session, chunk, ~BASE & 0x7FFF_FFFF_FFFF_FFFF, signature=picture(1))

        found = told(api, path, judged(session, job, RULE))

        assert keepers(found) == [None, 0, 0, None]

    @pytest.mark.parametrize("n_times", [1, 2])
    def test_are_found_where_an_earlier_release_compared(
        self, api: Api, path: str, session: Session, job: CrawlJob, chunk: JobChunk, n_times: int
    ) -> None:
        """A deployment between two steps: what they hand on is not there, or in another file."""
        create(session, chunk, BASE, BASE ^ 1, BASE ^ 3)
        validation_job = factories.create_validation_job(
            session, job, validation_rules={"rules": [RULE]}
        )
        for name in ("evaluate", "deduplicate"):
            step(validation_job, name)
        for key in objects.list_keys(f"validations/{validation_job.id}/"):
            objects.delete(key)

        for _ in range(n_times):
            step(validation_job, "put_out_copies")
        step(validation_job, "finish")

        assert keepers(told(api, path, validation_job)) == [None, 0, 0]


@pytest.mark.usefixtures("deploy")
class TestVectors:
    RULE: ClassVar = {"check": "near_duplicates", "params": {"vectors": "palette"}}
    FAR = ~BASE & 0x7FFF_FFFF_FFFF_FFFF

    @pytest.mark.parametrize(
        ("signature", "vector", "keeper"),
        [
            (picture(1, brightness=20), [1, 0.1], 0),
            (picture(1, brightness=20), [0, 1], None),
            (picture(2), [1, 0.1], None),
        ],
        ids=["near_and_the_same", "far", "near_but_another"],
    )
    def test_propose_pairs_that_the_second_look_decides(
        self, session: Session, job: CrawlJob, chunk: JobChunk, signature: bytes,
        vector: list[float], keeper: int | None,
    ) -> None:  # fmt: skip
        create(session, chunk, BASE, signature=picture(1))
        create(session, chunk, self.FAR, signature=signature)

        found = validated(session, job, Scores(1, 1, vectors=[[1, 0], vector]), self.RULE)

        ids = [one.image_id for one in found]
        assert found[1].duplicate_of == (None if keeper is None else ids[keeper])

    def test_make_copies_of_pictures_with_near_hashes_where_the_second_look_sees_nothing(
        self, session: Session, job: CrawlJob, chunk: JobChunk
    ) -> None:
        create(session, chunk, BASE, BASE ^ 1, signature=picture(1))
        create(session, chunk, BASE ^ 2, signature=picture(2))
        measurer = Scores(1, 1, 1, vectors=[[1, 0], [0, 1], [1, 0.1]])

        found = validated(session, job, measurer, self.RULE)

        assert [one.verdict for one in found] == ["keep", "reject", "reject"]

    def test_that_are_missing_leave_the_hashes_and_a_warning(
        self, session: Session, job: CrawlJob, chunk: JobChunk
    ) -> None:
        create(session, chunk, BASE, BASE ^ 1, self.FAR, signature=picture(1))
        validation_job = factories.create_validation_job(
            session, job, validation_rules={"rules": [self.RULE]}
        )

        validate(validation_job, measurer=saying(lambda _: {"measures": {}}))

        session.refresh(validation_job)
        found = verdicts(session, validation_job)
        assert [found[id_].verdict for id_ in sorted(found)] == ["keep", "reject", "keep"]
        (warning,) = validation_job.warnings
        assert warning == (
            "near_duplicates: 2 of the images that are left have no vector of palette"
            " and were compared by their hashes alone."
        )


class TestLargeClusters:
    HASHES = (BASE, BASE ^ 1, BASE ^ 2, BASE ^ 4, BASE)

    def test_are_put_in_quarantine_with_a_warning(
        self, api: Api, path: str, session: Session, job: CrawlJob, chunk: JobChunk
    ) -> None:
        create(session, chunk, *self.HASHES)
        far = ~BASE & 0x7FFF_FFFF_FFFF_FFFF
        create(session, chunk, far, far ^ 1, far ^ 2)

        validation_job = judged(session, job, RULE, times=2)

        found = told(api, path, validation_job)
        verdicts = [verdict["verdict"] for verdict in found]
        assert verdicts == ["keep", *["quarantine"] * 4, "keep", "reject", "reject"]
        assert keepers(found) == [None, 0, 0, 0, 0, None, 5, 5]
        (finding,) = found[1]["findings"]
        assert finding["severity"] == "quarantine"
        assert finding["detail"] == "one of a cluster of 5 images, more than 3"
        assert found[6]["findings"][0]["detail"] is None
        _, read = api.call("GET", f"{path}/{validation_job.id}")
        assert read["counts"] == {"kept": 2, "quarantined": 4, "rejected": 2, "errors": 0}
        (warning,) = read["warnings"]
        assert warning == (
            "near_duplicates: 1 cluster has more than 3 images, the largest 5. All 4 images but the"
            " keepers are put in quarantine: see whether they are copies."
        )

    def test_are_in_the_report_by_their_sizes(
        self, api: Api, path: str, session: Session, job: CrawlJob, chunk: JobChunk
    ) -> None:
        create(session, chunk, *self.HASHES)
        far = ~BASE & 0x7FFF_FFFF_FFFF_FFFF
        for place in range(3):
            create(session, chunk, *[far ^ (0x7F << (12 * place))] * 2)

        validation_job = judged(session, job, RULE)

        _, report = api.call("GET", f"{path}/{validation_job.id}/report")
        assert report["cluster_sizes"] == [
            {"min": 2, "max": 2, "n_clusters": 3},
            {"min": 5, "max": 8, "n_clusters": 1},
        ]
        _, read = api.call("GET", f"{path}/{validation_job.id}")
        assert report["warnings"] == read["warnings"] != []

    def test_are_expected_up_to_a_size(
        self, api: Api, path: str, session: Session, job: CrawlJob, chunk: JobChunk
    ) -> None:
        create(session, chunk, *self.HASHES)
        rule = {"check": "near_duplicates", "params": {"max_cluster": len(self.HASHES)}}

        validation_job = judged(session, job, rule)

        assert {v["verdict"] for v in told(api, path, validation_job)[1:]} == {"reject"}
        _, read = api.call("GET", f"{path}/{validation_job.id}")
        assert read["warnings"] == []

    def test_stay_with_a_warning_only_where_the_rule_says_so(
        self, api: Api, path: str, session: Session, job: CrawlJob, chunk: JobChunk
    ) -> None:
        create(session, chunk, *self.HASHES)

        validation_job = judged(session, job, RULE | {"severity": "warn"})

        assert {v["verdict"] for v in told(api, path, validation_job)} == {"keep"}
        _, read = api.call("GET", f"{path}/{validation_job.id}")
        (warning,) = read["warnings"]
        assert "are kept, with a warning" in warning

    @pytest.mark.parametrize("most", [1, 1_000_001, 2.5, None])
    def test_have_no_size_that_makes_no_sense(self, api: Api, path: str, most: Any) -> None:
        rule = {"check": "near_duplicates", "params": {"max_cluster": most}}

        status, body = api.call("POST", path, {"validation_rules": {"rules": [rule]}})

        assert (status, body["code"]) == (422, "InvalidRequestError")


class TestSeveralRules:
    def test_give_way_to_nothing_that_an_earlier_one_put_out(
        self, api: Api, path: str, session: Session, job: CrawlJob, chunk: JobChunk
    ) -> None:
        """By the second rule the third image is near to the second only, and the second is gone."""
        create(session, chunk, BASE, BASE ^ 0b1111, BASE ^ 0b11_1111)
        rules = [RULE | {"params": {"radius": 4}}, NARROW]
        validation_job = factories.create_validation_job(
            session, job, validation_rules={"rules": rules}
        )

        validate(validation_job, times=2)

        found = told(api, path, validation_job)
        assert keepers(found) == [None, 0, None]
        assert [verdict["verdict"] for verdict in found] == ["keep", "reject", "keep"]

    def test_warn_each_of_its_own_clusters(
        self, api: Api, path: str, session: Session, job: CrawlJob, chunk: JobChunk
    ) -> None:
        create(session, chunk, BASE, *(BASE ^ (0b111 << place) for place in (0, 10, 20, 30)))
        create(session, chunk, ~BASE & 0x7FFF_FFFF_FFFF_FFFF)
        narrow = NARROW | {"params": {"radius": 2, "max_cluster": 3}}
        wide = RULE | {"params": {"max_cluster": 1_000}}
        validation_job = factories.create_validation_job(
            session, job, validation_rules={"rules": [narrow, wide]}
        )

        validate(validation_job)

        _, read = api.call("GET", f"{path}/{validation_job.id}")
        assert read["by_rule"] == {"near_duplicates": 4}
        assert read["warnings"] == []
