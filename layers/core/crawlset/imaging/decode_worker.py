"""
The decoding child: one image in on standard input, one answer out on standard output.

In: the length of the question and of the file, then both. Out: the length of the answer and of the
transformed or stripped picture, then both. Questions and answers are JSON; lengths little-endian.
An empty answer comes first: the child is up.
It holds no credential and can open nothing; its memory and its time a picture are limited.
"""

import json
import sys
from typing import Any

from crawlset.imaging.decode import describe, show
from crawlset.imaging.features import (
    MAX_TRANSFORMED_BYTES,
    REPLY,
    REQUEST,
    Asked,
    Features,
    Rejection,
    Show,
    Strip,
    pixels_message,
    question_from,
    result_message,
    stripped_message,
)
from crawlset.imaging.stripping import stripped
from crawlset.kit.confinement import allow_cpu, confine
from crawlset.outcomes import Outcome


def main() -> None:
    """Arguments: bytes of address space, CPU seconds a picture. Ends when its input does."""
    max_memory, cpu_seconds = int(sys.argv[1]), int(sys.argv[2])
    confine(max_memory)
    requests, replies = sys.stdin.buffer, sys.stdout.buffer
    replies.write(REPLY.pack(0, 0))
    replies.flush()
    while len(prefix := requests.read(REQUEST.size)) == REQUEST.size:
        question_size, file_size = REQUEST.unpack(prefix)
        question = requests.read(question_size)
        data = requests.read(file_size)
        allow_cpu(cpu_seconds)
        message, picture = _answer(data, question_from(json.loads(question)) if question else None)
        del data
        answer = json.dumps(message).encode()
        replies.write(REPLY.pack(len(answer), len(picture)) + answer)
        replies.write(picture)
        replies.flush()


def _answer(data: bytes, asked: Asked) -> tuple[dict[str, Any], bytes]:
    """The answer as JSON data, and the picture that goes with it."""
    if isinstance(asked, Strip):
        return _stripped(data, asked)
    if isinstance(asked, Show):
        return _shown(data, asked)
    result = describe(data, asked)
    if isinstance(result, Features) and result.transformed is not None:
        picture = result.transformed.data
        if len(picture) <= MAX_TRANSFORMED_BYTES:
            return result_message(result), picture
        result = _too_large(picture, "transformed")
    return result_message(result), b""


def _stripped(data: bytes, asked: Strip) -> tuple[dict[str, Any], bytes]:
    result = stripped(data, asked.format)
    if not isinstance(result, Rejection) and len(result) > MAX_TRANSFORMED_BYTES:
        result = _too_large(result, "stripped")
    return stripped_message(result), b"" if isinstance(result, Rejection) else result


def _shown(data: bytes, asked: Show) -> tuple[dict[str, Any], bytes]:
    result = show(data, asked.max_side)
    if not isinstance(result, Rejection) and len(result.data) > MAX_TRANSFORMED_BYTES:
        result = _too_large(result.data, "shown")
    return pixels_message(result), b"" if isinstance(result, Rejection) else result.data


def _too_large(picture: bytes, how: str) -> Rejection:
    return Rejection(Outcome.too_large, f"{len(picture)} bytes once {how}")


if __name__ == "__main__":
    main()
