"""URLs are read in `urls/` and nowhere else."""

import re

import pytest

from tests.infra.stack import ROOT

URLS = ROOT / "layers/core/crawlset/urls"
SOURCES = [*ROOT.glob("layers/core/**/*.py"), *ROOT.glob("functions/**/*.py")]
READERS = re.compile(r"\b(?:urlsplit|urlparse|urljoin)\b|\bhttps\?://\(")


def readers(text: str) -> list[str]:
    return READERS.findall(text)


@pytest.mark.parametrize(
    "source",
    ["from urllib.parse import urlsplit", "parse.urlparse(url)", 're.compile(r"https?://([^/]*)")'],
)
def test_readers_are_seen(source: str) -> None:
    assert readers(source)


def test_urls_are_read_in_one_room() -> None:
    found = [path for path in SOURCES if URLS not in path.parents and readers(path.read_text())]

    assert found == []


def test_the_longest_url_stands_once() -> None:
    found = [path.name for path in SOURCES for _ in re.findall(r"\b8_?192\b", path.read_text())]

    assert found == ["guard.py"]
