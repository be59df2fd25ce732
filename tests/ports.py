"""Ports for tests: each belongs to one test process until it ends."""

import fcntl
import os
import random
import tempfile
from dataclasses import fields
from functools import cache
from pathlib import Path

from crawlset_local.errors import PortBusyError
from crawlset_local.ports import EPHEMERAL, MOMENTARY, Ports, require_free

FIRST = MOMENTARY.stop

_given: set[int] = set()


def free_ports() -> Ports:
    """A port for each part of a laptop cloud."""
    return Ports(*(free_port() for _ in fields(Ports)))


def free_port() -> int:
    """
    A port nobody listens on, and that nobody else is given before this process ends.

    The system gives it neither to a server that binds port 0 nor to an outgoing connection, and
    a lock keeps it from the other test processes of this machine.
    """
    # Not the module's generator, which pytest-randomly seeds alike in every worker.
    start = random.SystemRandom().randrange(FIRST, EPHEMERAL)
    for port in (*range(start, EPHEMERAL), *range(FIRST, start)):
        if port not in _given and _reserve(port):
            _given.add(port)
            return port
    raise AssertionError("every port is taken")


def _reserve(port: int) -> bool:
    try:
        fcntl.lockf(_locks(), fcntl.LOCK_EX | fcntl.LOCK_NB, 1, port)
    except (BlockingIOError, PermissionError):
        return False
    try:
        require_free(port, "")
    except PortBusyError:
        fcntl.lockf(_locks(), fcntl.LOCK_UN, 1, port)
        return False
    return True


@cache
def _locks() -> int:
    """A file in which the byte at a port's number stands for the port."""
    path = Path(tempfile.gettempdir()) / f"crawlset-test-ports-{os.getuid()}"
    return os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
