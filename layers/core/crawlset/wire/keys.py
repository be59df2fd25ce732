"""Every object key in the bucket: made from ids only, and read back."""

import re
from typing import NamedTuple
from uuid import UUID

PROBE = "probe.jsonl.gz"
DEFERRAL = "deferred.jsonl.gz"
UPLOADS = "uploads/"
EXECUTIONS = "executions/"
TICK_RESTS = "tick/rests"
CALLERS_WRITE = "tick/callers-write"
"""Empty: what counts is when it was written."""
_CANDIDATES = re.compile(r"jobs/([0-9a-f-]{36})/candidates/([0-9a-f-]{36})\.([0-9]{5})\.jsonl\.gz")
_OUTCOME = re.compile(r"jobs/([0-9a-f-]{36})/chunks/([0-9a-f-]{36})/outcome")
_EXECUTION = re.compile(r"executions/([A-Za-z0-9_-]{1,80})\.json")
_VECTORS = re.compile(
    r"jobs/[0-9a-f-]{36}/vectors/(?P<measurer>[^/]+)/"
    r"(?P<part>(?P<first>[0-9]{19})-(?P<last>[0-9]{19})-[^/]+)\.parquet"
)


class CandidatesKey(NamedTuple):
    """Which part of a search's candidates a key names."""

    job_id: UUID
    search_id: UUID
    part: int


class OutcomeKey(NamedTuple):
    """Which chunk's outcome a key names."""

    job_id: UUID
    chunk_id: UUID


class VectorsKey(NamedTuple):
    """Which part of a measurer's vectors a key names, and the images from `first` to `last`."""

    measurer: str
    part: str
    first: int
    last: int


class UnknownKeyError(ValueError):
    def __init__(self, key: str, kind: str) -> None:
        super().__init__(f"{key} is not a key of {kind}")


def job_id_of(key: str) -> str:
    """The job in `jobs/{job}/…`, for the log."""
    return key.split("/")[1]


def execution(name: str) -> str:
    """Where an execution of the pipeline is asked for: its input."""
    return f"{EXECUTIONS}{name}.json"


def parse_execution(key: str) -> str:
    """The name of the execution that `key` asks for."""
    found = _EXECUTION.fullmatch(key)
    if found is None:
        raise UnknownKeyError(key, "an execution")
    return found[1]


def upload(user_id: UUID, upload_id: UUID) -> str:
    return f"{UPLOADS}{user_id}/{upload_id}"


def candidates_prefix(job_id: UUID) -> str:
    return f"jobs/{job_id}/candidates/"


def candidates(job_id: UUID, search_id: UUID, part: int) -> str:
    return f"{candidates_prefix(job_id)}{search_id}.{part:05d}.jsonl.gz"


def parse_candidates(key: str) -> CandidatesKey:
    """Raises `ValueError`."""
    match = _CANDIDATES.fullmatch(key)
    if match is None:
        raise UnknownKeyError(key, "candidates")
    return CandidatesKey(UUID(match[1]), UUID(match[2]), int(match[3]))


def probe(probe_id: UUID) -> str:
    """Among candidates, so that `plan` hears of it."""
    return f"{candidates_prefix(probe_id)}{PROBE}"


def is_probe(key: str) -> bool:
    return key.endswith(f"/{PROBE}")


def deferral(search_id: UUID) -> str:
    """Stored under candidates/ so that its S3 event wakes `plan`."""
    return f"{candidates_prefix(search_id)}{DEFERRAL}"


def is_deferral(key: str) -> bool:
    return key.endswith(f"/{DEFERRAL}")


def progress(job_id: UUID, search_id: UUID) -> str:
    """Named so that `plan` does not hear of it."""
    return f"jobs/{job_id}/searches/{search_id}.progress"


def seen_urls(job_id: UUID, search_id: UUID, n_pauses: int) -> str:
    """URLs that a search saw in its turn before this pause; beside its progress."""
    return f"jobs/{job_id}/searches/{search_id}.seen-{n_pauses:05d}.progress"


def chunks_prefix(job_id: UUID) -> str:
    return f"jobs/{job_id}/chunks/"


def chunk_prefix(job_id: UUID, chunk_id: UUID) -> str:
    return f"{chunks_prefix(job_id)}{chunk_id}/"


def job_of_pack(key: str) -> UUID:
    """The job whose pack this is."""
    return UUID(job_id_of(key))


def chunk_of_pack(key: str) -> UUID:
    """The chunk in whose folder this pack is."""
    return UUID(key.split("/")[3])


def chunk_input(job_id: UUID, chunk_id: UUID, attempt: int) -> str:
    return f"jobs/{job_id}/chunks/{chunk_id}/{attempt}.input"


def pack(job_id: UUID, chunk_id: UUID, attempt: int, token: str) -> str:
    """`token` is unique to one execution, so that two deliveries never write one pack."""
    return f"jobs/{job_id}/chunks/{chunk_id}/{attempt}-{token}.tar"


def is_pack(key: str) -> bool:
    return key.endswith(".tar")


def rewritten_pack(pack_key: str, id_: UUID) -> str:
    """Beside the pack it takes the place of."""
    return f"{folder_of(pack_key)}{id_}.tar"


def folder_of(key: str) -> str:
    return key[: key.rindex("/") + 1]


def outcome(job_id: UUID, chunk_id: UUID) -> str:
    return f"jobs/{job_id}/chunks/{chunk_id}/outcome"


def is_outcome(key: str) -> bool:
    return key.endswith("/outcome")


def parse_outcome(key: str) -> OutcomeKey:
    """Raises `ValueError`."""
    match = _OUTCOME.fullmatch(key)
    if match is None:
        raise UnknownKeyError(key, "an outcome")
    return OutcomeKey(UUID(match[1]), UUID(match[2]))


def cancelled(job_id: UUID, run: int) -> str:
    """Its fetchers look for it; those of a later run of the job look for another."""
    return f"jobs/{job_id}/cancelled" if run == 1 else f"jobs/{job_id}/runs/{run}/cancelled"


def vectors_prefix(job_id: UUID) -> str:
    return f"jobs/{job_id}/vectors/"


def vectors_part(first: int, last: int, validation_job_id: UUID, batch: int) -> str:
    """The name of a part with vectors of images from `first` to `last`."""
    return f"{first:019d}-{last:019d}-{validation_job_id}-{batch}"


def vectors(job_id: UUID, measurer: str, part: str) -> str:
    """A part of the vectors that a measurer made of a job's pictures, beside its packs."""
    return f"{vectors_prefix(job_id)}{measurer}/{part}.parquet"


def parse_vectors(key: str) -> VectorsKey:
    """Raises `ValueError`."""
    match = _VECTORS.fullmatch(key)
    if match is None:
        raise UnknownKeyError(key, "vectors")
    return VectorsKey(match["measurer"], match["part"], int(match["first"]), int(match["last"]))


def validation_file(validation_job_id: UUID, name: str) -> str:
    """What the steps of a validation leave for each other; it expires by itself."""
    return f"validations/{validation_job_id}/{name}"


def export_file(export_id: UUID, name: str) -> str:
    return f"exports/{export_id}/{name}"


def allowance(source: str) -> str:
    return f"sources/{source}.jsonl.gz"
