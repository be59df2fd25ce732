"""`crawlset check-url` before the guard's own vectors: it is the same judge."""

from collections.abc import Iterable

from crawlset.urls.guard import BlockedUrlError, Resolve, parse_url
from tests.unit.client.conftest import Shell
from tests.unit.fetching.hostile_urls import survivors


class TestVectors:
    def test_are_all_told_apart(self, shell: Shell) -> None:
        def check(url: str, resolve: Resolve) -> Iterable[str]:
            try:
                target = parse_url(url)
            except BlockedUrlError:
                target = None
            options: list[str] = []
            addresses: list[str] = []
            if target is not None and target.address is None:
                addresses = list(resolve(target.host))
                options = ["--resolve", f"{target.host}={','.join(addresses)}"]
            result = shell.run("check-url", *options, "--", url)
            assert result.exit_code in {0, 1}, result.stderr
            if result.exit_code:
                raise ValueError(result.stdout)
            return addresses

        def follow(url: str, location: str, resolve: Resolve) -> str:
            try:
                reached = parse_url(url).join(location)
            except BlockedUrlError as refusal:
                raise ValueError from refusal
            check(reached, resolve)
            return parse_url(reached).url

        assert survivors(check, follow) == set()
