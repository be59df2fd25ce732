"""What a crawl job will find, take and cost, said before it is created."""

from collections.abc import Iterable, Mapping, Sequence
from math import ceil
from uuid import UUID

from sqlalchemy.orm import Session

from crawlset import costs, licences
from crawlset.accounts import quotas
from crawlset.costs import BilledWork
from crawlset.crawls import listing, service
from crawlset.crawls.schemas import CostRead, CrawlJobCreate
from crawlset.estimates import probes
from crawlset.estimates.repository import EstimateRepository, Experience, Pair, Supply
from crawlset.estimates.schemas import (
    Assumptions,
    Basis,
    EstimateRead,
    ProbeRead,
    ProbeStatus,
    Range,
)
from crawlset.models import SourceProbe
from crawlset.projects.repository import ProjectRepository
from crawlset.settings import CHUNK_URLS

ENOUGH_IMAGES = 100
"""Settled images that a caller's own experience begins at."""
UNTRIED = Experience(
    n_candidates=CHUNK_URLS,
    n_stored=400,
    n_chunks=1,
    fetch_seconds=14.0,
    bytes_stored=400 * 300_000,
)
"""
For callers without enough of their own: four of five URLs still have their picture, and one of a
hundred never answers, which makes a chunk twice as long (tests/bench/chunk_seconds.py).
"""
USUAL_SHARE = 0.6
"""Share of a search's limit that is found, where nothing is known of the source."""
URL_BYTES = 120
"""A line of a manifest, with what else it says of the URL."""
SHORT_URL_BYTES = 25
FETCHERS = 50
"""At work at once, unless the deployment says otherwise."""
STARTING_SECONDS = 5.0
CANDIDATE_SECONDS = 0.0002
"""To find, plan and record one."""


def estimate(
    session: Session, user_id: UUID, project_id: UUID, request: CrawlJobCreate
) -> EstimateRead:
    """
    What the crawl job of this request will come to. No job is created.

    Each source is asked what it has, in the background: the first estimate goes by what is known
    already, and those that follow by the answers. Yield, bytes and times are those of the
    caller's newest completed jobs of the same sources, where they settled 100 images or more, and
    defaults otherwise; the answer says which.

    Raises:
        UnprocessableError, NotFoundError: as creating the job would.
    """
    service.check(session, user_id, request)
    manifest_bytes = listing.n_bytes(session, user_id, request)
    ProjectRepository(session).require(user_id, project_id)
    limit = quotas.images_allowed(
        session, user_id, request.max_images, service.usual_images(request)
    )
    known = EstimateRepository(session).experience(user_id, request.sources)
    is_known = known.n_candidates >= ENOUGH_IMAGES
    expected = known if is_known else UNTRIED
    n_searches = max(1, min(limit, len(request.keywords) * len(request.sources)))
    told: Sequence[SourceProbe] = ()
    if request.keywords:
        supplies = EstimateRepository(session).supplies(user_id, request.sources)
        shares = list(service.shares(request, limit))
        pairs = [(source, keyword) for source, keyword, _ in shares]
        probed = probes.ask(session, user_id, pairs, request.intended_use)
        told = list(probed.values())
        candidates = _found(shares, supplies, probed)
    else:
        candidates = _listed(request, manifest_bytes, limit)
    licence_share = _licence_share(told, licences.wanted_families(request.licences))
    n_wanted = candidates.expected * licence_share
    work = _work(candidates.expected, round(n_wanted), n_searches, expected)
    return EstimateRead(
        is_complete=all(probe.answered_at is not None for probe in told),
        probes=[_probe_read(probe) for probe in told],
        candidates=candidates,
        licence_share=round(licence_share, 4),
        expected_yield=round(expected.n_stored / expected.n_candidates, 4),
        images=ceil(n_wanted * expected.n_stored / expected.n_candidates),
        bytes=work.bytes_stored,
        seconds=round(_seconds(work), 1),
        cost=CostRead.model_validate(costs.cost_of(work)),
        assumptions=Assumptions(
            basis=Basis.your_jobs if is_known else Basis.defaults,
            n_images_known=known.n_candidates,
            bytes_per_image=expected.bytes_stored // max(expected.n_stored, 1),
            fetch_seconds_per_candidate=round(expected.fetch_seconds / expected.n_candidates, 4),
            candidates_per_chunk=round(expected.n_candidates / expected.n_chunks, 1),
            fetchers=FETCHERS,
            months_stored=costs.STORED_MONTHS,
            downloads=costs.DOWNLOADS,
            price_region=costs.REGION,
            prices_as_of=costs.PRICES_AS_OF,
        ),
    )


def _listed(request: CrawlJobCreate, manifest_bytes: int | None, limit: int) -> Range:
    if request.urls is not None:
        n = min(limit, len(set(request.urls)))
        return Range(low=n, expected=n, high=n)
    if manifest_bytes is None:
        return Range(low=1, expected=limit, high=limit)
    return Range(
        low=1,
        expected=min(limit, ceil(manifest_bytes / URL_BYTES)),
        high=min(limit, ceil(manifest_bytes / SHORT_URL_BYTES)),
    )


def _found(
    shares: Iterable[tuple[str, str, int]],
    supplies: Sequence[Supply],
    probed: Mapping[Pair, SourceProbe],
) -> Range:
    """
    What searches will find, given as (source, keyword, limit).

    A source that says how much it has gives that. A keyword that was searched to its end finds as
    many again. Others find what the searches of their source found on average, or the usual share
    of their limit.
    """
    known = {(supply.source, supply.keyword): supply for supply in reversed(supplies)}
    low = expected = high = 0
    for source, keyword, limit in shares:
        supply = known.get((source, keyword))
        probe = probed.get((source, keyword))
        if probe is not None and probe.total is not None:
            n = min(limit, probe.total)
            low += min(n, probe.n_sampled)
            expected += n
            high += n
        elif supply is not None:
            n = min(limit, supply.n_candidates)
            low += n
            expected += n if supply.is_all else limit
            high += n if supply.is_all else limit
        else:
            others = [supply.n_candidates for supply in supplies if supply.source == source]
            usual = sum(others) / len(others) if others else limit * USUAL_SHARE
            expected += min(limit, round(usual))
            high += limit
    return Range(low=low, expected=expected, high=high)


def _licence_share(told: Iterable[SourceProbe], wanted: frozenset[str] | None) -> float:
    """How many of the candidates that sources answered with are under a licence that is wanted."""
    if wanted is None:
        return 1.0
    sampled = [(name, n) for probe in told for name, n in probe.licences.items()]
    n_sampled = sum(n for _, n in sampled)
    return sum(n for name, n in sampled if name in wanted) / n_sampled if n_sampled else 1.0


def _probe_read(probe: SourceProbe) -> ProbeRead:
    if probe.answered_at is None:
        status = ProbeStatus.asked
    else:
        status = ProbeStatus.failed if probe.error_message else ProbeStatus.answered
    return ProbeRead(
        source=probe.source,
        keyword=probe.keyword,
        status=status,
        total=probe.total,
        licences=probe.licences,
        error_message=probe.error_message,
        asked_at=probe.asked_at,
    )


def _work(n_candidates: int, n_wanted: int, n_searches: int, expected: Experience) -> BilledWork:
    share = n_wanted / expected.n_candidates
    return BilledWork(
        n_searches=n_searches,
        n_candidates=n_candidates,
        n_chunks=max(ceil(expected.n_chunks * share), ceil(n_wanted / CHUNK_URLS)),
        fetch_seconds=expected.fetch_seconds * share,
        n_stored=round(expected.n_stored * share),
        bytes_stored=round(expected.bytes_stored * share),
    )


def _seconds(work: BilledWork) -> float:
    a_chunk = work.fetch_seconds / max(work.n_chunks, 1)
    return (
        STARTING_SECONDS
        + work.n_candidates * CANDIDATE_SECONDS
        + ceil(work.n_chunks / FETCHERS) * a_chunk
    )
