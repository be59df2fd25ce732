"""Ask a source for candidates and write them where `plan` finds them."""

import json
import math
import time
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from functools import cache, partial
from typing import TYPE_CHECKING, Any

import boto3
import httpx
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.batch import (
    SqsFifoPartialProcessor,
    process_partial_response,
)
from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from aws_lambda_powertools.utilities.typing import LambdaContext
from botocore.exceptions import BotoCoreError, ClientError

from crawlset.errors import SourceError, SourceThrottledError
from crawlset.identity import Crawler
from crawlset.kit import objects
from crawlset.observability import logger, metrics
from crawlset.settings import (
    SourceSettings,
    discover_settings,
    source_keys_settings,
    source_settings,
)
from crawlset.sources import registry, suggestions, wikidata
from crawlset.sources.discover import discover
from crawlset.sources.expansion import expand
from crawlset.sources.probing import probe
from crawlset.sources.protocol import CandidatePage, SourceUnavailableError
from crawlset.wire import keys
from crawlset.wire.candidates import Query
from crawlset.wire.record import pack
from crawlset.wire.searches import Deferral, DiscoverMessage, ProbeMessage, SearchRequest, read

if TYPE_CHECKING:
    from types_boto3_sqs import SQSClient

TIMEOUT = httpx.Timeout(20, connect=5)
UNAVAILABLE_SECONDS = 30
LONGEST_WAIT_SECONDS = 900
LAST_RECEIVES = 4
"""Receives of a message before the last one, after which the queue gives it up."""


processor = SqsFifoPartialProcessor(skip_group_on_error=True)
processor.raise_on_entire_batch_failure = False


@cache
def sqs() -> "SQSClient":
    return boto3.client("sqs")


def settings_with_keys() -> SourceSettings:
    """What every function knows of sources, and their keys."""
    arn = source_keys_settings().source_keys_arn
    return _with_keys_of(arn) if arn else source_settings()


@cache
def _with_keys_of(secret_arn: str) -> SourceSettings:
    secret = boto3.client("secretsmanager").get_secret_value(SecretId=secret_arn)
    return SourceSettings(**json.loads(secret["SecretString"]))


@cache
def source_client() -> httpx.Client:
    return httpx.Client(
        headers={"User-Agent": Crawler.from_environment().user_agent}, timeout=TIMEOUT
    )


def discover_search(record: SQSRecord) -> None:
    """
    Search; where the source asks to wait, wait no longer than it says.

    The message's group is the source, so everybody's searches wait with it. A search that has
    waited so often that the queue would give it up is handed back, to be sent again later.
    """
    message = read(record.body)
    n_receives = int(record.attributes.approximate_receive_count)
    try:
        if isinstance(message, ProbeMessage):
            _probe(message)
        else:
            _discover_logged(message)
    except SourceThrottledError as error:
        why = f"{error.source} asks to wait."
        if n_receives >= LAST_RECEIVES and isinstance(message, DiscoverMessage):
            _note_wait(message, why, error.retry_after_seconds, is_handed_back=True)
            return
        seconds = _come_again(record.receipt_handle, error.retry_after_seconds)
        _note_wait(message, why, seconds)
        raise
    except SourceUnavailableError as error:
        if n_receives > LAST_RECEIVES:
            _come_again(record.receipt_handle, 0)
            raise
        seconds = _come_again(record.receipt_handle, UNAVAILABLE_SECONDS * n_receives)
        _note_wait(message, str(error), seconds)
        raise


def _come_again(receipt_handle: str, seconds: float) -> float:
    """Let the message be received again after this long, or as long as may be; gives which."""
    wait = min(max(1, math.ceil(seconds)), LONGEST_WAIT_SECONDS)
    sqs().change_message_visibility(
        QueueUrl=discover_settings().discover_queue_url,
        ReceiptHandle=receipt_handle,
        VisibilityTimeout=wait,
    )
    return wait


def _note_wait(
    message: DiscoverMessage | ProbeMessage,
    error: str,
    seconds: float,
    *,
    is_handed_back: bool = False,
) -> None:
    """Let `plan` know, which has the database. A probe is waited for by nobody."""
    if isinstance(message, ProbeMessage):
        return
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


def _discover_logged(message: DiscoverMessage) -> None:
    with logger.append_context_keys(
        job_id=str(message.job_id),
        search_id=str(message.search_id),
        source=message.request.source,
        attempt=message.attempt,
    ):
        _discover(message)


def ask(request: SearchRequest) -> Iterator[CandidatePage]:
    return registry.search(request, client=source_client(), settings=settings_with_keys())


def queries_for(request: SearchRequest) -> list[Query]:
    """What cannot be asked for other words adds none; the search goes on with the others."""
    return expand(
        request.keyword or "",
        request.expansion,
        translate=_labels,
        suggest=_suggestions,
    )


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


def _probe(message: ProbeMessage) -> None:
    objects.put(keys.probe(message.probe_id), pack(probe(message, ask=ask)))
    logger.info("source_probed", source=message.request.source, probe_id=str(message.probe_id))


def _discover(message: DiscoverMessage) -> None:
    started = time.monotonic()
    try:
        found = discover(
            message,
            ask=ask,
            write=objects.put,
            is_cancelled=partial(objects.exists, keys.cancelled(message.job_id, message.run)),
            expand=queries_for if message.request.expansion else None,
        )
    except (SourceThrottledError, SourceUnavailableError) as error:
        logger.warning("search_deferred", error=str(error))
        raise
    metrics.add_metric(name="CandidatesFound", unit=MetricUnit.Count, value=found.n_candidates)
    logger.info(
        "search_discovered",
        n_candidates=found.n_candidates,
        n_parts=found.n_parts,
        error=found.error,
        seconds=round(time.monotonic() - started, 3),
    )


@logger.inject_lambda_context(clear_state=True)
@metrics.log_metrics(capture_cold_start_metric=True)
def handler(event: dict[str, Any], context: LambdaContext) -> PartialItemFailureResponse:
    return process_partial_response(event, discover_search, processor, context)
