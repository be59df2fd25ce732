"""When a port counts as in use, and to whom a test's port belongs."""

import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from crawlset_client import laptop
from crawlset_local.errors import PortBusyError
from crawlset_local.ports import EPHEMERAL, LOOPBACK, Ports, is_listening, require_free
from tests.ports import free_port

ROOT = Path(__file__).parents[2]


class TestPorts:
    def test_are_none_that_an_outgoing_connection_may_have(self) -> None:
        assert max(vars(Ports()).values()) < EPHEMERAL

    def test_are_those_the_command_line_knows(self) -> None:
        assert Ports() == Ports(
            laptop.GATEWAY_PORT, laptop.EMULATOR_PORT, laptop.POSTGRES_PORT, laptop.SAMPLE_PORT
        )


class TestRequireFree:
    def test_names_the_option_of_a_port_in_use(self) -> None:
        with socket.create_server((LOOPBACK, 0)) as listener:
            port = listener.getsockname()[1]

            with pytest.raises(PortBusyError, match=rf"{port} .*--port"):
                require_free(port, "--port")

    def test_waits_for_a_port_that_is_about_to_be_released(self) -> None:
        listener = socket.create_server((LOOPBACK, free_port()))
        port = listener.getsockname()[1]

        def close_once_asked() -> None:
            with listener:
                listener.accept()[0].close()

        thread = threading.Thread(target=close_once_asked, daemon=True)
        thread.start()

        require_free(port, "--port", seconds=60)

        thread.join()
        assert not is_listening(port)

    def test_takes_no_notice_of_connections_that_have_ended(self) -> None:
        port = free_port()
        with (
            socket.create_server((LOOPBACK, port)) as listener,
            socket.create_connection((LOOPBACK, port)) as client,
        ):
            listener.accept()[0].close()
            assert client.recv(1) == b""

        require_free(port, "--port")


class TestIsListening:
    def test_is_false_of_a_connection_with_itself(self, monkeypatch: pytest.MonkeyPatch) -> None:
        port = free_port()
        answers = []

        class SelfConnected(socket.socket):
            """Is given the very port that it asks for, as the system may."""

            def connect_ex(self, address: tuple[str, int]) -> int:  # type: ignore[override]
                self.bind(address)
                answers.append(super().connect_ex(address))
                return answers[-1]

        monkeypatch.setattr(socket, "socket", SelfConnected)

        assert not is_listening(port)
        assert answers == [0]


class TestFreePort:
    def test_is_nobody_elses_while_this_process_lives(self) -> None:
        port = free_port()
        program = f"from tests import ports; print(ports._reserve({port}))"

        done = subprocess.run(
            [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
        )

        assert done.stdout == "False\n"

    def test_is_given_once(self) -> None:
        given = [free_port() for _ in range(50)]

        assert len(set(given)) == 50
        assert max(given) < EPHEMERAL
