"""The report of a validation as one HTML page with its pictures, to be kept and passed on."""

import base64
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice

from jinja2 import Environment, PackageLoader, StrictUndefined

from crawlset.images import thumbnails
from crawlset.kit import objects
from crawlset.models import CrawlJob, Image
from crawlset.packs import stored
from crawlset.packs.stored import ImageNotStoredError
from crawlset.urls.spelling import web_host
from crawlset.validation.measured_repository import quantity_of
from crawlset.validation.measures import REPORTED
from crawlset.validation.quantities import MEASURED
from crawlset.validation.rules.base import Rule
from crawlset.validation.schemas import Example, ReportRead

MAX_PICTURES = 240
CLUSTERS_SHOWN = 10
MEMBERS_SHOWN = 8
CLASSES_SHOWN = 100
SIDE = 128
"""Pixels of the longer side of a picture."""
READS_AT_ONCE = 16


@dataclass(frozen=True, slots=True)
class Link:
    """Where an image is shown, and the host of that page."""

    href: str
    host: str


def render(
    report: ReportRead, job: CrawlJob, pictures: Mapping[int, str], links: Mapping[int, Link]
) -> str:
    """The page; `pictures` are data URIs by image id, one that is missing is named by its id."""
    by_rule: dict[tuple[str, str | None], list[Example]] = defaultdict(list)
    for example in report.examples:
        by_rule[example.verdict.value, example.rule].append(example)
    environment = Environment(
        loader=PackageLoader("crawlset.validation", "pages"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("report.html.jinja").render(
        report=report,
        job=job,
        pictures=pictures,
        links=links,
        examples=by_rule,
        rules={rule.label: rule for rule in report.rules},
        measures=REPORTED | {name: quantity_of(name) for name in report.histograms if "." in name},
        finding=finding,
        clusters=report.clusters[:CLUSTERS_SHOWN],
        classes_shown=CLASSES_SHOWN,
        members_shown=MEMBERS_SHOWN,
        n_images=sum(report.counts.model_dump().values()),
    )


def finding(rule: Rule | None, measured: float | None, threshold: float | None) -> str | None:
    """Say why an image breaks `rule`; None if neither the rule nor a measure is known."""
    if rule is not None:
        return rule.finding(measured, threshold)
    return MEASURED.compare(measured, threshold) if measured is not None else None


def image_ids(report: ReportRead) -> list[int]:
    """List the ids of the images that the page shows."""

    def shown() -> Iterator[int]:
        for cluster in report.clusters[:CLUSTERS_SHOWN]:
            yield from cluster.image_ids[:MEMBERS_SHOWN]
        for example in report.examples:
            yield example.image_id
        for keyword in report.strangers:
            yield from (one.image_id for one in keyword.images)

    return list(islice(dict.fromkeys(shown()), MAX_PICTURES))


def links(images: Iterable[Image]) -> dict[int, Link]:
    """The page that each image was found on, or else the image; http and https alone."""
    hrefs = {image.id: image.landing_url or image.url for image in images}
    return {id_: Link(href, host) for id_, href in hrefs.items() if (host := web_host(href))}


def pictures(images: Sequence[Image]) -> dict[int, str]:
    """A small JPEG of each as a data URI, but of those that are gone or cannot be opened."""
    with ThreadPoolExecutor(READS_AT_ONCE) as readers:
        bodies = readers.map(_read, images)
        shown: dict[int, str] = {}
        for image, data in zip(images, bodies, strict=True):
            if data is None:
                continue
            try:
                picture = thumbnails.thumbnail(image, data, SIDE)
            except thumbnails.NoThumbnailError:
                continue
            shown[image.id] = f"data:image/jpeg;base64,{base64.b64encode(picture).decode()}"
    return shown


def _read(image: Image) -> bytes | None:
    try:
        return stored.bytes_of(image)
    except (ImageNotStoredError, objects.ObjectAbsentError):
        return None
