"""
What moto's server makes of the template by CloudFormation, beside the emulator of a laptop.

Two implementations that know nothing of each other read the same resources. Functions, their
permissions, what they answer for and the API are left to the laptop's emulator, which runs them.
"""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import boto3
import pytest

from crawlset_local.ports import is_listening, momentary_port
from crawlset_local.processes import clean_environment, wait_until
from tests.infra import stack

LEFT_TO_THE_LAPTOP = ("AWS::Lambda::", "AWS::ApiGatewayV2::", "Custom::")
UNKNOWN = {
    "AWS::CloudWatch::Alarm": "moto makes alarms by PutMetricAlarm alone, as a test below does",
    "AWS::CodeDeploy::Application": "moto knows no rollouts; tests/infra reads them",
    "AWS::CodeDeploy::DeploymentGroup": "the same",
    "AWS::Logs::QueryDefinition": "moto has no saved queries",
    "AWS::S3::BucketPolicy": "moto has bucket policies, but not in CloudFormation",
    "AWS::SQS::QueuePolicy": "moto has queues' policies, but not in CloudFormation",
    "AWS::SecretsManager::Secret": "moto has secrets, but not in CloudFormation",
}
"""The types that moto 5.2.5 makes nothing of, and why the rest is not less tested for it."""
STACK, ACCOUNT, REGION = "crawlset-second", "123456789012", "us-east-1"
BUCKET = f"{STACK}-{ACCOUNT}-{REGION}"
START_SECONDS = 120
PARAMETERS = {
    "Contact": "tests@example.org",
    "DatabaseSecretArn": "arn:aws:secretsmanager:us-east-1:123456789012:secret:owner",
    # moto takes no first element of an empty list, on which a condition stands.
    "SubnetIds": "subnet-1,subnet-2",
    "SecurityGroupIds": "sg-1",
    "WithWebhooks": "true",
}


@dataclass(frozen=True)
class Second:
    """moto's server, and the stack in it."""

    url: str
    template: dict[str, Any]

    def client(self, service: Any) -> Any:
        return boto3.client(service, endpoint_url=self.url, region_name=REGION)

    def made(self) -> dict[str, str]:
        """The type of each resource that came to be, by logical id."""
        answer = self.client("cloudformation").describe_stack_resources(StackName=STACK)
        # What moto makes nothing of is listed without a name.
        told = [one for one in answer["StackResources"] if "ResourceType" in one]
        return {one["LogicalResourceId"]: one["ResourceType"] for one in told}

    def attributes(self, queue: str) -> dict[str, str]:
        sqs = self.client("sqs")
        url = sqs.get_queue_url(QueueName=queue)["QueueUrl"]
        attributes: dict[str, str] = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])[
            "Attributes"
        ]
        return attributes


def with_stand_ins() -> dict[str, Any]:
    """The template without what moto is not asked for: names of it, and made-up ARNs, stay."""
    written, resources = stack.written(), stack.resources()
    left = {
        name
        for name, resource in resources.items()
        if resource["Type"].startswith(LEFT_TO_THE_LAPTOP)
        or resource["Type"] == "AWS::SecretsManager::Secret"
    }

    def arn(name: str) -> str:
        return f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{name}"

    def without(value: Any) -> Any:
        match value:
            case {"Fn::GetAtt": [str(name), _]} if name in left:
                return arn(name)
            case str():
                return re.sub(
                    r"\$\{(\w+)\.\w+\}", lambda m: arn(m[1]) if m[1] in left else m[0], value
                )
            case dict():
                return {key: without(each) for key, each in value.items()}
            case list():
                return [without(each) for each in value]
        return value

    return {
        "Parameters": written["Parameters"]
        | {name: {"Type": "String", "Default": name} for name in left},
        "Conditions": written["Conditions"],
        "Resources": {name: without(each) for name, each in resources.items() if name not in left},
    }


@pytest.fixture(scope="module")
def second() -> Iterator[Second]:
    port = momentary_port()
    keys = {"AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "testing"}
    process = subprocess.Popen(
        [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)],
        env=clean_environment(**keys),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        assert wait_until(lambda: is_listening(port), START_SECONDS)
        second = Second(f"http://127.0.0.1:{port}", with_stand_ins())
        second.client("cloudformation").create_stack(
            StackName=STACK,
            TemplateBody=json.dumps(second.template),
            Capabilities=["CAPABILITY_IAM"],
            Parameters=[{"ParameterKey": k, "ParameterValue": v} for k, v in PARAMETERS.items()],
        )
        yield second
    finally:
        process.kill()
        process.wait()


class TestSecondEmulator:
    def test_makes_every_resource_of_a_type_that_it_knows(self, second: Second) -> None:
        (told,) = second.client("cloudformation").describe_stacks(StackName=STACK)["Stacks"]
        made = second.made()
        not_made = {
            resource["Type"]
            for name, resource in second.template["Resources"].items()
            if "Condition" not in resource and name not in made
        }

        assert told["StackStatus"] == "CREATE_COMPLETE"
        assert not_made == set(UNKNOWN) - {"AWS::SecretsManager::Secret"}

    @pytest.mark.parametrize("name", sorted(stack.work_queues()))
    def test_keeps_what_a_queue_says_of_its_messages(self, second: Second, name: str) -> None:
        stated = stack.work_queues()[name]
        queue = stated["QueueName"]["Fn::Sub"].replace("${AWS::StackName}", STACK)
        dead = stack.dead_letter_queues()[f"{name}DeadLetters"]
        dead = dead["QueueName"]["Fn::Sub"].replace("${AWS::StackName}", STACK)

        told = second.attributes(queue)

        assert told["VisibilityTimeout"] == str(stated["VisibilityTimeout"])
        assert told["MessageRetentionPeriod"] == str(stated["MessageRetentionPeriod"])
        assert told.get("FifoQueue", "false") == str(stated.get("FifoQueue", False)).lower()
        assert json.loads(told["RedrivePolicy"]) == {
            "deadLetterTargetArn": second.attributes(dead)["QueueArn"],
            "maxReceiveCount": 5,
        }

    def test_bucket_is_encrypted_and_may_tell_its_queues(self, second: Second) -> None:
        """moto's CloudFormation reads the encryption alone; what it tells is put as S3 takes it."""
        s3, (bucket,) = second.client("s3"), stack.of_type("AWS::S3::Bucket").values()
        encryption = s3.get_bucket_encryption(Bucket=BUCKET)["ServerSideEncryptionConfiguration"]
        queues = bucket["NotificationConfiguration"]["QueueConfigurations"]
        names = {"PlanQueue": f"{STACK}-plan", "ResultsQueue": f"{STACK}-results"}

        s3.put_bucket_notification_configuration(
            Bucket=BUCKET,
            NotificationConfiguration={
                "QueueConfigurations": [
                    {
                        "QueueArn": second.attributes(names[stack.target(one["Queue"])])[
                            "QueueArn"
                        ],
                        "Events": [one["Event"]],
                        "Filter": {"Key": {"FilterRules": one["Filter"]["S3Key"]["Rules"]}},
                    }
                    for one in queues
                ]
            },
        )

        default = encryption["Rules"][0]["ApplyServerSideEncryptionByDefault"]
        assert default["SSEAlgorithm"] == "AES256"
        told = s3.get_bucket_notification_configuration(Bucket=BUCKET)["QueueConfigurations"]
        assert len(told) == len(queues)

    def test_rules_wake_the_round_and_bury_broken_executions(self, second: Second) -> None:
        events = second.client("events")

        rules = {one["Name"]: one for one in events.list_rules()["Rules"]}
        targets = {
            target["Arn"].rpartition(":")[2]: rule
            for name, rule in rules.items()
            for target in events.list_targets_by_rule(Rule=name)["Targets"]
        }

        assert targets["TickFunction"]["ScheduleExpression"] == "rate(1 minute)"
        pattern = json.loads(targets["DeadLettersFunction"]["EventPattern"])
        assert pattern["source"] == ["aws.states"]

    def test_state_machine_has_a_substitute_for_each_placeholder(self, second: Second) -> None:
        """moto leaves them as they are, CloudFormation puts in what the template says."""
        machines = second.client("stepfunctions")
        (machine,) = machines.list_state_machines()["stateMachines"]

        told = machines.describe_state_machine(stateMachineArn=machine["stateMachineArn"])

        assert machine["name"] == f"{STACK}-pipeline"
        assert json.loads(told["definition"])["StartAt"] == "IsValidationAsked"
        (stated,) = stack.of_type("AWS::StepFunctions::StateMachine").values()
        assert set(re.findall(r"\$\{(\w+)\}", told["definition"])) == set(
            stated["DefinitionSubstitutions"]
        )

    def test_webhooks_key_is_renewed_each_year(self, second: Second) -> None:
        kms = second.client("kms")
        (key,) = [one["KeyId"] for one in kms.list_keys()["Keys"]]

        assert kms.get_key_rotation_status(KeyId=key)["KeyRotationEnabled"]

    def test_takes_every_alarm(self, second: Second) -> None:
        """By the API, whose parameters are what CloudFormation's alarms are made of."""
        cloudwatch = second.client("cloudwatch")
        alarms = stack.of_type("AWS::CloudWatch::Alarm")
        for name, stated in alarms.items():
            literal = json.loads(json.dumps(stated), object_hook=_named)
            cloudwatch.put_metric_alarm(AlarmName=name, **literal | {"AlarmActions": []})

        told = cloudwatch.describe_alarms(MaxRecords=100)["MetricAlarms"]

        assert {one["AlarmName"] for one in told} == set(alarms)


def _named(value: dict[str, Any]) -> Any:
    """A reference as the name of what it refers to, a conditional value as none."""
    match value:
        case {"Ref": str(name)} | {"Fn::GetAtt": [str(name), _]} | {"Fn::Sub": str(name)}:
            return name
        case {"Fn::If": _}:
            return []
    return value
