"""The searches and probes that `discover` is asked for, and how long they wait for their source."""

import json
import math
import time
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from functools import cache, partial
from typing import Any

import httpx
from botocore.exceptions import BotoCoreError, ClientError

from crawlset.errors import SourceError, SourceThrottledError
from crawlset.identity import Crawler
from crawlset.kit import aws, objects
from crawlset.kit.batch import DeliverAgainError, Delivery
from crawlset.observability import logger, metrics
from crawlset.settings import (
    SourceSettings,
    source_keys_settings,
    source_settings,
)
from crawlset.sources import allowances, registry, suggestions, wikidata
from crawlset.sources.discover import Ask, Bookmark, SearchPausedError, discover
from crawlset.sources.expansion import expand
from crawlset.sources.probing import probe
from crawlset.sources.protocol import CandidatePage, SourceUnavailableError
from crawlset.wire import keys
from crawlset.wire.candidates import Query
from crawlset.wire.record import pack
from crawlset.wire.searches import Deferral, DiscoverMessage, ProbeMessage, SearchRequest, read

TIMEOUT = httpx.Timeout(20, connect=5)
UNAVAILABLE_SECONDS = 30
TURN_SECONDS = 120
"""A search that takes longer makes way for the others of its source, and goes on behind them."""
LONGEST_WAIT_SECONDS = 900
LAST_RECEIVES = 4
"""Receives of a message before the last one, after which the queue gives it up."""


def handle(delivery: Delivery) -> None:
    """
    Search or probe; where the source asks to wait, wait no longer than it says.

    The message's group is the source, so everybody's searches wait with it. A search that has
    waited so often that the queue would give it up is handed back, to be sent again later.

    Raises `DeliverAgainError` while the source is waited for.
    """
    message = read(delivery.body)
    try:
        if isinstance(message, ProbeMessage):
            _probe(message)
        else:
            _search(message)
    except (SourceThrottledError, SourceUnavailableError) as error:
        _wait(message, delivery, error)


class _Kept(Bookmark):
    """Where a search was left, in the bucket, and how long it has its turn."""

    def __init__(self, message: DiscoverMessage) -> None:
        self._key = keys.progress(message.job_id, message.search_id)
        self._message = message
        self._began = time.monotonic()

    def load(self) -> bytes | None:
        return objects.get(self._key) if objects.exists(self._key) else None

    def save(self, progress: bytes) -> None:
        objects.put(self._key, progress)

    def load_seen(self, n_pauses: int) -> Iterator[bytes]:
        return (objects.get(self._seen_key(pause)) for pause in range(1, n_pauses + 1))

    def save_seen(self, n_pauses: int, seen: bytes) -> None:
        objects.put(self._seen_key(n_pauses), seen)

    def _seen_key(self, n_pauses: int) -> str:
        return keys.seen_urls(self._message.job_id, self._message.search_id, n_pauses)

    def is_time_up(self) -> bool:
        return time.monotonic() - self._began > TURN_SECONDS


def _wait(
    message: DiscoverMessage | ProbeMessage,
    delivery: Delivery,
    error: SourceThrottledError | SourceUnavailableError,
) -> None:
    if isinstance(error, SourceThrottledError):
        reason, seconds = f"{error.source} asks to wait.", error.retry_after_seconds
        if delivery.n_receives >= LAST_RECEIVES and isinstance(message, DiscoverMessage):
            _note_wait(message, reason, seconds, is_handed_back=True)
            return
    elif delivery.n_receives > LAST_RECEIVES:
        if isinstance(message, ProbeMessage):
            raise DeliverAgainError(1) from error
        _give_up(message, error)
        return
    else:
        reason, seconds = str(error), UNAVAILABLE_SECONDS * delivery.n_receives
    wait = min(max(1, math.ceil(seconds)), LONGEST_WAIT_SECONDS)
    if isinstance(message, DiscoverMessage):
        _note_wait(message, reason, wait)
    raise DeliverAgainError(wait) from error


def _note_wait(
    message: DiscoverMessage, error: str, seconds: float, *, is_handed_back: bool = False
) -> None:
    """Let `plan` know, which has the database."""
    deferral = Deferral(
        job_id=message.job_id,
        search_id=message.search_id,
        attempt=message.attempt,
        seconds=seconds,
        error=error,
        failed_at=datetime.now(UTC),
        is_handed_back=is_handed_back,
    )
    objects.put(keys.deferral(message.search_id), pack(deferral))
    logger.warning(
        "search_waits",
        search_id=str(message.search_id),
        seconds=seconds,
        is_handed_back=is_handed_back,
    )


def _give_up(message: DiscoverMessage, error: Exception) -> None:
    """End the search with what it has found so far, and with why there is no more."""

    def fail(_: SearchRequest, __: Any) -> Iterator[CandidatePage]:
        raise SourceError(str(error))

    _search(message, fail)


def _make_way(message: DiscoverMessage, n_pauses: int) -> None:
    """Have `plan` send the search again, behind the others of its source."""
    deferral = Deferral(
        message.job_id, message.search_id, message.attempt, seconds=0, n_pauses=n_pauses
    )
    objects.put(keys.deferral(message.search_id), pack(deferral))
    logger.info("search_paused", search_id=str(message.search_id), n_pauses=n_pauses)


def _probe(message: ProbeMessage) -> None:
    objects.put(keys.probe(message.probe_id), pack(probe(message, ask=_ask)))
    logger.info("source_probed", source=message.request.source, probe_id=str(message.probe_id))


def _search(message: DiscoverMessage, ask: Ask | None = None) -> None:
    started = time.monotonic()
    with logger.append_context_keys(
        job_id=str(message.job_id),
        search_id=str(message.search_id),
        source=message.request.source,
        attempt=message.attempt,
    ):
        try:
            found = discover(
                message,
                ask=ask or _ask,
                write=objects.put,
                is_cancelled=partial(objects.exists, keys.cancelled(message.job_id, message.run)),
                expand=_queries_for if message.request.expansion else None,
                bookmark=_Kept(message),
            )
        except SearchPausedError as pause:
            _make_way(message, pause.n_pauses)
            return
        except (SourceThrottledError, SourceUnavailableError) as error:
            logger.warning("search_deferred", error=str(error))
            raise
        metrics.add_metric(name="CandidatesFound", unit="Count", value=found.n_candidates)
        logger.info(
            "search_discovered",
            n_candidates=found.n_candidates,
            n_parts=found.n_parts,
            error=found.error,
            seconds=round(time.monotonic() - started, 3),
        )


def _ask(request: SearchRequest, cursor: Any) -> Iterator[CandidatePage]:
    """Ask, and write down what is left of the source's allowance, for all to see."""
    for page in registry.search(
        request, client=source_client(), settings=settings_with_keys(), cursor=cursor
    ):
        if page.allowance is not None:
            allowances.save(request.source, page.allowance)
        yield page


@cache
def source_client() -> httpx.Client:
    return httpx.Client(
        headers={"User-Agent": Crawler.from_environment().user_agent}, timeout=TIMEOUT
    )


def settings_with_keys() -> SourceSettings:
    """What every function knows of sources, and their keys."""
    arn = source_keys_settings().source_keys_arn
    return _with_keys_of(arn) if arn else source_settings()


@cache
def _with_keys_of(secret_arn: str) -> SourceSettings:
    secret = aws.secretsmanager().get_secret_value(SecretId=secret_arn)
    return SourceSettings(**json.loads(secret["SecretString"]))


def _queries_for(request: SearchRequest) -> list[Query]:
    """What cannot be asked for other words adds none; the search goes on with the others."""
    return expand(request.keyword or "", request.expansion, translate=_labels, suggest=_suggestions)


def _labels(keyword: str, languages: tuple[str, ...]) -> Mapping[str, str]:
    client, settings = source_client(), source_settings()
    try:
        return wikidata.labels(keyword, languages, client=client, settings=settings)
    except SourceError as error:
        logger.warning("keyword_not_translated", error=str(error))
        return {}


def _suggestions(keyword: str) -> Iterable[str]:
    try:
        return suggestions.suggest(keyword, source_settings().expansion_model_id)
    except (SourceError, BotoCoreError, ClientError) as error:
        logger.warning("keyword_without_suggestions", error=str(error))
        return ()
