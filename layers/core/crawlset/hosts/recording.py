"""Write down what a check of a host found."""

from datetime import timedelta

from crawlset.hosts.repository import HostProofRepository
from crawlset.kit import db
from crawlset.observability import logger
from crawlset.wire.host_checks import HostCheckResult

PROVEN_FOR = timedelta(days=90)
CHECKED_EACH = timedelta(days=30)
"""While it is proven."""
TRIED_EACH = timedelta(days=1)
"""While it is proven still, though the last check did not find the token."""
MAX_DETAIL = 500


def record(result: HostCheckResult) -> None:
    """
    Prove the host, or say what was found instead of the token.

    A result of an earlier attempt changes nothing.
    """
    with db.transaction() as session:
        proof = HostProofRepository(session).find(result.host_proof_id)
        if proof is None or proof.n_attempts != result.attempt:
            return
        now = db.now(session)
        proof.checked_at, proof.detail = now, result.detail[:MAX_DETAIL]
        proof.n_unheard = 0
        if result.is_proven:
            proof.proven_until, proof.next_check_at = now + PROVEN_FOR, now + CHECKED_EACH
        elif proof.proven_until is not None and proof.proven_until > now:
            proof.next_check_at = now + TRIED_EACH
        else:
            proof.next_check_at = None
    logger.info(
        "host_check_recorded",
        host_proof_id=str(result.host_proof_id),
        is_proven=result.is_proven,
        detail=result.detail,
    )
