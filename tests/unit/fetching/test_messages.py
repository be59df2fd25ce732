import json
from typing import Any
from uuid import UUID

import pytest

from crawlset.fetching.candidates import Candidate, Known
from crawlset.fetching.messages import ChunkInput, ChunkMessage
from crawlset.fetching.policy import FetchPolicy
from crawlset.imaging.features import Resize, ResizeMode
from crawlset.kit.strict_json import MalformedError

ID = UUID("0193a1b2-0000-7000-8000-000000000001")
HEAD = {"v": 1, "job_id": str(ID), "chunk_id": str(ID), "attempt": 1}


class TestChunkMessage:
    def test_names_a_chunk(self) -> None:
        assert ChunkMessage.parse(json.dumps(HEAD)) == ChunkMessage(1, ID, ID, 1)

    @pytest.mark.parametrize(
        ("body", "error"),
        [
            ("not json", "The message is no JSON"),
            ("{}", "has no attempt"),
            ("[]", "is no object"),
            (json.dumps(HEAD | {"v": 2}), "v cannot be 2"),
            (json.dumps(HEAD | {"attempt": "1"}), "attempt cannot be '1'"),
            (json.dumps(HEAD | {"job_id": "1"}), "job_id cannot be '1'"),
            (json.dumps(HEAD | {"url": "http://a"}), "unknown field 'url'"),
        ],
    )
    def test_is_nothing_else(self, body: str, error: str) -> None:
        with pytest.raises(MalformedError, match=error):
            ChunkMessage.parse(body)


class TestChunkInput:
    def test_of_an_early_version_has_the_defaults(self) -> None:
        chunk = ChunkInput.parse([HEAD, {"n": 0, "url": "http://a/b"}])

        assert chunk == ChunkInput(FetchPolicy(), None, [Candidate(0, "http://a/b")])

    def test_has_a_policy_and_a_size_and_what_is_known(self) -> None:
        known = {"etag": '"a"', "last_modified": None, "sha256": "ab", "phash": -5}
        chunk = ChunkInput.parse(
            [
                HEAD
                | {
                    "policy": {"robots": False, "min_gap_seconds": 2},
                    "resize": {"mode": "border", "size": 256},
                },
                {"n": 3, "url": "http://a/b", "retries": 1, "known": known},
            ]
        )

        assert chunk.policy == FetchPolicy(robots=False, min_gap_seconds=2.0)
        assert chunk.resize == Resize(ResizeMode.border, 256)
        assert chunk.candidates == [Candidate(3, "http://a/b", 1, Known('"a"', None, "ab", -5))]

    @pytest.mark.parametrize(
        ("head", "line", "error"),
        [
            ({"policy": {"manners": True}}, {}, "policy has an unknown field 'manners'"),
            ({"policy": {"robots": 0}}, {}, "policy.robots cannot be 0"),
            ({"resize": {"mode": "border"}}, {}, "resize has no size"),
            ({"resize": {"mode": "fit", "size": 1}}, {}, "resize.mode cannot be 'fit'"),
            ({"more": 1}, {}, "unknown field 'more'"),
            ({}, {"url": None}, "url cannot be None"),
            ({}, {"n": "0"}, "n cannot be '0'"),
            ({}, {"known": {"phash": "1"}}, "known.phash cannot be '1'"),
            ({}, {"more": 1}, "unknown field 'more'"),
        ],
    )
    def test_is_nothing_else(self, head: dict[str, Any], line: dict[str, Any], error: str) -> None:
        with pytest.raises(MalformedError, match=error):
            ChunkInput.parse([HEAD | head, {"n": 0, "url": "http://a/b"} | line])

    def test_has_a_head(self) -> None:
        with pytest.raises(MalformedError, match=r"^Head is no object$"):
            ChunkInput.parse([])
