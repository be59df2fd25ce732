"""What a laptop's `secrets.toml` and environment say of outside sources."""

from pathlib import Path

import pytest

from crawlset_local.errors import SourceAccessError
from crawlset_local.source_access import SourceAccess, read_source_access

SAID = """
contact = "me@example.org"
sources = ["openverse", "flickr"]

[keys]
flickr_key = "f-secret"
"""


def write(home: Path, text: str, mode: int = 0o600) -> None:
    path = home / "secrets.toml"
    path.write_text(text)
    path.chmod(mode)


def test_is_no_access_unless_somebody_gives_it(tmp_path: Path) -> None:
    assert read_source_access(tmp_path, {}) == SourceAccess()


def test_is_what_the_file_says(tmp_path: Path) -> None:
    write(tmp_path, SAID)

    access = read_source_access(tmp_path, {})

    assert access == SourceAccess(
        "me@example.org", ("openverse", "flickr"), {"flickr_key": "f-secret"}
    )
    assert "f-secret" not in repr(access)


def test_is_what_the_environment_says_over_it(tmp_path: Path) -> None:
    write(tmp_path, SAID)
    environment = {
        "CRAWLSET_CONTACT": "you@example.org",
        "CRAWLSET_SOURCES": "gbif, brave",
        "CRAWLSET_BRAVE_KEY": "b-secret",
    }

    access = read_source_access(tmp_path, environment)

    assert (access.contact, access.sources) == ("you@example.org", ("gbif", "brave"))
    assert access.keys == {"flickr_key": "f-secret", "brave_key": "b-secret"}


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("sources = [", "is not TOML"),
        ('flickr_key = "f-secret"', "there is no 'flickr_key'"),
        ('[keys]\nflick = "f-secret"', "there is no key 'flick'"),
        ("[keys]\nflickr_key = 7", "a table of texts"),
        ('contact = "me"\nsources = "gbif"', "a list of names"),
        ("contact = 7", "contact is a text"),
        ('sources = ["gbif"]', "set `contact`"),
    ],
)
def test_says_what_is_wrong_and_no_secret(tmp_path: Path, text: str, problem: str) -> None:
    write(tmp_path, text)

    with pytest.raises(SourceAccessError) as caught:
        read_source_access(tmp_path, {})

    assert problem in str(caught.value)
    assert "f-secret" not in str(caught.value)


def test_keeps_a_file_from_use_that_others_may_read(tmp_path: Path) -> None:
    write(tmp_path, SAID, mode=0o644)

    with pytest.raises(SourceAccessError, match="chmod 600"):
        read_source_access(tmp_path, {})
