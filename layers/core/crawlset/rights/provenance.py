"""The ledger's page of one candidate."""

from collections.abc import Sequence

from crawlset import licences
from crawlset.images.schemas import EmbeddedRead
from crawlset.models import CrawlJob, Image, ImageVerdict
from crawlset.rights import ledger
from crawlset.rights.schemas import (
    DecisionRead,
    FetchRead,
    FoundRead,
    ProvenanceRead,
    RightsRead,
    SignalRead,
    VerdictOfImage,
)


def provenance(job: CrawlJob, image: Image, verdicts: Sequence[ImageVerdict]) -> ProvenanceRead:
    return ProvenanceRead(
        image_id=image.id,
        crawl_job_id=job.id,
        intended_use=job.policy["intended_use"],
        found=FoundRead(
            source=image.source,
            query=image.query,
            keyword=image.keyword,
            rank=image.rank,
            url=image.url,
            landing_url=image.landing_url,
            searched_at=job.created_at,
        ),
        rights=RightsRead(
            licence=image.licence,
            licence_url=licences.address(image.licence) if image.licence else None,
            licence_raw=image.licence_raw,
            creator=image.creator,
            title=image.title,
            attribution=image.attribution,
            embedded=EmbeddedRead.model_validate(image.embedded) if image.embedded else None,
        ),
        fetch=_fetch(image),
        signals=[
            SignalRead.model_validate(signal)
            for signal in ledger.signals_of(image.evidence, image.downloaded_at)
        ],
        decision=DecisionRead(
            status=image.status,
            outcome=image.outcome,
            rule=ledger.deciding_rule(image.outcome, image.evidence, job.policy),
            detail=image.detail,
            duplicate_of=image.duplicate_of,
            verdicts=[VerdictOfImage.model_validate(verdict) for verdict in verdicts],
            change=image.change,
            checked_at=image.checked_at,
        ),
    )


def _fetch(image: Image) -> FetchRead | None:
    if image.downloaded_at is None:
        return None
    evidence = image.evidence or {}
    return FetchRead(
        at=image.downloaded_at,
        final_url=image.final_url,
        redirects=evidence.get("redirects", []),
        address=evidence.get("address"),
        http_status=image.http_status,
        content_type=image.content_type,
        etag=image.etag,
        last_modified=image.last_modified,
        elapsed_ms=evidence.get("elapsed_ms"),
        n_retries=image.n_retries,
        file_size=image.file_size,
        sha256=image.sha256.hex() if image.sha256 else None,
        transform=image.transform,
    )
