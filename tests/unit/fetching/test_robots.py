import hashlib
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawlset.fetching.robots import ALLOW_ALL, parse_robots, path_matches, unreachable_robots
from crawlset.outcomes import Outcome

URL = "https://example.com"


def refusal(text: str, path: str) -> Outcome | None:
    _, opt_out = parse_robots(text.encode()).judge(URL + path, path)
    return opt_out.outcome if opt_out else None


def rule_of(text: str, path: str) -> str | None:
    signal, _ = parse_robots(text.encode()).judge(URL + path, path)
    return signal["rule"] if signal else None


class TestRobots:
    @pytest.mark.parametrize(
        ("text", "path", "expected"),
        [
            ("User-agent: *\nDisallow: /private/", "/private/a.jpg", Outcome.refused_robots),
            ("User-agent: *\nDisallow: /private/", "/a.jpg", None),
            ("User-agent: *\nDisallow: /\nAllow: /open/", "/open/a.jpg", None),
            ("User-agent: *\nDisallow:\n\nUser-agent: Crawlset\nDisallow: /", "/a", "robots"),
            ("User-agent: otherbot\nDisallow: /", "/a.jpg", None),
            ("User-agent: *\nDisallow: /\n\nUser-agent: crawlset\nAllow: /", "/a.jpg", None),
            ("User-agent: *\nDisallow: /*.jpg$", "/x/a.jpg", Outcome.refused_robots),
            ("User-agent: a\rUser-agent: *\rDisallow: /private/", "/private/", "robots"),
            ("User-agent: *\nDisallow: /b%c3%bccher/", "/b%C3%BCcher/a.jpg", "robots"),
            ("User-agent: *\nDisallow: /b\u00fccher/", "/b%c3%bccher/a.jpg", "robots"),
            ("User-agent: *\nDisallow: /my cats/", "/my%20cats/a.jpg", "robots"),
            ("User-agent: *\nDisallow: /a\n\nUser-agent: *\nDisallow: /b", "/b.jpg", "robots"),
            ("", "/a.jpg", None),
            ("<html>not found</html>", "/a.jpg", None),
            ("<html>\n<p>User-agent: *\n<p>Disallow: /\n</html>", "/a.jpg", None),
        ],
    )
    def test_decides_as_rfc_9309_does(
        self, text: str, path: str, expected: Outcome | str | None
    ) -> None:
        wanted = Outcome.refused_robots if expected == "robots" else expected

        assert refusal(text, path) == wanted

    @pytest.mark.parametrize(
        ("text", "path", "is_refused"),
        [
            ("User-agent: *\nContent-Usage: train-ai=n", "/a.jpg", True),
            ("User-agent: *\nContent-Usage: /art/ train-ai=n", "/art/a.jpg", True),
            ("User-agent: *\nContent-Usage: /art/ train-ai=n", "/a.jpg", False),
            (
                "User-agent: *\nContent-Usage: train-ai=n\nContent-Usage: /open/ train-ai=y",
                "/open/a.jpg",
                False,
            ),
            ("User-agent: otherbot\nContent-Usage: train-ai=n", "/a.jpg", False),
            (
                "User-agent: *\nContent-Usage: train-ai=n\n\nUser-agent: crawlset\nAllow: /",
                "/a.jpg",
                False,
            ),
        ],
    )
    def test_reads_content_usage_of_our_group(self, text: str, path: str, is_refused: bool) -> None:
        assert refusal(text, path) == (Outcome.refused_noai if is_refused else None)

    def test_allows_nothing_when_unreachable(self) -> None:
        _, opt_out = unreachable_robots("unreachable: HTTP 503").judge(f"{URL}/a", "/a")

        assert opt_out is not None
        assert (opt_out.outcome, opt_out.rule) == (Outcome.refused_robots, "unreachable")
        assert opt_out.sha256 is None

    def test_allows_everything_without_a_file(self) -> None:
        assert ALLOW_ALL.judge(f"{URL}/a", "/a") == (None, None)

    @given(st.text() | st.binary())
    def test_never_raises(self, content: str | bytes) -> None:
        robots = parse_robots(content.encode() if isinstance(content, str) else content)

        assert robots.crawl_delay >= 0
        assert len(robots.judge(f"{URL}/a.jpg", "/a.jpg")) == 2

    @pytest.mark.parametrize(
        ("text", "path", "rule"),
        [
            ("User-agent: *\nDisallow: /private/ # ours", "/private/a", "Disallow: /private/"),
            ("User-agent: *\nDisallow: /\nDisallow: /a*", "/ab", "Disallow: /a*"),
            ("User-agent: *\ndisallow:/*.jpg$", "/x/a.jpg", "Disallow: /*.jpg$"),
            ("User-agent: *\nDisallow: /\nAllow: /open/", "/open/a", "Allow: /open/"),
            ("User-agent: *\nAllow: /\nAllow: /o", "/open/a", "Allow: /o"),
            ("User-agent: *\nDisallow: /private/", "/a", None),
            ("User-agent: a\nDisallow: /\n\nUser-agent: crawlset\nAllow: /", "/a", "Allow: /"),
            ("User-agent: *\nDisallow: /%7Ea/", "/~a/b", "disallowed"),
            (
                "User-agent: *\nContent-Usage: /art/ search=y, train-ai=n",
                "/art/a",
                "Content-Usage: /art/ search=y, train-ai=n",
            ),
        ],
    )
    def test_tells_the_rule_that_decided(self, text: str, path: str, rule: str | None) -> None:
        signal, _ = parse_robots(text.encode()).judge(URL + path, path)

        assert signal is not None
        assert signal["rule"] == rule
        assert signal["sha256"] == hashlib.sha256(text.encode()).hexdigest()

    def test_shares_the_evidence_of_one_rule(self) -> None:
        robots = parse_robots(b"User-agent: *\nAllow: /a\n")

        first, _ = robots.judge(f"{URL}/a/1.jpg", "/a/1.jpg")
        second, _ = robots.judge(f"{URL}/a/2.jpg", "/a/2.jpg")

        assert first is second

    def test_passes_over_a_byte_order_mark(self) -> None:
        robots = parse_robots(b"\xef\xbb\xbfUser-agent: *\nDisallow: /")

        assert robots.judge(f"{URL}/a", "/a")[1] is not None

    @pytest.mark.parametrize(
        ("text", "seconds"),
        [
            ("User-agent: *\nCrawl-delay: 2.5", 2.5),
            ("User-agent: *\nCrawl-delay: 2\n\nUser-agent: Crawlset\nCrawl-delay: 1", 1.0),
            ("User-agent: otherbot\nCrawl-delay: 9", 0.0),
            ("User-agent: *\nCrawl-delay: soon", 0.0),
            ("User-agent: *\nCrawl-delay: -1", 0.0),
            ("User-agent: *\nCrawl-delay: inf", 0.0),
            ("", 0.0),
        ],
    )
    def test_reads_the_crawl_delay_meant_for_us(self, text: str, seconds: float) -> None:
        assert parse_robots(text.encode()).crawl_delay == seconds


class TestAgents:
    """
    The line that names an agent holds for its product token (RFC 9309, section 2.2.1).

    Where the token ends is read as in `RobotsMatcher::ExtractUserAgent` and `HandleUserAgent` of
    https://github.com/google/robotstxt/blob/master/robots.cc.
    """

    @pytest.mark.parametrize("field", ["User-agent: ", "user-agent:", "User Agent: ", "useragent "])
    @pytest.mark.parametrize(
        "agent",
        [
            "crawlset",
            "CRAWLSET",
            "crawlset/1",
            "Crawlset/0.1 (+https://example.com/bot)",
            "crawlset *",
            "crawlset*",
            "crawlset bot",
            "crawlset2.0",
            "crawlset # us",
        ],
    )
    def test_mean_us(self, field: str, agent: str) -> None:
        text = f"User-agent: *\nDisallow:\n\n{field}{agent}\nDisallow: /\nContent-Usage: train-ai=n"

        assert refusal(text, "/a.jpg") == Outcome.refused_robots
        assert rule_of(text, "/a.jpg") == "Disallow: /"

    @pytest.mark.parametrize(
        "agent",
        [
            "crawl",
            "c",
            "set",
            "crawlse",
            "crawl*",
            "*crawlset",
            "crawlset-bot",
            "crawlset_images",
            "crawlsets",
            "my-crawlset",
            "Mozilla/5.0 (compatible; crawlset)",
            "/crawlset",
            "",
            "# crawlset",
        ],
    )
    def test_mean_another(self, agent: str) -> None:
        text = f"User-agent: {agent}\nDisallow: /\nCrawl-delay: 9\nContent-Usage: train-ai=n"

        assert refusal(text, "/a.jpg") is None
        assert rule_of(text, "/a.jpg") is None
        assert parse_robots(text.encode()).crawl_delay == 0

    @pytest.mark.parametrize("agent", ["*", "* ", "* # all", "* and others", "*\t"])
    def test_mean_everybody(self, agent: str) -> None:
        text = f"User-agent: {agent}\nDisallow: /"

        assert refusal(text, "/a.jpg") == Outcome.refused_robots
        assert refusal(f"{text}\n\nUser-agent: crawlset/2\nAllow: /", "/a.jpg") is None

    def test_share_a_group(self) -> None:
        text = "User-agent: crawl\nUser-agent: Crawlset/1\nUser-agent: other\nDisallow: /a\n"
        again = "User-agent: crawlset\nDisallow: /b\nCrawl-delay: 3\nUser-agent: *\nDisallow: /"

        robots = parse_robots((text + again).encode())

        assert [refusal(text + again, path) is None for path in ("/a", "/b", "/c")] == [
            False,
            False,
            True,
        ]
        assert robots.crawl_delay == 3


class TestPathMatches:
    @pytest.mark.parametrize(
        ("pattern", "path", "expected"),
        [
            ("/", "/a", True),
            ("/a", "/ab", True),
            ("/a$", "/ab", False),
            ("/a$", "/a", True),
            ("/*.jpg", "/x/a.jpg?b", True),
            ("/*.jpg$", "/x/a.jpg?b", False),
            ("/a*b$", "/ab", True),
            ("/ab*b$", "/ab", False),
            ("*", "/", True),
            ("/*a*b", "/xbxa", False),
            ("", "/a", True),
        ],
    )
    def test_knows_stars_and_the_end(self, pattern: str, path: str, expected: bool) -> None:
        assert path_matches(pattern, path) is expected

    def test_is_quick_with_a_hostile_pattern(self) -> None:
        started = time.process_time()

        path_matches("/" + "*a" * 4000 + "$", "/" + "a" * 8000 + "b")

        assert time.process_time() - started < 1
