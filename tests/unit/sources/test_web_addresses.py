import pytest

from crawlset.urls.spelling import url_problem


class TestUrlProblem:
    @pytest.mark.parametrize(
        "url",
        [
            "https://example.org/cat.jpg",
            "http://example.org",
            "HTTPS://EXAMPLE.ORG/a?b=c&d=%20#e",
            "https://example.org:8443/cat.jpg",
            "https://[2001:db8::1]/cat.jpg",
            "https://bücher.example/katze.jpg",
            "https://example.org/kätzchen.jpg",
            "https://user@example.org/cat.jpg",
        ],
    )
    def test_finds_none_in_what_could_be_asked(self, url: str) -> None:
        assert url_problem(url) is None

    @pytest.mark.parametrize(
        ("url", "problem"),
        [
            ("", "http"),
            ("cat.jpg", "http"),
            ("ftp://example.org/cat.jpg", "http"),
            ("data:image/png;base64,AAAA", "http"),
            ("//example.org/cat.jpg", "http"),
            ("https:///cat.jpg", "no host"),
            ("https://:80/cat.jpg", "no host"),
            ("http://", "no host"),
            ("https://example.org:99999/cat.jpg", "not a URL"),
            ("https://[::1/cat.jpg", "not a URL"),
            ("https://example.org/\ud800.jpg", "not a URL"),
            ("https://example.org/a b.jpg", "blanks"),
            ("https://example.org/\0.jpg", "control"),
            ("https://example.org/\x85.jpg", "control"),
            ("https://example.org/" + "a" * 8192, "longer"),
        ],
    )
    def test_names_what_is_wrong(self, url: str, problem: str) -> None:
        assert problem in (url_problem(url) or "nothing")
