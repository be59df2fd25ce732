from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from uuid import UUID

import alembic.command
import pytest
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, create_engine, func, text
from sqlalchemy.orm import Session

from crawlset.kit import db
from crawlset.kit.ids import new_id
from crawlset.models import Base, Profile, TakedownExport, TakedownImage
from crawlset.outcomes import ImageStatus, Outcome
from tests import factories
from tests.integration.migrations import alembic_config, create_database, create_owner


@pytest.fixture(scope="module")
def engine(postgres_url: str) -> Iterator[Engine]:
    """A database at the newest migration whose owner is no superuser, as on AWS."""
    url = create_database(postgres_url, create_owner(postgres_url))
    alembic.command.upgrade(alembic_config(url), "head")
    engine = create_engine(url)
    yield engine
    engine.dispose()


def test_models_match_the_migrations(engine: Engine) -> None:
    alembic.command.check(alembic_config(engine.url))


def test_every_migration_can_be_undone(engine: Engine) -> None:
    config = alembic_config(engine.url)

    alembic.command.downgrade(config, "base")

    with engine.connect() as connection:
        left = connection.scalars(
            text("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        ).all()
    alembic.command.upgrade(config, "head")
    assert left == ["alembic_version"]


def test_an_older_version_can_read_what_a_newer_one_wrote(engine: Engine, owner: Session) -> None:
    config = alembic_config(engine.url)
    project = factories.create_project(owner, factories.create_profile(owner))
    job = factories.create_crawl_job(owner, project)
    outcomes = {"damaged": 2, "decode_error": 1, "stored": 1}
    chunk = factories.create_chunk(owner, job, outcomes=outcomes)
    factories.create_image(owner, chunk, status=ImageStatus.rejected, outcome=Outcome.damaged)
    owner.commit()

    alembic.command.downgrade(config, "001")

    counted = owner.scalar(text("SELECT outcomes FROM job_chunks"))
    outcome = owner.scalar(text("SELECT outcome FROM images"))
    owner.commit()
    alembic.command.upgrade(config, "head")
    assert counted == {"decode_error": 3, "stored": 1}
    assert outcome == "decode_error"


def test_an_older_version_knows_no_hash_mismatch(engine: Engine, owner: Session) -> None:
    config = alembic_config(engine.url)
    project = factories.create_project(owner, factories.create_profile(owner))
    job = factories.create_crawl_job(owner, project)
    chunk = factories.create_chunk(owner, job, outcomes={"hash_mismatch": 2, "stored": 1})
    factories.create_image(owner, chunk, status=ImageStatus.rejected, outcome=Outcome.hash_mismatch)
    owner.commit()

    alembic.command.downgrade(config, "025")

    counted = owner.scalar(text("SELECT outcomes FROM job_chunks"))
    outcome = owner.scalar(text("SELECT outcome FROM images"))
    owner.commit()
    alembic.command.upgrade(config, "head")
    assert counted == {"not_image": 2, "stored": 1}
    assert outcome == "not_image"


def test_a_takedown_from_before_has_no_grace(engine: Engine, owner: Session) -> None:
    config = alembic_config(engine.url)
    project = factories.create_project(owner, factories.create_profile(owner))
    ids = [factories.create_takedown(owner, project).id for _ in range(3)]
    owner.commit()
    alembic.command.downgrade(config, "009")
    applied = text("UPDATE takedowns SET applied_at = now() WHERE id <> :first")
    owner.execute(applied, {"first": ids[0]})
    completed = text("UPDATE takedowns SET completed_at = now() WHERE id = :last")
    owner.execute(completed, {"last": ids[2]})
    owner.commit()

    alembic.command.upgrade(config, "head")

    rows = owner.execute(text("SELECT status, removes_at FROM takedowns ORDER BY id"))
    assert rows.all() == [("pending", None), ("removing", None), ("completed", None)]


def test_an_older_version_removes_what_a_newer_one_hid(engine: Engine, owner: Session) -> None:
    config = alembic_config(engine.url)
    project = factories.create_project(owner, factories.create_profile(owner))
    job = factories.create_crawl_job(owner, project)
    hidden = factories.create_takedown(owner, project, status="hidden", applied_at=func.now())
    revoked = factories.create_takedown(owner, project, status="revoked")
    exports = [factories.create_export_job(owner, job) for _ in range(2)]
    mine = {"user_id": project.user_id}
    for takedown, export in zip((hidden, revoked), exports, strict=True):
        owner.add(
            TakedownExport(takedown_id=takedown.id, export_job_id=export.id, n_images=1, **mine)
        )
    owner.add(
        TakedownImage(
            takedown_id=hidden.id,
            image_id=1,
            crawl_job_id=job.id,
            status=ImageStatus.stored,
            pack_key="pack.tar",
            **mine,
        )
    )
    owner.commit()
    hidden_id, export_id = hidden.id, exports[0].id
    owner.commit()

    alembic.command.downgrade(config, "009")

    takedowns = owner.execute(text("SELECT id, applied_at FROM takedowns")).all()
    packs = owner.execute(text("SELECT takedown_id, pack_key FROM pack_rewrites")).all()
    expired = owner.scalars(text("SELECT id FROM export_jobs WHERE expires_at <= now()")).all()
    owner.commit()
    alembic.command.upgrade(config, "head")
    assert takedowns == [(hidden_id, None)]
    assert packs == [(hidden_id, "pack.tar")]
    assert expired == [export_id]


def test_doubles_of_a_project_s_name_are_numbered(engine: Engine, owner: Session) -> None:
    config = alembic_config(engine.url)
    naming = ScriptDirectory.from_config(config).get_revision("013")
    alembic.command.downgrade(config, str(naming.down_revision))
    mine = factories.create_profile(owner)
    long = "x" * 200
    names = ["Cats", "Cats (2)", "Cats", "Dogs", "Cats", long, long]
    ids = [_create_older_project(owner, mine, name) for name in names]
    another = factories.create_profile(owner)
    theirs = _create_older_project(owner, another, "Cats")

    alembic.command.upgrade(config, "head")

    now: dict[UUID, str] = {}
    for profile in (mine, another):
        db.act_for(owner, profile.id)
        rows = owner.execute(text("SELECT id, name FROM projects"))
        now |= {row.id: row.name for row in rows}
    assert [now[id_] for id_ in ids] == [
        *("Cats", "Cats (2)", "Cats (3)", "Dogs", "Cats (4)"),
        *(long, f"{'x' * 196} (2)"),
    ]
    assert now[theirs] == "Cats"


def _create_older_project(owner: Session, profile: Profile, name: str) -> UUID:
    """With the columns that a project has had since the first migration."""
    id_ = new_id()
    owner.execute(
        text("INSERT INTO projects (id, user_id, name) VALUES (:id, :user_id, :name)"),
        {"id": id_, "user_id": profile.id, "name": name},
    )
    owner.commit()
    return id_


def test_an_older_version_deletes_what_waits_in_a_newer_one(engine: Engine, owner: Session) -> None:
    config = alembic_config(engine.url)
    profile = factories.create_profile(owner)
    deletion = {"deleted_at": func.now(), "purges_at": func.now() + timedelta(days=1)}
    names = ("Cats", "Cats", "Dogs")
    waiting, namesake, other = (
        factories.create_project(owner, profile, name=name, **(deletion if not n else {}))
        for n, name in enumerate(names)
    )
    jobs = [factories.create_crawl_job(owner, other, **marks) for marks in ({}, deletion)]
    factories.create_crawl_job(owner, waiting, **deletion)
    kept_projects, kept_job = {namesake.id, other.id}, jobs[0].id
    owner.commit()

    alembic.command.downgrade(config, "013")

    projects = set(owner.scalars(text("SELECT id FROM projects")))
    job_ids = owner.scalars(text("SELECT id FROM crawl_jobs")).all()
    owner.commit()
    alembic.command.upgrade(config, "head")
    assert projects == kept_projects
    assert job_ids == [kept_job]


@pytest.mark.parametrize(
    "table",
    sorted(
        table.name
        for table in Base.metadata.tables.values()
        if "user_id" in table.c or table.name == "profiles"
    ),
)
def test_every_tenant_table_forces_row_level_security(engine: Engine, table: str) -> None:
    with engine.connect() as connection:
        is_forced = connection.scalar(
            text("SELECT relrowsecurity AND relforcerowsecurity FROM pg_class WHERE relname = :t"),
            {"t": table},
        )

    assert is_forced


def test_a_secret_in_clear_waits_for_the_tick(engine: Engine, owner: Session) -> None:
    config = alembic_config(engine.url)
    alembic.command.downgrade(config, "014")
    profile = factories.create_profile(owner)
    owner.execute(
        text(
            "INSERT INTO webhooks (id, user_id, url, events, secret) "
            "VALUES (:id, :user_id, 'https://hooks.example.org', '{*}', 's')"
        ),
        {"id": new_id(), "user_id": profile.id},
    )
    owner.commit()

    alembic.command.upgrade(config, "head")

    rows = owner.execute(text("SELECT secret, encrypted_secret FROM webhooks"))
    assert rows.all() == [(b"s", None)]


def test_an_older_version_forgets_webhooks_whose_secrets_it_cannot_read(
    engine: Engine, owner: Session
) -> None:
    config = alembic_config(engine.url)
    profile = factories.create_profile(owner)
    clear: dict[str, Any] = {"clear_secret": b"s", "encrypted_secret": None}
    kept, _ = (factories.create_webhook(owner, profile, **how).id for how in (clear, {}))

    alembic.command.downgrade(config, "014")

    left = owner.scalars(text("SELECT id FROM webhooks")).all()
    owner.commit()
    alembic.command.upgrade(config, "head")
    assert left == [kept]
