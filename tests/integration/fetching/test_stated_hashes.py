"""
Files whose hash a list states.

DataComp's lists have the SHA-256 of each picture, of which a seventh differ today
(https://github.com/mlfoundations/datacomp/issues/67), so that img2dataset compares them only where
it is told to (https://github.com/rom1504/img2dataset/pull/258). Open Images has MD5s in base64.
"""

import hashlib

import pytest

from crawlset.outcomes import ImageStatus, Outcome
from crawlset.wire.chunks import ChunkUrl
from tests.integration.fetching.chunk_fetch import Fetch, only
from tests.integration.web_server import Web
from tests.unit.imaging import pictures

DATA = pictures.jpeg()
HASHES = (
    f"sha256:{hashlib.sha256(DATA).hexdigest()}",
    f"md5:{hashlib.md5(DATA, usedforsecurity=False).hexdigest()}",
)


class TestStatedHashes:
    @pytest.mark.parametrize("expected", HASHES)
    def test_let_the_same_file_through(self, web: Web, fetch: Fetch, expected: str) -> None:
        url = web.add("/a.jpg", DATA)

        settled = only(fetch(ChunkUrl(0, url, expected=expected)))

        assert settled.outcome == Outcome.stored

    @pytest.mark.parametrize("body", [pictures.jpeg(quality=30), b"<html>gone</html>"])
    @pytest.mark.parametrize("expected", HASHES)
    def test_refuse_another(self, web: Web, fetch: Fetch, expected: str, body: bytes) -> None:
        url = web.add("/a.jpg", body)

        settled = only(fetch(ChunkUrl(0, url, expected=expected)))

        assert settled.outcome == Outcome.hash_mismatch
        assert (settled.detail or "").endswith(f"where the list has {expected}")
        assert settled.pack_offset is None

    def test_that_differ_are_final(self) -> None:
        assert Outcome.hash_mismatch.status is ImageStatus.rejected
        assert not Outcome.hash_mismatch.is_retryable
