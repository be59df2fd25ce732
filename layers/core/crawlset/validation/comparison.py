"""Steps of a validation that compare images: near and semantic duplicates, and leakage."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from crawlset.imaging import clustering
from crawlset.kit import objects
from crawlset.measuring import similar
from crawlset.measuring.stored_vectors import StoredVectors, part_reader
from crawlset.observability import logger
from crawlset.validation import leakage, measurements
from crawlset.validation.cluster_repository import ClusterRepository
from crawlset.validation.measurement_repository import MeasurementRepository
from crawlset.validation.rules.broken import BrokenColumns
from crawlset.validation.rules.dataset import (
    ClusterRule,
    LeakageRule,
    NearDuplicatesRule,
    SemanticDuplicatesRule,
)
from crawlset.validation.running import IMAGES_PER_STATEMENT, RunningValidation
from crawlset.validation.verdict_repository import VerdictRepository


def put_out_leaked(validation: RunningValidation, rule: LeakageRule) -> None:
    """Note the images that the other set has too."""
    user_id, params = validation.user_id, rule.params
    listed = leakage.read_list(user_id, params.upload_id) if params.upload_id else None
    with validation.open(over_many=True) as (session, job):
        known = clustering.KnownHashes.of(
            leakage.stream_set(session, user_id, params) if listed is None else listed
        )
        images = VerdictRepository(session).stream_sets(job)
        ids, distances = clustering.leaked(images, known, params.radius)
    for start in range(0, len(ids), IMAGES_PER_STATEMENT):
        part = slice(start, start + IMAGES_PER_STATEMENT)
        found = BrokenColumns(ids[part], distances[part], [params.radius] * len(ids[part]))
        with validation.open() as (session, job):
            VerdictRepository(session).note(job, rule, found.rows())
    logger.info("leaks_found", rule=rule.label, images=len(ids))


def share(validation: RunningValidation, rule: ClusterRule) -> Iterator[dict[str, Any]]:
    """Write down what is compared; give the shares in which `compare` does."""
    if isinstance(rule, SemanticDuplicatesRule):
        with validation.open(over_many=True) as (session, job):
            VerdictRepository(session).note(job, rule, rule.unknown(job))
    images = _write_images(validation, rule)
    n_shares = _n_shares(rule, images)
    n_hashes = len(images.groups.hashes)
    logger.info("images_shared", rule=rule.label, hashes=n_hashes, shares=n_shares)
    for index in range(n_shares):
        yield {"rule": rule.label, "index": index}


def compare(validation: RunningValidation, rule: ClusterRule, index: int) -> None:
    """Write down what a share of the comparisons of all images with all has found."""
    images = _images(validation, rule)
    found = _compare(validation, rule, images, index)
    logger.info("images_compared", images=len(images.ids), pairs=len(found.codes))


def put_out_duplicates(validation: RunningValidation, rule: ClusterRule) -> None:
    """
    Make clusters of what the shares have found; note all images but the keeper of each.

    Of clusters that are larger than the rule expects, these are put in quarantine and not rejected.
    Nothing gives way to what an earlier such rule has put out.
    """
    images = _images(validation, rule)
    gone = _put_out_before(validation, rule)
    found = clustering.cluster(images, _pairs(validation, rule, images), gone)
    most = rule.params.max_cluster
    for part in found.parts(IMAGES_PER_STATEMENT):
        others = part.without_keepers()
        is_doubtful = others.sizes > most
        usual, doubtful = others[~is_doubtful], others[is_doubtful]
        with validation.open() as (session, job):
            clusters, repository = ClusterRepository(session), VerdictRepository(session)
            clusters.note_clusters(job, part.members.tolist(), part.keepers.tolist())
            repository.note(job, rule, _duplicates(rule, usual).rows())
            repository.note(
                job, rule, _duplicates(rule, doubtful).rows(), severity=rule.doubtful_severity
            )
    logger.info("duplicates_found", rule=rule.label, images=len(found.members))


def _put_out_before(validation: RunningValidation, rule: ClusterRule) -> Sequence[int]:
    """Images that were there when hashes were written down, and that an earlier rule put out."""
    rules = validation.rules().cluster_rules()
    earlier = rules[: rules.index(rule)]
    if not earlier:
        return []
    with validation.open(over_many=True) as (session, job):
        return ClusterRepository(session).list_put_out(job, rule, earlier)


def _duplicates(rule: ClusterRule, found: clustering.Clustered) -> BrokenColumns:
    most = rule.params.max_cluster
    return BrokenColumns(
        found.members.tolist(),
        rule.measured(found.distances.tolist()),
        [rule.threshold()] * len(found.members),
        found.keepers.tolist(),
        [
            f"one of a cluster of {size:,} images, more than {most:,}" if size > most else None
            for size in found.sizes.tolist()
        ],
    )


def _images(validation: RunningValidation, rule: ClusterRule) -> clustering.Hashed:
    """What `share` has written, or an earlier release has not in this form: then it is now."""
    try:
        return clustering.Hashed.from_bytes(objects.get(_images_key(validation, rule)))
    except objects.ObjectAbsentError:
        return _write_images(validation, rule)


def _write_images(validation: RunningValidation, rule: ClusterRule) -> clustering.Hashed:
    with validation.open(over_many=True) as (session, job):
        images = clustering.hashed(VerdictRepository(session).stream_hashes(job))
    objects.put(_images_key(validation, rule), images.to_bytes())
    return images


def _pairs(
    validation: RunningValidation, rule: ClusterRule, images: clustering.Hashed
) -> Iterator[clustering.NearPairs]:
    """What each share has found; one that an earlier release compared is compared again."""
    n_shares = _n_shares(rule, images)
    for index in range(n_shares):
        try:
            key = _pairs_key(validation, rule, index, n_shares)
            yield clustering.NearPairs.from_bytes(objects.get(key))
        except objects.ObjectAbsentError:
            yield _compare(validation, rule, images, index)


def _compare(
    validation: RunningValidation, rule: ClusterRule, images: clustering.Hashed, index: int
) -> clustering.NearPairs:
    n_shares = _n_shares(rule, images)
    match rule:
        case NearDuplicatesRule():
            found = _near(validation, rule, images, index, n_shares)
        case SemanticDuplicatesRule():
            found = _semantic(validation, rule, images, index, n_shares)
    objects.put(_pairs_key(validation, rule, index, n_shares), found.to_bytes())
    return found


def _near(
    validation: RunningValidation,
    rule: NearDuplicatesRule,
    images: clustering.Hashed,
    index: int,
    n_shares: int,
) -> clustering.NearPairs:
    """Near duplicates that a share finds: by hashes, and by vectors if the rule names some."""
    look = partial(_signatures, validation)
    radius, measurer = rule.params.radius, rule.params.vectors
    if measurer is None:
        return clustering.compare(images, radius, index, n_shares, look)
    with _vectors(validation, measurer, images) as stored:
        vectors = stored.vectors
        ones, others, _ = similar.nearest(vectors, index, n_shares)
        proposed = clustering.Proposed(ones, others, partial(similar.cosines, vectors))
        return clustering.compare(images, radius, index, n_shares, look, proposed)


def _semantic(
    validation: RunningValidation,
    rule: SemanticDuplicatesRule,
    images: clustering.Hashed,
    index: int,
    n_shares: int,
) -> clustering.NearPairs:
    with _vectors(validation, rule.params.measurer, images) as stored:
        near = similar.similar(stored.vectors, rule.params.above, index, n_shares)
    return clustering.NearPairs.of_cosines(len(images.ids), *near)


def _n_shares(rule: ClusterRule, images: clustering.Hashed) -> int:
    n = len(images.ids)
    if not isinstance(rule, NearDuplicatesRule):
        return similar.n_shares(n)
    by_hashes = images.n_shares(rule.params.radius)
    if rule.params.vectors is None or not by_hashes:
        return by_hashes
    n_looks = similar.N_NEAREST * n * clustering.SECONDS_A_LOOK / clustering.SECONDS_A_SHARE
    return min(clustering.MAX_SHARES, by_hashes + similar.n_shares(n) + round(n_looks))


@contextmanager
def _vectors(
    validation: RunningValidation, measurer: str, images: clustering.Hashed
) -> Iterator[StoredVectors]:
    """
    Vectors of images by their rank, while the context lasts.

    None has one if the deployment does not have the measurer any more.
    """
    deployed = measurements.measurers().get(measurer)
    rows: list[tuple[int, str]] = []
    with validation.open(over_many=True) as (session, job):
        if deployed is not None:
            found = MeasurementRepository(session).stream_with_vectors(job, deployed)
            rows = [(row.id, row.part) for row in found]
        read_part = part_reader(job.crawl_job_id, measurer)
    with TemporaryDirectory() as directory:
        yield StoredVectors.ranked(Path(directory, "vectors"), images.ids, rows, read_part)


def _signatures(validation: RunningValidation, ids: Sequence[int]) -> dict[int, bytes]:
    """Signatures of images by id, but for those that have none."""
    found: dict[int, bytes] = {}
    for start in range(0, len(ids), IMAGES_PER_STATEMENT):
        with validation.open() as (session, job):
            part = ids[start : start + IMAGES_PER_STATEMENT]
            found |= ClusterRepository(session).get_signatures(job, part)
    return found


def _images_key(validation: RunningValidation, rule: ClusterRule) -> str:
    return validation.key(f"{rule.label}/ranked.npz")


def _pairs_key(validation: RunningValidation, rule: ClusterRule, index: int, n_shares: int) -> str:
    """The key of a share; another release may divide into another number of shares."""
    return validation.key(f"{rule.label}/near-{index}-of-{n_shares}.npz")
