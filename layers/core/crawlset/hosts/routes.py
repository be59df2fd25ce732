from http import HTTPStatus
from typing import Any
from uuid import UUID

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.router import APIGatewayHttpRouter

from crawlset.activity import logs
from crawlset.hosts import service
from crawlset.hosts.repository import HostProofRepository
from crawlset.hosts.schemas import HostProofCreate, HostProofRead
from crawlset.kit.http import require_match
from crawlset.kit.paging import Cursor, Page, PageLimit, decode_uuid
from crawlset.models import HostProof

router = APIGatewayHttpRouter()
TAGS: Any = ["host proofs"]


@router.get("/api/host-proofs", summary="List the hosts that you say are yours", tags=TAGS)
def list_host_proofs(limit: PageLimit = 20, cursor: Cursor = None) -> Page[HostProofRead]:
    page = HostProofRepository(router.context["session"]).list_page(
        router.context["user_id"], decode_uuid(cursor), limit
    )
    return Page.of(page, HostProofRead.model_validate)


@router.post(
    "/api/host-proofs",
    summary="Say that a host is yours; the answer says which file proves it",
    tags=TAGS,
    status_code=HTTPStatus.CREATED,
)
@logs(router, "host_proof.created")
def create_host_proof(request: HostProofCreate) -> HostProofRead:
    session = router.context["session"]
    proof = service.create(session, router.context["user_id"], request.host)
    return HostProofRead.model_validate(proof)


@router.get("/api/host-proofs/<host_proof_id>", summary="Get the proof of a host", tags=TAGS)
def get_host_proof(host_proof_id: UUID) -> HostProofRead:
    return HostProofRead.model_validate(_require(host_proof_id))


@router.post(
    "/api/host-proofs/<host_proof_id>/check",
    summary="Have a host asked for its token within a minute or two",
    tags=TAGS,
    status_code=HTTPStatus.ACCEPTED,
)
@logs(router, "host_proof.checked", "host_proof_id")
def check_host_proof(host_proof_id: UUID) -> HostProofRead:
    proof = _require(host_proof_id)
    service.check(router.context["session"], proof)
    return HostProofRead.model_validate(proof)


@router.delete(
    "/api/host-proofs/<host_proof_id>",
    summary="Delete the proof of a host, which is asked like any other from then on",
    tags=TAGS,
    status_code=HTTPStatus.NO_CONTENT,
)
@logs(router, "host_proof.deleted", "host_proof_id")
def delete_host_proof(host_proof_id: UUID) -> Response[None]:
    proof = _require(host_proof_id)
    require_match(router.current_event, HostProofRead.model_validate(proof))
    router.context["session"].delete(proof)
    return Response(status_code=HTTPStatus.NO_CONTENT)


def _require(host_proof_id: UUID) -> HostProof:
    return service.require(router.context["session"], router.context["user_id"], host_proof_id)
