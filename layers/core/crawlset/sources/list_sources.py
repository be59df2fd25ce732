"""The facts about sources whose candidates come with the job, in a list."""

from typing import Any

from crawlset.sources.source_facts import EVERY_USE, Source, module_of
from crawlset.wire.searches import IntendedUse

_DEPTH = "10,000,000 rows a job, 4 GiB a file"


def _list_source(**facts: Any) -> Source:
    """A source that reads a list of the user's own: all of them are read by the same module."""
    shared: dict[str, Any] = {
        "intended_uses": EVERY_USE,
        "depth": _DEPTH,
        "pace": "",
        "is_list": True,
    }
    return Source(load=module_of("urls"), is_configured=lambda _: True, **(shared | facts))


LISTS = (
    _list_source(
        name="urls",
        licences=(),
        terms_url=None,
        notes=(
            "Your own list of URLs. The rights in what it points to are yours to know; "
            "opt-out signals of each host are honoured all the same."
        ),
    ),
    _list_source(
        name="open_images",
        licences=("cc-by",),
        terms_url="https://storage.googleapis.com/openimages/web/factsfigures_v7.html",
        notes=(
            "Open Images: upload its CSV of images and rotations as the manifest. Each line "
            "has its licence and author, as Flickr had them in 2016: some are gone since."
        ),
    ),
    _list_source(
        name="laion",
        licences=(),
        terms_url="https://laion.ai/faq/",
        notes=(
            "Lists of LAION's kind: upload Parquet with URL and TEXT as the manifest. They "
            "state no licences, and the rights in what they point to are yours to know."
        ),
    ),
    _list_source(
        name="gbif_downloads",
        licences=("cc0", "cc-by", "cc-by-nc", "cc-by-sa", "all-rights-reserved"),
        terms_url="https://www.gbif.org/terms/data-user",
        notes=(
            "Downloads of GBIF: upload the Darwin Core Archive, or its multimedia.txt, as the "
            "manifest. Each picture has a licence of its own, and the download a DOI to cite."
        ),
    ),
    _list_source(
        name="inaturalist_open_data",
        intended_uses=frozenset({IntendedUse.research}),
        licences=(
            "cc0",
            "public-domain",
            "cc-by",
            "cc-by-sa",
            "cc-by-nc",
            "cc-by-nd",
            "cc-by-nc-sa",
        ),
        terms_url="https://www.inaturalist.org/pages/terms",
        notes=(
            "Photos of iNaturalist in S3: upload photos.csv, or an archive with the tables beside "
            "it, as the manifest. Each photo has a licence of its own; iNaturalist's terms forbid "
            "training models for commercial purposes."
        ),
        obstacles=(
            "The tables of everything are larger than a manifest may be: take a part of them "
            "first. https://github.com/inaturalist/inaturalist-open-data/tree/main/Metadata"
        ),
    ),
)
