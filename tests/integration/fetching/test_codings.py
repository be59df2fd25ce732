"""Pictures that come with a Content-Encoding, though none was asked for."""

import gzip
import hashlib
import tarfile
import zlib
from base64 import b64encode
from collections.abc import Callable
from functools import partial
from pathlib import Path
from random import Random

import brotli
import pytest
from PIL import Image

from crawlset.outcomes import Outcome
from crawlset.wire.chunks import FetchPolicy
from tests.integration.fetching.chunk_fetch import IMPATIENT, QUICK, Fetch, only, trickle
from tests.integration.web_server import Web, response
from tests.unit.imaging import pictures

PICTURE = pictures.jpeg()
LARGE = pictures.jpeg(size=(1600, 1200), quality=100)
POLICY = FetchPolicy(robots=False, tdmrep=False)


def chunked(body: bytes, n_bytes: int) -> bytes:
    cut = [body[at : at + n_bytes] for at in range(0, len(body), n_bytes)]
    return b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in [*cut, b""])


class TestNames:
    @pytest.mark.parametrize(
        "name",
        ["none", "None", "identity", "utf-8", "UTF-8", "binary", "", "image/jpeg", "zstd", "\xfc"],
    )
    def test_of_no_coding_are_passed_over(self, web: Web, fetch: Fetch, name: str) -> None:
        """
        Browsers show such a picture (https://github.com/LadybirdBrowser/ladybird/pull/11179).

        `none`: https://github.com/curl/curl/pull/2298 and https://github.com/apify/crawlee/issues/1067;
        `utf-8`, from S3: https://github.com/apache/httpcomponents-client/pull/698.
        """
        stored = only(fetch(web.add("/a.jpg", PICTURE, Content_Encoding=name)))

        assert (stored.outcome, stored.detail) == (Outcome.stored, None)
        assert (stored.sha256, stored.file_size) == (sha256(PICTURE), len(PICTURE))
        assert stored.evidence.get("content_encoding") == (name or None)

    @pytest.mark.parametrize("name", ["gzip", "x-gzip", "deflate", "br", "gzip, gzip"])
    def test_of_a_coding_that_was_not_applied_are_passed_over(
        self, web: Web, fetch: Fetch, name: str
    ) -> None:
        """Seen with PHP: https://github.com/curl/curl/issues/8928."""
        stored = only(fetch(web.add("/a.jpg", PICTURE, Content_Encoding=name)))

        assert (stored.outcome, stored.sha256) == (Outcome.stored, sha256(PICTURE))

    def test_of_more_codings_than_anyone_needs_are_refused(self, web: Web, fetch: Fetch) -> None:
        url = web.add("/a.jpg", PICTURE, Content_Encoding=", ".join(["gzip"] * 6))

        assert only(fetch(url)).outcome == Outcome.unsupported_format


class TestPackedBodies:
    """
    Stores send files as they lie there, whatever was asked for.

    Gzipped PNG: https://github.com/bumptech/glide/issues/1699; gzip without being asked:
    https://github.com/ArchiveTeam/wpull/issues/14; `br` in S3:
    https://github.com/gatsby-uc/gatsby-plugin-s3/issues/186; deflate without its header:
    https://github.com/sindresorhus/got/issues/303; two lines:
    https://github.com/swoole/swoole-src/issues/5958.
    """

    @pytest.mark.parametrize(
        ("name", "body"),
        [
            ("gzip", gzip.compress(LARGE, mtime=0)),
            ("GZIP", gzip.compress(LARGE, mtime=0)),
            ("x-gzip", gzip.compress(LARGE, mtime=0)),
            ("gzip, identity", gzip.compress(LARGE, mtime=0)),
            ("deflate", zlib.compress(LARGE)),
            ("deflate", zlib.compress(LARGE, wbits=-15)),
            ("br", brotli.compress(LARGE, quality=1)),
            (
                "br\r\nContent-Encoding: gzip",
                gzip.compress(brotli.compress(LARGE, quality=1), mtime=0),
            ),
            ("gzip\r\nContent-Encoding: gzip", gzip.compress(LARGE, mtime=0)),
            ("gzip", gzip.compress(LARGE, mtime=0) + b"\r\n"),
        ],
    )
    def test_are_stored_unpacked(
        self, web: Web, fetch: Fetch, pack_path: Path, name: str, body: bytes
    ) -> None:
        stored = only(fetch(web.add("/a.jpg", body, Content_Encoding=name)))

        assert (stored.outcome, stored.sha256) == (Outcome.stored, sha256(LARGE))
        assert stored.file_size == stored.pack_length == len(LARGE)
        with tarfile.open(pack_path) as pack:
            (member,) = pack.getmembers()
            packed = pack.extractfile(member)
            assert packed is not None
            assert packed.read() == LARGE

    @pytest.mark.parametrize("n_bytes", [50, 700, 70_000])
    def test_may_come_in_chunks(self, web: Web, fetch: Fetch, n_bytes: int) -> None:
        head = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n"
        web.pages["/a.jpg"] = head + chunked(gzip.compress(PICTURE), n_bytes)

        assert only(fetch(web.url("/a.jpg"))).sha256 == sha256(PICTURE)

    def test_may_come_in_one_packet_with_its_neighbours(self, web: Web, fetch: Fetch) -> None:
        """A handle that unpacked a body takes the next one as it is."""
        urls = [
            web.add("/1.jpg", gzip.compress(PICTURE), Content_Encoding="gzip"),
            web.add("/2.jpg", PICTURE),
            web.add("/3.jpg", brotli.compress(PICTURE), Content_Encoding="br"),
        ]

        result = fetch(*urls, policy=POLICY)

        assert [o.sha256 for o in result.outcomes] == [sha256(PICTURE)] * 3

    @pytest.mark.parametrize("n_missing", [4, 600])
    def test_are_truncated_when_they_are_short(
        self, web: Web, fetch: Fetch, n_missing: int
    ) -> None:
        body = gzip.compress(PICTURE)[:-n_missing]

        short = only(fetch(web.add("/a.jpg", body, Content_Encoding="gzip")))

        assert short.outcome == Outcome.truncated
        assert short.detail == "content-encoding gzip: the body ends too soon"
        assert web.requests["/a.jpg"] == 1

    def test_are_damaged_when_they_cannot_be_unpacked(self, web: Web, fetch: Fetch) -> None:
        body = gzip.compress(PICTURE)[:300] + b"\xff" * 300

        damaged = only(fetch(web.add("/a.jpg", body, Content_Encoding="gzip")))

        assert damaged.outcome == Outcome.damaged
        assert damaged.detail == "content-encoding gzip: the body cannot be unpacked"

    @pytest.mark.parametrize("name", ["gzip", "deflate", "br", "gzip, gzip"])
    def test_are_bombs_when_hardly_anything_becomes_much(
        self, web: Web, fetch: Fetch, name: str
    ) -> None:
        zeros = bytes(50 << 20)
        body = {
            "gzip": gzip.compress,
            "deflate": zlib.compress,
            "br": lambda data: brotli.compress(data, quality=1),
            "gzip, gzip": lambda data: gzip.compress(gzip.compress(data)),
        }[name](zeros)

        bomb = only(fetch(web.add("/a.jpg", body, Content_Encoding=name)))

        assert bomb.outcome == Outcome.decompression_bomb
        assert bomb.detail is not None
        assert "200 times as large" in bomb.detail

    def test_are_too_large_by_what_comes_of_them(self, web: Web, fetch: Fetch) -> None:
        body = PICTURE + b"".join(hashlib.sha256(b"%d" % n).digest() * 8 for n in range(8_000))
        packed = gzip.compress(body)

        large = only(fetch(web.add("/a.jpg", packed, Content_Encoding="gzip")))

        assert len(packed) < QUICK.body_bytes < len(body)
        assert large.outcome == Outcome.too_large
        assert large.detail == "content-encoding gzip: the body is over 1048576 bytes unpacked"

    @pytest.mark.parametrize("name", ["gzip", "br"])
    def test_may_be_flat_pictures_that_pack_well(self, web: Web, fetch: Fetch, name: str) -> None:
        """A bitmap is not packed itself, so that servers pack it, and white comes to nothing."""
        page = Image.new("RGB", (640, 480), "white")
        page.paste(Image.effect_noise((40, 40), 60), (0, 0))
        picture = pictures.encoded("BMP", page)
        body = {"gzip": gzip.compress, "br": brotli.compress}[name](picture)

        stored = only(fetch(web.add("/a.bmp", body, Content_Encoding=name)))

        assert (stored.outcome, stored.sha256) == (Outcome.stored, sha256(picture))

    def test_end_when_nothing_ever_comes_of_them(self, web: Web, fetch: Fetch) -> None:
        head = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n" + gzip.compress(b"")[:10]
        web.pages["/a.jpg"] = trickle(head, b"\0\0\0\xff\xff" * 20_000, 0)

        endless = only(fetch(web.url("/a.jpg"), limits=IMPATIENT))

        assert (endless.outcome, endless.detail) == (Outcome.too_large, "body over 1048576 bytes")

    def test_may_be_a_policy_file(self, web: Web, fetch: Fetch) -> None:
        rules = b"User-agent: *\nDisallow: /\n"
        web.pages["/robots.txt"] = response(gzip.compress(rules), Content_Encoding="gzip")

        assert only(fetch(web.add("/a.jpg", PICTURE))).outcome == Outcome.refused_robots

    def test_are_cut_where_a_policy_file_is(self, web: Web, fetch: Fetch) -> None:
        rules = b"User-agent: *\nDisallow: /first/\n" + b"# padding\n" * 900_000
        body = gzip.compress(rules + b"Disallow: /last/\n")
        web.add("/robots.txt", body, Content_Encoding="gzip")
        urls = web.add("/first/a.jpg"), web.add("/last/a.jpg", PICTURE)

        outcomes = fetch(*urls).outcomes

        assert [o.outcome for o in outcomes] == [Outcome.refused_robots, Outcome.stored]

    @pytest.mark.parametrize("pack", [gzip.compress, partial(brotli.compress, quality=1)])
    def test_are_cut_where_a_policy_file_is_long_even_packed(
        self, web: Web, fetch: Fetch, pack: Callable[[bytes], bytes]
    ) -> None:
        noise = b64encode(Random(1).randbytes(1 << 20))
        name = "gzip" if pack is gzip.compress else "br"
        body = pack(b"User-agent: *\nDisallow: /first/\n# " + noise)
        web.add("/robots.txt", body, Content_Encoding=name)
        urls = web.add("/first/a.jpg"), web.add("/last/a.jpg", PICTURE)

        outcomes = fetch(*urls).outcomes

        assert len(body) > QUICK.policy_bytes
        assert [o.outcome for o in outcomes] == [Outcome.refused_robots, Outcome.stored]


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
