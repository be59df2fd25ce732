"""
What only the owner of the database may do; a deployment invokes it.

`{"action": "upgrade"}` migrates, makes a login for each role, and writes its address into that
role's secret. `{"action": "create_profile", "email": …, "name": …}` makes an account with an API
key, which the answer shows once; an account that exists answers with no key. `{"action": "rotate"}`
gives each role another login with a new password; the one before it works until the next time.
"""

import json
import os
import secrets
from pathlib import Path
from typing import Any

import alembic.command
from alembic.config import Config
from aws_lambda_powertools.utilities.typing import LambdaContext
from sqlalchemy import URL, Connection, create_engine, pool, text

from crawlset.accounts import service as accounts
from crawlset.kit import aws, database_address, db
from crawlset.kit.logins import ensure_login, logins_of
from crawlset.observability import logger

SECRETS = {
    "crawlset_api": "API_DATABASE_SECRET_ARN",
    "crawlset_worker": "WORKER_DATABASE_SECRET_ARN",
    "crawlset_tick": "TICK_DATABASE_SECRET_ARN",
}


@logger.inject_lambda_context
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    match event:
        case {"action": "upgrade"}:
            secret = database_address.read_secret()
            url = database_address.url_of_secret(secret)
            return upgrade(url, secret.get("authorities", ""))
        case {"action": "rotate"}:
            secret = database_address.read_secret()
            url = database_address.url_of_secret(secret)
            return rotate(url, secret.get("authorities", ""))
        case {"action": "create_profile", "email": str(email), **rest}:
            return create_profile(email, rest.get("name") or email)
    message = "Send an action: upgrade, rotate, or create_profile with an email."
    raise ValueError(message)


def upgrade(url: URL, authorities: str = "") -> dict[str, Any]:
    """Migrate the database there; tell each role where it is and who signs its certificate."""
    verified = database_address.verified(url, authorities)
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent))
    config.attributes["url"] = verified
    alembic.command.upgrade(config, "head")
    engine = create_engine(verified, poolclass=pool.NullPool)
    with engine.begin() as connection:
        for role, variable in SECRETS.items():
            publish_login(connection, url, role, os.environ[variable], authorities)
        revision = connection.scalar(text("SELECT version_num FROM alembic_version"))
    logger.info("database_migrated", revision=revision)
    return {"revision": revision}


def rotate(url: URL, authorities: str = "") -> dict[str, Any]:
    """
    Have each role use its other login from now on, with a new password.

    Functions that are running hold the login before, which works on; who cannot connect any more
    reads its secret again. A second rotation changes that one's password, too.
    """
    engine = create_engine(database_address.verified(url, authorities), poolclass=pool.NullPool)
    logins = {}
    for role, variable in SECRETS.items():
        # The login is there before anybody is told of it.
        with engine.begin() as connection:
            _, before = existing_login(os.environ[variable])
            first, second = logins_of(connection, role)
            login, password = second if before == first else first, new_password()
            ensure_login(connection, role, login, password)
        write_address(os.environ[variable], url, login, password, authorities)
        logins[role] = login
    logger.info("logins_rotated", logins=logins)
    return {"logins": logins}


def publish_login(
    connection: Connection, url: URL, role: str, secret_arn: str, authorities: str
) -> None:
    """
    See that the role has the login that its secret names, and write the address into the secret.

    A password once made stays, but for a rotation: functions that are running hold it.
    """
    password, login = existing_login(secret_arn)
    names = logins_of(connection, role)
    if password is None or login not in names:
        # The secret may name a login of another database, which was here before.
        password, login = password or new_password(), names[0]
    ensure_login(connection, role, login, password)
    write_address(secret_arn, url, login, password, authorities)


def write_address(secret_arn: str, url: URL, login: str, password: str, authorities: str) -> None:
    """Write a role's address into its secret: a DSN for us, and the fields RDS Proxy reads."""
    address = url.set(drivername="postgresql", username=login, password=password)
    secret = {
        "dsn": address.render_as_string(hide_password=False),
        "username": login,
        "password": password,
        "host": url.host,
        "port": url.port,
        "dbname": url.database,
        "authorities": authorities,
    }
    aws.secretsmanager().put_secret_value(SecretId=secret_arn, SecretString=json.dumps(secret))


def existing_login(secret_arn: str) -> tuple[str | None, str | None]:
    """The password and the name in a role's secret; None for what it does not hold yet."""
    client = aws.secretsmanager()
    try:
        text = client.get_secret_value(SecretId=secret_arn)["SecretString"]
    except client.exceptions.ResourceNotFoundException:
        return None, None
    secret: dict[str, str] = json.loads(text or "{}")
    return secret.get("password"), secret.get("username")


def new_password() -> str:
    return secrets.token_urlsafe(24)


def create_profile(email: str, name: str) -> dict[str, Any]:
    with db.transaction() as session:
        profile_id, api_key = accounts.create_profile(session, email=email, name=name)
    logger.info("profile_created", profile_id=str(profile_id), is_new=api_key is not None)
    return {"profile_id": str(profile_id), "api_key": api_key}
