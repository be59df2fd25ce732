"""Hashes of another set, for rules on leakage: of a crawl job, an export or a list."""

import io
from collections.abc import Iterable, Iterator
from functools import partial
from uuid import UUID

from sqlalchemy.orm import Session

from crawlset.errors import NotFoundError, UnprocessableError
from crawlset.kit import objects
from crawlset.models import CrawlJob, ExportJob
from crawlset.uploads.repository import UploadRepository
from crawlset.validation.repository import Hashes, ValidationRepository
from crawlset.validation.rules.base import Rule
from crawlset.validation.rules.dataset import LeakageRule
from crawlset.wire import keys

MAX_LIST_BYTES = 256 << 20
MAX_LINE_BYTES = 200
"""What is longer is read as several lines, none of which is a hash."""
SHA256_DIGITS = 64
PHASH_DIGITS = 16


class HashListError(UnprocessableError):
    def __init__(self, detail: str) -> None:
        super().__init__(f"The list of hashes: {detail}.", "/validation_rules")


LeakageParams = LeakageRule.LeakageParams


def check(session: Session, user_id: UUID, rules: Iterable[Rule]) -> None:
    """
    Refuse rules about sets that the user does not have.

    Raises:
        HashListError: a list is not there, or is too large.
        NotFoundError: there is no such crawl job or export of the user's.
    """
    leakage_rules = [rule for rule in rules if isinstance(rule, LeakageRule)]
    for rule in leakage_rules:
        if rule.params.upload_id is not None:
            _require_list(session, user_id, rule.params.upload_id)
    for rule in leakage_rules:
        _require_set(session, user_id, rule.params)


def _require_list(session: Session, user_id: UUID, upload_id: UUID) -> None:
    found = objects.head(keys.upload(user_id, upload_id))
    if found is None:
        raise HashListError(f"{upload_id} has not been uploaded")
    if found[0] > MAX_LIST_BYTES:
        raise HashListError(f"{upload_id} has more than {MAX_LIST_BYTES >> 20} MiB")
    UploadRepository(session).keep(user_id, upload_id)


def _require_set(session: Session, user_id: UUID, params: LeakageParams) -> None:
    """Require the crawl job or export of this user that `params` name; the tick sees every row."""
    job_id, export_id = params.crawl_job_id, params.export_job_id
    if job_id is not None and _find_job(session, user_id, job_id) is None:
        raise NotFoundError("crawl job", job_id)
    if export_id is not None:
        export_job = session.get(ExportJob, export_id)
        if export_job is None or _find_job(session, user_id, export_job.crawl_job_id) is None:
            raise NotFoundError("export job", export_id)


def _find_job(session: Session, user_id: UUID, job_id: UUID) -> CrawlJob | None:
    job = session.get(CrawlJob, job_id)
    is_there = job is not None and job.user_id == user_id and job.deleted_at is None
    return job if is_there else None


def read_list(user_id: UUID, upload_id: UUID) -> Iterator[Hashes]:
    """
    Stream the hashes of a list: as objects of Python they take ten times the memory of the file.

    Raises:
        HashListError: it is gone, or a line of it is no hash.
    """
    try:
        data = objects.get(keys.upload(user_id, upload_id))
    except objects.ObjectAbsentError as error:
        raise HashListError(f"{upload_id} has not been uploaded, or has expired") from error
    lines = iter(partial(io.BytesIO(data).readline, MAX_LINE_BYTES), b"")
    return parse_list(line.decode("ascii", "replace") for line in lines)


def stream_set(session: Session, user_id: UUID, params: LeakageParams) -> Iterator[Hashes]:
    """
    Stream the hashes of each image of the crawl job or export that `params` name.

    Raises:
        NotFoundError: it is gone.
    """
    _require_set(session, user_id, params)
    repository = ValidationRepository(session)
    if params.crawl_job_id is not None:
        yield from repository.stream_hashes(params.crawl_job_id)
    else:
        export_job = session.get_one(ExportJob, params.export_job_id)
        yield from repository.stream_hashes(export_job.crawl_job_id, export_job.validation_job_id)


def parse_list(lines: Iterable[str]) -> Iterator[Hashes]:
    """
    One hash a line: a SHA-256 of 64 hexadecimal digits, or a perceptual hash of 16.

    Blank lines are skipped.
    """
    for number, line in enumerate(lines, 1):
        digits = line.strip()
        if not digits:
            continue
        try:
            data = bytes.fromhex(digits)
        except ValueError:
            data = b""
        if len(data) * 2 == SHA256_DIGITS:
            yield data, []
        elif len(data) * 2 == PHASH_DIGITS:
            yield None, [int.from_bytes(data, signed=True)]
        else:
            message = f"line {number} is neither a SHA-256 nor a perceptual hash: {digits[:80]!r}"
            raise HashListError(message)
