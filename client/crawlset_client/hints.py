"""What a person should know of work that went well and yet is not what was meant."""

from crawlset_client.models import CrawlJob

FOUND_NOTHING = "Try other words, another source, or `crawlset crawl … --estimate` first."


def hints_of(job: CrawlJob) -> list[str]:
    """A sentence for each source that has found nothing."""
    if job.status != "completed":
        return []
    by_source: dict[str, list[str]] = {}
    for search in job.searches:
        if search.status == "completed" and not search.n_candidates:
            by_source.setdefault(search.source, []).append(search.keyword or "the list")
    return [
        f"{source} has found nothing for {', '.join(map(repr, keywords))}. {FOUND_NOTHING}"
        for source, keywords in by_source.items()
    ]
