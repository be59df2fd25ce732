"""Where the parts of the laptop cloud listen: all on 127.0.0.1."""

import random
import socket
from dataclasses import dataclass

from crawlset_local.errors import PortBusyError
from crawlset_local.processes import wait_until

LOOPBACK = "127.0.0.1"
EPHEMERAL = 32_768
"""Systems give outgoing connections ports from here on, and so may take any that we listen on."""

MOMENTARY = range(10_000, 12_000)
"""Where a server that is needed for a moment listens."""

RELEASE_SECONDS = 10.0
"""How long a port of our own may stay in use after the process that had it was killed."""


@dataclass(frozen=True)
class Ports:
    gateway: int = 8480
    emulator: int = 4566
    postgres: int = 8432
    sample: int = 8490


def require_free(port: int, option: str, *, seconds: float = 0.0) -> None:
    """Raise `PortBusyError`, naming `option`, if `port` is still in use after `seconds`."""
    if not wait_until(lambda: _is_free(port), seconds):
        raise PortBusyError(port, option)


def momentary_port() -> int:
    """A port that is free now, for a server that is needed for a moment."""
    ports = random.SystemRandom().sample(MOMENTARY, len(MOMENTARY))
    return next((port for port in ports if _is_free(port)), MOMENTARY[0])


def is_listening(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        # A connection may be given the very port it asks for, and is then with itself.
        return probe.connect_ex((LOOPBACK, port)) == 0 and probe.getsockname()[1] != port


def _is_free(port: int) -> bool:
    return not is_listening(port) and _can_be_bound(port)


def _can_be_bound(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
    return True
