"""The sample site on a real socket: its API, its counters, and how each fault looks on the wire."""

import hashlib
import json
import signal
import socket
import struct
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from email.message import Message
from http.client import HTTPConnection
from io import BytesIO
from typing import Any
from urllib.parse import urlencode, urlsplit

import pytest
from PIL import Image

from crawlset.outcomes import Outcome
from crawlset_local.errors import PortBusyError
from crawlset_local.sample_site import SampleSite, serve
from crawlset_local.sample_site.catalogue import HOSTS, Work, catalogue
from crawlset_local.sample_site.pictures import dimensions, encode

pytestmark = pytest.mark.enable_socket

N_BYTES_TOO_MANY = 26 << 20  # a crawler takes at most 25 MiB
READ_ANEW = (
    "import sys, hashlib\n"
    "from crawlset_local.sample_site.catalogue import catalogue\n"
    "from crawlset_local.sample_site.pictures import encode\n"
    "works = {work.id: work for work in catalogue()}\n"
    "for id_ in sys.argv[1:]:\n"
    "    print(hashlib.sha256(encode(works[id_].picture)).hexdigest())\n"
)


@dataclass(frozen=True)
class Reply:
    status: int
    headers: Message
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Client:
    """Asks one site over one kept connection, for any of its virtual hosts."""

    def __init__(self, site: SampleSite) -> None:
        self.site = site
        self.connection = HTTPConnection("127.0.0.1", site.port, timeout=5)

    def ask(self, url: str, method: str = "GET") -> Reply:
        parts = urlsplit(url)
        target = parts.path + (f"?{parts.query}" if parts.query else "")
        self.connection.request(method, target, headers={"Host": parts.netloc})
        response = self.connection.getresponse()
        return Reply(response.status, response.headers, response.read())

    def api(self, path: str, method: str = "GET", **query: object) -> Reply:
        return self.ask(f"{self.site.url}{path}?{urlencode(query)}".rstrip("?"), method)

    def work(self, behaviour: str) -> dict[str, Any]:
        works = self.api("/catalogue").json["works"]
        return next(work for work in works if work["behaviour"] == behaviour)

    def works_in(self, folder: str) -> list[dict[str, Any]]:
        works = self.api("/catalogue").json["works"]
        return [work for work in works if f"/{folder}/" in work["url"]]


@pytest.fixture(scope="module")
def site() -> Iterator[SampleSite]:
    with serve(0) as site:
        yield site


@pytest.fixture
def client(site: SampleSite) -> Iterator[Client]:
    """A client of a site whose counters are at zero."""
    client = Client(site)
    client.api("/_requests/reset", "POST")
    yield client
    client.connection.close()


def read_start(site: SampleSite, work: dict[str, Any], n_bytes: int) -> bytes:
    """The first bytes of an answer that may never end, its head included."""
    parts = urlsplit(work["url"])
    with socket.create_connection(("127.0.0.1", site.port), timeout=5) as connection:
        connection.sendall(f"GET {parts.path} HTTP/1.1\r\nHost: {parts.netloc}\r\n\r\n".encode())
        start = bytearray()
        while len(start) < n_bytes and (piece := connection.recv(1 << 20)):
            start += piece
        return bytes(start)


class TestCatalogue:
    def test_has_at_least_400_urls_over_all_hosts(self, client: Client) -> None:
        works = [work for work in client.api("/catalogue").json["works"] if work["is_listed"]]

        assert len({work["url"] for work in works}) == len(works) >= 400
        assert {urlsplit(work["url"]).hostname for work in works} == {
            f"{host}.localhost" for host in HOSTS
        }

    def test_tells_an_outcome_of_every_kind_that_a_site_can_cause(self, client: Client) -> None:
        told = {work["outcome"] for work in client.api("/catalogue").json["works"]}

        assert told == {
            Outcome.stored,
            Outcome.duplicate_bytes,
            Outcome.refused_robots,
            Outcome.refused_noai,
            Outcome.refused_tdm,
            Outcome.blocked_address,
            Outcome.too_slow,
            Outcome.too_large,
            Outcome.too_many_redirects,
            Outcome.http_403,
            Outcome.http_404,
            Outcome.http_410,
            Outcome.http_429,
            Outcome.http_5xx,
            Outcome.not_image,
            Outcome.unsupported_format,
            Outcome.truncated,
            Outcome.decompression_bomb,
        }

    def test_repeats_bytes_exactly_where_it_says_so(self, client: Client) -> None:
        works = [work for work in catalogue() if "space" in work.keywords and work.is_plain]

        groups: dict[str, set[str]] = {}
        for work in works:
            groups.setdefault(work.same_bytes_as or work.id, set()).add(digest(work))

        assert all(len(group) == 1 for group in groups.values())
        assert len({digest(work) for work in works}) == len(groups)

    def test_describes_every_picture_as_its_header_does(self) -> None:
        works = [work for work in catalogue() if {"horse", "oddity"} & set(work.keywords)]

        for work in works:
            with Image.open(BytesIO(encode(work.picture))) as image:
                assert image.size == dimensions(work.picture), work.id

    def test_makes_the_same_bytes_in_every_process(self) -> None:
        works = [work for work in catalogue() if "cat" in work.keywords]
        oddities = [work for work in catalogue() if "oddity" in work.keywords]
        chosen = {work.id: work for work in works[::4] + oddities}

        told = subprocess.check_output([sys.executable, "-c", READ_ANEW, *chosen], text=True)

        assert told.split() == [digest(work) for work in chosen.values()]


def digest(work: Work) -> str:
    return hashlib.sha256(encode(work.picture)).hexdigest()


class TestSearch:
    @pytest.mark.parametrize("keyword", ["cat", "coffee", "rocket"])
    def test_finds_pictures_faults_and_duplicates(self, client: Client, keyword: str) -> None:
        found = client.api("/search", q=keyword, page_size=100).json

        ids = {hit["id"] for hit in found["results"]}
        assert found["total"] == len(ids) >= 25
        assert sum("fault" in hit["keywords"] for hit in found["results"]) >= 5
        assert sum(id_.endswith("-copy") for id_ in ids) >= 3

    def test_lists_every_fault_under_a_featured_keyword(self, client: Client) -> None:
        works = client.api("/catalogue").json["works"]
        faults = {w["id"] for w in works if "fault" in w["keywords"] and w["is_listed"]}

        found = {
            hit["id"]
            for keyword in ("cat", "coffee", "rocket")
            for hit in client.api("/search", q=keyword, page_size=100).json["results"]
        }

        assert faults <= found

    def test_pages_through_all_hits_once(self, client: Client) -> None:
        pages = [
            client.api("/search", q="Texture", page=page, page_size=25).json for page in range(1, 5)
        ]

        urls = [hit["url"] for page in pages for hit in page["results"]]
        assert [page["page"] for page in pages] == [1, 2, 3, 4]
        assert len(set(urls)) == len(urls) == pages[0]["total"]
        assert pages[-1]["results"] == []

    def test_describes_a_hit(self, client: Client) -> None:
        found = client.api("/search", q="horse", licence="cc-by-4.0", page_size=1).json

        (hit,) = found["results"]
        assert set(hit) == {
            "id",
            "url",
            "title",
            "author",
            "licence",
            "licence_url",
            "landing_url",
            "width",
            "height",
            "format",
            "keywords",
        }
        assert hit["licence"] == "CC BY 4.0"
        assert hit["licence_url"] == "https://creativecommons.org/licenses/by/4.0/"
        assert hit["title"].encode() in client.ask(hit["landing_url"]).body

    def test_keeps_to_the_licences_asked_for(self, client: Client) -> None:
        every = client.api("/search", q="cat", page_size=100).json
        free = client.api("/search", q="cat", licence="cc0-1.0,CC-BY-4.0", page_size=100).json

        assert {hit["licence"] for hit in free["results"]} == {"CC0 1.0", "CC BY 4.0"}
        assert {hit["licence"] for hit in every["results"]} > {None, "All rights reserved"}

    def test_finds_nothing_for_a_word_it_does_not_know(self, client: Client) -> None:
        found = client.api("/search", q="cat rocket").json

        assert (found["total"], found["results"]) == (0, [])

    @pytest.mark.parametrize(
        ("query", "named"),
        [
            ({}, "q"),
            ({"q": " "}, "q"),
            ({"q": "cat", "size": 1}, "size"),
            ({"q": "cat", "page_size": 101}, "page_size"),
            ({"q": "cat", "page_size": 0}, "page_size"),
            ({"q": "cat", "page": "two"}, "page"),
        ],
    )
    def test_answers_400_naming_what_is_wrong(
        self, client: Client, query: dict[str, object], named: str
    ) -> None:
        reply = client.api("/search", "GET", **query)

        assert reply.status == 400
        assert reply.json["error"].startswith(f"{named}:")


class TestManifest:
    def test_lists_distinct_urls_with_few_faults(self, client: Client) -> None:
        works = {work["url"]: work for work in client.api("/catalogue").json["works"]}

        urls = client.api("/manifest", count=10_000).body.decode().splitlines()

        faults = [works[url] for url in urls if url in works and "fault" in works[url]["keywords"]]
        assert len(set(urls)) == len(urls) == 10_000
        assert len(faults) <= 48
        assert sum(fault["outcome"] in {"too_slow", "too_large"} for fault in faults) <= 4
        assert all(works[url.partition("?")[0]]["is_plain"] for url in urls if "?" in url)

    def test_repeats_a_picture_under_another_query(self, client: Client) -> None:
        url = client.api("/manifest", count=484).body.decode().splitlines()[-1]

        repeated, first = client.ask(url), client.ask(url.partition("?")[0])

        assert url.endswith("?n=1")
        assert repeated.body == first.body

    def test_answers_400_for_a_count_out_of_range(self, client: Client) -> None:
        assert client.api("/manifest", count=0).status == 400


class TestCounters:
    def test_count_by_path_and_by_target(self, client: Client) -> None:
        url = client.work("picture")["url"]

        for target in (url, f"{url}?n=1", f"{url}?n=2", f"{url}?n=2"):
            client.ask(target)

        assert client.api("/_requests").json == {
            "by_path": {url: 4},
            "by_target": {url: 1, f"{url}?n=1": 1, f"{url}?n=2": 2},
            "total": 4,
            "peak_by_host": {"127.0.0.1": 1, "archive.localhost": 1},
        }

    def test_count_what_is_not_there(self, client: Client) -> None:
        url = f"http://{client.site.hosts[0]}/nothing/here.jpg"

        assert client.ask(url).status == 404
        assert client.api("/_requests").json["by_path"] == {url: 1}

    def test_are_exact_under_concurrency(self, client: Client) -> None:
        url = client.work("forbidden")["url"]

        def ask_often(worker: int) -> None:
            own = Client(client.site)
            with closing(own.connection):
                for n in range(100):
                    own.ask(f"{url}?n={worker}-{n}")

        with ThreadPoolExecutor(8) as pool:
            list(pool.map(ask_often, range(8)))

        counted = client.api("/_requests").json
        assert (counted["total"], counted["by_path"]) == (800, {url: 800})
        assert len(counted["by_target"]) == 800

    def test_are_reset_by_post_only(self, client: Client) -> None:
        client.ask(client.work("missing")["url"])

        assert client.api("/_requests/reset").status == 405
        assert client.api("/_requests").json["total"] == 1
        assert client.api("/_requests/reset", "POST").json["total"] == 0


class TestPictures:
    @pytest.mark.parametrize("encoding", ["jpeg", "png", "webp", "gif"])
    def test_are_served_as_what_they_are(self, client: Client, encoding: str) -> None:
        works = client.api("/catalogue").json["works"]
        work = next(w for w in works if w["format"] == encoding and w["is_plain"])

        reply = client.ask(work["url"])

        with Image.open(BytesIO(reply.body)) as image:
            image.load()
            assert image.format == encoding.upper()
            assert image.size == (work["width"], work["height"])
        assert reply.headers["Content-Type"] == f"image/{encoding}"
        assert int(reply.headers["Content-Length"]) == len(reply.body)

    def test_are_equal_where_they_are_copies(self, client: Client) -> None:
        works = {work["id"]: work for work in client.api("/catalogue").json["works"]}
        copy = works["chelsea-wide-copy"]
        original = works[copy["same_bytes_as"]]

        assert copy["url"] != original["url"]
        assert client.ask(copy["url"]).body == client.ask(original["url"]).body

    def test_send_no_body_for_head(self, client: Client) -> None:
        url = client.work("picture")["url"]

        head, whole = client.ask(url, "HEAD"), client.ask(url)

        assert head.body == b""
        assert head.headers["Content-Length"] == str(len(whole.body))

    def test_belong_to_their_own_host(self, client: Client) -> None:
        url = client.work("picture")["url"]
        host = urlsplit(url).netloc
        other = next(name for name in client.site.hosts if name != host)

        assert client.ask(url.replace(host, other)).status == 404

    def test_have_odd_ones_among_them(self, client: Client) -> None:
        seen = {}
        for folder in ("cmyk", "rotated", "deep", "animated", "pixel"):
            (work,) = client.works_in(folder)
            with Image.open(BytesIO(client.ask(work["url"]).body)) as image:
                image.load()
                frames = getattr(image, "n_frames", 1)
                seen[folder] = (image.format, image.mode, frames, image.getexif().get(0x0112))

        assert seen == {
            "cmyk": ("JPEG", "CMYK", 1, None),
            "rotated": ("JPEG", "RGB", 1, 6),
            "deep": ("PNG", "I;16", 1, None),
            "animated": ("GIF", "P", 8, None),
            "pixel": ("GIF", "P", 1, None),
        }

    def test_may_be_mislabelled_or_have_an_accent_in_their_path(self, client: Client) -> None:
        mislabelled = client.ask(client.work("mislabelled")["url"])
        (accented,) = client.works_in("th%C3%A9%20et%20caf%C3%A9")

        assert mislabelled.headers["Content-Type"] == "image/png"
        assert mislabelled.body.startswith(b"\xff\xd8\xff")
        assert client.ask(accented["url"]).status == 200


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


class TestServe:
    def test_answers_on_loopback_only(self, site: SampleSite) -> None:
        with pytest.raises(OSError):
            socket.create_connection(("127.0.0.2", site.port), timeout=1)

    def test_frees_its_port_while_clients_hang_on(self) -> None:
        with serve(0) as first:
            client = Client(first)
            client.api("/search", q="cat")
            port = first.port

        with serve(port) as second:
            assert second.port == port
            client.connection.close()

    def test_drops_an_endless_answer_when_it_stops(self) -> None:
        with serve(0) as site:
            connection = socket.create_connection(("127.0.0.1", site.port), timeout=5)
            connection.sendall(
                b"GET /endless/coffee.jpg HTTP/1.1\r\nHost: faults.localhost\r\n\r\n"
            )
            connection.recv(1)

        with closing(connection), connection.makefile("rb") as answer:
            rest = answer.read()

        assert not rest.endswith(b"0\r\n\r\n")

    def test_names_the_option_when_the_port_is_busy(self, site: SampleSite) -> None:
        with pytest.raises(PortBusyError, match=f"{site.port}.*--sample-port"), serve(site.port):
            pass


class TestMain:
    def test_says_when_it_is_ready_and_stops_on_sigterm(self) -> None:
        command = [sys.executable, "-m", "crawlset_local.sample_site", "--port", "0"]

        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            line = process.stdout.readline()
            process.send_signal(signal.SIGTERM)
            rest = process.stdout.read()

        assert line.startswith("sample site ready: http://127.0.0.1:")
        assert (rest, process.returncode) == ("", 0)

    def test_ends_with_one_line_when_the_port_is_busy(self, site: SampleSite) -> None:
        command = [sys.executable, "-m", "crawlset_local.sample_site", "--port", str(site.port)]

        done = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)

        assert done.returncode == 1
        assert "--sample-port" in done.stderr
        assert len(done.stderr.splitlines()) == 1
