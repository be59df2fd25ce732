"""Which signals a job heeds, and the evidence that is kept of each."""

import hashlib
from datetime import UTC, datetime
from typing import Any

import pytest

from crawlset.outcomes import Outcome
from crawlset.wire.chunks import FetchPolicy
from tests.integration.fetching.chunk_fetch import Fetch, only
from tests.integration.web_server import Web
from tests.unit.imaging import pictures

ROBOTS = b"User-agent: crawlset\nAllow: /open/\nDisallow: /\n"
TDMREP = b'[{"location": "/a*", "tdm-reservation": 1, "tdm-policy": "https://e.com/p"}]'
SWITCHES = (
    "robots",
    "tdmrep",
    "x_robots_tag",
    "tdm_reservation",
    "content_usage",
    "xmp_data_mining",
)


def xmp(value: str) -> bytes:
    """A JPEG whose XMP says `value` of data mining."""
    packet = (
        '<x:xmpmeta xmlns:x="adobe:ns:meta/">'
        '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        '<rdf:Description xmlns:plus="http://ns.useplus.org/ldf/xmp/1.0/"'
        f' plus:DataMining="http://ns.useplus.org/ldf/vocab/{value}"/>'
        "</rdf:RDF></x:xmpmeta>"
    )
    return pictures.jpeg(xmp=packet.encode())


def object_to(web: Web, signal: str) -> str:
    """Put a picture up against which one signal speaks; its URL."""
    match signal:
        case "robots":
            web.add("/robots.txt", ROBOTS)
        case "tdmrep":
            web.add("/.well-known/tdmrep.json", TDMREP)
        case "xmp_data_mining":
            return web.add("/a.jpg", xmp("DMI-PROHIBITED-AIMLTRAINING"))
    headers: dict[str, dict[str, Any]] = {
        "x_robots_tag": {"X_Robots_Tag": "noarchive, noai"},
        "tdm_reservation": {"tdm_reservation": "1", "tdm_policy": "https://e.com/p"},
        "content_usage": {"Content_Usage": "search=y, train-ai=n"},
    }
    return web.add("/a.jpg", pictures.jpeg(), **headers.get(signal, {}))


class TestPolicy:
    @pytest.mark.parametrize(
        ("switch", "outcome"),
        [
            ("robots", Outcome.refused_robots),
            ("tdmrep", Outcome.refused_tdm),
            ("x_robots_tag", Outcome.refused_noai),
            ("tdm_reservation", Outcome.refused_tdm),
            ("content_usage", Outcome.refused_noai),
            ("xmp_data_mining", Outcome.refused_tdm),
        ],
    )
    def test_heeds_a_signal_unless_the_job_says_otherwise(
        self, web: Web, fetch: Fetch, switch: str, outcome: Outcome
    ) -> None:
        url = object_to(web, switch)
        others = dict.fromkeys(SWITCHES, False)

        heeded = only(fetch(url, policy=FetchPolicy(**others | {switch: True})))
        ignored = only(fetch(url, policy=FetchPolicy(**{switch: False})))

        assert heeded.outcome == outcome
        assert ignored.outcome == Outcome.stored

    def test_asks_for_no_file_that_it_does_not_heed(self, web: Web, fetch: Fetch) -> None:
        url = web.add("/a.jpg", pictures.jpeg())

        fetch(url, policy=FetchPolicy(robots=False, tdmrep=False))

        assert web.requests == {"/a.jpg": 1}

    def test_reads_the_signals_in_order_and_stops_at_the_first(
        self, web: Web, fetch: Fetch
    ) -> None:
        web.add("/robots.txt", ROBOTS)
        web.add("/.well-known/tdmrep.json", TDMREP)
        headers: dict[str, Any] = {
            "X_Robots_Tag": "noai",
            "tdm_reservation": "1",
            "Content_Usage": "train-ai=n",
        }
        url = web.add("/a.jpg", xmp("DMI-PROHIBITED"), **headers)
        policy: dict[str, Any] = {}
        found = []

        for switch in SWITCHES:
            result = fetch(url, policy=FetchPolicy(**policy))
            found.append(only(result).evidence["opt_out"]["signal"])
            assert (result.n_bytes_fetched > 0) is (switch == "xmp_data_mining")
            policy[switch] = False

        assert found == [
            "robots.txt",
            "tdmrep.json",
            "X-Robots-Tag",
            "tdm-reservation",
            "Content-Usage",
            "plus:DataMining",
        ]
        assert (web.requests["/robots.txt"], web.requests["/.well-known/tdmrep.json"]) == (1, 1)
        assert web.requests["/a.jpg"] == 4

    @pytest.mark.parametrize("value", ["DMI-ALLOWED", "DMI-UNSPECIFIED"])
    def test_takes_a_file_that_does_not_object(self, web: Web, fetch: Fetch, value: str) -> None:
        stored = only(fetch(web.add("/a.jpg", xmp(value))))

        assert stored.outcome == Outcome.stored
        assert stored.evidence["signals"] == {"xmp": value}


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


class TestEvidence:
    @pytest.mark.parametrize(
        ("switch", "opt_out"),
        [
            (
                "robots",
                {
                    "signal": "robots.txt",
                    "rule": "Disallow: /",
                    "value": "Disallow: /",
                    "sha256": sha256(ROBOTS),
                },
            ),
            (
                "tdmrep",
                {
                    "signal": "tdmrep.json",
                    "rule": "/a*",
                    "value": "/a*; tdm-policy=https://e.com/p",
                    "sha256": sha256(TDMREP),
                },
            ),
            (
                "x_robots_tag",
                {
                    "signal": "X-Robots-Tag",
                    "rule": "noai",
                    "value": "noarchive, noai",
                    "sha256": sha256(b"noarchive, noai"),
                },
            ),
            (
                "tdm_reservation",
                {
                    "signal": "tdm-reservation",
                    "rule": "1",
                    "value": "1; tdm-policy=https://e.com/p",
                    "sha256": sha256(b"1; tdm-policy=https://e.com/p"),
                },
            ),
            (
                "content_usage",
                {
                    "signal": "Content-Usage",
                    "rule": "train-ai=n",
                    "value": "search=y, train-ai=n",
                    "sha256": sha256(b"search=y, train-ai=n"),
                },
            ),
            (
                "xmp_data_mining",
                {
                    "signal": "plus:DataMining",
                    "rule": "DMI-PROHIBITED-AIMLTRAINING",
                    "value": "DMI-PROHIBITED-AIMLTRAINING",
                    "sha256": sha256(b"DMI-PROHIBITED-AIMLTRAINING"),
                },
            ),
        ],
    )
    def test_of_a_refusal_is_rule_value_hash_and_time(
        self, web: Web, fetch: Fetch, switch: str, opt_out: dict[str, str]
    ) -> None:
        before = datetime.now(UTC).replace(microsecond=0)

        evidence = only(fetch(object_to(web, switch))).evidence["opt_out"]

        read_at = datetime.fromisoformat(evidence.pop("at"))
        assert before <= read_at <= datetime.now(UTC)
        assert evidence == opt_out

    def test_of_a_kept_picture_is_what_was_read_on_the_way(self, web: Web, fetch: Fetch) -> None:
        web.add("/robots.txt", ROBOTS)
        web.add("/.well-known/tdmrep.json", TDMREP)
        headers: dict[str, Any] = {
            "X_Robots_Tag": "nofollow",
            "tdm_reservation": "0",
            "tdm_policy": "/p",
        }
        url = web.add("/open/a.jpg", xmp("DMI-ALLOWED"), **headers)

        stored = only(fetch(url))

        assert stored.outcome == Outcome.stored
        signals = stored.evidence["signals"]
        robots, tdmrep = signals["robots"], signals["tdmrep"]
        assert (robots["rule"], robots["sha256"]) == ("Allow: /open/", sha256(ROBOTS))
        assert (tdmrep["rule"], tdmrep["sha256"]) == (None, sha256(TDMREP))
        assert datetime.fromisoformat(robots["at"]) <= datetime.fromisoformat(tdmrep["at"])
        assert signals["headers"] == {
            "X-Robots-Tag": "nofollow",
            "tdm-reservation": "0",
            "tdm-policy": "/p",
        }
        assert signals["xmp"] == "DMI-ALLOWED"
        assert "opt_out" not in stored.evidence

    def test_of_a_refusal_holds_what_was_read_before_as_well(self, web: Web, fetch: Fetch) -> None:
        web.add("/robots.txt", ROBOTS)
        url = web.add("/open/a.jpg", pictures.jpeg(), tdm_reservation="1")

        signals = only(fetch(url)).evidence["signals"]

        assert signals["robots"]["rule"] == "Allow: /open/"
        assert signals["headers"] == {"tdm-reservation": "1"}

    def test_is_small_where_nothing_was_said(self, web: Web, fetch: Fetch) -> None:
        assert "signals" not in only(fetch(web.add("/a.jpg", pictures.jpeg()))).evidence

    def test_is_of_the_origin_that_sent_the_picture(self, web: Web, fetch: Fetch) -> None:
        web.add("web/robots.txt", b"User-agent: *\nAllow: /a\n")
        url = web.add("/a.jpg", status=302, Location=web.url("/b.jpg", "other"))
        web.add("other/b.jpg", pictures.jpeg())

        assert "signals" not in only(fetch(url)).evidence

    def test_of_a_file_that_could_not_be_had_has_no_hash(self, web: Web, fetch: Fetch) -> None:
        web.add("/robots.txt", status=500)

        opt_out = only(fetch(web.add("/a.jpg"))).evidence["opt_out"]

        assert (opt_out["rule"], opt_out["sha256"]) == ("unreachable", None)
