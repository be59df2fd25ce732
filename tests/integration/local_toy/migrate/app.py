import json
import os

import boto3
import psycopg


def handler(event, context):
    with connect() as connection:
        if event["action"] == "upgrade":
            connection.execute("CREATE TABLE IF NOT EXISTS seen (key text PRIMARY KEY)")
            connection.execute("CREATE TABLE IF NOT EXISTS profiles (email text PRIMARY KEY)")
            return {"revision": "toy"}
        inserted = connection.execute(
            "INSERT INTO profiles VALUES (%s) ON CONFLICT DO NOTHING RETURNING email",
            (event["email"],),
        ).fetchone()
        return {"profile_id": "toy-profile", "api_key": "toy-key" if inserted else None}


def connect():
    secret = boto3.client("secretsmanager").get_secret_value(
        SecretId=os.environ["DATABASE_SECRET_ARN"]
    )
    return psycopg.connect(json.loads(secret["SecretString"])["dsn"])
