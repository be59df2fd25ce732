"""What `crawlset doctor` finds out about a laptop's home, ports, database and secrets."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from crawlset.imaging import kernel
from crawlset_client.doctor import laptop
from crawlset_client.doctor.findings import Finding, State
from crawlset_local import inspection, postgres, postgres_home, processes
from crawlset_local.home import open_home
from crawlset_local.ports import Ports
from tests.ports import free_ports

LINUX = pytest.mark.skipif(not Path("/proc/net/tcp").exists(), reason="asks /proc")


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / ".crawlset"


def one(findings: Iterator[Finding], name: str) -> Finding:
    (found,) = [finding for finding in findings if finding.name == name]
    return found


class TestHome:
    def test_need_not_be_there(self, home: Path) -> None:
        assert "not made yet" in one(laptop.check_home(home), "home").found
        assert not home.exists()

    def test_is_in_use_while_a_cloud_holds_it(self, home: Path) -> None:
        with open_home(home):
            assert f"in use by process {os.getpid()}" in one(laptop.check_home(home), "home").found

        assert "not running" in one(laptop.check_home(home), "home").found

    def test_is_told_when_it_is_open_to_others(self, home: Path) -> None:
        open_home(home).close()
        home.chmod(0o755)

        found = one(laptop.check_home(home), "home")

        assert (found.state, found.mend) == (State.warning, f"chmod go-rw {home}")

    def test_is_told_when_its_disk_is_full(
        self, home: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for free, inodes, state in (
            (1 << 20, None, State.wrong),
            (1 << 30, None, State.warning),
            (1 << 40, 10, State.warning),
            (1 << 40, None, State.ok),
        ):
            room = inspection.Room(free, inodes)
            monkeypatch.setattr(inspection, "room_for", lambda _, room=room: room)

            assert one(laptop.check_home(home), "disk").state is state


class TestPorts:
    @pytest.fixture
    def ports(self) -> Ports:
        return free_ports()

    def test_that_are_free(self, home: Path, ports: Ports) -> None:
        assert {finding.state for finding in laptop.check_ports(home, ports)} == {State.ok}

    @LINUX
    def test_that_a_stranger_holds(self, home: Path, ports: Ports) -> None:
        program = (
            "import socket, sys; s = socket.create_server(('127.0.0.1', int(sys.argv[1])));"
            " print(flush=True); sys.stdin.read()"
        )
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
        argv = [sys.executable, "-c", program, str(ports.gateway)]
        with subprocess.Popen(argv, **pipes) as stranger:  # type: ignore[call-overload]
            stranger.stdout.readline()

            found = one(laptop.check_ports(home, ports), f"port {ports.gateway}")

            stranger.stdin.close()
        assert found.state is State.wrong
        assert f"(process {stranger.pid})" in found.found
        assert found.mend is not None
        assert "crawlset up --port" in found.mend

    @LINUX
    def test_that_another_crawlset_holds(self, home: Path, ports: Ports, tmp_path: Path) -> None:
        other = tmp_path / "other"
        with open_home(other):
            child = processes.spawn(
                "sample_site",
                [
                    *(sys.executable, "-X", f"crawlset={other}", "-m"),
                    *("crawlset_local.sample_site", "--port", str(ports.sample)),
                ],
                run=other / "run",
                log=other / "logs/sample_site.log",
                environment=processes.clean_environment(),
            )
            try:
                assert processes.wait_until(
                    lambda: inspection.find_listener(ports.sample) is not None, 30
                )
                name = f"port {ports.sample}"
                theirs = one(laptop.check_ports(home, ports), name)
                ours = one(laptop.check_ports(other, ports), name)
            finally:
                processes.stop(child)
        assert (theirs.state, f"another Crawlset, of {other}" in theirs.found) == (
            State.wrong,
            True,
        )
        assert (ours.state, ours.found) == (State.ok, "our own (sample site)")

    def test_of_ipv6_count_too(self, home: Path, ports: Ports) -> None:
        if not socket.has_dualstack_ipv6():
            pytest.skip("there is no IPv6 here")
        with socket.create_server(("", ports.gateway), family=socket.AF_INET6, dualstack_ipv6=True):
            found = one(laptop.check_ports(home, ports), f"port {ports.gateway}")

        assert found.state is State.wrong


class TestDatabase:
    def test_need_not_be_there(self, home: Path) -> None:
        assert one(laptop.check_database(home, None), "database").found == "none yet"

    @pytest.mark.usefixtures("engine")
    def test_tells_its_version_and_how_far_it_is_migrated(
        self, home: Path, postgres_url: str
    ) -> None:
        findings = list(laptop.check_database(home, postgres_url))

        assert [finding.state for finding in findings] == [State.ok, State.ok]
        assert findings[0].found.startswith("PostgreSQL 18.")
        assert "the newest" in findings[1].found

    def test_is_told_when_it_does_not_answer(self, home: Path) -> None:
        url = f"postgresql://nobody@127.0.0.1:{free_ports().postgres}/none"

        found = one(laptop.check_database(home, url), "database")

        assert (found.state, found.mend) == (State.wrong, "Mend DATABASE_URL, or unset it.")
        assert "\n" not in found.found

    def test_is_found_by_the_record_of_a_running_cloud(self, home: Path) -> None:
        with open_home(home):
            child, _ = postgres.start(home, free_ports().postgres)
            try:
                database, migrations = laptop.check_database(home, None)
            finally:
                processes.stop(child)
        postgres_home.erase(home)

        assert database.state is State.ok
        assert migrations.found.startswith("none of ")

    @pytest.mark.parametrize(("revision", "state"), [("001", "warning"), ("999", "wrong")])
    def test_of_another_release_is_told(
        self, home: Path, monkeypatch: pytest.MonkeyPatch, revision: str, state: str
    ) -> None:
        database = inspection.Database(180001, revision)
        monkeypatch.setattr(inspection, "examine_database", lambda _: database)

        assert one(laptop.check_database(home, "x"), "migrations").state == state

    @pytest.mark.parametrize("version", [150004, 190001])
    def test_of_an_unsupported_version_is_wrong(
        self, home: Path, monkeypatch: pytest.MonkeyPatch, version: int
    ) -> None:
        database = inspection.Database(version, "001")
        monkeypatch.setattr(inspection, "examine_database", lambda _: database)

        assert one(laptop.check_database(home, "x"), "database").state is State.wrong


class TestSecrets:
    def test_need_not_be_there(self, home: Path) -> None:
        assert one(laptop.check_secrets(home, {}), "secrets.toml").state is State.ok

    def test_that_others_may_read_are_wrong(self, home: Path) -> None:
        home.mkdir()
        (home / "secrets.toml").write_text('contact = "me@example.org"\n')
        (home / "secrets.toml").chmod(0o644)

        found = one(laptop.check_secrets(home, {}), "secrets.toml")

        assert (found.state, "chmod 600" in found.found) == (State.wrong, True)

    def test_tell_no_key(self, home: Path) -> None:
        home.mkdir()
        (home / "secrets.toml").write_text(
            'contact = "me@example.org"\nsources = ["flickr"]\n[keys]\nflickr_key = "abc"\n'
        )
        (home / "secrets.toml").chmod(0o600)

        found = one(laptop.check_secrets(home, {}), "secrets.toml")

        assert found.found == "1 sources, 1 keys, contact me@example.org"


class TestMeasures:
    def test_are_compiled_or_said_to_be_slow(self, monkeypatch: pytest.MonkeyPatch) -> None:
        assert one(laptop.check_measures(), "measures").state == State.ok

        monkeypatch.setattr(kernel, "KERNEL", None)
        found = one(laptop.check_measures(), "measures")

        assert found.state == State.warning
        assert "NumPy" in found.found
