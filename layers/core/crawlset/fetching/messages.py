"""What a fetch is sent, read strictly: a message that names a chunk, and the chunk's input."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal, Self
from uuid import UUID

from crawlset.fetching.candidates import Candidate, Known
from crawlset.fetching.policy import FetchPolicy
from crawlset.imaging.features import Resize
from crawlset.kit.strict_json import MalformedError, from_json


@dataclass(frozen=True, slots=True)
class ChunkMessage:
    """A chunk to fetch, as it lies on the chunks and host-lanes queues."""

    v: Literal[1]
    job_id: UUID
    chunk_id: UUID
    attempt: int
    """Counts the times this chunk was sent, from 1."""

    @classmethod
    def parse(cls, body: str) -> Self:
        """Raises `MalformedError`."""
        try:
            message = json.loads(body)
        except ValueError as error:
            raise MalformedError(f"The message is no JSON: {error}") from None
        return from_json(cls, message)


@dataclass(frozen=True, slots=True)
class ChunkInput:
    policy: FetchPolicy
    resize: Resize | None
    candidates: list[Candidate]
    run: int = 1

    @classmethod
    def parse(cls, lines: Iterable[Any]) -> Self:
        """From the input's lines, its head first. Raises `MalformedError`."""
        rest = iter(lines)
        head = from_json(Head, next(rest, None))
        candidates = [from_json(Line, line).candidate for line in rest]
        return cls(head.policy or FetchPolicy(), head.resize, candidates, head.run)


@dataclass(frozen=True, slots=True)
class Head(ChunkMessage):
    run: int = 1
    """Of the job: the cancel of another does not stop this chunk."""
    policy: FetchPolicy | None = None
    resize: Resize | None = None


@dataclass(frozen=True, slots=True)
class Line:
    n: int
    url: str
    retries: int = 0
    """Times this URL was retried before, in earlier chunks."""
    known: Known | None = None

    @property
    def candidate(self) -> Candidate:
        return Candidate(self.n, self.url, self.retries, self.known)
