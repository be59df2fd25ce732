"""What each function may do, is told, and keeps."""

import re

import pytest
from pydantic_settings import BaseSettings

from crawlset import settings
from tests.infra.permissions import MEASURERS, TOWERS, actions_of, objects_that
from tests.infra.stack import (
    ROOT,
    environment,
    functions,
    mappings_of,
    of_type,
    role_of,
    statements,
    target,
    texts,
    written,
)

EVERY_FUNCTION = sorted(functions())
VALIDATORS = ["ColourfulnessFunction"]
ON_THE_INTERNET = [
    "DeliverFunction",
    "DiscoverFunction",
    "FetchFunction",
    "StartFunction",
    "UpgradeFunction",
]
QUEUES_KNOWN = {
    "DeliverFunction": {"RESULTS_QUEUE_URL"},  # where it says how it went
    "DiscoverFunction": set(),
    "FetchFunction": set(),
    "StartFunction": set(),
    "UpgradeFunction": set(),
}
SECRET_OF = {
    "ApiFunction": "ApiDatabaseSecret",
    "AuthorizeFunction": "ApiDatabaseSecret",
    "DeadLettersFunction": "WorkerDatabaseSecret",
    "ExportFunction": "WorkerDatabaseSecret",
    "FindFunction": "ApiDatabaseSecret",
    "MigrateFunction": "DatabaseSecretArn",
    "PlanFunction": "WorkerDatabaseSecret",
    "RecordFunction": "WorkerDatabaseSecret",
    "TakedownFunction": "WorkerDatabaseSecret",
    "ThumbnailFunction": "ApiDatabaseSecret",
    "TickFunction": "TickDatabaseSecret",
    "ValidateFunction": "WorkerDatabaseSecret",
}
ROLE_SECRETS = {"ApiDatabaseSecret", "WorkerDatabaseSecret", "TickDatabaseSecret"}
COMMON_VARIABLES = {
    "POWERTOOLS_LOG_LEVEL",
    "POWERTOOLS_METRICS_NAMESPACE",
    "POWERTOOLS_SERVICE_NAME",
    "STAGE",
}


def variables_of_settings() -> set[str]:
    classes = (c for c in vars(settings).values() if isinstance(c, type))
    source = (ROOT / "layers/core/crawlset/identity.py").read_text(encoding="utf-8")
    return set(re.findall(r'environ\W+(?:get\W+)?([A-Z_]+)"', source)) | {
        field.upper()
        for found in classes
        if issubclass(found, BaseSettings)
        for field in found.model_fields
    }


@pytest.mark.parametrize("name", ON_THE_INTERNET)
class TestFunctionOnTheInternet:
    def test_is_in_no_network(self, name: str) -> None:
        assert "VpcConfig" not in functions()[name]

    def test_knows_no_secret(self, name: str) -> None:
        known = {*texts(environment(name)), *texts(list(statements(role_of(name))))}

        assert known.isdisjoint({*ROLE_SECRETS, "DatabaseSecretArn"})
        assert not [v for v in environment(name) if "SECRET" in v]

    def test_knows_the_queues_it_needs(self, name: str) -> None:
        assert {v for v in environment(name) if "QUEUE" in v} == QUEUES_KNOWN[name]

    def test_may_read_a_queue_and_touch_objects_and_little_else(self, name: str) -> None:
        more = {
            "DeliverFunction": {"sqs:SendMessage"},
            "DiscoverFunction": {
                "secretsmanager:GetSecretValue",
                "bedrock:InvokeModel",
                "s3:ListBucket",
            },
            "StartFunction": {"states:StartExecution"},
            "UpgradeFunction": {"lambda:InvokeFunction"},
        }
        assert actions_of(name) <= more.get(name, set()) | {
            "sqs:ReceiveMessage",
            "sqs:DeleteMessage",
            "sqs:ChangeMessageVisibility",
            "sqs:GetQueueAttributes",
            "s3:GetObject",
            "s3:PutObject",
            "s3:DeleteObject",
            "s3:AbortMultipartUpload",
        }


class TestFetch:
    def test_reads_what_a_chunk_needs(self) -> None:
        assert objects_that("FetchFunction", "s3:GetObject") == {"input", "outcome", "tombstone"}

    def test_writes_packs_and_outcomes(self) -> None:
        assert objects_that("FetchFunction", "s3:PutObject") == {"pack", "outcome"}

    def test_removes_nothing(self) -> None:
        assert objects_that("FetchFunction", "s3:DeleteObject") == set()


class TestValidate:
    def test_touches_notes_and_lists_and_no_picture(self) -> None:
        notes = {"answer", "batch", "hashes", "measurements", "npy", "vectors"}
        assert objects_that("ValidateFunction", "s3:GetObject") == {"upload", *notes}
        assert objects_that("ValidateFunction", "s3:PutObject") == notes


class TestFind:
    def test_reads_vectors_and_asks_the_towers_and_nothing_else(self) -> None:
        """Permission to list tells an object that is not there from one that may not be read."""
        own = {"s3:ListBucket", "secretsmanager:GetSecretValue"}
        assert actions_of("FindFunction") == own | {"s3:GetObject", "lambda:InvokeFunction"}
        assert objects_that("FindFunction", "s3:GetObject") == {"vectors"}

    def test_asks_the_towers_where_there_are_some(self) -> None:
        (asking,) = [
            s for s in statements(role_of("FindFunction")) if s["Action"] == "lambda:InvokeFunction"
        ]
        written_ = written()["Resources"]["FindFunction"]["Properties"]["Policies"]
        conditions = [s["Fn::If"][0] for s in written_[1]["Statement"] if "Fn::If" in s]

        assert target(asking["Resource"]) == TOWERS
        assert conditions == ["HasTowers"]


@pytest.mark.parametrize("name", VALIDATORS)
class TestValidator:
    def test_reads_its_batch_and_pictures_and_does_nothing_else(self, name: str) -> None:
        assert actions_of(name) == {"s3:GetObject"}
        assert objects_that(name, "s3:GetObject") == {"batch", "pack"}

    def test_may_be_named_in_rules(self, name: str) -> None:
        for judging in ("ApiFunction", "TickFunction", "ValidateFunction"):
            assert name in {*texts(environment(judging)["VALIDATOR_ARNS"])}


class TestDeliver:
    def test_touches_no_object(self) -> None:
        assert not [action for action in actions_of("DeliverFunction") if action.startswith("s3:")]


class TestDiscover:
    def test_is_the_only_one_that_reads_the_keys_of_sources(self) -> None:
        readers = [
            name
            for name in functions()
            for statement in statements(role_of(name))
            if "SourceKeysSecretArn" in {*texts(statement["Resource"])}
            and statement["Action"] == "secretsmanager:GetSecretValue"
        ]

        assert readers == ["DiscoverFunction"]

    def test_reads_manifests_and_tombstones(self) -> None:
        assert objects_that("DiscoverFunction", "s3:GetObject") == {"upload", "tombstone"}

    def test_writes_candidates(self) -> None:
        assert objects_that("DiscoverFunction", "s3:PutObject") == {"candidates", "deferral"}

    def test_removes_nothing(self) -> None:
        assert objects_that("DiscoverFunction", "s3:DeleteObject") == set()


class TestFunctionWithDatabase:
    @pytest.mark.parametrize(("name", "secret"), SECRET_OF.items())
    def test_reads_its_own_login(self, name: str, secret: str) -> None:
        (readable,) = [
            target(s["Resource"])
            for s in statements(role_of(name))
            if s["Action"] == "secretsmanager:GetSecretValue"
        ]

        assert readable == secret
        assert target(environment(name)["DATABASE_SECRET_ARN"]) == secret

    @pytest.mark.parametrize("name", SECRET_OF)
    def test_is_in_the_network_if_there_is_one(self, name: str) -> None:
        condition, inside, outside = functions()[name]["VpcConfig"]["Fn::If"]

        assert condition == "HasVpc"
        assert {target(v) for v in inside.values()} == {"SubnetIds", "SecurityGroupIds"}
        assert target(outside) == "AWS::NoValue"

    def test_is_every_other_function(self) -> None:
        assert (
            sorted([*SECRET_OF, *ON_THE_INTERNET, *VALIDATORS, *MEASURERS, TOWERS])
            == EVERY_FUNCTION
        )


class TestMigrate:
    def test_is_the_only_one_that_writes_secrets(self) -> None:
        writers = {
            name for name in functions() if "secretsmanager:PutSecretValue" in actions_of(name)
        }
        (written_to,) = [
            {target(r) for r in s["Resource"]}
            for s in statements(role_of("MigrateFunction"))
            if "secretsmanager:PutSecretValue" in s["Action"]
        ]

        assert writers == {"MigrateFunction"}
        assert written_to == ROLE_SECRETS

    def test_is_told_what_its_handler_reads(self) -> None:
        source = (ROOT / "alembic/handler.py").read_text(encoding="utf-8")

        told = set(environment("MigrateFunction")) - COMMON_VARIABLES - variables_of_settings()

        assert told == set(re.findall(r'"([A-Z]+_DATABASE_SECRET_ARN)"', source))


@pytest.mark.parametrize("name", EVERY_FUNCTION)
class TestEveryFunction:
    def test_is_told_what_settings_read(self, name: str) -> None:
        if name == "MigrateFunction":
            return

        told = set(environment(name)) - COMMON_VARIABLES

        assert told <= variables_of_settings()
        assert set(environment(name)) >= COMMON_VARIABLES

    def test_logs_json_to_a_group_that_forgets(self, name: str) -> None:
        logging = functions()[name]["LoggingConfig"]

        group = of_type("AWS::Logs::LogGroup")[target(logging["LogGroup"])]

        assert logging["LogFormat"] == "JSON"
        assert target(group["RetentionInDays"]) == "LogRetentionDays"

    def test_has_a_handler_in_the_repository(self, name: str) -> None:
        code = written()["Resources"][name]["Properties"]["CodeUri"]
        module, function = functions()[name]["Handler"].split(".")

        source = (ROOT / code / f"{module}.py").read_text(encoding="utf-8")

        assert re.search(rf"^(def {function}\(|{function} = )", source, re.MULTILINE)

    def test_runs_where_its_layers_were_built_for(self, name: str) -> None:
        function = functions()[name]

        assert (function["Runtime"], function["Architectures"]) == ("python3.13", ["arm64"])
        assert function["Timeout"] <= 900


class TestTick:
    def test_runs_each_minute(self) -> None:
        (rule,) = [
            rule for rule in of_type("AWS::Events::Rule").values() if "ScheduleExpression" in rule
        ]

        assert rule["ScheduleExpression"] == "rate(1 minute)"
        assert target(rule["Targets"][0]["Arn"]) == "TickFunction"


class TestFetchConcurrency:
    def test_is_a_parameter(self) -> None:
        for queue in ("ChunksQueue", "HostLanesQueue"):
            (mapping,) = mappings_of(queue)
            assert target(mapping["ScalingConfig"]["MaximumConcurrency"]) == "MaxFetchConcurrency"
