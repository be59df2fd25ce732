"""What a stopped cloud's home takes, and what of it can go."""

import json
import os
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID, uuid4

import alembic.command
import pytest
from sqlalchemy import create_engine, make_url, pool
from sqlalchemy.orm import Session

from crawlset.models import JobStatus
from crawlset.wire import keys
from crawlset_local import disk, garbage, postgres, postgres_home, processes
from crawlset_local.errors import PostgresError
from crawlset_local.home import open_home, write_profile
from crawlset_local.keepers import read_keepers
from tests import factories
from tests.integration.migrations import alembic_config
from tests.ports import free_ports

DAY = 86_400
BUCKET = "s3/000000000000/crawlset-local-000000000000-us-east-1"


class Used:
    """A home whose database has one of each row that keeps objects."""

    def __init__(self, home: Path, session: Session) -> None:
        self.home = home
        profile = factories.create_profile(session)
        self.profile_id = profile.id
        project = factories.create_project(session, profile)
        job = factories.create_crawl_job(session, project)
        chunk = factories.create_chunk(session, job)
        lent = uuid4()
        factories.create_image(session, chunk, pack_key=f"jobs/{lent}/chunks/a/1-t.tar")
        now = datetime.now(UTC)
        exports = {
            name: factories.create_export_job(session, job, status=status, expires_at=expires_at).id
            for name, status, expires_at in (
                ("kept", JobStatus.completed, now + timedelta(days=1)),
                ("running", JobStatus.running, None),
                ("expired", JobStatus.completed, now - timedelta(days=1)),
                ("failed", JobStatus.failed, None),
            )
        }
        self.job_id, self.lent, self.exports = job.id, lent, exports

    def put(self, key: str, *, age_days: float = 0.0) -> Path:
        """An object and what the emulator keeps beside it."""
        path = self.home / BUCKET / key
        path.parent.mkdir(parents=True, exist_ok=True)
        for file in (path, path.with_name(f"{path.name}.meta.json")):
            file.write_bytes(b"x" * 5000)
            os.utime(file, (time.time() - age_days * DAY,) * 2)
        return path

    def pack(self, job_id: UUID) -> Path:
        return self.put(keys.pack(job_id, uuid4(), 1, "t"))


@pytest.fixture(scope="module")
def used(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Used]:
    home = tmp_path_factory.mktemp("used") / ".crawlset"
    with open_home(home):
        child, dsn = postgres.start(home, free_ports().postgres)
        try:
            url = make_url(dsn).set(drivername="postgresql+psycopg")
            alembic.command.upgrade(alembic_config(url), "head")
            engine = create_engine(url, poolclass=pool.NullPool)
            with Session(engine, expire_on_commit=False) as session:
                made = Used(home, session)
            write_profile(home, api_url="x", api_key="x", profile_id=str(made.profile_id))
        finally:
            processes.stop(child)
    yield made
    postgres_home.erase(home)


def found_in(home: Path) -> dict[tuple[str, str], garbage.Garbage]:
    with garbage.surveyed(home) as survey:
        assert survey.notes == ()
        return {(item.kind, item.what): item for item in survey.garbage}


class TestObjects:
    def test_of_rows_that_are_gone_go_and_others_stay(self, used: Used) -> None:
        deleted = uuid4()
        kept = [used.pack(used.job_id), used.pack(used.lent)]
        kept += [
            used.put(keys.export_file(used.exports[name], "a")) for name in ("kept", "running")
        ]
        gone = [used.pack(deleted), used.put(keys.candidates(deleted, uuid4(), 0))]
        gone += [
            used.put(keys.export_file(id_, "data/train-0.zip"))
            for id_ in (used.exports["expired"], used.exports["failed"], uuid4())
        ]

        with garbage.surveyed(used.home) as survey:
            for item in survey.garbage:
                garbage.remove(item)

        assert all(path.exists() for path in kept)
        assert not any(path.exists() or path.parent.exists() for path in gone)
        assert not list((used.home / BUCKET).rglob(f"*{deleted}*"))

    def test_are_told_by_whose_they_were(self, used: Used) -> None:
        deleted = uuid4()
        used.pack(deleted)

        item = found_in(used.home)["objects of a deleted crawl job", str(deleted)]

        assert len(item.paths) == 2
        assert item.n_bytes >= 10_000

    def test_of_uploads_and_validations_go_as_the_template_says(self, used: Used) -> None:
        old = [
            used.put(keys.upload(used.profile_id, uuid4()), age_days=31),
            used.put(keys.validation_file(uuid4(), "a"), age_days=8),
        ]
        used.put(keys.upload(used.profile_id, uuid4()), age_days=29)
        used.put(keys.validation_file(uuid4(), "a"), age_days=6)

        found = {path for item in found_in(used.home).values() for path in item.paths}

        aged = {path for path in found if {"uploads", "validations"} & set(path.parts)}
        assert aged == {*old, *(path.with_name(f"{path.name}.meta.json") for path in old)}

    def test_stay_where_the_database_is_anothers(self, used: Used) -> None:
        used.pack(uuid4())
        profile = (used.home / "profile.json").read_text()
        write_profile(used.home, api_url="x", api_key="x", profile_id=str(uuid4()))

        with garbage.surveyed(used.home) as survey:
            kinds = {item.kind for item in survey.garbage}
        (used.home / "profile.json").write_text(profile)

        assert not any("object" in kind or "file" in kind for kind in kinds)
        assert "does not know the profile" in survey.notes[0]

    @pytest.mark.usefixtures("engine")
    def test_stay_where_a_role_may_not_see_every_row(self, postgres_url: str, used: Used) -> None:
        limited = f"{postgres_url}?options=-crole%3Dcrawlset_api"

        with pytest.raises(PostgresError, match="row-level security"):
            read_keepers(limited, used.home)

    def test_stay_where_there_is_no_database(self, tmp_path: Path) -> None:
        open_home(tmp_path / "home").close()
        pack = tmp_path / "home" / BUCKET / keys.pack(uuid4(), uuid4(), 1, "t")
        pack.parent.mkdir(parents=True)
        pack.write_bytes(b"x")

        with garbage.surveyed(tmp_path / "home") as survey:
            found = [path for each in survey.garbage for path in each.paths]
            assert not [path for path in found if path.is_relative_to(tmp_path)]

        assert "set DATABASE_URL" in survey.notes[0]


class TestHome:
    def test_in_use_is_left_alone(self, used: Used) -> None:
        (used.home / "tmp").mkdir(exist_ok=True)
        (used.home / "tmp/scratch").write_bytes(b"x" * 5000)

        with open_home(used.home), garbage.surveyed(used.home) as survey:
            assert survey.garbage == ()
            assert "in use" in survey.notes[0]

        assert ("emulator scratch", "of a stopped cloud") in found_in(used.home)

    def test_that_is_none_is_left_alone(self, tmp_path: Path) -> None:
        (tmp_path / "tmp").mkdir()
        (tmp_path / "tmp/mine").write_bytes(b"x" * 5000)

        with garbage.surveyed(tmp_path) as survey:
            assert survey.garbage == ()

        assert [*tmp_path.iterdir()] == [tmp_path / "tmp"]

    def test_loses_old_logs_alone(self, used: Used) -> None:
        logs = used.home / "logs"
        ages = {"gateway.log": 15, "emulator.log": 1, "emulator.log.1": 1, "mine.log": 99}
        for name, age_days in ages.items():
            (logs / name).write_bytes(b"x" * 5000)
            os.utime(logs / name, (time.time() - age_days * DAY,) * 2)

        found = {what for kind, what in found_in(used.home) if kind == "old log"}

        assert found == {"gateway.log", "emulator.log.1"}


class TestLostDatabase:
    @pytest.fixture
    def place(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        """Where root keeps the database of a home."""
        base = tmp_path / "relocated"
        monkeypatch.setattr(postgres_home, "RELOCATED", (base,))
        monkeypatch.setattr(postgres_home, "RELOCATED_TEMPORARY", base / "none")
        place = base / "0a1b"
        (place / "pgdata").mkdir(parents=True)
        (place / "pgdata/base").write_bytes(b"x" * 5000)
        return place

    def record(self, place: Path, home: Path, device: int | None = None) -> None:
        device = home.parent.stat().st_dev if device is None else device
        (place / "home.json").write_text(json.dumps({"home": str(home), "device": device}))

    def found(self, tmp_path: Path) -> list[str]:
        with garbage.surveyed(tmp_path / "no-home") as survey:
            return [item.what for item in survey.garbage if item.kind == garbage.LOST_DATABASE]

    def test_is_found_once_its_home_is_gone(self, place: Path, tmp_path: Path) -> None:
        self.record(place, tmp_path / "gone")

        assert self.found(tmp_path) == [str(tmp_path / "gone")]

    def test_is_not_lost_while_its_home_points_at_it(self, place: Path, tmp_path: Path) -> None:
        (tmp_path / "home").mkdir()
        (tmp_path / "home/pgdata").symlink_to(place / "pgdata")
        self.record(place, tmp_path / "home")

        assert self.found(tmp_path) == []

    def test_is_not_lost_while_the_disk_of_its_home_is_away(
        self, place: Path, tmp_path: Path
    ) -> None:
        self.record(place, tmp_path / "gone", device=1)

        assert self.found(tmp_path) == []

    def test_is_nobodys_to_remove_where_nothing_says_whose_it_is(
        self, place: Path, tmp_path: Path
    ) -> None:
        assert place.is_dir()
        assert self.found(tmp_path) == []

    @pytest.mark.skipif(os.geteuid() != 0, reason="what root must do")
    def test_is_remembered_by_every_start(self, tmp_path: Path) -> None:
        home = tmp_path / "private"
        home.mkdir(mode=0o700)
        child, _ = postgres.start(home, free_ports().postgres)
        try:
            record = (home / "pgdata").resolve().parent / "home.json"
            assert json.loads(record.read_text())["home"] == str(home)
        finally:
            processes.stop(child)
            postgres_home.erase(home)


class TestMeasure:
    def test_counts_every_byte_once(self, used: Used) -> None:
        deleted = uuid4()
        used.pack(deleted)
        used.put(keys.export_file(used.exports["kept"], "a"))

        usage = disk.measure(used.home)

        assert {"database", "packs", "exports", "logs", "other"} <= usage.parts.keys()
        assert usage.owners["crawl_job", str(deleted)].n_files == 2
        assert ("export_job", str(used.exports["kept"])) in usage.owners
        outside = sum(n for _, n, _ in disk.files_below((used.home / "pgdata").resolve()))
        inside = sum(n for path, n, _ in disk.files_below(used.home) if "pgdata" not in path.parts)
        assert usage.total == outside + inside
