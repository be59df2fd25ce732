"""Messages and objects as earlier versions of the service wrote them, and as none of it does."""

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest

from crawlset.kit.strict_json import MalformedJsonError
from crawlset.outcomes import Outcome
from crawlset.wire.allowances import Allowance
from crawlset.wire.candidates import CandidateLine, ListRead, PartHead, Query, SearchProgress
from crawlset.wire.chunks import ChunkHead, ChunkMessage, ChunkUrl, Known
from crawlset.wire.deliveries import DeliveryResult, SignedDelivery
from crawlset.wire.exports import ExportPlan, Member, Shard
from crawlset.wire.host_checks import HostCheck, HostCheckResult
from crawlset.wire.lists import ListHead, UnreadList
from crawlset.wire.measurements import MeasurementBatch
from crawlset.wire.notices import ObjectNotice, keys_of
from crawlset.wire.outcomes import OutcomeHead, UrlOutcome
from crawlset.wire.pipeline import Execution, ExportStep, StepError, ValidationStep
from crawlset.wire.record import Record, UnknownVersionError, Versioned, loads
from crawlset.wire.rests import Rest
from crawlset.wire.searches import (
    Deferral,
    DiscoverMessage,
    IntendedUse,
    ProbeAnswer,
    ProbeMessage,
    SearchRequest,
    read,
)
from crawlset.wire.takedowns import TakedownMessage
from crawlset.wire.texts import TextRequest, TextVector
from crawlset.wire.validators import Batch, ValidatorRequest

ID = UUID("0193a1b2-0000-7000-8000-000000000001")
REQUEST = SearchRequest(
    source="sample", keyword="cat", limit=9, intended_use=IntendedUse.ml_training
)
VERSIONED = (
    Allowance,
    Batch,
    ChunkHead,
    ChunkMessage,
    Deferral,
    DeliveryResult,
    DiscoverMessage,
    Execution,
    ExportPlan,
    ExportStep,
    HostCheck,
    HostCheckResult,
    ListHead,
    MeasurementBatch,
    ObjectNotice,
    OutcomeHead,
    PartHead,
    SearchProgress,
    ProbeAnswer,
    ProbeMessage,
    Rest,
    SignedDelivery,
    TakedownMessage,
    TextRequest,
    TextVector,
    ValidationStep,
    ValidatorRequest,
)
EARLIER = {
    "a search": (
        (
            f'{{"v":1,"job_id":"{ID}","search_id":"{ID}","attempt":1,"request":{{"source":"sample",'
            '"keyword":"cat","manifest_key":null,"manifest_format":null,"manifest_name":null,'
            '"limit":9,"licences":[],"intended_use":"ml-training"}}'
        ),
        DiscoverMessage(ID, ID, 1, REQUEST),
    ),
    "a probe": (
        (
            f'{{"v":1,"user_id":"{ID}","probe_id":"{ID}","request":{{"source":"sample",'
            '"keyword":"cat","manifest_key":null,"manifest_format":null,"manifest_name":null,'
            '"limit":9,"licences":[],"intended_use":"ml-training",'
            '"expansion":{"plurals":false,"languages":[],"suggestions":false}}}'
        ),
        ProbeMessage(ID, ID, REQUEST),
    ),
    "what a probe was told": (
        (
            f'{{"v":1,"probe_id":"{ID}","user_id":"{ID}","total":7,"n_sampled":2,'
            '"licences":{"cc0":2},"error":null}'
        ),
        ProbeAnswer(ID, ID, 2, {"cc0": 2}, total=7),
    ),
    "a deferral": (
        f'{{"v":1,"job_id":"{ID}","search_id":"{ID}","attempt":2,"seconds":30}}',
        Deferral(ID, ID, 2, 30.0),
    ),
    "the head of a part": (
        (
            f'{{"v":1,"job_id":"{ID}","search_id":"{ID}","attempt":1,"part":0,"n_parts":1,'
            '"error":null}'
        ),
        PartHead(1, 1),
    ),
    "the head of a part of several queries": (
        (
            f'{{"v":1,"attempt":1,"job_id":"{ID}","search_id":"{ID}","part":0,"n_parts":1,'
            '"error":null,"queries":[{"query":"cats","by":"plural"}]}'
        ),
        PartHead(1, 1, queries=[Query("cats", "plural")]),
    ),
    "a candidate": (
        (
            '{"url":"http://a/b","source":"sample","query":null,"keyword":"cat","rank":1,'
            '"landing_url":null,"licence":null,"licence_raw":null,"creator":null,'
            '"attribution":null,"title":null,"width":640,"height":null,"refused":"refused_licence"}'
        ),
        CandidateLine(
            url="http://a/b",
            source="sample",
            query=None,
            keyword="cat",
            rank=1,
            landing_url=None,
            licence=None,
            licence_raw=None,
            creator=None,
            attribution=None,
            title=None,
            width=640,
            refused=Outcome.refused_licence,
        ),
    ),
    "the head of an outcome": (
        (
            f'{{"v":1,"job_id":"{ID}","chunk_id":"{ID}","attempt":1,"pack_key":null,'
            '"pack_bytes":0,"n_urls":3,"fetch_seconds":1.5,"bytes_received":9}'
        ),
        OutcomeHead(None, 1.5, 9),
    ),
    "an outcome": (
        '{"n":0,"outcome":"http_404","detail":null,"evidence":{}}',
        UrlOutcome(0, Outcome.http_404),
    ),
    "an attempt": (
        (
            f'{{"v":1,"delivery_id":"{ID}","attempt":1,"url":"http://a","headers":{{"A":"b"}},'
            '"body":"{}"}'
        ),
        SignedDelivery(delivery_id=ID, attempt=1, url="http://a", headers={"A": "b"}, body="{}"),
    ),
    "how an attempt went": (
        f'{{"v":1,"delivery_id":"{ID}","attempt":1,"status":null,"detail":"timeout"}}',
        DeliveryResult(delivery_id=ID, attempt=1, status=None, detail="timeout"),
    ),
    "a takedown": (
        f'{{"v":1,"user_id":"{ID}","takedown_id":"{ID}"}}',
        TakedownMessage(ID, takedown_id=ID),
    ),
    "the rewrite of a pack": (
        f'{{"v":1,"user_id":"{ID}","rewrite_id":"{ID}"}}',
        TakedownMessage(ID, rewrite_id=ID),
    ),
    "an execution": (
        (
            f'{{"v":1,"user_id":"{ID}","job_id":"{ID}","validation_job_id":"{ID}",'
            '"export_job_id":null}'
        ),
        Execution(ID, ID, ID, None),
    ),
    "a step of a validation": (
        (
            f'{{"v":1,"step":"fail","user_id":"{ID}","job_id":"{ID}","validation_job_id":"{ID}",'
            '"error":{"Error":"States.Timeout","Cause":""}}'
        ),
        ValidationStep(
            step="fail",
            user_id=ID,
            job_id=ID,
            validation_job_id=ID,
            error=StepError("States.Timeout"),
        ),
    ),
    "a plan of an export": (
        (
            '{"v":2,"token":"t","classes":["cat"],"formats":["jpeg"],"shards":[{"index":0,'
            '"split":"train","number":0,"n_images":1,"image_bytes":9}],"n_others":0}'
        ),
        ExportPlan("t", ["cat"], ["jpeg"], [Shard(0, "train", 0, 1, 9)], 0),
    ),
    "a member of a shard": (
        '{"pack":"p.tar","offset":512,"length":9,"label":0,"entry":{"sha256":"00"}}',
        Member("p.tar", 512, 9, 0, {"sha256": "00"}),
    ),
    "a step of an export": (
        (
            f'{{"v":1,"step":"write_shard","user_id":"{ID}","job_id":"{ID}","export_job_id":"{ID}",'
            '"index":3}'
        ),
        ExportStep(step="write_shard", user_id=ID, job_id=ID, export_job_id=ID, index=3),
    ),
}


class TestEarlier:
    @pytest.mark.parametrize(("text", "meant"), EARLIER.values(), ids=EARLIER.keys())
    def test_is_read(self, text: str, meant: Record) -> None:
        assert type(meant).from_json(text) == meant

    @pytest.mark.parametrize(("text", "meant"), EARLIER.values(), ids=EARLIER.keys())
    def test_has_the_fields_that_are_written_now(self, text: str, meant: Record) -> None:
        """So that a function of before the change reads what one of after it writes."""
        assert loads(text).keys() <= meant.to_json().keys() | meant.DROPPED

    def test_names_the_object_of_a_notice(self) -> None:
        assert keys_of(loads('{"v":1,"key":"jobs/a/b"}')) == ["jobs/a/b"]

    @pytest.mark.parametrize("of", ["a search", "a probe"])
    def test_is_told_apart_on_the_queue_to_discover(self, of: str) -> None:
        text, meant = EARLIER[of]

        assert read(text) == meant


ADDED: dict[str, tuple[Record, Record, list[str]]] = {
    "the head of a part": (
        PartHead(1, 1),
        PartHead(1, 1, n_repeated=2, n_altered=3),
        ["n_altered", "n_repeated"],
    ),
    "the head of a part of a list": (
        PartHead(1, 1),
        PartHead(1, 1, read=ListRead(2, 80, 900, (UnreadList("a.csv", "It is empty."),), 1)),
        ["n_bytes", "n_rows", "n_unread", "read", "total_bytes", "unread"],
    ),
    "a search of several lists": (
        DiscoverMessage(ID, ID, 1, REQUEST),
        DiscoverMessage(
            ID, ID, 1, replace(REQUEST, keyword=None, lists_key="uploads/a/b", list_uri="s3://a/b/")
        ),
        ["list_uri", "lists_key"],
    ),
    "an outcome": (
        UrlOutcome(0, Outcome.http_404),
        UrlOutcome(
            0, Outcome.stored, colours=0, mosaic=7, embedded={"make": "Leica"}, signature="gA=="
        ),
        ["colours", "embedded", "mosaic", "signature"],
    ),
    "a known URL": (
        ChunkUrl(0, "http://a", known=Known('"a"', phash=5)),
        ChunkUrl(0, "http://a", known=Known('"a"', phash=5, colours=0)),
        ["colours"],
    ),
}


class TestAdded:
    """Functions of before a field was added go on for minutes while the service is deployed."""

    @pytest.mark.parametrize(("without", "having", "names"), ADDED.values(), ids=ADDED.keys())
    def test_is_written_only_where_it_says_something(
        self, without: Record, having: Record, names: list[str]
    ) -> None:
        assert sorted(names_in(having.to_json()) - names_in(without.to_json())) == names

    @pytest.mark.parametrize("record", [each for two in ADDED.values() for each in two[:2]])
    def test_is_read_back(self, record: Record) -> None:
        assert type(record).from_json(json.dumps(record.to_json())) == record


def names_in(message: Any) -> set[str]:
    """Names of all fields, those of inner objects too; not those of what a file says of itself."""
    if not isinstance(message, dict):
        return set()
    inner = [each for name, each in message.items() if name != "embedded"]
    return message.keys() | {name for each in inner for name in names_in(each)}


class TestVersion:
    @pytest.mark.parametrize("kind", VERSIONED)
    @pytest.mark.parametrize("version", ["3", "0", "true", "1.0", "null", '"1"'])
    def test_that_is_unknown_is_named(self, kind: type[Versioned], version: str) -> None:
        known = rf"^{kind.__name__}\.v cannot be .*known: {kind.VERSION}$"
        with pytest.raises(UnknownVersionError, match=known):
            kind.from_json(f'{{"v": {version}}}')

    @pytest.mark.parametrize("kind", VERSIONED)
    def test_is_there(self, kind: type[Versioned]) -> None:
        with pytest.raises(MalformedJsonError, match=f"^{kind.__name__} has no v$"):
            kind.from_json("{}")

    def test_of_every_kind_is_looked_at_above(self) -> None:
        ours = [each for each in kinds(Versioned) if each.__module__.startswith("crawlset.wire.")]

        assert {each.__name__ for each in ours} == {each.__name__ for each in VERSIONED}


def kinds(of: type[Any]) -> Iterator[type[Any]]:
    for kind in of.__subclasses__():
        yield kind
        yield from kinds(kind)
