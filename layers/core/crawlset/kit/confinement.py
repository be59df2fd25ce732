"""A child process for hostile input: no credentials, files or network; bounded memory and time."""

import ctypes
import os
import resource
import sys

_SET_DUMPABLE = 4


def hide_memory() -> None:
    """Keep our memory and environment, credentials among them, from processes of our own user."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_SET_DUMPABLE, 0)


def environment(**variables: str) -> dict[str, str]:
    """`variables`, what a Python child needs to find its libraries, and nothing else of ours."""
    variables["PYTHONPATH"] = os.pathsep.join(filter(None, sys.path))
    libraries = os.environ.get("LD_LIBRARY_PATH")
    return variables | {"LD_LIBRARY_PATH": libraries} if libraries else variables


def confine(max_memory: int) -> None:
    """
    Limit this process to `max_memory` bytes of address space.

    From here on it opens no file, no socket and no process, however well its input attacks.
    """
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_AS, (max_memory, max_memory))
    resource.setrlimit(resource.RLIMIT_NPROC, (0, 0))
    resource.setrlimit(resource.RLIMIT_NOFILE, (0, 0))


def allow_cpu(seconds: int) -> None:
    """Let this process use `seconds` of CPU time more than it has used."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    limit = int(used.ru_utime + used.ru_stime) + 1 + seconds
    resource.setrlimit(resource.RLIMIT_CPU, (limit, resource.getrlimit(resource.RLIMIT_CPU)[1]))
