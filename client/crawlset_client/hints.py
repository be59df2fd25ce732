"""What a person should know of work that went well and yet is not what was meant."""

from crawlset_client.models import CrawlJob

FOUND_NOTHING = "Try other words, another source, or `crawlset crawl … --estimate` first."
ABOUT_OUTCOMES = {
    "unsupported_format": (
        "are in formats that this job does not take; see `crawlset images {job} --outcome"
        " unsupported_format`. `crawlset crawl … --transcode jpeg` has them stored as JPEG,"
        " `--formats` names those to take as they are; SVG is never taken."
    ),
    "blocked_address": (
        "are at addresses that are not public. If they are yours and the service runs here,"
        " `crawlset up --private-host HOST:PORT` lets it crawl them."
    ),
}
"""What may be done about images with an outcome."""


def hints_of(job: CrawlJob) -> list[str]:
    """A sentence for each source that has found nothing, and for outcomes that options change."""
    if job.status != "completed":
        return []
    return [*_of_searches(job), *_of_outcomes(job)]


def _of_searches(job: CrawlJob) -> list[str]:
    by_source: dict[str, list[str]] = {}
    for search in job.searches:
        if search.status == "completed" and not search.n_candidates:
            by_source.setdefault(search.source, []).append(search.keyword or "the list")
    return [
        f"{source} has found nothing for {', '.join(map(repr, keywords))}. {FOUND_NOTHING}"
        for source, keywords in by_source.items()
    ]


def _of_outcomes(job: CrawlJob) -> list[str]:
    return [
        f"{job.outcomes[outcome]:,} of the images {advice.format(job=job.id)}"
        for outcome, advice in ABOUT_OUTCOMES.items()
        if job.outcomes.get(outcome)
    ]
