"""The balance of a job: every candidate ends in exactly one place."""

from dataclasses import dataclass

from crawlset_client.models import CrawlJob, Progress

SETTLED = ("stored", "duplicate", "rejected", "refused", "failed")


@dataclass(frozen=True)
class Check:
    """One thing that must hold, in words, and whether it does."""

    claim: str
    holds: bool


def conservation(progress: Progress) -> Check:
    """`candidates N = stored a + duplicate b + …`; open and cancelled ones are named if any."""
    parts = [*SETTLED, *(name for name in ("cancelled", "pending") if getattr(progress, name))]
    counts = {name: int(getattr(progress, name)) for name in parts}
    terms = " + ".join(f"{name} {count:,}" for name, count in counts.items())
    total = sum(counts.values())
    holds = progress.candidates == total
    sign = "=" if holds else "≠"
    return Check(f"candidates {progress.candidates:,} {sign} {terms}", holds)


def checks_of(job: CrawlJob) -> list[Check]:
    """What must hold of a job that has completed."""
    n_outcomes = sum(job.outcomes.values())
    n_open = job.progress.pending + job.progress.cancelled
    return [
        conservation(job.progress),
        Check(
            f"{n_open:,} candidates left open",
            n_open == 0 and job.progress.candidates > 0,
        ),
        Check(
            f"{n_outcomes:,} outcomes for {job.progress.candidates:,} candidates",
            n_outcomes == job.progress.candidates,
        ),
    ]
