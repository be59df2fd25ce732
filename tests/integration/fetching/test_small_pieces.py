"""Bodies in chunks of a few bytes: each chunk costs us a call, whatever is in it."""

import io
from itertools import batched

import pytest

from crawlset.fetching.limits import Limits
from crawlset.outcomes import Outcome
from tests.integration.fetching.chunk_fetch import Fetch, only
from tests.integration.web_server import Web
from tests.unit.imaging import pictures

LIMITS = Limits()
SMALL = pictures.jpeg(size=(60, 40), quality=50)
LARGE = pictures.encoded("JPEG", pictures.grain((600, 400)), quality=95)


def chunked(*pieces: bytes) -> bytes:
    chunks = [b"%x\r\n%b\r\n" % (len(piece), piece) for piece in (*pieces, b"")]
    return b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"".join(chunks)


def in_pieces(data: bytes, n: int) -> list[bytes]:
    return [bytes(piece) for piece in batched(data, n)]


class TestBodiesInSmallPieces:
    def test_end_as_too_slow_and_are_not_asked_for_again(self, web: Web, fetch: Fetch) -> None:
        web.pages["/a.jpg"] = chunked(*in_pieces(LARGE, 2))

        outcome = only(fetch(web.url("/a.jpg")))

        assert (outcome.outcome, outcome.detail) == (
            Outcome.too_slow,
            "a body in pieces of under 64 bytes",
        )
        assert web.requests["/a.jpg"] == 1

    def test_may_be_many_at_once_and_leave_others_alone(self, web: Web, fetch: Fetch) -> None:
        hostile = chunked(*in_pieces(LARGE, 2))
        for n in range(64):
            web.pages[f"/{n}.jpg"] = hostile

        result = fetch(*(web.url(f"/{n}.jpg") for n in range(64)), web.add("/b.jpg", SMALL))

        assert result.counts == {"too_slow": 64, "stored": 1}

    @pytest.mark.parametrize(
        "pieces",
        [
            in_pieces(SMALL, 2),
            in_pieces(LARGE, LIMITS.small_piece_bytes * 2),
            io.BytesIO(LARGE).readlines(),
        ],
        ids=["few", "not so small", "lines"],
    )
    def test_are_pictures_like_any_other_while_they_cost_little(
        self, web: Web, fetch: Fetch, pieces: list[bytes]
    ) -> None:
        web.pages["/a.jpg"] = chunked(*pieces)

        assert only(fetch(web.url("/a.jpg"))).outcome == Outcome.stored
