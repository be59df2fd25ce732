import json
import os

import boto3
import psycopg


class ToyError(Exception):
    pass


def handler(event, context):
    if event.get("action") == "fail":
        raise ToyError("as asked")
    secret = boto3.client("secretsmanager").get_secret_value(
        SecretId=os.environ["DATABASE_SECRET_ARN"]
    )
    with psycopg.connect(json.loads(secret["SecretString"])["dsn"]) as connection:
        for record in event.get("Records", []):
            body = json.loads(record["body"])
            for key in [r["s3"]["object"]["key"] for r in body.get("Records", [])] + body.get(
                "keys", []
            ):
                connection.execute("INSERT INTO seen VALUES (%s) ON CONFLICT DO NOTHING", (key,))
    return {"batchItemFailures": []}
