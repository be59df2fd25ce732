"""A chunk of URLs on its way to `fetch`: the message that names it, and its input in the bucket."""

from dataclasses import dataclass
from typing import ClassVar
from uuid import UUID

from crawlset.resizing import Intake, Resize
from crawlset.wire.record import Record, Versioned


@dataclass(frozen=True, slots=True)
class FetchPolicy:
    """Which wishes of a server a job heeds, and how gently it asks; every one unless it says no."""

    robots: bool = True
    """robots.txt is asked for: Disallow, Crawl-delay and Content-Usage."""
    tdmrep: bool = True
    """/.well-known/tdmrep.json is asked for."""
    x_robots_tag: bool = True
    tdm_reservation: bool = True
    """The header of that name."""
    content_usage: bool = True
    """The header of that name (AIPREF)."""
    xmp_data_mining: bool = True
    """`plus:DataMining` in the file."""
    min_gap_seconds: float = 0.0
    """Between two requests to one host; a longer Crawl-delay wins."""


@dataclass(frozen=True, slots=True)
class OwnedHost:
    """A host that may be asked faster than others, since the deployment owns it."""

    name: str
    per_host: int
    """Requests at once."""


@dataclass(frozen=True, slots=True)
class Known:
    """What an earlier fetch of the URL brought; the file's hash is of the bytes as received."""

    ADDED: ClassVar[frozenset[str]] = frozenset({"colours"})

    etag: str | None = None
    last_modified: str | None = None
    sha256: str | None = None
    phash: int | None = None
    colours: int | None = None
    """None of what was measured before colours were: hashes were not of the upright picture then,
    nor of one laid on paper."""


@dataclass(frozen=True, slots=True)
class ChunkMessage(Versioned):
    """Asks `fetch` to download one chunk; on the queues of chunks and of host lanes."""

    job_id: UUID
    chunk_id: UUID
    attempt: int
    """Counts the times this chunk was sent, from 1."""


@dataclass(frozen=True, slots=True)
class ChunkHead(Versioned):
    """The first line of a chunk's input; earlier fetchers want the ids, which its key says too."""

    IS_SPARSE: ClassVar[bool] = True

    job_id: UUID
    chunk_id: UUID
    attempt: int
    policy: FetchPolicy | None = None
    resize: Resize | None = None
    intake: Intake | None = None
    """Which formats are taken; of jobs that do not say, those that a job takes by itself."""
    keep_location: bool = False
    """Whether to keep where a file says that it was taken."""
    run: int = 1
    """Run of the job: the cancel of another run does not stop this chunk."""
    owned_host: OwnedHost | None = None
    """The host of all its URLs, if it is owned."""


@dataclass(frozen=True, slots=True)
class ChunkUrl(Record):
    """A URL to fetch: a line of a chunk's input."""

    IS_SPARSE: ClassVar[bool] = True

    n: int
    url: str
    retries: int = 0
    """Times it was tried again before, in earlier chunks."""
    known: Known | None = None
    """Given when it is fetched to see what has changed."""
    expected: str | None = None
    """The hash that its file must have: `sha256:` or `md5:` and hexadecimal digits."""
