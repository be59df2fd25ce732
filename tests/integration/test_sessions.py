import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from crawlset.accounts import service
from crawlset.kit import db
from crawlset.models import ActivityLog, ApiKey, LoginIdentity, Profile
from functions.api import app
from tests import factories
from tests.invocations import CONTEXT, request

ADA = {"iss": "https://login.example.org", "sub": "ada", "name": "Ada", "token_use": "access"}


def sign_in(**claims: str) -> tuple[int, Any]:
    """As the gateway asks once it has checked the token with these claims."""
    signed_in = {"jwt": {"claims": claims, "scopes": ["openid"]}}
    event = request("POST", "/api/session", signed_in)
    answer = app.handler(event, CONTEXT)
    return answer["statusCode"], json.loads(answer["body"])


def profiles(session: Session) -> list[tuple[str, str]]:
    """E-mail address and name of each account."""
    session.execute(text("SET LOCAL row_security = off"))
    return [(profile.email, profile.name) for profile in session.scalars(select(Profile))]


class TestSession:
    def test_makes_an_account_the_first_time(self, session: Session) -> None:
        status, body = sign_in(**ADA, email="ada@example.org", email_verified="true")

        assert status == 201
        assert profiles(session) == [("ada@example.org", "Ada")]
        assert session.scalars(select(LoginIdentity.subject)).all() == ["ada"]
        assert session.scalars(select(ActivityLog.action)).all() == ["session.created"]
        assert body["scopes"] == ["read", "write", "admin"]

    @pytest.mark.usefixtures("session")
    @pytest.mark.parametrize("claim", ["sub", "name", "email"])
    def test_refuses_what_no_database_can_hold(self, claim: str) -> None:
        status, body = sign_in(**ADA | {"email_verified": "true", claim: "ada\0"})

        assert (status, body["code"]) == (403, "NotSignedInError")

    def test_opens_the_same_account_again(self, session: Session) -> None:
        (_, first), (_, second) = sign_in(**ADA), sign_in(**ADA)

        assert first["user_id"] == second["user_id"]
        assert first["key"] != second["key"]

    def test_gives_a_key_that_the_gateway_knows_for_an_hour(self, session: Session) -> None:
        _, body = sign_in(**ADA)

        with db.transaction() as theirs:
            caller = service.authenticate(theirs, f"Bearer {body['key']}")
        assert caller is not None
        assert str(caller.user_id) == body["user_id"]
        lifetime = datetime.fromisoformat(body["expires_at"]) - datetime.now(UTC)
        assert timedelta(minutes=59) < lifetime <= timedelta(hours=1)

    def test_forgets_keys_of_sessions_that_are_over(self, session: Session) -> None:
        sign_in(**ADA)
        key = session.scalars(select(ApiKey)).one()
        key.expires_at = key.created_at - timedelta(seconds=1)
        session.commit()

        sign_in(**ADA)

        assert session.scalars(select(func.count(ApiKey.id))).one() == 1

    @pytest.mark.parametrize("verified", [{}, {"email_verified": "false"}])
    def test_takes_no_address_that_nobody_verified(
        self, session: Session, verified: dict[str, str]
    ) -> None:
        sign_in(**ADA, email="boss@example.org", **verified)

        assert profiles(session) == [("ada@login.example.org", "Ada")]

    def test_never_opens_an_account_by_its_address(self, session: Session) -> None:
        other = factories.create_profile(session, email="ada@example.org")

        _, body = sign_in(**ADA, email="ada@example.org", email_verified="true")

        assert body["user_id"] != str(other.id)
        assert sorted(email for email, _ in profiles(session)) == [
            "ada@example.org",
            "ada@login.example.org",
        ]

    @pytest.mark.parametrize(
        "other", ["https://other.example.org", f"{ADA['iss']}:8443", f"{ADA['iss']}/realms/b"]
    )
    @pytest.mark.usefixtures("session")
    def test_tells_issuers_apart(self, other: str) -> None:
        _, here = sign_in(**ADA)
        _, there = sign_in(**ADA | {"iss": other})

        assert here["user_id"] != there["user_id"]

    @pytest.mark.parametrize("claims", [{}, {"iss": "https://x.org"}, ADA | {"token_use": "id"}])
    def test_takes_nothing_but_an_access_token(
        self, session: Session, claims: dict[str, str]
    ) -> None:
        status, problem = sign_in(**claims)

        assert (status, problem["code"]) == (403, "NotSignedInError")
        assert profiles(session) == []
