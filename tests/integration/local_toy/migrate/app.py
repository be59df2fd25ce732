import json
import os
import secrets

import boto3
import psycopg
from psycopg import conninfo, sql

TABLES = (
    "CREATE TABLE IF NOT EXISTS seen (key text PRIMARY KEY)",
    "CREATE TABLE IF NOT EXISTS profiles (email text PRIMARY KEY)",
    "CREATE TABLE IF NOT EXISTS upgrades (at timestamptz DEFAULT now())",
    "CREATE TABLE IF NOT EXISTS alembic_version (version_num text)",
    "DELETE FROM alembic_version",
    "INSERT INTO alembic_version VALUES ('toy')",
    "INSERT INTO upgrades DEFAULT VALUES",
    "DROP ROLE IF EXISTS toy_worker",
)


def handler(event, context):
    with connect() as connection:
        if event["action"] == "upgrade":
            return upgrade(connection)
        inserted = connection.execute(
            "INSERT INTO profiles VALUES (%s) ON CONFLICT DO NOTHING RETURNING email",
            (event["email"],),
        ).fetchone()
        return {"profile_id": "toy-profile", "api_key": "toy-key" if inserted else None}


def upgrade(connection):
    for statement in TABLES:
        connection.execute(statement)
    password = secrets.token_urlsafe()
    role = sql.SQL("CREATE ROLE toy_worker LOGIN PASSWORD {}")
    connection.execute(role.format(sql.Literal(password)))
    address = conninfo.make_conninfo(connection.info.dsn, user="toy_worker", password=password)
    boto3.client("secretsmanager").put_secret_value(
        SecretId=os.environ["ROLE_SECRET_ARN"], SecretString=json.dumps({"dsn": address})
    )
    return {"revision": "toy"}


def connect():
    secret = boto3.client("secretsmanager").get_secret_value(
        SecretId=os.environ["DATABASE_SECRET_ARN"]
    )
    return psycopg.connect(json.loads(secret["SecretString"])["dsn"])
