import json
from typing import Any
from uuid import UUID

import pytest

from crawlset.kit.json_lines import unpack_lines
from crawlset.kit.strict_json import MalformedJsonError
from crawlset.resizing import Intake, Resize, ResizeMode, StoredFormat
from crawlset.wire.chunks import ChunkHead, ChunkMessage, ChunkUrl, FetchPolicy, Known
from crawlset.wire.record import pack, unpack

ID = UUID("0193a1b2-0000-7000-8000-000000000001")
HEAD = ChunkMessage(ID, ID, 1).to_json()


class LaterMessage(ChunkMessage):
    VERSION = 2


def read(*lines: dict[str, Any]) -> tuple[ChunkHead, list[ChunkUrl]]:
    return unpack(ChunkHead, ChunkUrl, lines)


class TestChunkMessage:
    def test_names_a_chunk(self) -> None:
        assert ChunkMessage.from_json(json.dumps(HEAD)) == ChunkMessage(ID, ID, 1)

    @pytest.mark.parametrize(
        ("body", "error"),
        [
            ("not json", "The message is no JSON"),
            ("{}", "has no v"),
            (json.dumps({n: each for n, each in HEAD.items() if n != "attempt"}), "has no attempt"),
            ("[]", "is no object"),
            (json.dumps(LaterMessage(ID, ID, 1).to_json()), "v cannot be 2"),
            (json.dumps(HEAD | {"attempt": "1"}), "attempt cannot be '1'"),
            (json.dumps(HEAD | {"job_id": "1"}), "job_id cannot be '1'"),
            (json.dumps(HEAD | {"url": "http://a"}), "unknown field 'url'"),
        ],
    )
    def test_is_nothing_else(self, body: str, error: str) -> None:
        with pytest.raises(MalformedJsonError, match=error):
            ChunkMessage.from_json(body)


class TestChunkInput:
    def test_of_an_early_version_has_the_defaults(self) -> None:
        head, urls = read(HEAD, {"n": 0, "url": "http://a/b"})

        assert (head, urls) == (ChunkHead(ID, ID, 1), [ChunkUrl(0, "http://a/b")])

    def test_has_a_policy_and_a_size_and_what_is_known(self) -> None:
        known = {"etag": '"a"', "last_modified": None, "sha256": "ab", "phash": -5}
        policy = {"robots": False, "min_gap_seconds": 2}
        resize = {"mode": "border", "size": 256}

        head, urls = read(
            HEAD | {"policy": policy, "resize": resize},
            {"n": 3, "url": "http://a/b", "retries": 1, "known": known},
        )

        assert head.policy == FetchPolicy(robots=False, min_gap_seconds=2.0)
        assert head.resize == Resize(ResizeMode.border, 256)
        assert urls == [ChunkUrl(3, "http://a/b", 1, Known('"a"', None, "ab", -5))]

    def test_reads_what_is_written(self) -> None:
        intake = Intake(("jpeg", "tiff"), StoredFormat.png)
        resize = Resize(ResizeMode.no, 16)
        head = ChunkHead(ID, ID, 2, FetchPolicy(robots=False), resize, intake, run=2)
        urls = [ChunkUrl(0, "http://a/b"), ChunkUrl(1, "http://a/c", 2, Known(phash=-5))]

        assert unpack(ChunkHead, ChunkUrl, unpack_lines(pack(head, urls))) == (head, urls)

    def test_leaves_out_what_the_reader_fills_in(self) -> None:
        assert ChunkHead(ID, ID, 1).to_json() == HEAD
        assert ChunkUrl(0, "http://a/b").to_json() == {"n": 0, "url": "http://a/b"}

    @pytest.mark.parametrize(
        ("head", "line", "error"),
        [
            ({"policy": {"manners": True}}, {}, "policy has an unknown field 'manners'"),
            ({"policy": {"robots": 0}}, {}, "policy.robots cannot be 0"),
            ({"resize": {"mode": "border"}}, {}, "resize has no size"),
            ({"resize": {"mode": "fit", "size": 1}}, {}, "resize.mode cannot be 'fit'"),
            ({"intake": {"formats": ["svg"]}}, {}, r"intake.formats\[0\] cannot be 'svg'"),
            ({"intake": {"transcode": "gif"}}, {}, "intake.transcode cannot be 'gif'"),
            ({"more": 1}, {}, "unknown field 'more'"),
            ({}, {"url": None}, "url cannot be None"),
            ({}, {"n": "0"}, "n cannot be '0'"),
            ({}, {"known": {"phash": "1"}}, "known.phash cannot be '1'"),
            ({}, {"more": 1}, "unknown field 'more'"),
        ],
    )
    def test_is_nothing_else(self, head: dict[str, Any], line: dict[str, Any], error: str) -> None:
        with pytest.raises(MalformedJsonError, match=error):
            read(HEAD | head, {"n": 0, "url": "http://a/b"} | line)

    def test_has_a_head(self) -> None:
        with pytest.raises(MalformedJsonError, match=r"^ChunkHead is no object$"):
            read()
