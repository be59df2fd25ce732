"""What the suite remembers of a world: what it asked for, and every answer it was given."""

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Answer:
    """What one request was answered with; a status of 0 is a connection that broke."""

    at: float
    request: str
    status: int
    code: str
    retry_after: str | None


@dataclass
class Tenant:
    name: str
    profile_id: str
    key: str
    projects: list[str] = field(default_factory=list)
    jobs: list[tuple[str, str]] = field(default_factory=list)
    """(project, job) in the order of creation."""
    takedowns: list[tuple[str, str]] = field(default_factory=list)
    deleted: list[str] = field(default_factory=list)
    """Projects and jobs deleted for good."""


@dataclass
class Memory:
    tenants: list[Tenant] = field(default_factory=list)
    urls: dict[str, list[str]] = field(default_factory=dict)
    """By the name of a job, which no other has, the list of URLs that it was asked for."""
    contents: dict[str, str] = field(default_factory=dict)
    """SHA-256 of what the sample site answers at a URL."""
    webhooks: dict[str, dict[str, Any]] = field(default_factory=dict)
    """By id, as they were created, with their secrets."""
    answers: list[Answer] = field(default_factory=list)
    spans: list[tuple[float, float]] = field(default_factory=list)
    """When processes that answer requests were killed or stopped, and up to when."""
    faults: list[str] = field(default_factory=list)
    n_requeues: int = 0
    """How often `tick` was told that the queues were lost."""
