import subprocess
import sys

import httpx
import pytest

from crawlset.settings import SourceSettings
from crawlset.sources import registry
from crawlset.wire.searches import IntendedUse, SearchRequest

NOTHING_CONFIGURED = SourceSettings(sample_source_url="")
LAPTOP = SourceSettings(sample_source_url="http://127.0.0.1:8490")


def request(source: str) -> SearchRequest:
    return SearchRequest(source=source, limit=1, intended_use=IntendedUse.research)


class TestGetSource:
    def test_lists_the_names_there_are_when_unknown(self) -> None:
        with pytest.raises(
            registry.UnknownSourceError, match=r"'altavista'.*sample.*urls"
        ) as error:
            registry.get_source("altavista")

        assert error.value.status == 422
        assert error.value.pointer == "/sources"


class TestCheckUse:
    @pytest.mark.parametrize("use", IntendedUse)
    @pytest.mark.parametrize("name", ["sample", "urls"])
    def test_lets_pass_what_is_permitted(self, name: str, use: IntendedUse) -> None:
        registry.check_use(registry.get_source(name), use)

    @pytest.mark.parametrize("use", IntendedUse)
    @pytest.mark.parametrize(
        ("name", "clause"),
        [
            ("unsplash", "training AI models"),
            ("pexels", "build datasets or train ML/AI models"),
            ("pixabay", "mass downloads are not allowed"),
        ],
    )
    def test_refuses_with_the_clause(self, name: str, clause: str, use: IntendedUse) -> None:
        with pytest.raises(registry.SourceNotPermittedError, match=clause):
            registry.check_use(registry.get_source(name), use)


class TestDescribeSources:
    def test_shows_every_source_and_whether_it_is_configured(self) -> None:
        described = registry.describe_sources(LAPTOP)

        configured = {source.name for source in described if source.configured}
        lists = {"urls", "open_images", "laion", "gbif_downloads", "inaturalist_open_data"}
        assert configured == {"sample"} | lists
        assert {"openverse", "wikimedia", "unsplash"} < {source.name for source in described}
        assert all(source.notes and source.limits for source in described)

    def test_shows_sample_as_unconfigured_without_its_address(self) -> None:
        described = {s.name: s for s in registry.describe_sources(NOTHING_CONFIGURED)}

        assert described["sample"].configured is False

    def test_says_what_a_source_lacks(self) -> None:
        described = {s.name: s for s in registry.describe_sources(LAPTOP)}

        assert described["sample"].reason is None
        flickr = described["flickr"].reason
        assert flickr is not None
        assert "Name it in the deployment's Sources, and give flickr_key" in flickr
        assert ".crawlset/secrets.toml" in flickr
        assert described["pexels"].reason == "It is never searched."

    def test_shows_why_a_source_permits_nothing(self) -> None:
        pexels = next(s for s in registry.describe_sources(LAPTOP) if s.name == "pexels")

        assert pexels.intended_uses == []
        assert "train ML/AI" in pexels.notes
        assert pexels.terms_url is not None


class TestSearch:
    @pytest.mark.parametrize(
        ("source", "error"),
        [
            ("altavista", registry.UnknownSourceError),
            ("pexels", registry.SourceNotPermittedError),
            ("sample", registry.SourceNotConfiguredError),
        ],
    )
    def test_asks_nobody_it_may_not_ask(self, source: str, error: type[Exception]) -> None:
        with httpx.Client() as client, pytest.raises(error):
            registry.search(request(source), client=client, settings=NOTHING_CONFIGURED)


class TestImportBudget:
    @pytest.mark.parametrize(
        ("module", "forbidden"),
        [
            ("crawlset.sources.registry", "httpx pyarrow numpy PIL pycurl sqlalchemy psycopg"),
            ("crawlset.sources.manifests", "httpx pyarrow numpy PIL pycurl sqlalchemy psycopg"),
            ("functions.discover.app", "pyarrow numpy PIL pycurl sqlalchemy psycopg"),
            ("functions.api.app", "httpx pyarrow numpy PIL pycurl simplejpeg obstore"),
            ("functions.deliver.app", "pyarrow numpy PIL sqlalchemy psycopg"),
        ],
    )
    def test_imports_nothing_heavy(self, module: str, forbidden: str) -> None:
        script = f"import sys, {module}; print(*set('{forbidden}'.split()) & set(sys.modules))"

        done = subprocess.run(
            [sys.executable, "-c", script], capture_output=True, check=True, text=True
        )

        assert done.stdout.split() == []
