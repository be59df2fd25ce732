import hashlib
import subprocess
import sys
from io import BytesIO
from urllib.parse import urlsplit

import pytest
from PIL import Image

from crawlset.outcomes import Outcome
from crawlset_local.sample_site.catalogue import HOSTS, Work, catalogue
from crawlset_local.sample_site.pictures import dimensions, encode
from tests.integration.sample_site.client import Client

pytestmark = pytest.mark.enable_socket
READ_ANEW = (
    "import sys, hashlib\n"
    "from crawlset_local.sample_site.catalogue import catalogue\n"
    "from crawlset_local.sample_site.pictures import encode\n"
    "works = {work.id: work for work in catalogue()}\n"
    "for id_ in sys.argv[1:]:\n"
    "    print(hashlib.sha256(encode(works[id_].picture)).hexdigest())\n"
)


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
