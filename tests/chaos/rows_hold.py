"""What must hold of rows: of candidates, counters, schedules, and of what was deleted."""

from collections import Counter
from collections.abc import Iterator

from crawlset.outcomes import Outcome
from tests.chaos.view import View

RATE_SECONDS = 15 * 60
STATUS_OF = {outcome.value: outcome.status.value for outcome in Outcome}


def everything_is_at_rest(view: View) -> Iterator[str]:
    """No work waits, the outbox is empty, and so are all queues, dead letters included."""
    for name, n in view.left.items():
        yield f"{n} {name}"


def every_candidate_has_one_end(view: View) -> Iterator[str]:
    for row in view.rows(
        "SELECT i.id, i.status, i.outcome, j.status AS job, j.id AS job_id FROM images i"
        " JOIN crawl_jobs j ON j.id = i.crawl_job_id WHERE j.status NOT IN ('pending', 'running')"
    ):
        if row["outcome"] is None or STATUS_OF[row["outcome"]] != row["status"]:
            yield f"image {row['id']} of {row['job']} job {row['job_id']} is {row['status']}"


def no_url_is_lost_or_twice(view: View) -> Iterator[str]:
    """A completed job has each URL that it was asked for once; one that was ended, none twice."""
    found: dict[str, Counter[str]] = {}
    for row in view.rows(
        "SELECT j.name, i.url FROM images i JOIN crawl_jobs j ON j.id = i.crawl_job_id"
    ):
        found.setdefault(row["name"], Counter())[row["url"]] += 1
    for job in view.rows(
        "SELECT name, status, id, EXISTS (SELECT FROM job_searches s WHERE s.crawl_job_id = j.id"
        " AND s.status <> 'completed') AS is_cut FROM crawl_jobs j"
    ):
        wanted = Counter(view.memory.urls.get(job["name"], ()))
        has = found.get(job["name"], Counter())
        if not wanted:
            continue
        if more := has - wanted:
            yield f"job {job['id']} has {sum(more.values())} too many: {[*more][:2]}"
        if job["status"] == "completed" and not job["is_cut"] and (less := wanted - has):
            yield f"{job['status']} job {job['id']} lost {sum(less.values())}: {[*less][:2]}"


def counters_are_what_rows_say(view: View) -> Iterator[str]:
    """Those of chunks are their images', and those that the API shows are the sums of them."""
    counted: dict[str, Counter[str]] = {}
    n_bytes: Counter[str] = Counter()
    for row in view.rows(
        "SELECT chunk_id::text, crawl_job_id::text AS job_id, outcome, count(*) AS n,"
        " coalesce(sum(file_size) FILTER (WHERE status = 'stored'), 0)::bigint AS n_bytes"
        " FROM images GROUP BY 1, 2, 3"
    ):
        for owner in (row["chunk_id"], row["job_id"]):
            counted.setdefault(owner, Counter())[row["outcome"] or "pending"] += row["n"]
            n_bytes[owner] += row["n_bytes"]
    for chunk in view.rows(
        "SELECT id::text, crawl_job_id, status, n_urls, outcomes, bytes_stored FROM job_chunks"
    ):
        images = counted.get(chunk["id"], Counter())
        says = (chunk["n_urls"], dict(chunk["outcomes"]), chunk["bytes_stored"])
        is_so = (images.total(), dict(images), n_bytes[chunk["id"]])
        if says != is_so:
            yield f"{chunk['status']} chunk {chunk['id']} says {says}, its images {is_so}"
    for job in view.jobs:
        images = counted.get(job["id"], Counter())
        if job["outcomes"] != dict(images) or job["bytes_stored"] != n_bytes[job["id"]]:
            yield f"job {job['id']} shows {job['outcomes']}, its rows are {dict(images)}"


def changes_are_counted(view: View) -> Iterator[str]:
    """
    A chunk of a re-crawl counts the changes that its images have; as long as it has them all,
    since the next re-crawl moves them to chunks of its own.
    """
    for row in view.rows(
        "SELECT c.id, c.n_urls, c.changes, (SELECT jsonb_object_agg(change, n) FROM (SELECT change,"
        " count(*) AS n FROM images i WHERE i.chunk_id = c.id AND change IS NOT NULL GROUP BY 1) t)"
        " AS found FROM job_chunks c WHERE is_recrawl AND status = 'completed'"
    ):
        changes = {k: v for k, v in row["changes"].items() if k not in {"refused", "failed"}}
        has_all = sum(row["changes"].values()) == row["n_urls"]
        if has_all and changes != (row["found"] or {}):
            yield f"chunk {row['id']} says {changes}, its images {row['found']}"


def failed_work_says_why(view: View) -> Iterator[str]:
    for table in ("crawl_jobs", "job_searches", "job_chunks", "validation_jobs", "export_jobs"):
        for row in view.rows(
            f"SELECT id FROM {table} WHERE status = 'failed' AND coalesce(error_message, '') = ''"
        ):
            yield f"{row['id']} of {table} failed without a reason"


def schedules_fire_once_an_instant(view: View) -> Iterator[str]:
    """No two jobs of a schedule begin in one of its quarters of an hour."""
    for row in view.rows(
        "SELECT s.id, count(*) AS n FROM crawl_schedules s"
        " JOIN crawl_jobs j ON j.schedule_id = s.id"
        " GROUP BY s.id, floor(extract(epoch FROM j.created_at - s.created_at) / %s)"
        " HAVING count(*) > 1",
        RATE_SECONDS,
    ):
        yield f"schedule {row['id']} made {row['n']} jobs in one quarter of an hour"


def what_was_deleted_leaves_no_row(view: View) -> Iterator[str]:
    deleted = [id_ for tenant in view.memory.tenants for id_ in tenant.deleted]
    for table, column in (
        ("projects", "id"), ("crawl_jobs", "id"), ("crawl_jobs", "project_id"),
        ("images", "crawl_job_id"), ("job_chunks", "crawl_job_id"), ("job_events", "crawl_job_id"),
        ("export_jobs", "crawl_job_id"), ("takedowns", "project_id"),
    ):  # fmt: skip
        for row in view.rows(
            f"SELECT {column}::text AS id, count(*) AS n FROM {table}"
            f" WHERE {column}::text = ANY (%s) GROUP BY 1",
            deleted,
        ):
            yield f"{row['n']} rows of {table} with {column} {row['id']}"
