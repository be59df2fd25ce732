"""Where the database is, and how its server proves that it is the one."""

import ipaddress
import json
import tempfile
from hashlib import sha256
from pathlib import Path
from typing import Any

import certifi
import psycopg
from botocore.exceptions import BotoCoreError, ClientError
from sqlalchemy import URL, make_url

from crawlset.kit import aws
from crawlset.settings import database_settings

RDS_AUTHORITIES = Path(__file__).with_name("rds-authorities.pem")
"""Certificates of who signs those of RDS and of RDS Proxy, which no system has."""
RDS_HOSTS = (".rds.amazonaws.com", ".rds.amazonaws.com.cn")


def read_secret() -> dict[str, Any]:
    arn = database_settings().database_secret_arn
    secret: dict[str, Any] = json.loads(
        aws.secretsmanager().get_secret_value(SecretId=arn)["SecretString"]
    )
    return secret


def url_of_secret(secret: dict[str, Any]) -> URL:
    """The address a secret holds: `{"dsn": …}`, or the fields that RDS writes."""
    if "dsn" in secret:
        return make_url(secret["dsn"]).set(drivername="postgresql+psycopg")
    return URL.create(
        "postgresql+psycopg",
        username=secret["username"],
        password=secret["password"],
        host=secret["host"],
        port=int(secret.get("port", 5432)),
        database=secret.get("dbname") or "postgres",
    )


def verified(url: URL, authorities: str = "") -> URL:
    """
    The address at which the server's certificate is verified, unless the address says how itself.

    libpq's own default, `prefer`, encrypts for whoever answers, and does without if that is asked
    of it (https://www.postgresql.org/docs/current/libpq-ssl.html). Trusted are `authorities` (PEM),
    or else those of RDS at its hosts, and those of browsers elsewhere. A server on this machine
    needs no certificate.
    """
    if "sslmode" in url.query or _is_here(url.host):
        return url
    trusted = _kept(authorities) if authorities else _usual(str(url.host))
    return url.update_query_dict({"sslmode": "verify-full", "sslrootcert": str(trusted)})


def database_url() -> URL:
    """Where the database is, and whose certificates are trusted there."""
    secret = read_secret()
    url = url_of_secret(secret)
    return verified(url, secret.get("authorities", ""))


def connect(dialect: Any, _: Any, arguments: Any, parameters: dict[str, Any]) -> Any:
    """
    Connect with the login that the engine was made with, or with a newer one of the secret.

    Logins are changed while we are running: who is refused looks whether theirs was. `parameters`
    are the engine's own, for every connection.
    """
    try:
        return dialect.connect(*arguments, **parameters)
    except psycopg.OperationalError as error:
        try:
            _, told = dialect.create_connect_args(database_url())
        except (BotoCoreError, ClientError):
            raise error from None
        if told.items() <= parameters.items():
            raise
        parameters.update(told)
        return dialect.connect(*arguments, **parameters)


def _is_here(host: str | None) -> bool:
    """Whether `host` is loopback, or a socket's directory."""
    if host is None or host.startswith("/") or host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _usual(host: str) -> Path:
    """The package of a laptop has no file of RDS's; what certifi has is enough for RDS Proxy."""
    is_of_rds = host.endswith(RDS_HOSTS) and RDS_AUTHORITIES.is_file()
    return RDS_AUTHORITIES if is_of_rds else Path(certifi.where())


def _kept(authorities: str) -> Path:
    """A file with these, as libpq reads nothing else."""
    digest = sha256(authorities.encode()).hexdigest()[:16]
    path = Path(tempfile.gettempdir(), f"database-authorities-{digest}.pem")
    path.write_text(authorities, encoding="ascii")
    return path
