"""What goes ahead of the next statement: it is never lost, and never done twice."""

from typing import Any

import pytest
from sqlalchemy import insert, select, text
from sqlalchemy.exc import IntegrityError, ProgrammingError
from sqlalchemy.orm import Session

from crawlset.errors import DatabaseAwayError
from crawlset.kit import ahead, db
from crawlset.models import Profile, Project
from tests import factories
from tests.integration.database_relay import Relay


@pytest.fixture
def profile(owner: Session) -> Profile:
    profile = factories.create_profile(owner)
    owner.commit()
    return profile


def new_project(profile: Profile, name: str) -> Any:
    return insert(Project).values(user_id=profile.id, name=name).inline()


def names(owner: Session) -> list[str]:
    owner.rollback()
    return [*owner.scalars(select(Project.name).order_by(Project.name))]


@pytest.mark.usefixtures("relay")
class TestSend:
    def test_comes_before_the_next_statement_in_one_message(
        self, relay: Relay, profile: Profile
    ) -> None:
        with db.transaction(profile.id) as session:
            session.execute(text("SELECT 1"))
            before = relay.n_round_trips
            ahead.send(session, new_project(profile, "a"))
            seen = session.scalars(select(Project.name)).all()

        assert (seen, relay.n_round_trips - before) == (["a"], 2)

    def test_comes_with_the_commit_in_one_message(
        self, relay: Relay, profile: Profile, owner: Session
    ) -> None:
        with db.transaction(profile.id) as session:
            session.execute(text("SELECT 1"))
            before = relay.n_round_trips
            ahead.send(session, new_project(profile, "a"))
            ahead.send(session, new_project(profile, "b"))

        assert relay.n_round_trips - before == 1
        assert names(owner) == ["a", "b"]

    def test_is_done_though_nothing_follows_it(self, profile: Profile, owner: Session) -> None:
        with db.transaction(profile.id) as session:
            ahead.send(session, new_project(profile, "a"))

        assert names(owner) == ["a"]

    @pytest.mark.parametrize(
        "name", ["it's", 'say "x"', r"back\slash", "100 % of %(name)s; %s", "a; DROP TABLE x --"]
    )
    def test_quotes_what_it_carries(self, profile: Profile, owner: Session, name: str) -> None:
        with db.transaction(profile.id) as session:
            ahead.send(session, new_project(profile, name))
            seen = session.scalar(select(Project.name).where(Project.name == name))

        assert (seen, names(owner)) == (name, [name])

    def test_is_forgotten_with_its_transaction(self, profile: Profile, owner: Session) -> None:
        with pytest.raises(ZeroDivisionError), db.transaction(profile.id) as session:
            session.execute(text("SELECT 1"))
            ahead.send(session, new_project(profile, "a"))
            raise ZeroDivisionError
        with db.transaction(profile.id) as session:
            session.execute(text("SELECT 1"))

        assert names(owner) == []

    def test_is_forgotten_with_its_savepoint(self, profile: Profile, owner: Session) -> None:
        with db.transaction(profile.id) as session:
            ahead.send(session, new_project(profile, "before"))
            with pytest.raises(ZeroDivisionError), session.begin_nested():
                ahead.send(session, new_project(profile, "within"))
                raise ZeroDivisionError
            ahead.send(session, new_project(profile, "after"))

        assert names(owner) == ["after", "before"]

    def test_undoes_all_if_it_fails_with_the_commit(self, profile: Profile, owner: Session) -> None:
        with pytest.raises(IntegrityError), db.transaction(profile.id) as session:
            ahead.send(session, new_project(profile, "a"))
            ahead.send(session, new_project(profile, "a"))

        assert names(owner) == []

    def test_sees_the_rows_of_its_tenant_only(self, profile: Profile, owner: Session) -> None:
        other = factories.create_project(owner, factories.create_profile(owner))
        owner.commit()

        with (
            pytest.raises(ProgrammingError, match="row-level security"),
            db.transaction(profile.id) as session,
        ):
            session.execute(text("SET LOCAL ROLE crawlset_api"))
            ahead.send(session, insert(Project).values(user_id=other.user_id, name="mine").inline())

        assert names(owner) == [other.name]

    def test_leaves_open_whether_it_was_done_if_the_commit_is_lost(
        self, relay: Relay, profile: Profile
    ) -> None:
        relay.cut_at(b"COMMIT")

        with pytest.raises(DatabaseAwayError) as caught, db.transaction(profile.id) as session:
            session.execute(text("SELECT 1"))
            ahead.send(session, new_project(profile, "a"))

        assert caught.value.may_have_committed

    def test_comes_before_rows_that_are_streamed(self, profile: Profile) -> None:
        with db.transaction(profile.id) as session:
            ahead.send(session, new_project(profile, "a"))
            streamed = session.execute(select(Project.name), execution_options={"yield_per": 10})

            assert [name for (name,) in streamed] == ["a"]
