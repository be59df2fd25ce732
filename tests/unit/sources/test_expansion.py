from collections.abc import Iterable, Mapping
from typing import Any

import pytest

from crawlset.sources.expansion import MAX_QUERIES, expand
from crawlset.wire.searches import Expansion


def translate(_: str, languages: tuple[str, ...]) -> Mapping[str, str]:
    words = {"de": "Katze", "fr": "chat", "en": "Cat"}
    return {language: words[language] for language in languages if language in words}


def suggest(keyword: str) -> Iterable[str]:
    return [f"{keyword} kitten", "Chat", "house\u202ecat", " ", *(f"cat {n}" for n in range(20))]


def expanded(keyword: str, **wanted: Any) -> list[tuple[str, str]]:
    queries = expand(keyword, Expansion(**wanted), translate=translate, suggest=suggest)
    return [(each.query, each.by) for each in queries]


def test_is_the_keyword_alone_unless_more_is_wanted() -> None:
    assert not Expansion()
    assert expanded("cat") == [("cat", "keyword")]


@pytest.mark.parametrize(
    ("keyword", "plural"),
    [("cat", "cats"), ("street mouse", "street mice"), ("box", "boxes"), ("child", "children")],
)
def test_adds_the_plural_of_the_last_word(keyword: str, plural: str) -> None:
    assert expanded(keyword, plurals=True) == [(keyword, "keyword"), (plural, "plural")]


@pytest.mark.parametrize("keyword", ["sheep", "Cats"])
def test_adds_no_word_twice(keyword: str) -> None:
    assert expanded(keyword, plurals=True) == [(keyword, "keyword")]


def test_adds_the_words_of_other_languages_in_the_order_asked_for() -> None:
    assert expanded("cat", languages=("fr", "xx", "en", "de")) == [
        ("cat", "keyword"),
        ("chat", "language:fr"),
        ("Katze", "language:de"),
    ]


def test_adds_what_a_model_suggests_as_far_as_it_can_be_printed() -> None:
    found = expanded("cat", languages=("fr",), suggestions=True)

    assert found[:4] == [
        ("cat", "keyword"),
        ("chat", "language:fr"),
        ("cat kitten", "model"),
        ("cat 0", "model"),
    ]
    assert len(found) == MAX_QUERIES
