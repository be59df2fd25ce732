import json
from pathlib import Path

import pytest

from crawlset_client.config import load_config
from crawlset_client.errors import ConfigError

LOCAL = "http://127.0.0.1:8480"


def write_profile(home: Path, api_url: str = "http://127.0.0.1:9000") -> Path:
    home.mkdir(parents=True)
    (home / "profile.json").write_text(json.dumps({"api_url": api_url, "api_key": "cs_kept"}))
    return home


class TestLoadConfig:
    def test_is_the_laptop_where_nothing_is_set(self, tmp_path: Path) -> None:
        config = load_config({}, tmp_path)

        assert (config.api_url, config.api_key) == (LOCAL, None)
        assert config.home == tmp_path / ".crawlset"

    def test_finds_the_profile_of_a_parent(self, tmp_path: Path) -> None:
        home = write_profile(tmp_path / ".crawlset")
        below = tmp_path / "a" / "b"
        below.mkdir(parents=True)

        config = load_config({}, below)

        assert config.home == home
        assert (config.api_url, config.api_key) == ("http://127.0.0.1:9000", "cs_kept")

    def test_reads_the_home_it_is_told(self, tmp_path: Path) -> None:
        write_profile(tmp_path / ".crawlset")
        home = write_profile(tmp_path / "other", "http://127.0.0.1:9001")

        config = load_config({"CRAWLSET_HOME": str(home)}, tmp_path)

        assert config.api_url == "http://127.0.0.1:9001"

    def test_prefers_the_environment(self, tmp_path: Path) -> None:
        write_profile(tmp_path / ".crawlset")
        environ = {"CRAWLSET_API_URL": "https://api.test/api/", "CRAWLSET_API_KEY": "cs_given"}

        config = load_config(environ, tmp_path)

        assert (config.api_url, config.api_key) == ("https://api.test", "cs_given")

    def test_sends_the_kept_key_nowhere_else(self, tmp_path: Path) -> None:
        write_profile(tmp_path / ".crawlset")

        config = load_config({"CRAWLSET_API_URL": "https://api.test"}, tmp_path)

        assert config.api_key is None

    @pytest.mark.parametrize("text", ["", "[]", '"text"', '{"api_url": "http://a.test"}', "\x00"])
    def test_refuses_a_profile_that_is_none(self, tmp_path: Path, text: str) -> None:
        home = write_profile(tmp_path / ".crawlset")
        (home / "profile.json").write_text(text)

        with pytest.raises(ConfigError, match="no profile of Crawlset"):
            load_config({}, tmp_path)

    @pytest.mark.parametrize("url", ["api.test", "ftp://api.test", "http://", "localhost:8480"])
    def test_refuses_an_address_that_is_none(self, tmp_path: Path, url: str) -> None:
        with pytest.raises(ConfigError, match="no address of an API"):
            load_config({"CRAWLSET_API_URL": url}, tmp_path)
