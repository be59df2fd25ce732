"""What a user may do to prove that a host is theirs."""

import secrets
from uuid import UUID

from sqlalchemy import func
from sqlalchemy.orm import Session

from crawlset.accounts.repository import AccountRepository
from crawlset.errors import ConflictError, NotFoundError, UnprocessableError
from crawlset.hosts.repository import HostProofRepository
from crawlset.identity import private_hosts
from crawlset.models import HostProof
from crawlset.urls.guard import BlockedUrlError, parse_url

MAX_HOST_PROOFS = 100
TOKEN_BYTES = 24


class TooManyHostProofsError(ConflictError):
    def __init__(self) -> None:
        super().__init__(f"An account proves {MAX_HOST_PROOFS} hosts at most; delete one first.")


class HostNamedError(ConflictError):
    def __init__(self, host: str) -> None:
        super().__init__(f"You have said already that {host} is yours; have that proof checked.")


def create(session: Session, user_id: UUID, host: str) -> HostProof:
    """
    A proof of `host`, in its one spelling, with a token of its own; nothing is asked yet.

    Raises:
        UnprocessableError: a host that is never asked.
        HostNamedError: the user has one of this host.
        TooManyHostProofsError: the account has as many as it may.
    """
    try:
        parse_url(f"https://{host}/", private_hosts())
    except BlockedUrlError as refusal:
        raise UnprocessableError(f"This host is never asked: {refusal.reason}.", "/host") from None
    AccountRepository(session).lock_profile(user_id)
    repository = HostProofRepository(session)
    if repository.is_there(user_id, host):
        raise HostNamedError(host)
    if repository.count(user_id) >= MAX_HOST_PROOFS:
        raise TooManyHostProofsError
    proof = HostProof(user_id=user_id, host=host, token=secrets.token_urlsafe(TOKEN_BYTES))
    session.add(proof)
    session.flush()
    session.refresh(proof)
    return proof


def check(session: Session, proof: HostProof) -> None:
    """
    Have the host asked for the token as soon as the tick comes round.

    What a check that is under way finds is of no interest any more.
    """
    proof.next_check_at, proof.n_unheard = func.now(), 0
    proof.n_attempts += 1
    session.flush()
    session.refresh(proof)


def require(session: Session, user_id: UUID, host_proof_id: UUID) -> HostProof:
    """
    Raises:
        NotFoundError: the user has no such proof.
    """
    proof = HostProofRepository(session).get(user_id, host_proof_id)
    if proof is None:
        raise NotFoundError("host proof", host_proof_id)
    return proof
