"""Steps of a validation that compare perceptual hashes: near duplicates and leakage."""

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

from crawlset.imaging import clustering
from crawlset.kit import aws, objects
from crawlset.observability import logger
from crawlset.validation import leakage
from crawlset.validation.cluster_repository import ClusterRepository
from crawlset.validation.rules.broken import BrokenColumns
from crawlset.validation.rules.dataset import LeakageRule, NearDuplicatesRule
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


def share(validation: RunningValidation, rule: NearDuplicatesRule) -> Iterator[dict[str, Any]]:
    """Write down all hashes; give the shares in which `compare` compares them."""
    images = _write_images(validation, rule)
    n_shares = images.n_shares(rule.params.radius)
    n_hashes = len(images.groups.hashes)
    logger.info("hashes_shared", rule=rule.label, hashes=n_hashes, shares=n_shares)
    for index in range(n_shares):
        yield {"rule": rule.label, "index": index}


def compare(validation: RunningValidation, rule: NearDuplicatesRule, index: int) -> None:
    """Write down what a share of the comparisons of all hashes with all has found."""
    images = _images(validation, rule)
    found = _compare(validation, rule, images, index)
    logger.info("hashes_compared", hashes=len(images.groups.hashes), pairs=len(found.codes))


def put_out_near_duplicates(validation: RunningValidation, rule: NearDuplicatesRule) -> None:
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
    logger.info("near_duplicates_found", rule=rule.label, images=len(found.members))


def _put_out_before(validation: RunningValidation, rule: NearDuplicatesRule) -> Sequence[int]:
    """Images that were there when hashes were written down, and that an earlier rule put out."""
    rules = validation.rules().of_kind(NearDuplicatesRule)
    earlier = rules[: rules.index(rule)]
    if not earlier:
        return []
    with validation.open(over_many=True) as (session, job):
        return ClusterRepository(session).list_put_out(job, rule, earlier)


def _duplicates(rule: NearDuplicatesRule, found: clustering.Clustered) -> BrokenColumns:
    most = rule.params.max_cluster
    return BrokenColumns(
        found.members.tolist(),
        found.distances.tolist(),
        [rule.params.radius] * len(found.members),
        found.keepers.tolist(),
        [
            f"one of a cluster of {size:,} images, more than {most:,}" if size > most else None
            for size in found.sizes.tolist()
        ],
    )


def _images(validation: RunningValidation, rule: NearDuplicatesRule) -> clustering.Hashed:
    """What `share` has written, or an earlier release has not in this form: then it is now."""
    try:
        return clustering.Hashed.from_bytes(objects.get(_images_key(validation, rule)))
    except aws.s3().exceptions.NoSuchKey:
        return _write_images(validation, rule)


def _write_images(validation: RunningValidation, rule: NearDuplicatesRule) -> clustering.Hashed:
    with validation.open(over_many=True) as (session, job):
        images = clustering.hashed(VerdictRepository(session).stream_hashes(job))
    objects.put(_images_key(validation, rule), images.to_bytes())
    return images


def _pairs(
    validation: RunningValidation, rule: NearDuplicatesRule, images: clustering.Hashed
) -> Iterator[clustering.NearPairs]:
    """What each share has found; one that an earlier release compared is compared again."""
    n_shares = images.n_shares(rule.params.radius)
    for index in range(n_shares):
        try:
            key = _pairs_key(validation, rule, index, n_shares)
            yield clustering.NearPairs.from_bytes(objects.get(key))
        except aws.s3().exceptions.NoSuchKey:
            yield _compare(validation, rule, images, index)


def _compare(
    validation: RunningValidation, rule: NearDuplicatesRule, images: clustering.Hashed, index: int
) -> clustering.NearPairs:
    n_shares = images.n_shares(rule.params.radius)
    found = clustering.compare(
        images, rule.params.radius, index, n_shares, partial(_signatures, validation)
    )
    objects.put(_pairs_key(validation, rule, index, n_shares), found.to_bytes())
    return found


def _signatures(validation: RunningValidation, ids: Sequence[int]) -> dict[int, bytes]:
    """Signatures of images by id, but for those that have none."""
    found: dict[int, bytes] = {}
    for start in range(0, len(ids), IMAGES_PER_STATEMENT):
        with validation.open() as (session, job):
            part = ids[start : start + IMAGES_PER_STATEMENT]
            found |= ClusterRepository(session).get_signatures(job, part)
    return found


def _images_key(validation: RunningValidation, rule: NearDuplicatesRule) -> str:
    return validation.key(f"{rule.label}/ranked.npz")


def _pairs_key(
    validation: RunningValidation, rule: NearDuplicatesRule, index: int, n_shares: int
) -> str:
    """The key of a share; another release may divide into another number of shares."""
    return validation.key(f"{rule.label}/near-{index}-of-{n_shares}.npz")
