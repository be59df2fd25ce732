"""
The parts of the EU's public summary of training content that a crawl ledger can answer.

Sections 2.3 and 3.1 of the template of the European Commission of 24 July 2025, for Article
53(1)(d) of Regulation (EU) 2024/1689. It lists the top 10 % of domains by size of content; of
small and medium enterprises the top 5 %, or 1,000 if that is fewer.
"""

from collections.abc import Iterable
from enum import StrEnum
from functools import cache
from math import ceil
from typing import TYPE_CHECKING

from crawlset import __version__
from crawlset.identity import Crawler
from crawlset.rights.repository import HostContent, LedgerRepository
from crawlset.rights.schemas import (
    CrawledContent,
    CrawlerRead,
    DomainRead,
    MeasureRead,
    Period,
    RightsMeasures,
    SummaryRead,
)
from crawlset.urls.spelling import plain_host

if TYPE_CHECKING:
    from publicsuffixlist import PublicSuffixList

NAME = "Crawlset"
MEASURES = {
    "robots": ("robots.txt", "RFC 9309; Content-Usage lines, IETF AIPREF"),
    "tdmrep": ("/.well-known/tdmrep.json", "TDM Reservation Protocol, W3C CG 2024-02-02"),
    "tdm_reservation": ("tdm-reservation header", "TDM Reservation Protocol, W3C CG 2024-02-02"),
    "x_robots_tag": ("X-Robots-Tag: noai, noimageai, noml, noindex", "X-Robots-Tag"),
    "content_usage": ("Content-Usage header", "IETF AIPREF"),
    "xmp_data_mining": ("plus:DataMining in the picture", "PLUS LDF, IPTC"),
}
BEHAVIOUR = [
    "Names itself, with a contact, in every request; pretends to be no browser.",
    "Asks sources by their official interfaces, within the limits that they state.",
    "Reads robots.txt and tdmrep.json of a host before the first picture, redirects included.",
    "Reads the answer's headers before its body, and breaks off where they refuse.",
    "Passes no login, paywall or captcha; a refusal is never tried again.",
    "Asks a host by few requests at once, and keeps to Crawl-delay and Retry-After.",
]


class ProviderSize(StrEnum):
    sme = "sme"
    other = "other"


def summarise(ledger: LedgerRepository, size: ProviderSize) -> SummaryRead:
    """
    Summarise a project, or one of its jobs.

    Raises:
        NotFoundError: the user has no such project, or the project has no such job.
    """
    asked = ledger.asked()
    content = ledger.content()
    domains = by_domain(content.hosts)
    return SummaryRead(
        project_id=ledger.project_id,
        section_2_3=CrawledContent(
            crawlers=[_crawler()],
            purposes=sorted({policy["intended_use"] for policy in asked.policies}),
            behaviour=BEHAVIOUR,
            period=Period(first=content.first, last=content.last),
            sources=content.sources,
            content=content.formats,
            licences=content.licences,
            n_images=sum(domain.n_images for domain in domains),
            bytes=sum(domain.bytes for domain in domains),
            n_domains=len(domains),
            listed_share="top 10 %" if size is ProviderSize.other else "top 5 %, 1,000 at most",
            domains=domains[: n_listed(len(domains), size)],
        ),
        section_3_1=RightsMeasures(
            n_jobs=len(asked.policies),
            measures=[
                MeasureRead(
                    signal=signal,
                    standard=standard,
                    n_jobs=sum(
                        policy.get("fetch", {}).get(name, True) for policy in asked.policies
                    ),
                )
                for name, (signal, standard) in MEASURES.items()
            ],
            refused=content.refused,
            n_takedowns=asked.n_takedowns,
            n_taken_down=asked.n_taken_down,
        ),
    )


def by_domain(hosts: Iterable[HostContent]) -> list[DomainRead]:
    """Hosts put together by registrable domain, the one with the most bytes first."""
    sums: dict[str, list[int]] = {}
    for host in hosts:
        found = sums.setdefault(registrable(plain_host(host.host)), [0, 0])
        found[0] += host.n_images
        found[1] += host.n_bytes
    domains = [
        DomainRead(domain=name, n_images=n, bytes=n_bytes) for name, (n, n_bytes) in sums.items()
    ]
    return sorted(domains, key=lambda domain: (-domain.bytes, domain.domain))


def n_listed(n_domains: int, size: ProviderSize) -> int:
    """How many of the domains the template wants named; never none while there are any."""
    if size is ProviderSize.sme:
        return min(ceil(n_domains * 0.05), 1_000)
    return ceil(n_domains * 0.1)


def registrable(host: str) -> str:
    """The domain that somebody registered; an address of numbers as it is."""
    if host.startswith("[") or host.rpartition(".")[2].isdecimal():
        return host
    return _suffixes().privatesuffix(host) or host


@cache
def _suffixes() -> "PublicSuffixList":
    from publicsuffixlist import PublicSuffixList  # noqa: PLC0415 - reads 300 KB of rules

    return PublicSuffixList(only_icann=True)


def _crawler() -> CrawlerRead:
    crawler = Crawler.from_environment()
    return CrawlerRead(
        name=NAME, version=__version__, user_agent=crawler.user_agent, contact=crawler.contact
    )
