"""Faults of the sample site, as they look on the wire."""

import socket
import struct
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from typing import Any
from urllib.parse import urlsplit

import pytest
from PIL import Image

from crawlset_local.sample_site import SampleSite
from tests.integration.sample_site.client import Client

pytestmark = pytest.mark.enable_socket
N_BYTES_TOO_MANY = 26 << 20  # a crawler takes at most 25 MiB


def read_start(site: SampleSite, work: dict[str, Any], n_bytes: int) -> bytes:
    """The first bytes of an answer that may never end, its head included."""
    parts = urlsplit(work["url"])
    with socket.create_connection(("127.0.0.1", site.port), timeout=5) as connection:
        connection.sendall(f"GET {parts.path} HTTP/1.1\r\nHost: {parts.netloc}\r\n\r\n".encode())
        start = bytearray()
        while len(start) < n_bytes and (piece := connection.recv(1 << 20)):
            start += piece
        return bytes(start)


class TestRefusals:
    @pytest.mark.parametrize(
        ("behaviour", "status"),
        [("forbidden", 403), ("missing", 404), ("gone", 410), ("broken", 500)],
    )
    def test_answer_their_status(self, client: Client, behaviour: str, status: int) -> None:
        assert client.ask(client.work(behaviour)["url"]).status == status

    def test_throttle_for_ever(self, client: Client) -> None:
        url = client.work("throttled")["url"]

        replies = [client.ask(url) for _ in range(3)]

        assert [(r.status, r.headers["Retry-After"]) for r in replies] == [(429, "1")] * 3

    def test_throttle_each_url_once(self, client: Client) -> None:
        url = client.work("throttled_once")["url"]

        first, second, other = client.ask(url), client.ask(url), client.ask(f"{url}?n=1")

        assert (first.status, second.status, other.status) == (429, 200, 429)
        assert first.headers["Retry-After"] == "1"

    def test_disallow_a_folder_by_robots_txt(self, client: Client) -> None:
        (work, *_) = client.works_in("private")
        parts = urlsplit(work["url"])

        robots = client.ask(f"http://{parts.netloc}/robots.txt").body.decode()

        assert robots == "User-agent: *\nDisallow: /private/\n"
        assert work["outcome"] == "refused_robots"

    def test_reserve_rights_by_header(self, client: Client) -> None:
        noai = client.ask(client.work("noai")["url"])
        reserved = client.ask(client.work("tdm_reserved")["url"])

        assert (noai.status, noai.headers["X-Robots-Tag"]) == (200, "noai, noimageai")
        assert (reserved.status, reserved.headers["tdm-reservation"]) == (200, "1")

    def test_reserve_rights_by_tdmrep_json(self, client: Client) -> None:
        (work,) = client.works_in("reserved")
        parts = urlsplit(work["url"])

        policies = client.ask(f"http://{parts.netloc}/.well-known/tdmrep.json").json

        assert policies == [{"location": "/reserved/*", "tdm-reservation": 1}]
        assert work["outcome"] == "refused_tdm"


class TestRedirects:
    def test_lead_to_a_good_picture(self, client: Client) -> None:
        moved = client.ask(client.work("redirect")["url"])

        picture = client.ask(moved.headers["Location"])

        assert moved.status == 301
        assert picture.headers["Content-Type"] == "image/jpeg"

    def test_lead_there_over_a_relative_hop(self, client: Client) -> None:
        work = client.work("redirect_chain")
        first = client.ask(work["url"])

        second = client.ask(f"http://{urlsplit(work['url']).netloc}{first.headers['Location']}")

        assert (first.status, second.status) == (302, 307)
        assert client.ask(second.headers["Location"]).status == 200

    @pytest.mark.parametrize(
        ("behaviour", "location"),
        [
            ("redirect_metadata", "http://169.254.169.254/latest/meta-data/"),
            ("redirect_private", "http://10.0.0.1/x.jpg"),
        ],
    )
    def test_lead_to_private_addresses(self, client: Client, behaviour: str, location: str) -> None:
        assert client.ask(client.work(behaviour)["url"]).headers["Location"] == location

    def test_lead_in_a_circle(self, client: Client) -> None:
        url = client.work("redirect_loop")["url"]
        origin = f"http://{urlsplit(url).netloc}"

        seen = [url]
        for _ in range(4):
            seen.append(origin + client.ask(seen[-1]).headers["Location"])

        assert seen == [url, f"{url}?again", url, f"{url}?again", url]


class TestBadBodies:
    def test_are_truncated_jpegs(self, client: Client) -> None:
        (work, *_) = client.works_in("truncated")

        reply = client.ask(work["url"])

        assert int(reply.headers["Content-Length"]) == len(reply.body)
        with Image.open(BytesIO(reply.body)) as image, pytest.raises(OSError, match="truncated"):
            image.load()

    def test_are_html_named_jpg(self, client: Client) -> None:
        work = client.work("html")

        reply = client.ask(work["url"])

        assert work["url"].endswith(".jpg")
        assert reply.headers["Content-Type"].startswith("text/html")
        assert reply.body.startswith(b"<!doctype html>")

    def test_are_tiffs(self, client: Client) -> None:
        (work,) = client.works_in("tiff")

        assert client.ask(work["url"]).body.startswith(b"II*\0")

    def test_are_small_files_of_400_megapixels(self, client: Client) -> None:
        (work,) = client.works_in("bomb")

        body = client.ask(work["url"]).body

        assert len(body) < 100_000
        assert struct.unpack(">II", body[16:24]) == (20_000, 20_000)

    def test_never_end(self, client: Client) -> None:
        start = read_start(client.site, client.work("endless"), N_BYTES_TOO_MANY)

        assert b"Transfer-Encoding: chunked" in start[:400]
        assert b"\xff\xd8\xff" in start[:400]
        assert len(start) >= N_BYTES_TOO_MANY

    def test_drip(self, client: Client) -> None:
        work = client.work("slow_drip")

        start = read_start(client.site, work, 1000)
        head, _, body = start.partition(b"\r\n\r\n")

        assert b"200 OK" in head
        assert body.startswith(b"\xff\xd8\xff")
        assert len(body) <= 1000

    def test_leave_the_site_answering_others(self, client: Client) -> None:
        work = client.work("slow_drip")

        with ThreadPoolExecutor(4) as pool:
            drips = [pool.submit(read_start, client.site, work, 1000) for _ in range(4)]
            status = client.ask(client.work("picture")["url"]).status

        assert status == 200
        assert all(drip.result() for drip in drips)


class TestConnections:
    def test_are_kept_over_a_fixed_and_a_chunked_body(self, client: Client) -> None:
        client.api("/search", q="cat")
        kept = client.connection.sock

        client.api("/manifest", count=5)
        client.api("/search", q="cat")

        assert client.connection.sock is kept is not None

    @pytest.mark.parametrize(
        ("sent", "status"),
        [
            (b"nonsense\r\n\r\n", b"400"),
            (b"GET http://x/ HTTP/1.1\r\n\r\n", b"400"),
            (b"\x16\x03\x01\x02\x00", b"400"),
            (b"GET / HTTP/1.1\r\nX: " + b"x" * 70_000 + b"\r\n\r\n", b"431"),
            (b"POST / HTTP/1.1\r\nContent-Length: 9999999\r\n\r\n", b"413"),
        ],
    )
    def test_are_closed_after_a_malformed_request(
        self, site: SampleSite, sent: bytes, status: bytes
    ) -> None:
        with socket.create_connection(("127.0.0.1", site.port), timeout=5) as connection:
            connection.sendall(sent)
            answer = connection.recv(4096)

        assert answer.startswith(b"HTTP/1.1 " + status)
