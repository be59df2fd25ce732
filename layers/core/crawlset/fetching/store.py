"""What an answer becomes: a verified picture in the pack, or the reason why not."""

import hashlib
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

from crawlset.embedded import Embedded, without_location
from crawlset.fetching.answer import HTTP_OK, Answer
from crawlset.fetching.backlog import Backlog
from crawlset.fetching.optout import OptedOutError, data_mining_opt_out
from crawlset.fetching.revalidation import compare, validators
from crawlset.fetching.visit import HTTP_NOT_MODIFIED
from crawlset.imaging.features import Features, Rejection, Take, Transformed, resize_message
from crawlset.imaging.pool import DecodePool
from crawlset.kit.event_loop import Loop, Promise
from crawlset.kit.spool import Body
from crawlset.outcomes import Change, Outcome
from crawlset.packs.writer import Pack
from crawlset.resizing import EXTENSIONS
from crawlset.wire.chunks import ChunkUrl, FetchPolicy, Known
from crawlset.wire.outcomes import UrlOutcome

_STATUSES = {
    403: Outcome.http_403,
    404: Outcome.http_404,
    410: Outcome.http_410,
    429: Outcome.http_429,
}


_GONE = frozenset({Outcome.http_404, Outcome.http_410})


@dataclass(frozen=True, slots=True)
class _File:
    """A picture's file, as received or as stored."""

    sha256: str
    file_size: int
    width: int
    height: int
    format: str
    mode: str
    n_frames: int


class Store:
    """The pack of one chunk and the decoders before it; counts what was received."""

    def __init__(
        self,
        loop: Loop,
        backlog: Backlog,
        pool: DecodePool,
        pack: Pack,
        chunk_id: str,
        *,
        policy: FetchPolicy,
        take: Take,
        keep_location: bool,
    ) -> None:
        self._loop = loop
        self._backlog = backlog
        self._pool = pool
        self._pack = pack
        self._chunk_id = chunk_id
        self._policy = policy
        self._take = take
        self._keep_location = keep_location
        self._places: dict[str, tuple[int, int]] = {}
        """By the hash of the bytes."""
        self.n_bytes_fetched = 0

    async def settle(
        self, candidate: ChunkUrl, answer: Answer, signals: dict[str, Any]
    ) -> UrlOutcome:
        """
        Verify and pack the body of a 200; what the file says about mining goes into `signals`.

        Raises `OptedOutError` and `PackFullError`.
        """
        known = candidate.known
        if answer.status == HTTP_OK:
            self.n_bytes_fetched += answer.body.size
            settled = await self._keep(candidate, answer.body, signals)
        elif answer.status == HTTP_NOT_MODIFIED and known is not None:
            settled = UrlOutcome(candidate.n, Outcome.stored, change=Change.unchanged)
        else:
            outcome = _status_outcome(answer.status)
            settled = UrlOutcome(candidate.n, outcome, f"HTTP {answer.status}")
            if known is not None and outcome in _GONE:
                settled.change = Change.gone
            return settled
        settled.etag, settled.last_modified = validators(answer.headers, known)
        return settled

    async def _keep(self, candidate: ChunkUrl, body: Body, signals: dict[str, Any]) -> UrlOutcome:
        n, known = candidate.n, candidate.known
        sha256 = _sha256(body.pieces())
        if (found := _unexpected(candidate.expected, sha256, body)) is not None:
            detail = f"{found}, where the list has {candidate.expected}"
            return UrlOutcome(n, Outcome.hash_mismatch, detail, file_size=body.size)
        if known is not None and sha256 == known.sha256:
            return UrlOutcome(n, Outcome.stored, change=Change.unchanged)
        seen = await self._decode(body)
        if isinstance(seen, Rejection):
            return UrlOutcome(n, seen.outcome, seen.detail, file_size=body.size)
        if seen.data_mining is not None:
            self._heed_data_mining(seen.data_mining, signals)
        file = _received_file(sha256, body.size, seen)
        pieces: Iterable[bytes] = body.pieces()
        transform = None
        wanted = resize_message(self._take.intake.wanted(seen.format, self._take.resize))
        if seen.transformed is not None and wanted is not None:
            transform = {**wanted, "original": asdict(file) | _turned(seen)}
            file = _transformed_file(seen.transformed)
            pieces = (seen.transformed.data,)
        offset, length = self._place(n, file, pieces)
        return UrlOutcome(
            n,
            Outcome.stored,
            file_size=file.file_size,
            sha256=file.sha256,
            width=file.width,
            height=file.height,
            format=file.format,
            mode=file.mode,
            n_frames=file.n_frames,
            phash=seen.phashes[0],
            phashes=list(seen.phashes),
            pixel_hash=seen.pixel_hash,
            colours=seen.colours,
            mosaic=seen.mosaic,
            signature=seen.signature,
            scores=seen.scores,
            pack_offset=offset,
            pack_length=length,
            transform=transform,
            embedded=self._embedded(seen) or None,
            change=None if known is None else _change(known, seen),
            evidence=_oddities(seen),
        )

    async def _decode(self, body: Body) -> Features | Rejection:
        answered: Promise[Features | Rejection] = Promise(self._loop)
        with self._backlog.holding(body.size):
            self._pool.decode(body, answered.settle, self._take)
            return await answered

    def _embedded(self, seen: Features) -> Embedded:
        return seen.embedded if self._keep_location else without_location(seen.embedded)

    def _heed_data_mining(self, value: str, signals: dict[str, Any]) -> None:
        signals["xmp"] = value
        refusal = data_mining_opt_out(value) if self._policy.xmp_data_mining else None
        if refusal is not None:
            raise OptedOutError(refusal)

    def _place(self, n: int, file: _File, pieces: Iterable[bytes]) -> tuple[int, int]:
        """Offset and length of `file` in the pack, which holds the same bytes once."""
        place = self._places.get(file.sha256)
        if place is None:
            name = f"{self._chunk_id}-{n:05d}.{EXTENSIONS[file.format]}"
            place = self._pack.append(name, file.file_size, pieces), file.file_size
            self._places[file.sha256] = place
        return place


def _received_file(sha256: str, size: int, seen: Features) -> _File:
    return _File(sha256, size, seen.width, seen.height, seen.format, seen.mode, seen.n_frames)


def _transformed_file(picture: Transformed) -> _File:
    return _File(
        _sha256((picture.data,)),
        len(picture.data),
        picture.width,
        picture.height,
        picture.format,
        picture.mode,
        n_frames=1,
    )


def _change(known: Known, seen: Features) -> Change:
    is_turned = seen.orientation not in {None, 1}
    is_otherwise = is_turned or seen.is_clear
    return compare(known, seen.phashes[0], seen.colours, is_turned_or_clear=is_otherwise)


def _turned(seen: Features) -> dict[str, Any]:
    return {} if seen.orientation is None else {"orientation": seen.orientation}


def _oddities(seen: Features) -> dict[str, Any]:
    """What is odd about the stored file, or was about the one received; made anew it is upright."""
    evidence = _turned(seen) if seen.transformed is None else {}
    if seen.warning is not None:
        evidence["warning"] = seen.warning
    return evidence


def _unexpected(expected: str | None, sha256: str, body: Body) -> str | None:
    """The hash of the body of the kind that is expected, if it is another."""
    if expected is None:
        return None
    kind = expected.partition(":")[0]
    found = f"{kind}:{sha256 if kind == 'sha256' else _md5(body.pieces())}"
    return found if found != expected else None


def _md5(pieces: Iterable[bytes]) -> str:
    digest = hashlib.md5(usedforsecurity=False)
    for piece in pieces:
        digest.update(piece)
    return digest.hexdigest()


def _sha256(pieces: Iterable[bytes]) -> str:
    digest = hashlib.sha256()
    for piece in pieces:
        digest.update(piece)
    return digest.hexdigest()


def _status_outcome(status: int) -> Outcome:
    if status in _STATUSES:
        return _STATUSES[status]
    if status >= 500:  # noqa: PLR2004
        return Outcome.http_5xx
    return Outcome.http_4xx if status >= 400 else Outcome.not_image  # noqa: PLR2004
