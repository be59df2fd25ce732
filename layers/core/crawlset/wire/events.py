from enum import StrEnum


class EventType(StrEnum):
    """What can happen, as the triggers of the database name it."""

    crawl_job_created = "crawl_job.created"
    crawl_job_running = "crawl_job.running"
    crawl_job_completed = "crawl_job.completed"
    crawl_job_failed = "crawl_job.failed"
    crawl_job_cancelled = "crawl_job.cancelled"
    crawl_job_reopened = "crawl_job.reopened"
    search_waiting = "search.waiting"
    search_completed = "search.completed"
    search_failed = "search.failed"
    search_cancelled = "search.cancelled"
    chunk_completed = "chunk.completed"
    chunk_failed = "chunk.failed"
    validation_job_created = "validation_job.created"
    validation_job_running = "validation_job.running"
    validation_job_completed = "validation_job.completed"
    validation_job_failed = "validation_job.failed"
    validation_job_cancelled = "validation_job.cancelled"
    export_job_created = "export_job.created"
    export_job_running = "export_job.running"
    export_job_completed = "export_job.completed"
    export_job_failed = "export_job.failed"
    export_job_cancelled = "export_job.cancelled"
