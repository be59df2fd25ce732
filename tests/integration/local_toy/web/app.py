import json
import os

import boto3
import psycopg


def handler(event, context):
    match event["rawPath"].removeprefix("/api/"):
        case "health":
            return answer(200, {"status": "ok"})
        case "environment":
            return answer(200, dict(os.environ))
        case "echo":
            return answer(
                200,
                {
                    "method": event["requestContext"]["http"]["method"],
                    "query": event["rawQueryString"],
                    "header": event["headers"].get("x-toy"),
                    "body": event.get("body"),
                },
            )
        case "seen":
            return answer(200, seen())
        case "secrets":
            # The policies of this function do not allow it.
            boto3.client("sqs").send_message(QueueUrl=os.environ["WORK_QUEUE_URL"], MessageBody="")
        case "raise":
            raise RuntimeError("a secret of the stack trace")
        case "problem":
            return answer(409, {"code": "ToyConflictError"}, "application/problem+json")
    return answer(404, {"code": "ToyMissingError"}, "application/problem+json")


def seen():
    secret = boto3.client("secretsmanager").get_secret_value(
        SecretId=os.environ["DATABASE_SECRET_ARN"]
    )
    with psycopg.connect(json.loads(secret["SecretString"])["dsn"]) as connection:
        return [row[0] for row in connection.execute("SELECT key FROM seen ORDER BY key")]


def answer(status, content, kind="application/json"):
    return {"statusCode": status, "headers": {"Content-Type": kind}, "body": json.dumps(content)}
