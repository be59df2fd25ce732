"""The fetch engine against servers that behave, misbehave and object."""

import gzip
import hashlib
import json
import os
import signal
import socket
import ssl
import tarfile
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from crawlset.fetching.chunk import ChunkResult, UrlOutcome, run_chunk
from crawlset.fetching.limits import Limits
from crawlset.imaging.pool import DecodePool
from crawlset.outcomes import Outcome
from crawlset_local.sample_site.server import SampleSite
from crawlset_local.sample_site.server import serve as serve_samples
from tests.integration.web import Web, response, serve
from tests.unit.imaging import pictures

USER_AGENT = "Crawlset/0.1 (+tests@example.org)"
QUICK = Limits(
    backoff_seconds=0.01,
    connect_seconds=2,
    first_byte_seconds=0.5,
    slow_seconds=0.4,
    total_seconds=5,
    body_bytes=1 << 20,
)

Fetch = Callable[..., ChunkResult]


@pytest.fixture(scope="module")
def pool() -> Iterator[DecodePool]:
    pool = DecodePool(2)
    yield pool
    pool.close()


@pytest.fixture
def web() -> Iterator[Web]:
    with serve() as web:
        yield web


@pytest.fixture(scope="module")
def samples() -> Iterator[SampleSite]:
    with serve_samples(0) as site:
        yield site


@pytest.fixture
def pack_path(tmp_path: Path) -> Path:
    return tmp_path / "pack.tar"


@pytest.fixture
def fetch(web: Web, pool: DecodePool, pack_path: Path) -> Fetch:
    def fetch(*urls: str, limits: Limits = QUICK, **options: Any) -> ChunkResult:
        defaults: dict[str, Any] = {
            "chunk_id": "chunk",
            "pack_path": pack_path,
            "pool": pool,
            "user_agent": USER_AGENT,
            "private_hosts": web.hosts,
            "seconds_left": lambda: 300.0,
            "is_cancelled": lambda: False,
            "limits": limits,
        }
        return run_chunk(list(enumerate(urls)), **(defaults | options))

    return fetch


def only(result: ChunkResult) -> UrlOutcome:
    (outcome,) = result.outcomes
    return outcome


def trickle(first: bytes, piece: bytes, pause: float) -> Callable[[socket.socket], None]:
    """A page that begins with `first` and goes on for ever, or until the reader has enough."""
    hung_up = threading.Event()

    def page(connection: socket.socket) -> None:
        connection.sendall(first)
        while not hung_up.wait(pause):
            connection.sendall(piece)

    return page


class TestStoring:
    def test_packs_the_bytes_as_received_and_tells_all_about_them(
        self, web: Web, fetch: Fetch, pack_path: Path
    ) -> None:
        data = pictures.jpeg()
        url = web.add("/a.jpg", data, Content_Type="image/jpeg")

        result = fetch(url)

        stored = only(result)
        assert (stored.outcome, stored.http_status) == (Outcome.stored, 200)
        assert (stored.final_url, stored.content_type) == (url, "image/jpeg")
        assert stored.sha256 == hashlib.sha256(data).hexdigest()
        assert (stored.width, stored.height) == pictures.SIZE
        assert (stored.format, stored.mode, stored.n_frames) == ("jpeg", "RGB", 1)
        assert stored.file_size == stored.pack_length == len(data)
        assert stored.evidence["address"] == "127.0.0.1"
        assert stored.pack_offset is not None
        file = pack_path.read_bytes()
        assert file[stored.pack_offset : stored.pack_offset + len(data)] == data
        assert len(file) == result.pack_bytes
        assert result.n_bytes_fetched == len(data)
        with tarfile.open(pack_path) as tar:
            assert tar.getnames() == ["chunk-00000.jpg"]

    def test_packs_the_same_bytes_once(self, web: Web, fetch: Fetch) -> None:
        data = pictures.jpeg()

        result = fetch(web.add("/a.jpg", data), web.add("/b.jpg", data))

        first, second = result.outcomes
        assert first.pack_offset == second.pack_offset
        assert (first.outcome, second.outcome) == (Outcome.stored, Outcome.stored)
        assert result.n_packed == 1

    def test_says_who_asks(self, web: Web, fetch: Fetch) -> None:
        fetch(web.add("/a.jpg", pictures.jpeg()))

        assert web.user_agents == {USER_AGENT.lower()}

    def test_takes_images_larger_than_the_memory_for_one(
        self, web: Web, fetch: Fetch, pack_path: Path
    ) -> None:
        large = pictures.encoded("PNG", pictures.picture("RGB", (1500, 1000)), compress_level=0)

        stored = only(fetch(web.add("/a.png", large), limits=Limits()))

        assert stored.sha256 == hashlib.sha256(large).hexdigest()
        assert stored.pack_offset is not None
        file = pack_path.read_bytes()
        assert file[stored.pack_offset : stored.pack_offset + len(large)] == large

    def test_asks_a_host_for_no_more_at_once_than_it_may(self, web: Web, fetch: Fetch) -> None:
        lock = threading.Lock()
        busy = most = 0

        def page(connection: socket.socket) -> None:
            nonlocal busy, most
            with lock:
                busy += 1
                most = max(most, busy)
            time.sleep(0.02)
            with lock:
                busy -= 1
            connection.sendall(response(pictures.jpeg("L"), Connection="close"))

        for n in range(20):
            web.pages[f"/{n}.jpg"] = page

        result = fetch(*(web.url(f"/{n}.jpg") for n in range(20)))

        assert result.counts == {"stored": 20}
        assert most == QUICK.n_per_host


class TestRefusals:
    def test_asks_once_for_a_noai_image_and_reads_no_body(self, web: Web, fetch: Fetch) -> None:
        url = web.add("/a.jpg", pictures.jpeg(), X_Robots_Tag="noai, noimageai")

        result = fetch(url)

        refused = only(result)
        assert refused.outcome == Outcome.refused_noai
        assert refused.evidence["opt_out"] == {
            "signal": "X-Robots-Tag",
            "value": "noai, noimageai",
        }
        assert refused.file_size is None
        assert result.n_bytes_fetched == 0
        assert web.requests["/a.jpg"] == 1

    def test_hangs_up_on_an_endless_body_that_opts_out(self, web: Web, fetch: Fetch) -> None:
        head = b"HTTP/1.1 200 OK\r\ntdm-reservation: 1\r\n\r\n"
        web.pages["/a.jpg"] = trickle(head, bytes(1000), 0)

        assert only(fetch(web.url("/a.jpg"))).outcome == Outcome.refused_tdm

    def test_never_asks_for_what_robots_txt_forbids(self, web: Web, fetch: Fetch) -> None:
        web.add("/robots.txt", b"User-agent: crawlset\nDisallow: /private/")
        urls = [web.add(f"/private/{n}.jpg", pictures.jpeg()) for n in range(3)]
        urls.append(web.url("/open/../private/0.jpg"))

        result = fetch(*urls)

        assert result.counts == {"refused_robots": 4}
        assert web.requests == {"/robots.txt": 1}

    def test_never_asks_for_what_tdmrep_json_reserves(self, web: Web, fetch: Fetch) -> None:
        web.add("/.well-known/tdmrep.json", b'[{"location": "/art/*", "tdm-reservation": 1}]')

        result = fetch(web.add("/art/a.jpg", pictures.jpeg()), web.add("/a.jpg", pictures.jpeg()))

        assert [o.outcome for o in result.outcomes] == [Outcome.refused_tdm, Outcome.stored]
        assert web.requests["/art/a.jpg"] == 0
        assert web.requests["/.well-known/tdmrep.json"] == 1

    def test_asks_the_host_it_is_sent_to_as_well(self, web: Web, fetch: Fetch) -> None:
        web.add("other/robots.txt", b"User-agent: *\nDisallow: /")
        web.add("other/b.jpg", pictures.jpeg())
        url = web.add("/a.jpg", status=302, Location=web.url("/b.jpg", "other"))

        refused = only(fetch(url))

        assert refused.outcome == Outcome.refused_robots
        assert refused.evidence["redirects"] == [{"status": 302, "to": web.url("/b.jpg", "other")}]
        assert web.requests["/b.jpg"] == 0

    @pytest.mark.parametrize("status", [429, 500, 503])
    def test_takes_a_robots_txt_it_cannot_have_for_a_no(
        self, web: Web, fetch: Fetch, status: int
    ) -> None:
        web.add("/robots.txt", status=status)

        refused = only(fetch(web.add("/a.jpg", pictures.jpeg())))

        assert refused.outcome == Outcome.refused_robots
        assert refused.detail == f"unreachable: HTTP {status}"
        assert web.requests["/a.jpg"] == 0

    @pytest.mark.parametrize("status", [401, 403, 404, 410])
    def test_takes_a_robots_txt_that_is_not_there_for_a_yes(
        self, web: Web, fetch: Fetch, status: int
    ) -> None:
        web.add("/robots.txt", status=status)

        assert only(fetch(web.add("/a.jpg", pictures.jpeg()))).outcome == Outcome.stored

    def test_follows_a_robots_txt_that_moved(self, web: Web, fetch: Fetch) -> None:
        web.add("/robots.txt", status=301, Location="/moved/robots.txt")
        web.add("/moved/robots.txt", b"User-agent: *\nDisallow: /")

        assert only(fetch(web.add("/a.jpg"))).outcome == Outcome.refused_robots

    def test_reads_the_first_500_kib_of_a_robots_txt(self, web: Web, fetch: Fetch) -> None:
        rules = b"User-agent: *\nDisallow: /first/\n" + b"# padding\n" * 60_000
        web.add("/robots.txt", rules + b"Disallow: /last/\n")
        urls = web.add("/first/a.jpg"), web.add("/last/a.jpg", pictures.jpeg())

        outcomes = fetch(*urls).outcomes

        assert [o.outcome for o in outcomes] == [Outcome.refused_robots, Outcome.stored]


class TestBlockedAddresses:
    @pytest.mark.parametrize(
        ("location", "outcome"),
        [
            ("http://169.254.169.254/latest/meta-data/", Outcome.blocked_address),
            ("http://127.0.0.1/", Outcome.blocked_address),
            ("//10.0.0.1/", Outcome.blocked_address),
            ("http://web.localhost:1/", Outcome.blocked_address),
            ("file:///etc/passwd", Outcome.invalid_url),
            ("http://user:pass@example.com/", Outcome.invalid_url),
            ("http://exa mple.com/", Outcome.invalid_url),
            ("", Outcome.invalid_url),
        ],
    )
    def test_are_refused_when_a_redirect_names_them(
        self, web: Web, fetch: Fetch, location: str, outcome: Outcome
    ) -> None:
        blocked = only(fetch(web.add("/a.jpg", status=302, Location=location)))

        assert blocked.outcome == outcome
        assert blocked.evidence["redirects"] == [{"status": 302, "to": location}]

    @pytest.mark.parametrize("answers", [["127.0.0.1"], ["93.184.216.34", "127.0.0.1"]])
    def test_are_refused_when_a_name_leads_to_them(
        self, web: Web, fetch: Fetch, answers: list[str]
    ) -> None:
        blocked = only(fetch("http://inside.example.com:8080/a.jpg", resolve=lambda _: answers))

        assert blocked.outcome == Outcome.blocked_address
        assert web.requests == {}

    def test_are_refused_by_the_socket_when_every_other_guard_has_failed(
        self, web: Web, fetch: Fetch, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("crawlset.fetching.engine.refuse_unless_public", lambda _: None)

        blocked = only(
            fetch("http://inside.example.com:8080/a.jpg", resolve=lambda _: ["127.0.0.1"])
        )

        assert blocked.outcome == Outcome.blocked_address
        assert blocked.detail == "the address about to be dialled is not public"

    def test_leave_the_rest_of_the_chunk_alone(self, web: Web, fetch: Fetch) -> None:
        result = fetch("http://127.0.0.1/", "nonsense", web.add("/a.jpg", pictures.jpeg()))

        assert result.counts == {"blocked_address": 1, "invalid_url": 1, "stored": 1}

    def test_a_name_that_does_not_resolve_is_a_dns_error(self, fetch: Fetch) -> None:
        def resolve(_: str) -> list[str]:
            raise OSError

        failed = only(fetch("http://gone.example.com/a.jpg", resolve=resolve))

        assert failed.outcome == Outcome.dns_error


class TestStatuses:
    @pytest.mark.parametrize(
        ("status", "outcome", "n_requests"),
        [
            (403, Outcome.http_403, 1),
            (404, Outcome.http_404, 1),
            (410, Outcome.http_410, 1),
            (401, Outcome.http_4xx, 1),
            (204, Outcome.not_image, 1),
            (500, Outcome.http_5xx, 3),
            (503, Outcome.http_5xx, 3),
            (429, Outcome.http_429, 3),
        ],
    )
    def test_are_asked_for_as_often_as_it_makes_sense(
        self, web: Web, fetch: Fetch, status: int, outcome: Outcome, n_requests: int
    ) -> None:
        failed = only(fetch(web.add("/a.jpg", b"", status)))

        assert (failed.outcome, failed.http_status) == (outcome, status)
        assert web.requests["/a.jpg"] == n_requests
        assert failed.evidence.get("retries", 0) == n_requests - 1

    def test_wait_as_long_as_retry_after_says(self, web: Web, fetch: Fetch) -> None:
        asked_at = []

        def page(connection: socket.socket) -> None:
            asked_at.append(time.monotonic())
            if len(asked_at) == 1:
                connection.sendall(response(b"", 429, Retry_After="1", Connection="close"))
            else:
                connection.sendall(response(pictures.jpeg(), Connection="close"))

        web.pages["/a.jpg"] = page

        stored = only(fetch(web.url("/a.jpg")))

        assert stored.outcome == Outcome.stored
        assert stored.evidence["retries"] == 1
        assert 0.9 < asked_at[1] - asked_at[0] < 2

    def test_wait_for_no_retry_after_longer_than_a_chunk_can(self, web: Web, fetch: Fetch) -> None:
        throttled = only(fetch(web.add("/a.jpg", b"", 429, Retry_After="3600")))

        assert throttled.outcome == Outcome.http_429
        assert throttled.evidence["retry_after"] == "3600"
        assert web.requests["/a.jpg"] == 1

    def test_follow_five_redirects_and_no_sixth(self, web: Web, fetch: Fetch) -> None:
        for n in range(6):
            web.add(f"/{n}.jpg", status=302, Location=f"/{n + 1}.jpg")
        web.add("/6.jpg", pictures.jpeg())

        result = fetch(web.url("/1.jpg"), web.url("/0.jpg"))

        assert [o.outcome for o in result.outcomes] == [
            Outcome.stored,
            Outcome.too_many_redirects,
        ]
        assert result.outcomes[0].final_url == web.url("/6.jpg")

    def test_leave_a_redirect_loop_at_once(self, web: Web, fetch: Fetch) -> None:
        web.add("/a.jpg", status=302, Location="/b.jpg")
        web.add("/b.jpg", status=302, Location="/a.jpg")

        assert only(fetch(web.url("/a.jpg"))).detail == "redirect loop"
        assert (web.requests["/a.jpg"], web.requests["/b.jpg"]) == (1, 1)


class TestLimits:
    @pytest.mark.parametrize("declares_length", [True, False])
    def test_cut_a_body_over_the_cap(self, web: Web, fetch: Fetch, declares_length: bool) -> None:
        length = b"Content-Length: 99999999\r\n" if declares_length else b""
        head = b"HTTP/1.1 200 OK\r\n" + length + b"\r\n" + pictures.jpeg()
        web.pages["/a.jpg"] = trickle(head, bytes(100_000), 0)

        assert only(fetch(web.url("/a.jpg"))).outcome == Outcome.too_large

    def test_leave_a_drip(self, web: Web, fetch: Fetch) -> None:
        head = b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n" + pictures.jpeg()[:100]
        web.pages["/a.jpg"] = trickle(head, b"\0", 0.05)

        result = fetch(web.url("/a.jpg"), web.add("/b.jpg", pictures.jpeg()))

        assert [o.outcome for o in result.outcomes] == [Outcome.too_slow, Outcome.stored]
        assert result.seconds < 4

    def test_leave_a_body_that_is_fast_enough_but_takes_too_long(
        self, web: Web, fetch: Fetch
    ) -> None:
        web.pages["/a.jpg"] = trickle(b"HTTP/1.1 200 OK\r\n\r\n", bytes(200), 0.01)

        result = fetch(web.url("/a.jpg"), limits=Limits(total_seconds=0.8, slow_seconds=0.4))

        assert only(result).outcome == Outcome.timeout
        assert result.seconds < 3

    @pytest.mark.parametrize("first", [b"", b"HTTP/1.1 200 OK\r\nX-Slow: "])
    def test_leave_a_server_that_does_not_answer(
        self, web: Web, fetch: Fetch, first: bytes
    ) -> None:
        web.pages["/a.jpg"] = trickle(first, b"x" if first else b"", 0.05)

        failed = only(fetch(web.url("/a.jpg")))

        assert (failed.outcome, failed.detail) == (Outcome.timeout, "no answer")
        assert web.requests["/a.jpg"] == 1

    def test_leave_endless_headers(self, web: Web, fetch: Fetch) -> None:
        web.pages["/a.jpg"] = trickle(b"HTTP/1.1 200 OK\r\n", b"X-More: x\r\n" * 10, 0)

        failed = only(fetch(web.url("/a.jpg")))

        assert (failed.outcome, failed.detail) == (Outcome.too_large, "too many response headers")

    def test_refuse_an_encoded_body(self, web: Web, fetch: Fetch) -> None:
        bomb = gzip.compress(bytes(10 << 20))

        failed = only(fetch(web.add("/a.jpg", bomb, Content_Encoding="gzip")))

        assert failed.outcome == Outcome.unsupported_format
        assert failed.detail == "content-encoding gzip though identity was asked for"

    def test_try_a_dropped_connection_again(self, web: Web, fetch: Fetch) -> None:
        for path in ("/robots.txt", "/.well-known/tdmrep.json"):
            web.add(path, status=404, Connection="close")
        web.pages["/a.jpg"] = lambda connection: connection.close()

        failed = only(fetch(web.url("/a.jpg")))

        assert failed.outcome == Outcome.connect_error
        assert web.requests["/a.jpg"] == 3

    def test_tell_a_transfer_that_was_cut(self, web: Web, fetch: Fetch) -> None:
        whole = response(pictures.jpeg())
        web.pages["/a.jpg"] = lambda connection: connection.sendall(whole[:-500])

        failed = only(fetch(web.url("/a.jpg")))

        assert failed.outcome == Outcome.connect_error
        assert failed.detail == "connection closed in the middle of the body"

    def test_a_closed_port_is_a_connect_error(self, web: Web, fetch: Fetch) -> None:
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            host = f"closed.localhost:{taken.getsockname()[1]}"

            failed = only(fetch(f"http://{host}/a.jpg", private_hosts=frozenset({host})))

        assert failed.outcome == Outcome.connect_error


class TestTls:
    @pytest.fixture
    def certificate(self, tmp_path: Path) -> Path:
        """A certificate of its own signing, with its key, for the hosts of a `Web`."""
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "web.localhost")])
        names = [x509.DNSName("web.localhost")]
        now = datetime.now(UTC)
        certificate = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(key.public_key())
            .serial_number(1)
            .not_valid_before(now - timedelta(days=1))
            .not_valid_after(now + timedelta(days=1))
            .add_extension(x509.SubjectAlternativeName(names), critical=False)
            .sign(key, hashes.SHA256())
        )
        path = tmp_path / "certificate.pem"
        path.write_bytes(
            certificate.public_bytes(serialization.Encoding.PEM)
            + key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )
        return path

    @pytest.fixture
    def secure_web(self, certificate: Path) -> Iterator[Web]:
        tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        tls.load_cert_chain(certificate)
        with serve(tls) as web:
            yield web

    def test_trusts_no_certificate_of_its_own_signing(self, secure_web: Web, fetch: Fetch) -> None:
        url = secure_web.add("/a.jpg", pictures.jpeg())

        failed = only(fetch(url, private_hosts=secure_web.hosts))

        assert failed.outcome == Outcome.tls_error
        assert secure_web.requests == {}

    def test_trusts_the_authorities_it_is_given_for_the_names_they_vouch_for(
        self, secure_web: Web, fetch: Fetch, certificate: Path
    ) -> None:
        secure_web.add("/a.jpg", pictures.jpeg())
        urls = secure_web.url("/a.jpg"), secure_web.url("/a.jpg", "other")

        result = fetch(*urls, private_hosts=secure_web.hosts, ca_file=str(certificate))

        assert [o.outcome for o in result.outcomes] == [Outcome.stored, Outcome.tls_error]

    def test_is_not_given_up_by_a_redirect(
        self, web: Web, secure_web: Web, fetch: Fetch, certificate: Path
    ) -> None:
        plain = web.add("/a.jpg", pictures.jpeg())
        url = secure_web.add("/a.jpg", status=302, Location=plain)

        blocked = only(
            fetch(url, private_hosts=secure_web.hosts | web.hosts, ca_file=str(certificate))
        )

        assert blocked.outcome == Outcome.blocked_address
        assert web.requests == {}


class TestDecoding:
    @pytest.mark.parametrize(
        ("data", "outcome"),
        [
            (pictures.jpeg()[:-300], Outcome.truncated),
            (b"<!doctype html><title>Sign in</title>", Outcome.not_image),
            (b"<svg xmlns='http://www.w3.org/2000/svg'/>", Outcome.unsupported_format),
            (pictures.png_bomb(), Outcome.decompression_bomb),
            (pictures.gif_of_frames(20_000), Outcome.decompression_bomb),
            (b"", Outcome.not_image),
            (pictures.animated_gif(), Outcome.stored),
            (pictures.jpeg("CMYK"), Outcome.stored),
            (pictures.png16(), Outcome.stored),
        ],
    )
    def test_settles_every_kind_of_file(
        self, web: Web, fetch: Fetch, data: bytes, outcome: Outcome
    ) -> None:
        settled = only(fetch(web.add("/a.jpg", data, Content_Type="image/jpeg")))

        assert settled.outcome == outcome
        assert settled.file_size == len(data)

    def test_loses_one_url_to_a_decoder_that_dies(self, web: Web, fetch: Fetch) -> None:
        pool = DecodePool(1)
        fetch(web.add("/warm.jpg", pictures.jpeg()), pool=pool)
        (pid,) = pool.pids

        def page(connection: socket.socket) -> None:
            os.kill(pid, signal.SIGSTOP)
            connection.sendall(response(pictures.jpeg(), Connection="close"))
            threading.Timer(0.5, os.kill, (pid, signal.SIGKILL)).start()

        web.pages["/a.jpg"] = page
        others = [web.add(f"/{n}.jpg", pictures.jpeg()) for n in range(9)]

        result = fetch(web.url("/a.jpg"), *others, pool=pool)

        pool.close()
        assert result.counts == {"stored": 9, "decode_crash": 1}


class TestEnding:
    def test_marks_what_is_left_when_time_runs_out(self, web: Web, fetch: Fetch) -> None:
        web.pages["/slow.jpg"] = trickle(b"HTTP/1.1 200 OK\r\n\r\n", bytes(9000), 0.05)
        ends = time.monotonic() + 1.5
        urls = web.add("/a.jpg", pictures.jpeg()), web.url("/slow.jpg")

        result = fetch(
            *urls,
            limits=Limits(reserve_seconds=0.5),
            seconds_left=lambda: ends - time.monotonic(),
        )

        left = result.outcomes[1]
        assert result.outcomes[0].outcome == Outcome.stored
        assert (left.outcome, left.detail) == (Outcome.timeout, "chunk ran out of time")
        assert left.outcome.is_retryable
        assert time.monotonic() < ends

    def test_starts_nothing_when_there_is_no_time(self, web: Web, fetch: Fetch) -> None:
        result = fetch(web.add("/a.jpg", pictures.jpeg()), seconds_left=lambda: 5.0)

        assert result.counts == {"timeout": 1}
        assert web.requests == {}

    def test_stops_soon_after_the_job_is_cancelled(
        self, web: Web, fetch: Fetch, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("crawlset.fetching.chunk.CANCEL_POLL_SECONDS", 0.05)
        stored = threading.Event()
        web.pages["/slow.jpg"] = trickle(b"HTTP/1.1 200 OK\r\n\r\n", bytes(9000), 0.05)

        def page(connection: socket.socket) -> None:
            connection.sendall(response(pictures.jpeg(), Connection="close"))
            threading.Timer(0.5, stored.set).start()

        web.pages["/a.jpg"] = page

        result = fetch(web.url("/a.jpg"), web.url("/slow.jpg"), is_cancelled=stored.is_set)

        assert [o.outcome for o in result.outcomes] == [Outcome.stored, Outcome.cancelled]

    def test_settles_every_number_once_in_the_order_of_the_input(
        self, web: Web, fetch: Fetch
    ) -> None:
        urls = [web.add(f"/{n}.jpg", pictures.jpeg()) for n in range(50)]

        result = fetch(*urls, *urls)

        assert [o.n for o in result.outcomes] == list(range(100))

    def test_answers_for_an_empty_chunk(self, fetch: Fetch) -> None:
        assert fetch().outcomes == []


class TestSampleSite:
    def test_ends_every_picture_as_the_catalogue_says_with_as_few_requests(
        self, samples: SampleSite, fetch: Fetch
    ) -> None:
        works = read_json(f"{samples.url}/catalogue")["works"]

        result = fetch(
            *(work["url"] for work in works),
            private_hosts=frozenset(samples.hosts),
            limits=Limits(slow_seconds=2, backoff_seconds=0.1),
        )

        surprises = [
            (work["url"], outcome.outcome, outcome.detail)
            for work, outcome in zip(works, result.outcomes, strict=True)
            if outcome.outcome not in work["outcomes"]
        ]
        assert surprises == []
        asked = read_json(f"{samples.url}/_requests")["by_path"]
        for work, outcome in zip(works, result.outcomes, strict=True):
            match outcome.outcome:
                case Outcome.refused_robots:
                    assert asked.get(work["url"], 0) == 0
                case Outcome.http_404 | Outcome.http_410 | Outcome.http_403 | Outcome.refused_noai:
                    assert asked[work["url"]] == 1
        robots = {url: n for url, n in asked.items() if url.endswith("/robots.txt")}
        assert set(robots.values()) == {1}


def read_json(url: str) -> Any:
    with urllib.request.urlopen(url) as answer:
        return json.load(answer)
