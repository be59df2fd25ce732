"""Every query about hosts that users prove to be theirs."""

from collections.abc import Collection, Sequence
from datetime import timedelta
from uuid import UUID

from sqlalchemy import case, func, null, select, update
from sqlalchemy.orm import Session

from crawlset.kit import db
from crawlset.kit.paging import Slice
from crawlset.models import HostProof


class HostProofRepository:
    def __init__(self, session: Session) -> None:
        self.session = session

    def get(self, user_id: UUID, host_proof_id: UUID) -> HostProof | None:
        return self.session.scalar(
            select(HostProof).where(HostProof.id == host_proof_id, HostProof.user_id == user_id)
        )

    def find(self, host_proof_id: UUID) -> HostProof | None:
        """The proof a message names, locked. From here the transaction acts for its owner."""
        db.look_up(self.session, "host_proof_id", str(host_proof_id))
        proof: HostProof | None = db.find_and_act_for_owner(self.session, HostProof, host_proof_id)
        if proof is not None:
            self.session.refresh(proof, with_for_update={"key_share": True})
        return proof

    def list_page(self, user_id: UUID, after: str | None, limit: int) -> Slice[HostProof]:
        statement = select(HostProof).where(HostProof.user_id == user_id)
        return db.list_page(self.session, statement, HostProof.id, after, limit)

    def count(self, user_id: UUID) -> int:
        statement = select(func.count(HostProof.id)).where(HostProof.user_id == user_id)
        return self.session.scalar(statement) or 0

    def is_there(self, user_id: UUID, host: str) -> bool:
        statement = select(HostProof.id).where(HostProof.user_id == user_id, HostProof.host == host)
        return self.session.scalar(statement) is not None

    def proven(self, user_id: UUID, hosts: Collection[str]) -> frozenset[str]:
        """What of `hosts` is proven to be the user's."""
        statement = select(HostProof.host).where(
            HostProof.user_id == user_id,
            HostProof.host.in_(hosts),
            HostProof.proven_until > func.now(),
        )
        return frozenset(self.session.scalars(statement))

    def lease_due(self, limit: int, lease: timedelta, most_unheard: int) -> Sequence[HostProof]:
        """
        Take what is due, of any owner, as one more attempt; it is due again after `lease`.

        After `most_unheard` attempts in a row that nobody has heard of it is not.
        """
        is_last = HostProof.n_unheard + 1 >= most_unheard
        due = (
            select(HostProof.id)
            .where(HostProof.next_check_at <= func.now())
            .order_by(HostProof.next_check_at)
            .limit(limit)
            .with_for_update(skip_locked=True)
        )
        return self.session.scalars(
            update(HostProof)
            .where(HostProof.id.in_(due.scalar_subquery()))
            .values(
                n_attempts=HostProof.n_attempts + 1,
                n_unheard=HostProof.n_unheard + 1,
                next_check_at=case((is_last, null()), else_=func.now() + lease),
            )
            .returning(HostProof)
            .execution_options(synchronize_session=False)
        ).all()
