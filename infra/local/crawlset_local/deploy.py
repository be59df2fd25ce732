"""Put the template into the emulator: bundles, the stack, and what the stack answers."""

import hashlib
import io
import json
import shlex
import sys
import zipfile
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from crawlset_local import emulator, runtime_bootstrap, template
from crawlset_local.errors import DeployError, FunctionFailedError
from crawlset_local.processes import wait_until

STACK = "crawlset-local"
OWNER_SECRET = f"{STACK}/owner-database"
DEPLOY_SECONDS = 120.0
_EPOCH = (1980, 1, 1, 0, 0, 0)
_NOT_CODE = {"__pycache__", ".mypy_cache", ".ruff_cache", ".pytest_cache"}


@dataclass(frozen=True)
class Stack:
    """A deployed stack: its outputs, and each resource's physical id by its logical one."""

    outputs: dict[str, str]
    resources: dict[str, str]
    api_id: str | None


def deploy(path: Path, port: int, parameters: Mapping[str, str]) -> Stack:
    """
    Create or update the stack of the template at `path` in the emulator on `port`.

    Of `parameters` only those are passed that the template declares. Raises `DeployError`,
    which names the first resource that failed.
    """
    written = template.load(path)
    chosen = template.known_parameters(written, parameters)
    artifacts = _Artifacts(port)
    plain = template.expand(
        written,
        base=path.resolve().parent,
        stack=STACK,
        parameters=chosen,
        bundle=artifacts.add,
    )
    body = artifacts.put(json.dumps(plain, default=str).encode(), ".json")
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
    except ClientError as error:
        raise DeployError(f"The template is refused: {error}") from error
    _wait(cloudformation)
    artifacts.forget_others()
    return _describe(cloudformation)


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


class _Artifacts:
    """The bucket of bundles; what is put twice is stored once."""

    def __init__(self, port: int) -> None:
        self.bucket = f"{STACK}-artifacts"
        self._s3 = emulator.client("s3", port)
        self._keys: set[str] = set()
        _make_bucket(self._s3, self.bucket)

    def add(self, directory: Path) -> str:
        return f"s3://{self.bucket}/{self.put(_zip(directory), '.zip')}"

    def put(self, body: bytes, suffix: str) -> str:
        key = hashlib.sha256(body).hexdigest() + suffix
        if key not in self._keys:
            self._s3.put_object(Bucket=self.bucket, Key=key, Body=body)
            self._keys.add(key)
        return key

    def forget_others(self) -> None:
        for page in self._s3.get_paginator("list_objects_v2").paginate(Bucket=self.bucket):
            for entry in page.get("Contents", ()):
                if entry["Key"] not in self._keys:
                    self._s3.delete_object(Bucket=self.bucket, Key=entry["Key"])


def _zip(directory: Path) -> bytes:
    """`directory` and the laptop's runtime as a bundle; the same files give the same bytes."""
    if not directory.is_dir():
        raise DeployError(f"The code directory {directory} does not exist.")
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for path in sorted(directory.rglob("*")):
            if path.is_file() and not _NOT_CODE.intersection(path.parts):
                entry = zipfile.ZipInfo(path.relative_to(directory).as_posix(), _EPOCH)
                entry.external_attr = 0o100644 << 16
                archive.writestr(entry, path.read_bytes())
        entry = zipfile.ZipInfo("bootstrap", _EPOCH)
        entry.external_attr = 0o100755 << 16
        archive.writestr(entry, _bootstrap())
    return buffer.getvalue()


def _bootstrap() -> str:
    runtime = shlex.join([sys.executable, "-P", runtime_bootstrap.__file__])
    not_inherited = " ".join(emulator.ALLOCATOR)
    return f"#!/bin/sh\nunset {not_inherited}\nexec {runtime}\n"


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


def _make_bucket(s3: Any, bucket: str) -> None:
    with suppress(s3.exceptions.BucketAlreadyOwnedByYou):
        s3.create_bucket(Bucket=bucket)


def _update(cloudformation: Any, arguments: Mapping[str, Any]) -> None:
    try:
        cloudformation.update_stack(**arguments)
    except ClientError as error:
        if "No updates" not in str(error):
            raise


def _status(cloudformation: Any) -> str | None:
    try:
        status: str = cloudformation.describe_stacks(StackName=STACK)["Stacks"][0]["StackStatus"]
    except ClientError:
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
    return Stack(
        outputs={o["OutputKey"]: o["OutputValue"] for o in outputs},
        resources={r["LogicalResourceId"]: r["PhysicalResourceId"] for r in resources},
        api_id=apis[0] if apis else None,
    )
