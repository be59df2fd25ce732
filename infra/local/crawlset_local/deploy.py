"""Put the template into the emulator: bundles, the stack, and what the stack answers."""

import hashlib
import json
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

from crawlset_local import emulator, template
from crawlset_local.bundles import Artifacts
from crawlset_local.errors import DeployError, FunctionFailedError
from crawlset_local.home import write_whole
from crawlset_local.processes import wait_until

STACK = "crawlset-local"
OWNER_SECRET = f"{STACK}/owner-database"
TRANSLATED = "translated.json"
"""In a home: the template with plain resources, and the digest of what it was made of."""

DEPLOY_SECONDS = 120.0
LAPTOP = {"Stage": "local", "DatabasePauses": "false", "WithEvents": "true"}
"""What the template is told of where it is."""


@dataclass(frozen=True)
class Prepared:
    """A template and its code, ready to be deployed."""

    plain: dict[str, Any]
    artifacts: Artifacts


@dataclass(frozen=True)
class Stack:
    """A deployed stack: its outputs, and each resource's physical id by its logical one."""

    outputs: dict[str, str]
    resources: dict[str, str]
    api_id: str | None
    secrets: dict[str, str]
    """The resources that are secrets."""


def prepare(path: Path, home: Path) -> Prepared:
    """
    Make what `deploy` needs of the template at `path`, before there is an emulator.

    A translation is kept in `home` and taken again as long as the template and its code are the
    same. Raises `DeployError`.
    """
    artifacts = Artifacts(f"{STACK}-artifacts")
    plain = template.expand(
        template.load(path),
        base=path.resolve().parent,
        stack=STACK,
        bundle=artifacts.add_bundle,
        translate=lambda serverless: _translate(serverless, home / TRANSLATED),
    )
    return Prepared(plain, artifacts)


def deploy(prepared: Prepared, port: int, parameters: Mapping[str, str]) -> Stack:
    """
    Create or update the stack of a template in the emulator on `port`.

    Only those of `parameters` are passed that the template declares. Raises `DeployError`,
    which names the first resource that failed.
    """
    plain, artifacts = prepared.plain, prepared.artifacts
    chosen = template.known_parameters(plain, parameters)
    template.count_concurrency(plain, chosen)
    notifications = _take_notifications(plain["Resources"])
    body = artifacts.add(json.dumps(plain, default=str).encode(), ".json")
    _make_bucket(emulator.client("s3", port), artifacts.bucket)
    artifacts.store(port)
    cloudformation = emulator.client("cloudformation", port)
    arguments = {
        "StackName": STACK,
        "TemplateURL": f"{emulator.url(port)}/{artifacts.bucket}/{body}",
        "Capabilities": ["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM"],
        "Parameters": [{"ParameterKey": k, "ParameterValue": v} for k, v in chosen.items()],
    }
    try:
        if _status(cloudformation) is None and not _adopt_buckets(cloudformation, port, plain):
            cloudformation.create_stack(**arguments)
        else:
            _update(cloudformation, arguments)
    except cloudformation.exceptions.ClientError as error:
        raise DeployError(f"The template is refused: {error}") from error
    _wait(cloudformation)
    stack = _describe(cloudformation)
    _notify(port, stack, notifications)
    return stack


def put_owner_secret(port: int, dsn: str) -> str:
    """Keep the owner's `dsn` as the secret the template is told of; return its ARN."""
    return put_secret(port, OWNER_SECRET, {"dsn": dsn})


def put_secret(port: int, name: str, fields: Mapping[str, str]) -> str:
    """Keep `fields` as the secret of this name, over what it held; return its ARN."""
    secrets = emulator.client("secretsmanager", port)
    value = json.dumps(dict(fields))
    try:
        arn: str = secrets.create_secret(Name=name, SecretString=value)["ARN"]
    except secrets.exceptions.ResourceExistsException:
        arn = secrets.put_secret_value(SecretId=name, SecretString=value)["ARN"]
    return arn


def invoke(port: int, function: str, event: Mapping[str, Any]) -> Any:
    """What `function` (a physical name) answers. Raises `FunctionFailedError`."""
    answer = emulator.client("lambda", port, read_timeout=900).invoke(
        FunctionName=function, Payload=json.dumps(event)
    )
    payload = json.loads(answer["Payload"].read() or b"null")
    if "FunctionError" in answer:
        detail = payload if isinstance(payload, dict) else {}
        raise FunctionFailedError(
            function,
            detail.get("errorType", "Error"),
            detail.get("errorMessage", str(payload)),
        )
    return payload


def send(port: int, function: str, event: Mapping[str, Any]) -> None:
    """Have `function` (a physical name) invoked, and do not wait for it."""
    emulator.client("lambda", port).invoke(
        FunctionName=function, InvocationType="Event", Payload=json.dumps(event)
    )


def _translate(serverless: dict[str, Any], kept: Path) -> dict[str, Any]:
    made_of = json.dumps([version("aws-sam-translator"), serverless], default=str)
    digest = hashlib.sha256(made_of.encode()).hexdigest()
    try:
        content = json.loads(kept.read_bytes())
        if content["digest"] == digest:
            plain: dict[str, Any] = content["plain"]
            return plain
    except (OSError, ValueError, KeyError, TypeError):
        pass
    plain = template.translate(serverless)
    write_whole(kept, json.dumps({"digest": digest, "plain": plain}, default=str).encode())
    return plain


def _adopt_buckets(cloudformation: Any, port: int, plain: dict[str, Any]) -> bool:
    """
    Begin the stack with its buckets, made here if they are new; say whether it has any.

    Objects outlive the stack, and CloudFormation refuses to create a bucket that exists.
    """
    buckets = {
        name: resource["Properties"]["BucketName"]
        for name, resource in plain["Resources"].items()
        if resource["Type"] == "AWS::S3::Bucket"
    }
    if not buckets:
        return False
    s3 = emulator.client("s3", port)
    for bucket in buckets.values():
        _make_bucket(s3, bucket)
    body = {
        "Resources": {
            name: {
                "Type": "AWS::S3::Bucket",
                "DeletionPolicy": "Retain",
                "Properties": {"BucketName": bucket},
            }
            for name, bucket in buckets.items()
        }
    }
    change = cloudformation.create_change_set(
        StackName=STACK,
        ChangeSetName="adopt-buckets",
        ChangeSetType="IMPORT",
        TemplateBody=json.dumps(body),
        ResourcesToImport=[
            {
                "ResourceType": "AWS::S3::Bucket",
                "LogicalResourceId": name,
                "ResourceIdentifier": {"BucketName": bucket},
            }
            for name, bucket in buckets.items()
        ],
    )["Id"]
    wait_until(
        lambda: (
            cloudformation.describe_change_set(ChangeSetName=change)["Status"]
            not in {"CREATE_PENDING", "CREATE_IN_PROGRESS"}
        ),
        DEPLOY_SECONDS,
    )
    cloudformation.execute_change_set(ChangeSetName=change)
    _wait(cloudformation)
    return True


def _take_notifications(resources: template.Resources) -> dict[str, dict[str, Any]]:
    """
    Take out of buckets whom they tell of objects; by the buckets' logical ids.

    CloudFormation would have S3 send a test to each queue, and functions would start to read it.
    A bucket that tells anything but queues and functions of the template is left as it is.
    """
    taken = {}
    for name, resource in resources.items():
        properties = resource.get("Properties", {})
        stated = properties.get("NotificationConfiguration", {})
        if (
            resource["Type"] == "AWS::S3::Bucket"
            and stated
            and stated.keys() <= TOLD.keys()
            and all(_told(kind, one) in resources for kind in stated for one in stated[kind])
        ):
            taken[name] = properties.pop("NotificationConfiguration")
    return taken


def _told(kind: str, configuration: Mapping[str, Any]) -> str:
    """The logical id of what is told; empty if it is stated otherwise."""
    match configuration[TOLD[kind].stated]:
        case {"Fn::GetAtt": [str(name), "Arn"]}:
            return name
    return ""


def _notify(port: int, stack: Stack, notifications: Mapping[str, dict[str, Any]]) -> None:
    """Have buckets tell of objects, without the test that S3 sends unless told not to."""
    s3 = emulator.client("s3", port)
    for bucket, stated in notifications.items():
        asked = {
            TOLD[kind].asked: [
                {
                    TOLD[kind].arn: TOLD[kind].arn_of(stack.resources[_told(kind, one)]),
                    "Events": [one["Event"]],
                    "Filter": {
                        "Key": {
                            "FilterRules": one.get("Filter", {}).get("S3Key", {}).get("Rules", [])
                        }
                    },
                }
                for one in ones
            ]
            for kind, ones in stated.items()
        }
        s3.put_bucket_notification_configuration(
            Bucket=stack.resources[bucket],
            SkipDestinationValidation=True,
            NotificationConfiguration=asked,
        )


def _queue_arn(url: str) -> str:
    return f"arn:aws:sqs:{emulator.REGION}:{emulator.ACCOUNT}:{url.rpartition('/')[2]}"


def _function_arn(name: str) -> str:
    return f"arn:aws:lambda:{emulator.REGION}:{emulator.ACCOUNT}:function:{name}"


class Told(NamedTuple):
    """How a template names what a bucket tells, and how S3 is asked for it."""

    stated: str
    asked: str
    arn: str
    arn_of: Callable[[str], str]


TOLD = {
    "QueueConfigurations": Told("Queue", "QueueConfigurations", "QueueArn", _queue_arn),
    "LambdaConfigurations": Told(
        "Function", "LambdaFunctionConfigurations", "LambdaFunctionArn", _function_arn
    ),
}


def _make_bucket(s3: Any, bucket: str) -> None:
    with suppress(s3.exceptions.BucketAlreadyOwnedByYou):
        s3.create_bucket(Bucket=bucket)


def _update(cloudformation: Any, arguments: Mapping[str, Any]) -> None:
    try:
        cloudformation.update_stack(**arguments)
    except cloudformation.exceptions.ClientError as error:
        if "No updates" not in str(error):
            raise


def _status(cloudformation: Any) -> str | None:
    try:
        status: str = cloudformation.describe_stacks(StackName=STACK)["Stacks"][0]["StackStatus"]
    except cloudformation.exceptions.ClientError:
        return None
    return status


def _wait(cloudformation: Any) -> None:
    settled = wait_until(
        lambda: not (_status(cloudformation) or "").endswith("IN_PROGRESS"),
        DEPLOY_SECONDS,
    )
    status = _status(cloudformation) or ""
    if not settled or "ROLLBACK" in status or "FAILED" in status:
        raise DeployError(f"The deploy ended as {status}. {_first_failure(cloudformation)}")


def _first_failure(cloudformation: Any) -> str:
    events = cloudformation.describe_stack_events(StackName=STACK)["StackEvents"]
    for event in reversed(events):
        if event["ResourceStatus"].endswith("FAILED"):
            return (
                f"{event['LogicalResourceId']} ({event['ResourceType']}): "
                f"{event.get('ResourceStatusReason', 'no reason given')}"
            )
    return "No resource says why."


def _describe(cloudformation: Any) -> Stack:
    outputs = cloudformation.describe_stacks(StackName=STACK)["Stacks"][0].get("Outputs", [])
    resources = cloudformation.describe_stack_resources(StackName=STACK)["StackResources"]
    apis = [
        r["PhysicalResourceId"] for r in resources if r["ResourceType"] == "AWS::ApiGatewayV2::Api"
    ]
    secrets = {
        r["LogicalResourceId"]: r["PhysicalResourceId"]
        for r in resources
        if r["ResourceType"] == "AWS::SecretsManager::Secret"
    }
    return Stack(
        outputs={o["OutputKey"]: o["OutputValue"] for o in outputs},
        resources={r["LogicalResourceId"]: r["PhysicalResourceId"] for r in resources},
        api_id=apis[0] if apis else None,
        secrets=secrets,
    )
