"""What roles may do: each statement of every role, and what takes back what SAM gives them all."""

import re
from collections.abc import Iterator
from typing import Any

import pytest

from tests.infra.permissions import MEASURERS, TOWERS, actions_of, objects_that
from tests.infra.stack import (
    denials,
    functions,
    listed,
    of_type,
    resources,
    role_of,
    statements,
    target,
    texts,
    uses_of_key,
    work_queues,
    written,
)

EVERY_FUNCTION = sorted(functions())
VALIDATORS = ["ColourfulnessFunction"]
LISTS_BELOW = (
    "DiscoverFunctionRole",
    "arn:${AWS::Partition}:s3:::${ListBucket}/${ListPrefix}*",
)
"""What is not in the stack's own bucket and may be read: lists below the prefix that is named."""
ASKED_FOR = (
    "StartFunctionRole",
    "arn:${AWS::Partition}:s3:::${AWS::StackName}-${AWS::AccountId}-${AWS::Region}/executions/*.json",
)
"""Objects of the bucket, whose name is composed as the bucket waits for the function."""
VERSIONS_THAT_MIGRATE = ("UpgradeFunctionRole", "${MigrateFunction.Arn}:*")
LOGS = "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole"
NETWORK = "arn:aws:iam::aws:policy/service-role/AWSLambdaVPCAccessExecutionRole"
NAMELESS = {"DeliverLogs", "WriteTraces"}
"""What concerns no resource that a policy could name, and is allowed where it is asked for."""
SENT_TO = {
    "ApiFunction": {"ChunksQueue", "DiscoverQueue", "HostLanesQueue", "TakedownsQueue"},
    "DeadLettersFunction": {"TakedownsQueue"},
    "DeliverFunction": {"ResultsQueue"},
    "PlanFunction": {"ChunksQueue", "DiscoverQueue", "HostLanesQueue"},
    "RecordFunction": {"TakedownsQueue"},
    "TakedownFunction": {"TakedownsQueue"},
    "TickFunction": set(work_queues()),
}
"""The queues whose messages a function posts; the tick sends on what others could not."""
LISTED_BY = {
    "ExportFunction": ["exports/*"],
    "FindFunction": ["jobs/*/vectors/*"],
    "TakedownFunction": ["jobs/*/chunks/*", "jobs/*/vectors/*", "exports/*"],
    "TickFunction": ["uploads/*", "jobs/*", "validations/*", "exports/*", "executions/*"],
    "ValidateFunction": ["validations/*"],
}
"""Prefixes of the bucket that a function lists."""


def allowed() -> Iterator[tuple[str, dict[str, Any]]]:
    for name, role in of_type("AWS::IAM::Role").items():
        for statement in statements(role):
            yield name, statement


class TestRoles:
    def test_are_one_a_function(self) -> None:
        roles = [target(function["Role"]) for function in functions().values()]

        assert len(set(roles)) == len(roles)

    def test_name_every_action(self) -> None:
        wild = [(name, a) for name, s in allowed() for a in listed(s["Action"]) if "*" in a]

        assert wild == []

    def test_name_every_resource(self) -> None:
        """
        The key of an object, the name of a child execution and the version of what migrates may be
        patterns; nothing else.
        """
        wild = [
            (name, text)
            for name, statement in allowed()
            for resource in listed(statement["Resource"])
            for text in texts(resource)
            if "*" in text
            and not re.match(
                r"\$\{Bucket\.Arn\}/(uploads|jobs|exports|executions|validations|sources|models|tick)/",
                text,
            )
            and (name, text) not in {LISTS_BELOW, ASKED_FOR, VERSIONS_THAT_MIGRATE}
            and not re.search(r":execution:\$\{AWS::StackName\}-pipeline[:/]\*$", text)
            and statement.get("Sid") not in NAMELESS
        ]

        assert wild == []

    def test_find_lists_below_the_prefix_that_is_named_and_nowhere_else(self) -> None:
        found = [(name, s) for name, s in allowed() if s.get("Sid") == "FindLists"]

        [(name, statement)] = found
        assert name == "DiscoverFunctionRole"
        assert statement["Resource"] == {"Fn::Sub": "arn:${AWS::Partition}:s3:::${ListBucket}"}
        assert statement["Condition"] == {
            "StringLike": {"s3:prefix": {"Fn::Sub": "${ListPrefix}*"}}
        }

    def test_allow_nothing_by_exception(self) -> None:
        for _, statement in allowed():
            assert {"NotAction", "NotResource"}.isdisjoint(statement)

    def test_take_from_aws_only_what_logs_and_networks_need(self) -> None:
        for name, function in functions().items():
            expected = {LOGS, NETWORK} if "VpcConfig" in function else {LOGS}
            assert set(role_of(name)["ManagedPolicyArns"]) == expected

    def test_of_the_state_machine_runs_its_functions_and_whom_they_ask(self) -> None:
        machine = of_type("AWS::StepFunctions::StateMachine")["PipelineStateMachine"]
        role = resources()[target(machine["RoleArn"])]["Properties"]

        own, *allowed = (s for s in statements(role) if s["Action"] == "lambda:InvokeFunction")

        assert {s["Sid"] for s in statements(role)} - {s["Sid"] for s in (own, *allowed)} == {
            "StartExecutions",
            "FollowGroups",
            *NAMELESS,
        }
        expected = {"ValidateFunction", "ExportFunction", *VALIDATORS, *MEASURERS}
        assert {target(r) for r in own["Resource"]} == expected
        assert [target(each["Resource"]) for each in allowed] == [
            "ValidatorArns",
            "MeasurerArns",
            TOWERS,
        ]

    def test_of_the_state_machine_is_taken_by_this_machine_only(self) -> None:
        """
        Step Functions would else act for whoever gives it the role's name: a confused deputy.

        https://docs.aws.amazon.com/step-functions/latest/dg/procedure-create-iam-role.html
        """
        (trust,) = resources()["PipelineStateMachineRole"]["Properties"][
            "AssumeRolePolicyDocument"
        ]["Statement"]
        machine = of_type("AWS::StepFunctions::StateMachine")["PipelineStateMachine"]
        sources = [s["Fn::Sub"] for s in trust["Condition"]["ArnLike"]["aws:SourceArn"]]
        name = machine["StateMachineName"]["Fn::Sub"]

        assert trust["Principal"] == {"Service": "states.amazonaws.com"}
        assert trust["Condition"]["StringEquals"] == {
            "aws:SourceAccount": {"Ref": "AWS::AccountId"}
        }
        assert [source.partition(":stateMachine:")[2] for source in sources] == [name, f"{name}/*"]


@pytest.mark.parametrize("name", EVERY_FUNCTION)
class TestRoleOfEveryFunction:
    def test_logs_to_the_group_of_the_stack_only(self, name: str) -> None:
        """The managed policy names no group; metrics and what is audited are logs too."""
        (denial,) = [d for d in denials(role_of(name)) if "logs:PutLogEvents" in d["Action"]]

        groups = {target(r) if "Fn::GetAtt" in r else r["Fn::Sub"] for r in denial["NotResource"]}

        assert groups == {
            "ServiceLogGroup",
            "arn:${AWS::Partition}:logs:${AWS::Region}:${AWS::AccountId}:log-group:${ServiceLogGroup}",
        }
        assert "logs:CreateLogStream" in denial["Action"]
        assert "Condition" not in denial

    def test_leaves_network_interfaces_to_lambda(self, name: str) -> None:
        """
        The key is in requests that a function's code makes, not in those of Lambda itself.

        https://docs.aws.amazon.com/lambda/latest/dg/permissions-source-function-arn.html
        """
        (denial,) = [
            d for d in denials(role_of(name)) if "ec2:CreateNetworkInterface" in d["Action"]
        ]

        assert denial["Resource"] == "*"
        assert denial["Condition"] == {"Null": {"lambda:SourceFunctionArn": "false"}}

    def test_sends_what_the_function_posts(self, name: str) -> None:
        reached = {
            target(resource)
            for statement in statements(role_of(name))
            if "sqs:SendMessage" in listed(statement["Action"])
            for resource in listed(statement["Resource"])
        }

        assert reached == SENT_TO.get(name, set())

    def test_lists_the_prefixes_that_the_function_lists(self, name: str) -> None:
        found = [
            prefix
            for statement in statements(role_of(name))
            if statement["Action"] == "s3:ListBucket" and statement.get("Sid") != "FindLists"
            for prefix in statement.get("Condition", {})["StringLike"]["s3:prefix"]
        ]

        assert found == LISTED_BY.get(name, [])


class TestRoleWithKey:
    def test_uses_it_through_services_only(self) -> None:
        for name in functions():
            (using,) = uses_of_key(role_of(name))
            via = using["Condition"]["StringEquals"]["kms:ViaService"]

            assert using["Action"] == ["kms:Decrypt", "kms:GenerateDataKey"]
            assert using["Resource"] == {"Ref": "KmsKeyArn"}
            assert [v["Fn::Sub"].partition(".")[0] for v in via] == ["s3", "sqs", "secretsmanager"]

    def test_is_asked_for(self) -> None:
        """A key, traces and logs of executions are there if parameters say so."""
        defaults = {n: p.get("Default") for n, p in written()["Parameters"].items()}
        source = written()["Resources"]
        policies = source["PipelineStateMachineRole"]["Properties"]["Policies"]
        asked = [
            s["Fn::If"][0]
            for s in policies[0]["PolicyDocument"]["Statement"]
            if "Fn::If" in s and s["Fn::If"][1]["Sid"] in NAMELESS
        ]

        assert defaults["KmsKeyArn"] == defaults["PermissionsBoundaryArn"] == ""
        assert (defaults["Tracing"], defaults["PipelineLogLevel"]) == ("Disabled", "OFF")
        assert asked == ["HasPipelineLog", "IsTraced"]


class TestBoundary:
    @pytest.mark.parametrize("name", sorted(of_type("AWS::IAM::Role")))
    def test_is_that_of_a_parameter(self, name: str) -> None:
        condition, boundary, _ = of_type("AWS::IAM::Role")[name]["PermissionsBoundary"]["Fn::If"]

        assert (condition, target(boundary)) == ("HasBoundary", "PermissionsBoundaryArn")


class TestRoleOfFetch:
    def test_overwrites_and_removes_nothing(self) -> None:
        """
        A fetcher has met the internet: it may add packs and outcomes, and change none.

        https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes-enforce.html
        """
        (denial,) = [d for d in denials(role_of("FetchFunction")) if d["Action"] == "s3:PutObject"]
        (allowance,) = [
            s for s in statements(role_of("FetchFunction")) if s["Action"] == "s3:PutObject"
        ]

        assert denial["Resource"] == allowance["Resource"]
        assert denial["Condition"] == {
            "Null": {"s3:if-none-match": "true"},
            "Bool": {"s3:ObjectCreationOperation": "true"},
        }
        assert "s3:DeleteObject" not in actions_of("FetchFunction")


@pytest.mark.parametrize("name", ["DeadLettersFunction", "RecordFunction"])
class TestRoleOfRecorder:
    def test_reads_outcomes_and_looks_at_packs(self, name: str) -> None:
        assert objects_that(name, "s3:GetObject") == {"outcome", "pack"}


class TestRoleOfTick:
    def test_looks_at_what_may_have_been_missed(self) -> None:
        assert objects_that("TickFunction", "s3:GetObject") == {"deferral", "outcome", "upload"}


@pytest.mark.parametrize("name", ["ApiFunction", "PlanFunction", "RecordFunction", "TickFunction"])
def test_jobs_ask_for_the_pipeline_and_do_not_start_it(name: str) -> None:
    assert "execution" in objects_that(name, "s3:PutObject")
    assert "states:StartExecution" not in actions_of(name)
