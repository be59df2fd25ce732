"""Hosts that you say are yours, and their proofs."""

from collections.abc import Iterator
from datetime import datetime

from crawlset_client.api.connection import Resource, path_of
from crawlset_client.models import Record


class HostProof(Record, kw_only=True):
    id: str
    host: str
    status: str
    path: str
    token: str
    detail: str | None = None
    checked_at: datetime | None = None
    proven_until: datetime | None = None
    next_check_at: datetime | None = None


class Hosts(Resource):
    """Hosts that may be asked faster once you have proven that they are yours."""

    def create(self, host: str) -> HostProof:
        """Say that `host` is yours, which is to answer at `path` with `token`; asks it nothing."""
        return self._connection.post(HostProof, "host-proofs", {"host": host})

    def list(self) -> Iterator[HostProof]:
        """Proofs of hosts, newest first."""
        return self._connection.list(HostProof, "host-proofs")

    def get(self, host_proof_id: str) -> HostProof:
        return self._connection.get(HostProof, path_of("host-proofs", host_proof_id))

    def check(self, host_proof_id: str) -> HostProof:
        """Have the host asked for its token within a minute or two."""
        return self._connection.post(HostProof, path_of("host-proofs", host_proof_id, "check"))

    def delete(self, host_proof_id: str) -> None:
        """Forget the proof: the host is asked like any other from then on."""
        self._connection.delete(path_of("host-proofs", host_proof_id))
