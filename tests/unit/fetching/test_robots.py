import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawlset.fetching.robots import ALLOW_ALL, Robots, parse_robots, path_matches
from crawlset.fetching.visit import retry_after_seconds
from crawlset.outcomes import Outcome

URL = "https://example.com"


def refusal(text: str, path: str) -> Outcome | None:
    found = parse_robots(text).opt_out(URL + path, path)
    return found.outcome if found else None


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
            ("", "/a.jpg", None),
            ("<html>not found</html>", "/a.jpg", None),
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
        found = Robots(None, unreachable="HTTP 503").opt_out(f"{URL}/a", "/a")

        assert found is not None
        assert (found.outcome, found.signal) == (Outcome.refused_robots, "unreachable")

    def test_allows_everything_without_a_file(self) -> None:
        assert ALLOW_ALL.opt_out(f"{URL}/a", "/a") is None

    @given(st.text())
    def test_never_raises(self, text: str) -> None:
        parse_robots(text).opt_out(f"{URL}/a.jpg", "/a.jpg")


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


class TestRetryAfterSeconds:
    @pytest.mark.parametrize(
        ("value", "expected"), [(None, None), ("7", 7.0), ("soon", None), ("-1", None)]
    )
    def test_reads_seconds(self, value: str | None, expected: float | None) -> None:
        assert retry_after_seconds(value) == expected

    def test_reads_a_date(self) -> None:
        assert retry_after_seconds("Thu, 01 Jan 1970 00:00:00 GMT") == 0.0
