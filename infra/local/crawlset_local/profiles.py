"""A key for the laptop's own profile, when the one that was shown is lost."""

from uuid import UUID

from sqlalchemy import create_engine, make_url, pool
from sqlalchemy.orm import Session

from crawlset.accounts import keys
from crawlset.accounts.service import ALL_SCOPES
from crawlset.kit import db
from crawlset.models import ApiKey


def issue_key(database_url: str, profile_id: UUID) -> str:
    """One more API key of every scope, by the owner of the database."""
    url = make_url(database_url).set(drivername="postgresql+psycopg")
    key = keys.generate()
    with (
        Session(create_engine(url, poolclass=pool.NullPool)) as session,
        session.begin(),
    ):
        db.act_for(session, profile_id)
        session.add(
            ApiKey(
                user_id=profile_id,
                name="laptop key",
                prefix=key.prefix,
                key_hash=key.digest,
                scopes=ALL_SCOPES,
            )
        )
    return str(key)
