"""Where the parts of the laptop cloud listen: all on 127.0.0.1."""

import socket
from contextlib import ExitStack
from dataclasses import dataclass

from crawlset_local.errors import PortBusyError

LOOPBACK = "127.0.0.1"


@dataclass(frozen=True)
class Ports:
    gateway: int = 8480
    emulator: int = 4566
    postgres: int = 54330
    sample: int = 8490


def free_ports() -> Ports:
    """Four ports nobody listens on at this moment."""
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(4)]
        for listener in sockets:
            listener.bind((LOOPBACK, 0))
        return Ports(*(listener.getsockname()[1] for listener in sockets))


def require_free(port: int, option: str) -> None:
    """Raise `PortBusyError`, naming `option`, if something listens on `port`."""
    if is_listening(port):
        raise PortBusyError(port, option)
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError as error:
            raise PortBusyError(port, option) from error


def is_listening(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex((LOOPBACK, port)) == 0
