"""Every connection that a test opens, by Python's sockets or by libcurl, looked at first."""

import ipaddress
import socket
from typing import Any

import pycurl
import pytest

_SENDERS = ("connect", "connect_ex", "sendto", "sendmsg")
_Socket = socket.socket
"""The real class, though a plug-in may put another in its place."""


class CheckedSockets:
    """
    Lets connections to loopback through and stops all others before a packet leaves.

    What tries to go elsewhere is a stray, and so is what libcurl opens past the guard of the handle
    it works for; `end` fails then. A test that wants to see where a transfer would have gone
    `expect`s the address: attempts at it are stopped as well, and noted in `dialled`.
    """

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.dialled: list[tuple[str, int]] = []
        """Address and port of every socket that libcurl asked its guard for, and was given."""
        self.looked_up: list[str] = []
        """Names that Python's resolver was asked for."""
        self.strays: list[str] = []
        self._expected: set[str] = set()
        for name in _SENDERS:
            monkeypatch.setattr(_Socket, name, self._checked(getattr(_Socket, name)))
        monkeypatch.setattr(socket, "getaddrinfo", self._noted(socket.getaddrinfo))
        monkeypatch.setattr(pycurl, "Curl", self._curl_class())

    def expect(self, *addresses: str) -> None:
        self._expected.update(addresses)

    def end(self) -> None:
        assert not self.strays, self.strays

    def _checked(self, send: Any) -> Any:
        def checked(sender: socket.socket, *args: Any) -> Any:
            address = next((a for a in reversed(args) if isinstance(a, tuple)), None)
            is_internet = sender.family in {socket.AF_INET, socket.AF_INET6}
            if is_internet and address is not None and not _is_loopback(str(address[0])):
                self.strays.append(f"{send.__name__} {address}")
                raise OSError(f"stopped by the test: {address}")
            return send(sender, *args)

        return checked

    def _noted(self, look_up: Any) -> Any:
        def noted(host: Any, *args: Any, **options: Any) -> Any:
            self.looked_up.append(host.decode() if isinstance(host, bytes) else str(host))
            return look_up(host, *args, **options)

        return noted

    def _curl_class(self) -> Any:
        sockets = self

        class CheckedCurl(pycurl.Curl):  # type: ignore[misc]
            """A handle whose sockets are opened by its own guard, and that guard by ours."""

            def __init__(self) -> None:
                super().__init__()
                super().setopt(pycurl.OPENSOCKETFUNCTION, sockets.open_unguarded)

            def setopt(self, option: int, value: Any) -> None:
                if option == pycurl.OPENSOCKETFUNCTION:
                    guard = value

                    def value(purpose: int, address: Any) -> Any:
                        return sockets.open(guard, purpose, address)

                super().setopt(option, value)

        return CheckedCurl

    def open_unguarded(self, _purpose: int, address: Any) -> Any:
        self.strays.append(f"libcurl, without a guard, {address[3]}")
        return pycurl.SOCKET_BAD

    def open(self, guard: Any, purpose: int, address: Any) -> Any:
        opened = guard(purpose, address)
        host, port = address[3][:2]
        if opened == pycurl.SOCKET_BAD:
            return opened
        self.dialled.append((host, port))
        if _is_loopback(host):
            return opened
        opened.close()
        if host not in self._expected:
            self.strays.append(f"libcurl {host}")
        return pycurl.SOCKET_BAD


def _is_loopback(host: str) -> bool:
    if host in {"", "localhost"} or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
