import signal
import socket
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import pytest

from crawlset_local.errors import PortBusyError
from crawlset_local.sample_site import SampleSite, serve
from tests.integration.sample_site.client import Client

pytestmark = pytest.mark.enable_socket


class TestCounters:
    def test_count_by_path_and_by_target(self, client: Client) -> None:
        url = client.work("picture")["url"]

        for target in (url, f"{url}?n=1", f"{url}?n=2", f"{url}?n=2"):
            client.ask(target)

        assert client.api("/_requests").json == {
            "by_path": {url: 4},
            "by_target": {url: 1, f"{url}?n=1": 1, f"{url}?n=2": 2},
            "total": 4,
            "peak_by_host": {"127.0.0.1": 1, "archive.localhost": 1},
        }

    def test_count_what_is_not_there(self, client: Client) -> None:
        url = f"http://{client.site.hosts[0]}/nothing/here.jpg"

        assert client.ask(url).status == 404
        assert client.api("/_requests").json["by_path"] == {url: 1}

    def test_are_exact_under_concurrency(self, client: Client) -> None:
        url = client.work("forbidden")["url"]

        def ask_often(worker: int) -> None:
            own = Client(client.site)
            with closing(own.connection):
                for n in range(100):
                    own.ask(f"{url}?n={worker}-{n}")

        with ThreadPoolExecutor(8) as pool:
            list(pool.map(ask_often, range(8)))

        counted = client.api("/_requests").json
        assert (counted["total"], counted["by_path"]) == (800, {url: 800})
        assert len(counted["by_target"]) == 800

    def test_are_reset_by_post_only(self, client: Client) -> None:
        client.ask(client.work("missing")["url"])

        assert client.api("/_requests/reset").status == 405
        assert client.api("/_requests").json["total"] == 1
        assert client.api("/_requests/reset", "POST").json["total"] == 0


class TestServe:
    def test_answers_on_loopback_only(self, site: SampleSite) -> None:
        with pytest.raises(OSError):
            socket.create_connection(("127.0.0.2", site.port), timeout=1)

    def test_frees_its_port_while_clients_hang_on(self) -> None:
        with serve(0) as first:
            client = Client(first)
            client.api("/search", q="cat")
            port = first.port

        with serve(port) as second:
            assert second.port == port
            client.connection.close()

    def test_drops_an_endless_answer_when_it_stops(self) -> None:
        with serve(0) as site:
            connection = socket.create_connection(("127.0.0.1", site.port), timeout=5)
            connection.sendall(
                b"GET /endless/coffee.jpg HTTP/1.1\r\nHost: faults.localhost\r\n\r\n"
            )
            connection.recv(1)

        with closing(connection), connection.makefile("rb") as answer:
            rest = answer.read()

        assert not rest.endswith(b"0\r\n\r\n")

    def test_names_the_option_when_the_port_is_busy(self, site: SampleSite) -> None:
        with pytest.raises(PortBusyError, match=f"{site.port}.*--sample-port"), serve(site.port):
            pass


class TestMain:
    def test_says_when_it_is_ready_and_stops_on_sigterm(self) -> None:
        command = [sys.executable, "-m", "crawlset_local.sample_site", "--port", "0"]

        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            line = process.stdout.readline()
            process.send_signal(signal.SIGTERM)
            rest = process.stdout.read()

        assert line.startswith("sample site ready: http://127.0.0.1:")
        assert (rest, process.returncode) == ("", 0)

    def test_ends_with_one_line_when_the_port_is_busy(self, site: SampleSite) -> None:
        command = [sys.executable, "-m", "crawlset_local.sample_site", "--port", str(site.port)]

        done = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)

        assert done.returncode == 1
        assert "--sample-port" in done.stderr
        assert len(done.stderr.splitlines()) == 1
