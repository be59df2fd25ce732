"""The check on every test's connections, itself."""

import socket
from collections.abc import Callable

import pycurl
import pytest

from tests.sockets import CheckedSockets

pytestmark = pytest.mark.enable_socket

AWAY = ("192.0.2.1", 80)


def curl(url: str) -> pycurl.Curl:
    handle = pycurl.Curl()
    handle.setopt(pycurl.URL, url)
    handle.setopt(pycurl.PROXY, "")
    return handle


class TestCheckedSockets:
    @pytest.mark.parametrize(
        "send",
        [
            lambda s: s.connect(AWAY),
            lambda s: s.connect_ex(AWAY),
            lambda s: s.sendto(b"", AWAY),
            lambda s: s.sendto(b"", 0, AWAY),
            lambda s: s.sendmsg([b""], [], 0, AWAY),
            lambda s: socket.create_connection(AWAY),
        ],
    )
    def test_stop_python_from_going_elsewhere(
        self, sockets: CheckedSockets, send: Callable[[socket.socket], object]
    ) -> None:
        with socket.socket(type=socket.SOCK_DGRAM) as sender, pytest.raises(OSError, match="test"):
            send(sender)

        with pytest.raises(AssertionError, match="192\\.0\\.2\\.1"):
            sockets.end()
        sockets.strays.clear()

    def test_let_python_go_to_loopback(self, sockets: CheckedSockets) -> None:
        with (
            socket.create_server(("127.0.0.1", 0)) as server,
            socket.create_connection(server.getsockname()) as client,
        ):
            assert client.getpeername() == server.getsockname()

        assert sockets.strays == []

    def test_stop_libcurl_from_dialling_without_a_guard(self, sockets: CheckedSockets) -> None:
        with pytest.raises(pycurl.error):
            curl("http://127.0.0.1:1/").perform()

        assert sockets.strays == ["libcurl, without a guard, ('127.0.0.1', 1)"]
        sockets.strays.clear()

    def test_stop_libcurl_where_a_careless_guard_would_not(self, sockets: CheckedSockets) -> None:
        handle = curl("http://192.0.2.1/")
        handle.setopt(pycurl.OPENSOCKETFUNCTION, lambda _, address: socket.socket(*address[:3]))

        with pytest.raises(pycurl.error):
            handle.perform()

        assert (sockets.dialled, sockets.strays) == ([AWAY], ["libcurl 192.0.2.1"])
        sockets.strays.clear()

    def test_stop_but_do_not_mind_what_is_expected(self, sockets: CheckedSockets) -> None:
        sockets.expect("192.0.2.1")
        handle = curl("http://192.0.2.1/")
        handle.setopt(pycurl.OPENSOCKETFUNCTION, lambda _, address: socket.socket(*address[:3]))

        with pytest.raises(pycurl.error):
            handle.perform()

        assert (sockets.dialled, sockets.strays) == ([AWAY], [])
