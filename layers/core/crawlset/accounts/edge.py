"""Requests that come through the edge, which infra/edge.yaml puts before the API."""

import hashlib
import hmac
from collections.abc import Mapping

from crawlset.settings import edge_settings

TOKEN = "x-edge-token"  # noqa: S105 - the header that has it
VIEWER = "x-viewer-address"


def source_ip(headers: Mapping[str, str], peer: str) -> str | None:
    """
    The IP address that a request comes from, whose sender at the gateway is `peer`.

    None for one that passed by the edge where there is one: nobody limits its rate.
    """
    wanted = edge_settings().edge_digest
    if not wanted:
        return peer
    shown = hashlib.sha256(headers.get(TOKEN, "").encode()).hexdigest()
    if not hmac.compare_digest(shown, wanted):
        return None
    return headers.get(VIEWER, peer)
