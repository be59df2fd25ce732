"""A server that offers HTTP/2 is asked over it, through one connection."""

import socketserver
import ssl
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import RequestReceived, StreamReset

from crawlset.outcomes import Outcome
from tests.integration.fetching.chunk_fetch import Fetch
from tests.unit.imaging import pictures

HOST = "web.localhost"


class MultiplexedWeb(socketserver.ThreadingTCPServer):
    """One picture at every path below /pictures/, `noai` at those below /noai/."""

    allow_reuse_address = True
    daemon_threads = True
    block_on_close = False

    def __init__(self, certificate: Path) -> None:
        super().__init__(("127.0.0.1", 0), _Connection)
        self.tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        self.tls.load_cert_chain(certificate)
        self.tls.set_alpn_protocols(["h2"])
        self.picture = pictures.jpeg(size=(640, 480))
        self.requests: Counter[str] = Counter()
        self.n_connections = 0
        self.lock = threading.Lock()

    @property
    def hosts(self) -> frozenset[str]:
        return frozenset({f"{HOST}:{self.server_address[1]}"})

    def url(self, path: str) -> str:
        return f"https://{HOST}:{self.server_address[1]}{path}"

    def handle_error(self, *_: Any) -> None:
        """Clients hang up on purpose here."""


class _Connection(socketserver.BaseRequestHandler):
    server: MultiplexedWeb

    def handle(self) -> None:
        with self.server.tls.wrap_socket(self.request, server_side=True) as connection:
            with self.server.lock:
                self.server.n_connections += 1
            h2 = H2Connection(H2Configuration(client_side=False))
            h2.initiate_connection()
            connection.sendall(h2.data_to_send())
            self.bodies: dict[int, bytes] = {}
            while received := connection.recv(65536):
                for event in h2.receive_data(received):
                    self._react(h2, event)
                self._send_bodies(h2)
                connection.sendall(h2.data_to_send())

    def _react(self, h2: H2Connection, event: object) -> None:
        if isinstance(event, StreamReset):
            self.bodies.pop(event.stream_id, None)
        if not isinstance(event, RequestReceived):
            return
        headers = {bytes(name): bytes(value) for name, value in event.headers}
        path = headers[b":path"].decode()
        with self.server.lock:
            self.server.requests[path] += 1
        is_picture = path.startswith(("/pictures/", "/noai/"))
        answer = [(":status", "200" if is_picture else "404")]
        if path.startswith("/noai/"):
            answer.append(("x-robots-tag", "noai"))
        h2.send_headers(event.stream_id, answer, end_stream=not is_picture)
        if is_picture:
            self.bodies[event.stream_id] = self.server.picture

    def _send_bodies(self, h2: H2Connection) -> None:
        for stream in list(self.bodies):
            while (left := self.bodies[stream]) and (room := self._room(h2, stream)):
                h2.send_data(stream, left[:room], end_stream=room >= len(left))
                self.bodies[stream] = left[room:]
            if not left:
                del self.bodies[stream]

    @staticmethod
    def _room(h2: H2Connection, stream: int) -> int:
        return min(h2.local_flow_control_window(stream), h2.max_outbound_frame_size)


@pytest.fixture
def multiplexed(certificate: Path) -> Iterator[MultiplexedWeb]:
    server = MultiplexedWeb(certificate)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


def test_many_urls_share_one_connection(
    multiplexed: MultiplexedWeb, fetch: Fetch, certificate: Path
) -> None:
    urls = [multiplexed.url(f"/pictures/{n}.jpg") for n in range(20)]

    result = fetch(*urls, private_hosts=multiplexed.hosts, ca_file=str(certificate))

    assert result.counts == {Outcome.stored: 20}
    assert multiplexed.n_connections == 1
    assert all(n == 1 for n in multiplexed.requests.values())


def test_a_refusal_in_the_headers_ends_the_stream_and_not_the_connection(
    multiplexed: MultiplexedWeb, fetch: Fetch, certificate: Path
) -> None:
    urls = [multiplexed.url(path) for path in ("/noai/1.jpg", "/pictures/1.jpg")]

    result = fetch(*urls, private_hosts=multiplexed.hosts, ca_file=str(certificate))

    refused, stored = result.outcomes
    assert (refused.outcome, stored.outcome) == (Outcome.refused_noai, Outcome.stored)
    assert multiplexed.n_connections == 1


def test_a_path_is_sent_letter_by_letter(
    multiplexed: MultiplexedWeb, fetch: Fetch, certificate: Path
) -> None:
    paths = ["/pictures/%c3%bc.jpg?sig=%2b%2B", "/pictures/a.jpg?%7e|[x]"]
    urls = [multiplexed.url(path) for path in paths]

    result = fetch(*urls, private_hosts=multiplexed.hosts, ca_file=str(certificate))

    assert result.counts == {Outcome.stored: 2}
    assert set(multiplexed.requests) >= set(paths)
