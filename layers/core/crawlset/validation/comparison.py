"""Steps of a validation that compare perceptual hashes: near duplicates and leakage."""

from collections.abc import Iterator
from typing import Any

from crawlset.imaging import clustering
from crawlset.kit import objects
from crawlset.observability import logger
from crawlset.validation import leakage
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
    with validation.open(over_many=True) as (session, job):
        images = clustering.hashed(VerdictRepository(session).stream_hashes(job))
    objects.put(_images_key(validation, rule), images.to_bytes())
    n_shares = images.n_shares(rule.params.radius)
    logger.info("hashes_shared", rule=rule.label, hashes=len(images.hashes), shares=n_shares)
    for index in range(n_shares):
        yield {"rule": rule.label, "index": index}


def compare(validation: RunningValidation, rule: NearDuplicatesRule, index: int) -> None:
    """Write down what a share of the comparisons of all hashes with all has found."""
    images = clustering.Hashed.from_bytes(objects.get(_images_key(validation, rule)))
    links = clustering.compare(images, rule.params.radius, index)
    objects.put(_links_key(validation, rule, index), links.to_bytes())
    logger.info("hashes_compared", hashes=len(images.hashes), links=len(links.pairs))


def put_out_near_duplicates(validation: RunningValidation, rule: NearDuplicatesRule) -> None:
    """Join what the shares have found to clusters; note all images but the keeper of each."""
    images = clustering.Hashed.from_bytes(objects.get(_images_key(validation, rule)))
    found = clustering.cluster(
        images,
        [
            clustering.Links.from_bytes(objects.get(_links_key(validation, rule, index)))
            for index in range(images.n_shares(rule.params.radius))
        ],
    )
    for part in found.parts(IMAGES_PER_STATEMENT):
        others = part.without_keepers()
        duplicates = BrokenColumns(
            others.members.tolist(),
            others.distances.tolist(),
            [rule.params.radius] * len(others.members),
            others.keepers.tolist(),
        )
        with validation.open() as (session, job):
            repository = VerdictRepository(session)
            repository.note_clusters(job, part.members.tolist(), part.keepers.tolist())
            repository.note(job, rule, duplicates.rows())
    logger.info("near_duplicates_found", rule=rule.label, images=len(found.members))


def _images_key(validation: RunningValidation, rule: NearDuplicatesRule) -> str:
    return validation.key(f"{rule.label}/images.npz")


def _links_key(validation: RunningValidation, rule: NearDuplicatesRule, index: int) -> str:
    return validation.key(f"{rule.label}/{index}.npz")
