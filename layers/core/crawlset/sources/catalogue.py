"""
The facts about every source: what its terms permit, its limits, and how its adapter is loaded.

The API imports this module, so adapters are loaded only when they are asked.
"""

from typing import Any

from crawlset.sources.list_sources import LISTS
from crawlset.sources.source_facts import CREATIVE_COMMONS, EVERY_USE, Source, module_of
from crawlset.wire.searches import IntendedUse


def _official(name: str, **facts: Any) -> Source:
    """A source with an API of its own, where the deployment lets it be asked."""
    return Source(
        name=name,
        load=module_of(name),
        is_configured=lambda settings: settings.may_ask(name),
        **facts,
    )


def _refused(name: str, *, pace: str, terms_url: str, why: str) -> Source:
    return Source(
        name=name,
        intended_uses=frozenset(),
        licences=(),
        depth="",
        pace=pace,
        terms_url=terms_url,
        notes=why,
        load=None,
        is_configured=lambda _: False,
    )


WITHOUT_LICENCES = "Grey: it states no licences, and the rights in what it finds are yours to know."

SOURCES: dict[str, Source] = {
    source.name: source
    for source in (
        Source(
            name="sample",
            intended_uses=EVERY_USE,
            licences=("cc0", "pdm", "cc-by", "cc-by-sa", "cc-by-nc", "all-rights-reserved"),
            depth="every picture it has",
            pace="",
            terms_url=None,
            notes="The pictures that come with Crawlset, for trying it out on a laptop.",
            load=module_of("sample"),
            is_configured=lambda settings: bool(settings.sample_source_url),
        ),
        *LISTS,
        _official(
            "openverse",
            tells_allowance=True,
            keys="openverse_client_id and openverse_client_secret, or nothing",
            intended_uses=EVERY_USE,
            licences=CREATIVE_COMMONS,
            depth="240 works a query",
            pace="20 questions a minute and 200 a day; with an application 100 and 10,000",
            terms_url="https://docs.openverse.org/terms_of_service.html",
            notes=(
                "Works of many collections. Its terms forbid scraping its catalogue and passing "
                "its limits, also by several machines, and name no purpose: a search ends at 240 "
                "works, and all jobs share one allowance."
            ),
        ),
        _official(
            "wikimedia",
            intended_uses=EVERY_USE,
            licences=("cc0", "pdm", "public-domain", "cc-by", "cc-by-sa"),
            depth="10,000 files a query, every file of a category",
            pace="120 questions a minute, one at a time",
            terms_url="https://wikitech.wikimedia.org/wiki/Robot_policy",
            notes=(
                "Wikimedia Commons: by words, by category:Cats of Berlin or by depicts:Q146. Files "
                "are fetched by two at once, at most 25 Mbit/s."
            ),
        ),
        _official(
            "gbif",
            intended_uses=EVERY_USE,
            licences=("cc0", "cc-by", "cc-by-nc"),
            depth="100,000 observations a query",
            pace="two questions a second",
            terms_url="https://www.gbif.org/terms",
            notes=(
                "Living things; a keyword that is no scientific name is searched as text. Each "
                "picture has a licence of its own."
            ),
        ),
        _official(
            "inaturalist",
            intended_uses=frozenset({IntendedUse.research}),
            licences=("cc0", "cc-by", "cc-by-nc", "all-rights-reserved"),
            depth="every observation that matches",
            pace="one question a second, 5 GB of pictures an hour",
            terms_url="https://www.inaturalist.org/pages/terms",
            notes=(
                "Species identified by a community. Its terms forbid training models on its data "
                "for commercial purposes."
            ),
        ),
        _official(
            "met",
            intended_uses=EVERY_USE,
            licences=("cc0",),
            depth="every object that matches, one question for each",
            pace="one question in two seconds",
            terms_url="https://metmuseum.github.io/",
            notes="The Metropolitan Museum of Art: pictures of works in the public domain.",
            obstacles=(
                "Its firewall shuts out who asks more than thirty times in a short time, though "
                "its documentation allows 80 a second: a thousand objects take 35 minutes. "
                "https://github.com/metmuseum/openaccess/issues/60"
            ),
        ),
        _official(
            "artic",
            intended_uses=EVERY_USE,
            licences=("cc0",),
            depth="1,000 works a query",
            pace="60 questions a minute",
            terms_url="https://api.artic.edu/docs/",
            notes="Art Institute of Chicago: works in the public domain.",
            obstacles=(
                "Its pictures are behind a challenge that only browsers pass, so none can be "
                "fetched since June 2026; what it knows of them is found all the same. "
                "https://github.com/art-institute-of-chicago/api-data/issues/9"
            ),
        ),
        _official(
            "cleveland",
            intended_uses=EVERY_USE,
            licences=("cc0",),
            depth="every work that matches",
            pace="one question a second",
            terms_url="https://www.clevelandart.org/open-access",
            notes="Cleveland Museum of Art: CC0 pictures only.",
        ),
        _official(
            "library_of_congress",
            intended_uses=EVERY_USE,
            licences=("no-known-copyright", "public-domain"),
            depth="100,000 things a query",
            pace="17 questions a minute; who asks more often is blocked for an hour",
            terms_url="https://www.loc.gov/legal/",
            notes=(
                "Photos, prints and drawings, most of 1,024 pixels. Each has a rights advisory; "
                "what says neither that it is in the public domain nor that no restrictions are "
                "known has no licence here."
            ),
            obstacles=(
                "Many networks, those of servers above all, are shown a challenge that only "
                "browsers pass; its searches end there. "
                "https://github.com/LibraryOfCongress/data-exploration/issues/88"
            ),
        ),
        _official(
            "rijksmuseum",
            intended_uses=EVERY_USE,
            licences=("cc0", "pdm", "all-rights-reserved"),
            depth="every object that matches, three questions for each",
            pace="one question a second",
            terms_url="https://data.rijksmuseum.nl/policy/information-and-data-policy",
            notes=(
                "Searched by title, or as creator:, type:, material:, technique:, description: or "
                "aboutActor: says, in Dutch or English."
            ),
            obstacles=(
                "The robots.txt of iiif.micr.io, where its pictures are, shuts all robots out, so "
                "each is refused: seen in October 2026 by https://github.com/brookstalley/arrt"
            ),
        ),
        _official(
            "nasa",
            intended_uses=EVERY_USE,
            licences=(),
            depth="10,000 pictures a query",
            pace="two questions a second",
            terms_url="https://www.nasa.gov/nasa-brand-center/images-and-media/",
            notes=(
                "Most pictures are in the public domain, but none says so of itself: they have "
                "no licence here. Insignia and people have rights of their own."
            ),
        ),
        _official(
            "europeana",
            keys="europeana_key",
            intended_uses=EVERY_USE,
            licences=("cc0", "pdm", "cc-by", "cc-by-sa"),
            depth="every item that matches",
            pace="two questions a second",
            terms_url="https://www.europeana.eu/en/rights",
            notes="Museums, libraries and archives of Europe; openly licensed works only.",
        ),
        _official(
            "smithsonian",
            keys="smithsonian_key",
            intended_uses=EVERY_USE,
            licences=("cc0",),
            depth="every record that matches",
            pace="1,000 questions an hour",
            terms_url="https://www.si.edu/openaccess",
            notes="Smithsonian Open Access: CC0 pictures only.",
        ),
        _official(
            "flickr",
            keys="flickr_key",
            intended_uses=EVERY_USE,
            licences=(*CREATIVE_COMMONS, "us-gov", "no-known-copyright", "all-rights-reserved"),
            depth="4,000 photos a query",
            pace="3,600 questions an hour",
            terms_url="https://www.flickr.com/help/terms/api",
            notes=(
                "An application that earns money needs a commercial key. Photos that turn private "
                "must be removed."
            ),
        ),
        _official(
            "brave",
            keys="brave_key",
            intended_uses=EVERY_USE - {IntendedUse.ml_training},
            licences=(),
            depth="200 pictures a query",
            pace="one question a query",
            terms_url="https://api-dashboard.search.brave.com/terms-of-service",
            notes=(
                "The web, without licences: the rights in what it finds are yours to know. Its "
                "terms of 2026-02-11 forbid storing results, but by a plan with storage rights, "
                "and training or evaluating models with them."
            ),
        ),
        _official(
            "google",
            keys="serpapi_key, or google_key with google_engine_key",
            intended_uses=EVERY_USE,
            licences=(),
            depth="100 pictures a query by its own API, ten pages through SerpApi",
            pace="one question a second",
            terms_url="https://developers.google.com/custom-search/v1/overview",
            notes=(
                "By its own API for those who hold a key (closed to new customers, ends "
                f"2027-01-01), or else through SerpApi. {WITHOUT_LICENCES}"
            ),
        ),
        _official(
            "bing",
            keys="serpapi_key",
            intended_uses=EVERY_USE,
            licences=(),
            depth="30 pages a query",
            pace="one question a second",
            terms_url="https://serpapi.com/legal",
            notes=f"Through SerpApi, which reads its pages. {WITHOUT_LICENCES}",
        ),
        _official(
            "duckduckgo",
            keys="serpapi_key",
            intended_uses=EVERY_USE,
            licences=(),
            depth="the few pictures on the first page",
            pace="one question a query",
            terms_url="https://serpapi.com/legal",
            notes=f"Through SerpApi, which reads its pages. {WITHOUT_LICENCES}",
        ),
        _refused(
            "baidu",
            pace="none: it has no API for pictures",
            terms_url="https://serpapi.com/baidu-search-api",
            why="SerpApi reads its web answers only, which bring no addresses of pictures.",
        ),
        _refused(
            "unsplash",
            pace="50 requests an hour (demo)",
            terms_url="https://help.unsplash.com/en/articles/2511245-unsplash-api-guidelines",
            why=(
                "Its API guidelines forbid data mining and training AI models, "
                "and demand that images be hot-linked."
            ),
        ),
        _refused(
            "pexels",
            pace="200 requests an hour, 20,000 a month",
            terms_url="https://help.pexels.com/hc/en-us/articles/900005880463",
            why='Its API terms say: "Don\'t use the API to build datasets or train ML/AI models."',
        ),
        _refused(
            "pixabay",
            pace="100 requests in 60 s, 500 results a search",
            terms_url="https://pixabay.com/api/docs/",
            why='Its API terms say: "Systematic mass downloads are not allowed."',
        ),
    )
}


def is_list(source: str) -> bool:
    """Whether the candidates of this source come with the job."""
    known = SOURCES.get(source)
    return known is not None and known.is_list
