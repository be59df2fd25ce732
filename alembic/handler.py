"""
What only the owner of the database may do; a deployment invokes it.

`{"action": "upgrade"}` migrates, makes a login for each role, and writes its address into that
role's secret. `{"action": "rotate_logins"}` gives each login a new password; functions read theirs
again when the old one is refused. `{"action": "create_profile", "email": …, "name": …}` makes an
account with an API key, which the answer shows once; an account that exists answers with no key.
"""

import json
import os
import secrets
from pathlib import Path
from typing import TYPE_CHECKING, Any

import alembic.command
from alembic.config import Config
from aws_lambda_powertools.utilities.typing import LambdaContext
from sqlalchemy import URL, Connection, create_engine, pool, text

from crawlset.accounts import service as accounts
from crawlset.kit import aws, database_address, db
from crawlset.kit.logins import ensure_login
from crawlset.observability import logger

if TYPE_CHECKING:
    from types_boto3_secretsmanager import SecretsManagerClient

SECRETS = {
    "crawlset_api": "API_DATABASE_SECRET_ARN",
    "crawlset_worker": "WORKER_DATABASE_SECRET_ARN",
    "crawlset_tick": "TICK_DATABASE_SECRET_ARN",
}


@logger.inject_lambda_context
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    match event:
        case {"action": "upgrade" | "rotate_logins" as action}:
            secret = database_address.read_secret()
            url = database_address.url_of_secret(secret)
            change = upgrade if action == "upgrade" else rotate_logins
            return change(url, secret.get("authorities", ""))
        case {"action": "create_profile", "email": str(email), **rest}:
            return create_profile(email, rest.get("name") or email)
    message = "Send an action: upgrade, rotate_logins, or create_profile with an email."
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


def rotate_logins(url: URL, authorities: str = "") -> dict[str, Any]:
    """
    Give the login of each role a new password, one after the other.

    A secret is written before its password holds: whoever reads it meanwhile tries again. If it
    breaks off between, an upgrade makes what the secrets say hold.
    """
    engine = create_engine(database_address.verified(url, authorities), poolclass=pool.NullPool)
    for role, variable in SECRETS.items():
        with engine.begin() as connection:
            publish_login(connection, url, role, os.environ[variable], authorities, is_renewed=True)
        logger.info("login_rotated", role=role)
    return {"rotated": list(SECRETS)}


def publish_login(
    connection: Connection,
    url: URL,
    role: str,
    secret_arn: str,
    authorities: str,
    *,
    is_renewed: bool = False,
) -> None:
    """
    Write the role's address into its secret: a DSN for us, and the fields RDS Proxy reads.

    A password once made stays unless it `is_renewed`: functions that are running hold it.
    """
    client = aws.secretsmanager()
    kept = None if is_renewed else existing_password(client, secret_arn)
    password = kept or secrets.token_urlsafe(24)
    username = ensure_login(connection, role, password)
    address = url.set(drivername="postgresql", username=username, password=password)
    secret = {
        "dsn": address.render_as_string(hide_password=False),
        "username": username,
        "password": password,
        "host": url.host,
        "port": url.port,
        "dbname": url.database,
        "authorities": authorities,
    }
    client.put_secret_value(SecretId=secret_arn, SecretString=json.dumps(secret))


def existing_password(client: "SecretsManagerClient", secret_arn: str) -> str | None:
    try:
        secret = client.get_secret_value(SecretId=secret_arn)["SecretString"]
    except client.exceptions.ResourceNotFoundException:
        return None
    password: str | None = json.loads(secret or "{}").get("password")
    return password


def create_profile(email: str, name: str) -> dict[str, Any]:
    with db.transaction() as session:
        profile_id, api_key = accounts.create_profile(session, email=email, name=name)
    logger.info("profile_created", profile_id=str(profile_id), is_new=api_key is not None)
    return {"profile_id": str(profile_id), "api_key": api_key}
