import json
from pathlib import Path

import pytest

from crawlset_client.config import load_config
from crawlset_client.errors import ConfigError
from tests.unit.client.conftest import Shell
from tests.unit.client.fake_answers import API_URL
from tests.unit.client.fake_api import FakeApi

LOCAL = "http://127.0.0.1:8480"


def write_profile(home: Path, api_url: str = "http://127.0.0.1:9000") -> Path:
    home.mkdir(parents=True)
    (home / "profile.json").write_text(json.dumps({"api_url": api_url, "api_key": "cs_kept"}))
    (home / "profile.json").chmod(0o600)
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

    @pytest.mark.parametrize("key", ["cs_é", "cs one", "cs_\x00", "cs_\n2", "\u2018cs_kept\u2019"])
    def test_refuses_a_key_that_no_header_can_hold_and_keeps_it_secret(
        self, tmp_path: Path, key: str
    ) -> None:
        with pytest.raises(ConfigError, match="of CRAWLSET_API_KEY has a character") as raised:
            load_config({"CRAWLSET_API_KEY": key}, tmp_path)

        assert key not in str(raised.value)

    def test_sends_a_key_of_the_environment_to_no_address_that_a_folder_names(
        self, tmp_path: Path
    ) -> None:
        write_profile(tmp_path / ".crawlset", "https://elsewhere.test")

        with pytest.raises(ConfigError, match=r"is not sent to https://elsewhere\.test"):
            load_config({"CRAWLSET_API_KEY": "cs_mine"}, tmp_path)

    def test_refuses_a_profile_that_others_may_read(self, tmp_path: Path) -> None:
        home = write_profile(tmp_path / ".crawlset")
        (home / "profile.json").chmod(0o644)

        with pytest.raises(ConfigError, match="chmod 600"):
            load_config({}, tmp_path)

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


class TestUsersFile:
    @pytest.fixture
    def environ(self, tmp_path: Path) -> dict[str, str]:
        return {"XDG_CONFIG_HOME": str(tmp_path / "xdg")}

    def write(self, tmp_path: Path, text: str, mode: int = 0o600) -> Path:
        file = tmp_path / "xdg/crawlset/config.toml"
        file.parent.mkdir(parents=True)
        file.write_text(text)
        file.chmod(mode)
        return file

    def test_names_service_key_and_project(self, tmp_path: Path, environ: dict[str, str]) -> None:
        file = self.write(
            tmp_path, 'api_url = "https://a.test/api"\napi_key = "cs_own"\nproject = "birds"\n'
        )

        config = load_config(environ, tmp_path)

        assert (config.api_url, config.api_key) == ("https://a.test", "cs_own")
        assert config.project == "birds"
        assert {setting.origin for setting in config.settings.values()} == {str(file)}

    def test_is_in_the_home_directory_where_xdg_names_none(self, tmp_path: Path) -> None:
        for environ in ({}, {"XDG_CONFIG_HOME": "relative"}):
            config = load_config({"HOME": str(tmp_path), **environ}, tmp_path)

            assert config.file == tmp_path / ".config/crawlset/config.toml"

    def test_comes_after_the_profile_and_the_environment(
        self, tmp_path: Path, environ: dict[str, str]
    ) -> None:
        self.write(tmp_path, 'api_url = "https://a.test"\napi_key = "cs_own"\nproject = "birds"\n')
        write_profile(tmp_path / ".crawlset")

        config = load_config(environ | {"CRAWLSET_PROJECT": "cats"}, tmp_path)

        assert (config.api_url, config.api_key) == ("http://127.0.0.1:9000", "cs_kept")
        assert (config.project, config.named_by) == ("cats", "profile")

    def test_gives_its_key_to_its_own_address_only(
        self, tmp_path: Path, environ: dict[str, str]
    ) -> None:
        self.write(tmp_path, 'api_url = "https://a.test"\napi_key = "cs_own"\n')

        keys = [
            load_config(environ | {"CRAWLSET_API_URL": url}, tmp_path).api_key
            for url in ("https://a.test/api/", "https://b.test")
        ]

        assert keys == ["cs_own", None]

    @pytest.mark.parametrize("mode", [0o644, 0o640, 0o604])
    def test_with_a_key_is_refused_when_others_may_read_it(
        self, tmp_path: Path, environ: dict[str, str], mode: int
    ) -> None:
        self.write(tmp_path, 'api_url = "https://a.test"\napi_key = "cs_own"\n', mode)

        with pytest.raises(ConfigError, match="chmod 600"):
            load_config(environ, tmp_path)

    def test_without_a_key_may_be_read_by_others(
        self, tmp_path: Path, environ: dict[str, str]
    ) -> None:
        self.write(tmp_path, 'project = "birds"\n', 0o644)

        assert load_config(environ, tmp_path).project == "birds"

    @pytest.mark.parametrize(
        "text",
        [
            "api_url = ",
            'api_urls = "https://a.test"',
            "project = 1",
            'api_key = "cs_secret"',
            'cs_secret = "cs_secret"',
            'api_url = "a.test"',
        ],
    )
    def test_is_refused_where_it_makes_no_sense(
        self, tmp_path: Path, environ: dict[str, str], text: str
    ) -> None:
        self.write(tmp_path, text)

        with pytest.raises(ConfigError) as refused:
            load_config(environ, tmp_path)

        assert '"cs_secret"' not in str(refused.value)


class TestConfigCommand:
    def test_shows_what_is_used_and_where_it_comes_from(self, shell: Shell) -> None:
        result = shell.run("config", CRAWLSET_API_KEY="cs_0123456789abcdef")

        assert result.exit_code == 0
        assert "CRAWLSET_API_URL" in result.stdout
        assert "cs_012…" in result.stdout
        assert "456789" not in result.stdout

    def test_prints_json(self, shell: Shell, tmp_path: Path) -> None:
        document = shell.json("config", CRAWLSET_API_KEY=None)

        assert document["settings"]["api_url"] == {"value": API_URL, "origin": "CRAWLSET_API_URL"}
        assert document["settings"]["api_key"] == {"value": None, "origin": "default"}
        assert document["file"] == str(tmp_path / "config/crawlset/config.toml")
        assert document["file_exists"] is False

    def test_tells_where_the_file_is(self, shell: Shell, tmp_path: Path) -> None:
        path = str(tmp_path / "config/crawlset/config.toml")

        assert shell.run("config", "path").stdout == f"{path}\n"
        assert shell.json("config", "path") == {"file": path}

    def test_names_the_project_that_jobs_go_to(self, api: FakeApi, shell: Shell) -> None:
        for arguments, name in (([], "birds"), (["--project", "cats"], "cats")):
            result = shell.run(
                *("crawl", "cat", "--source", "sample", "--no-watch", *arguments),
                CRAWLSET_PROJECT="birds",
            )

            assert result.exit_code == 0
            assert [*api.projects.values()][-1]["name"] == name
