"""
The decoding child: one image in on standard input, one answer out on standard output.

In: the length of the question and of the file, then both. Out: the length of the answer and of the
transformed picture, then both. Questions and answers are JSON; lengths little-endian. An empty
answer comes first: the child is up.
It holds no credential and can open nothing; its memory and its time a picture are limited.
"""

import json
import resource
import sys

from crawlset.imaging.decode import describe
from crawlset.imaging.features import (
    MAX_TRANSFORMED_BYTES,
    REPLY,
    REQUEST,
    Features,
    Rejection,
    resize_from,
    result_message,
)
from crawlset.outcomes import Outcome
from crawlset.resizing import Resize


def main() -> None:
    """Arguments: bytes of address space, CPU seconds a picture. Ends when its input does."""
    max_memory, cpu_seconds = int(sys.argv[1]), int(sys.argv[2])
    _confine(max_memory)
    requests, replies = sys.stdin.buffer, sys.stdout.buffer
    replies.write(REPLY.pack(0, 0))
    replies.flush()
    while len(prefix := requests.read(REQUEST.size)) == REQUEST.size:
        question_size, file_size = REQUEST.unpack(prefix)
        question = requests.read(question_size)
        data = requests.read(file_size)
        _allow_cpu(cpu_seconds)
        result = _answer(data, resize_from(json.loads(question)) if question else None)
        del data
        answer = json.dumps(result_message(result)).encode()
        picture = getattr(result, "transformed", None)
        transformed = picture.data if picture is not None else b""
        replies.write(REPLY.pack(len(answer), len(transformed)) + answer)
        replies.write(transformed)
        replies.flush()


def _answer(data: bytes, wanted: Resize | None) -> Features | Rejection:
    result = describe(data, wanted)
    if isinstance(result, Features) and result.transformed is not None:
        size = len(result.transformed.data)
        if size > MAX_TRANSFORMED_BYTES:
            return Rejection(Outcome.too_large, f"{size} bytes once transformed")
    return result


def _confine(max_memory: int) -> None:
    """From here on no file, no socket and no process can be opened, however well a file attacks."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_AS, (max_memory, max_memory))
    resource.setrlimit(resource.RLIMIT_NPROC, (0, 0))
    resource.setrlimit(resource.RLIMIT_NOFILE, (0, 0))


def _allow_cpu(seconds: int) -> None:
    """Let the process use `seconds` more than it has used."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    limit = int(used.ru_utime + used.ru_stime) + 1 + seconds
    resource.setrlimit(resource.RLIMIT_CPU, (limit, resource.getrlimit(resource.RLIMIT_CPU)[1]))


if __name__ == "__main__":
    main()
