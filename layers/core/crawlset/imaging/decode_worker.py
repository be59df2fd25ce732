"""
The decoding child: one image in on standard input, one answer out on standard output.

In: eight bytes of length, then the file. Out: four bytes of length, then JSON. Little-endian. An
empty answer comes first: the child is up.
It holds no credential and opens no file; its memory and its time a picture are limited.
"""

import json
import resource
import struct
import sys

from crawlset.imaging.decode import as_message, describe

REQUEST = struct.Struct("<Q")
REPLY = struct.Struct("<I")


def main() -> None:
    """Arguments: bytes of address space, CPU seconds a picture. Ends when its input does."""
    max_memory, cpu_seconds = int(sys.argv[1]), int(sys.argv[2])
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_AS, (max_memory, max_memory))
    requests, replies = sys.stdin.buffer, sys.stdout.buffer
    replies.write(REPLY.pack(0))
    replies.flush()
    while len(prefix := requests.read(REQUEST.size)) == REQUEST.size:
        data = requests.read(*REQUEST.unpack(prefix))
        _allow_cpu(cpu_seconds)
        reply = json.dumps(as_message(describe(data))).encode()
        del data
        replies.write(REPLY.pack(len(reply)) + reply)
        replies.flush()


def _allow_cpu(seconds: int) -> None:
    """Let the process use `seconds` more than it has used."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    limit = int(used.ru_utime + used.ru_stime) + 1 + seconds
    resource.setrlimit(resource.RLIMIT_CPU, (limit, resource.getrlimit(resource.RLIMIT_CPU)[1]))


if __name__ == "__main__":
    main()
