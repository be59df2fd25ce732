import pytest

from tests.unit.client.conftest import Shell
from tests.unit.client.fake_api import FakeApi


class TestCheckUrl:
    @pytest.mark.parametrize(
        ("arguments", "is_allowed"),
        [
            (["https://example.org/a.jpg"], True),
            (["https://example.org/", "--resolve", "example.org=93.184.215.14"], True),
            (["https://EXAMPLE.org./", "--resolve", "Example.ORG=93.184.215.14"], True),
            (["https://example.org/", "--resolve", "example.org=93.184.215.14,10.0.0.1"], False),
            (["https://example.org/", "--resolve", "example.org=::1"], False),
            (["https://example.org/", "--resolve", "example.org="], False),
            (["http://169.254.169.254/latest/meta-data"], False),
            (["http://localhost:8490/"], False),
            (["http://me.localhost:8490/", "--private-host", "me.localhost:8490"], True),
            (["ftp://example.org/"], False),
            (["not a url"], False),
            ([" https://example.org/a b.jpg"], True),
            (["https://example.org/a b", "--resolve", "example.org=10.0.0.1"], False),
            (["https://exa mple.org/a.jpg"], False),
        ],
    )
    def test_asks_nobody(
        self, api: FakeApi, shell: Shell, arguments: list[str], *, is_allowed: bool
    ) -> None:
        result = shell.run("check-url", *arguments)

        assert result.exit_code == (0 if is_allowed else 1)
        assert result.stdout.startswith("allowed: " if is_allowed else "refused: ")
        assert api.requests == []

    def test_prints_json(self, shell: Shell) -> None:
        document = shell.json("check-url", "http://127.0.0.1/")

        assert (document["url"], document["allowed"]) == ("http://127.0.0.1/", False)
        assert document["reason"]

    @pytest.mark.parametrize("option", ["example.org", "=1.1.1.1", "other.test=1.1.1.1"])
    def test_refuses_an_option_that_is_for_nothing(self, shell: Shell, option: str) -> None:
        result = shell.run("check-url", "https://example.org/", "--resolve", option)

        assert result.exit_code == 2
