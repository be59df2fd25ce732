"""Every fault of the sample site: its outcome, how often it is asked for, and how soon it ends."""

import json
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from crawlset.fetching.chunk import ChunkResult, run_chunk
from crawlset.fetching.limits import Limits
from crawlset.imaging.pool import DecodePool
from crawlset.outcomes import Outcome
from crawlset.wire.chunks import ChunkUrl
from crawlset_local.sample_site.bad_files import polyglot
from crawlset_local.sample_site.faults import FAULTS, LONG_RETRY_SECONDS
from crawlset_local.sample_site.server import SampleSite, serve
from tests.integration.fetching.chunk_fetch import ROUNDING, USER_AGENT

LIMITS = Limits(backoff_seconds=0.05, first_byte_seconds=6, slow_seconds=4)
"""The service's, with less patience."""
AT_ONCE = LIMITS.slow_seconds
"""Before any patience ends, on a machine that is busy too."""
CPU_SECONDS = 2
"""Of a decoder; the service's has ten."""
WALL_SECONDS = 60.0
"""Of a decoder on a machine that is busy; the service's has twenty."""


class End(NamedTuple):
    outcome: Outcome
    n_requests: int = 1
    detail: str | None = None
    seconds: float = AT_ONCE
    """It takes no longer."""


TABLE = {
    "good": End(Outcome.stored),
    "robots-disallow": End(
        Outcome.refused_robots, 0, "robots.txt: Disallow: /faults/robots-disallow.jpg"
    ),
    "robots-content-usage": End(
        Outcome.refused_noai,
        0,
        "robots.txt: Content-Usage: /faults/robots-content-usage.jpg train-ai=n",
    ),
    "robots-unreadable": End(Outcome.refused_robots, 0, "robots.txt: unreachable: HTTP 500"),
    "noai": End(Outcome.refused_noai, 1, "X-Robots-Tag: noai"),
    "noimageai": End(Outcome.refused_noai, 1, "X-Robots-Tag: noimageai"),
    "noml": End(Outcome.refused_noai, 1, "X-Robots-Tag: noml"),
    "noindex": End(Outcome.refused_noai, 1, "X-Robots-Tag: noindex"),
    "noimageindex": End(Outcome.refused_noai, 1, "X-Robots-Tag: noimageindex"),
    "noai-for-us": End(Outcome.refused_noai, 1, "X-Robots-Tag: crawlset: noai"),
    "noai-for-others": End(Outcome.stored),
    "tdm-reservation": End(Outcome.refused_tdm, 1, "tdm-reservation: 1"),
    "tdmrep-json": End(
        Outcome.refused_tdm,
        0,
        "tdmrep.json: /faults/tdmrep-json*; tdm-policy=https://example.com/tdm-policy",
    ),
    "content-usage": End(Outcome.refused_noai, 1, "Content-Usage: train-ai=n"),
    "xmp-prohibited": End(Outcome.refused_tdm, 1, "plus:DataMining: DMI-PROHIBITED"),
    "xmp-allowed": End(Outcome.stored),
    "forbidden": End(Outcome.http_403, 1, "HTTP 403"),
    "missing": End(Outcome.http_404, 1, "HTTP 404"),
    "gone": End(Outcome.http_410, 1, "HTTP 410"),
    "broken": End(Outcome.http_5xx, 3, "HTTP 500"),
    "overloaded": End(Outcome.http_5xx, 3, "HTTP 503"),
    "throttled": End(Outcome.http_429, 3, "HTTP 429", 2 + AT_ONCE),
    "throttled-long": End(Outcome.http_429, 1, "the host wants to be left alone for 3600 s"),
    "redirect-loop": End(Outcome.too_many_redirects, 2, "redirect loop"),
    "redirect-chain": End(Outcome.too_many_redirects, 6, "too many redirects"),
    "redirect-private": End(Outcome.blocked_address, 1, "address is not public"),
    "redirect-metadata": End(Outcome.blocked_address, 1, "address is not public"),
    "redirect-loopback": End(Outcome.blocked_address, 1, "address is not public"),
    "redirect-file": End(Outcome.invalid_url, 1, "scheme is not http or https"),
    # Four, not three: on a kept connection libcurl sends it once more by itself.
    "reset": End(Outcome.connect_error, 4, "connection lost while reading"),
    "no-tls": End(Outcome.tls_error, 0),
    "stalled": End(Outcome.timeout, 1, "no answer", LIMITS.first_byte_seconds + AT_ONCE),
    "stalled-body": End(Outcome.too_slow, 1, "under 1024 bytes/s for 4 s", 3 * AT_ONCE),
    "drip": End(Outcome.too_slow, 1, "under 1024 bytes/s for 4 s", 3 * AT_ONCE),
    "cut-body": End(Outcome.connect_error, 3, "connection closed in the middle of the body"),
    "endless-headers": End(Outcome.too_large, 1, "too many response headers"),
    "endless-header": End(Outcome.too_large, 1, "a response header too long"),
    "endless-body": End(Outcome.too_large, 1, "body over 26214400 bytes"),
    "too-large": End(Outcome.too_large, 1, "body over 26214400 bytes"),
    "gzip-bomb": End(
        Outcome.decompression_bomb,
        1,
        "content-encoding gzip: the body is over 26214400 bytes and 200 times as large unpacked",
    ),
    "png-bomb": End(Outcome.decompression_bomb, 1, "10000x10000, 1 frames"),
    "gif-bomb": End(Outcome.decompression_bomb, 1),
    "scan-bomb": End(Outcome.decode_crash, 1, "killed by SIGXCPU", WALL_SECONDS),
    "truncated": End(Outcome.truncated, 1, "the file ends early"),
    "damaged": End(Outcome.damaged, 1),
    "polyglot": End(Outcome.stored),
    "svg": End(Outcome.unsupported_format, 1, "svg"),
    "eps": End(Outcome.unsupported_format, 1, "eps"),
    "html": End(Outcome.not_image, 1, "no image signature"),
    "empty": End(Outcome.not_image, 1, "empty body"),
}


Run = Callable[..., ChunkResult]


@pytest.fixture(scope="module")
def site() -> Iterator[SampleSite]:
    with serve(0) as site:
        yield site


@pytest.fixture(scope="module")
def impatient_pool() -> Iterator[DecodePool]:
    pool = DecodePool(2, cpu_seconds=CPU_SECONDS, wall_seconds=WALL_SECONDS)
    yield pool
    pool.close()


@pytest.fixture
def run(site: SampleSite, impatient_pool: DecodePool, tmp_path: Path) -> Run:
    """A chunk of the named faults of a site that has just been told to forget all requests."""

    def run(*names: str, **options: Any) -> ChunkResult:
        urls = [FAULTS[name].url(name, site.port) for name in names]
        read(site, "/_requests/reset", b"")
        arguments: dict[str, Any] = {
            "chunk_id": "chunk",
            "pack_path": tmp_path / "pack.tar",
            "pool": impatient_pool,
            "user_agent": USER_AGENT,
            "private_hosts": frozenset(site.hosts),
            "seconds_left": lambda: 300.0,
            "is_cancelled": lambda: False,
            "limits": LIMITS,
        }
        candidates = [ChunkUrl(n, url) for n, url in enumerate(urls)]
        return run_chunk(candidates, **(arguments | options))

    return run


def read(site: SampleSite, path: str, body: bytes | None = None) -> Any:
    with urllib.request.urlopen(f"{site.url}{path}", body) as answer:
        return json.load(answer)


def n_requests(site: SampleSite, name: str) -> int:
    url = FAULTS[name].url(name, site.port)
    n: int = read(site, "/_requests")["by_path"].get(url, 0)
    return n


class TestFaults:
    def test_are_all_in_the_table(self) -> None:
        assert TABLE.keys() == FAULTS.keys()

    @pytest.mark.parametrize("name", TABLE)
    def test_end_as_they_should_after_as_few_requests(
        self, site: SampleSite, run: Run, name: str
    ) -> None:
        end = TABLE[name]

        result = run(name)

        (settled,) = result.outcomes
        assert settled.outcome == end.outcome, settled.detail
        assert n_requests(site, name) == end.n_requests
        assert end.detail in {None, settled.detail}
        assert result.seconds < end.seconds
        assert (settled.pack_length is not None) is (end.outcome == Outcome.stored)

    def test_cost_the_good_pictures_between_them_nothing(
        self, site: SampleSite, run: Run, impatient_pool: DecodePool
    ) -> None:
        names = [name for fault in TABLE for name in ("good", fault)]
        pids = set(impatient_pool.pids)

        result = run(*names)

        ends = dict(zip(names, result.outcomes, strict=True))
        surprises = {
            name: (settled.outcome, settled.detail)
            for name, settled in ends.items()
            if settled.outcome != TABLE[name].outcome
        }
        assert surprises == {}
        assert result.counts["stored"] == len(TABLE) + sum(
            end.outcome == Outcome.stored for end in TABLE.values()
        )
        assert len(set(impatient_pool.pids) - pids) == 1
        counted = {name: n_requests(site, name) for name in TABLE if name not in {"good", "reset"}}
        assert counted == {name: TABLE[name].n_requests for name in counted}

    def test_end_with_the_service_s_own_limits_too(self, run: Run) -> None:
        slow = ("stalled", "stalled-body", "drip", "endless-body", "endless-headers")

        result = run(*slow, "good", limits=Limits())

        assert [settled.outcome for settled in result.outcomes] == [
            *(TABLE[name].outcome for name in slow),
            Outcome.stored,
        ]
        assert result.seconds < Limits().total_seconds

    def test_are_put_off_where_the_host_wishes_it(self, site: SampleSite, run: Run) -> None:
        result = run("throttled-long")

        (settled,) = result.outcomes
        assert settled.defer is not None
        assert settled.defer.cause == "retry_after"
        assert 0 <= LONG_RETRY_SECONDS - settled.defer.seconds <= result.seconds + ROUNDING


class TestDecoders:
    def test_killed_by_a_picture_cost_that_picture_alone(self, run: Run) -> None:
        pool = DecodePool(1, cpu_seconds=1, wall_seconds=WALL_SECONDS)
        (pid,) = pool.pids

        result = run("good", "scan-bomb", "polyglot", pool=pool)

        (successor,) = pool.pids
        pool.close()
        assert result.counts == {"stored": 2, "decode_crash": 1}
        assert successor != pid


class TestPolyglot:
    def test_is_packed_byte_for_byte_as_the_jpeg_it_begins_as(
        self, run: Run, tmp_path: Path
    ) -> None:
        (settled,) = run("polyglot").outcomes

        assert (settled.format, settled.content_type) == ("jpeg", "image/jpeg")
        assert settled.pack_offset is not None
        packed = (tmp_path / "pack.tar").read_bytes()[settled.pack_offset :][: settled.pack_length]
        assert packed == polyglot()
