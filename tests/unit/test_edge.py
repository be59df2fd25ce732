"""Requests at the gateway, of which some come through the edge."""

import hashlib

import pytest

from crawlset import settings
from crawlset.accounts import edge

PEER = "198.51.100.7"
VIEWER = "203.0.113.9"
TOKEN = "t" * 32


class TestWithoutEdge:
    def test_the_sender_is_believed_and_headers_are_not(self) -> None:
        assert edge.source_ip({"x-viewer-address": VIEWER}, PEER) == PEER


class TestWithEdge:
    @pytest.fixture(autouse=True)
    def has_edge(self, monkeypatch: pytest.MonkeyPatch) -> None:
        digest = hashlib.sha256(TOKEN.encode()).hexdigest()
        monkeypatch.setattr(
            edge, "edge_settings", lambda: settings.EdgeSettings(edge_digest=digest)
        )

    def test_it_tells_whom_a_request_is_from(self) -> None:
        headers = {"x-edge-token": TOKEN, "x-viewer-address": VIEWER}

        assert edge.source_ip(headers, PEER) == VIEWER

    @pytest.mark.parametrize(
        "shown", [None, "", "x" * 32, "\xe9"], ids=["none", "empty", "other", "odd"]
    )
    def test_what_passes_by_it_is_from_nobody(self, shown: str | None) -> None:
        headers = {"x-viewer-address": VIEWER} | ({} if shown is None else {"x-edge-token": shown})

        assert edge.source_ip(headers, PEER) is None
