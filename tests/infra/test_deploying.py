"""A deployment migrates first, moves traffic step by step, and can go back."""

from typing import Any

import pytest

from tests.infra.stack import (
    environment,
    functions,
    of_type,
    resources,
    target,
    translated,
    written,
)

ROLLED_OUT = ["ApiFunction", "AuthorizeFunction", "FetchFunction"]
MIGRATION = "DatabaseMigration"


def versions(expanded: dict[str, Any]) -> set[str]:
    return {name for name, r in expanded.items() if r["Type"] == "AWS::Lambda::Version"}


def depends_on(name: str) -> list[str]:
    named = resources()[name].get("DependsOn", [])
    return [named] if isinstance(named, str) else list(named)


class TestMigration:
    @pytest.mark.parametrize(
        "name",
        sorted(
            name
            for name in functions()
            if "DATABASE_SECRET_ARN" in environment(name) and name != "MigrateFunction"
        ),
    )
    def test_comes_before_new_code_of_whoever_uses_the_database(self, name: str) -> None:
        assert MIGRATION in depends_on(name)

    def test_runs_with_each_release(self) -> None:
        before, after = (
            translated(written(), Release=release)[MIGRATION]["Properties"]["MigrateVersionArn"]
            for release in ("one", "two")
        )

        assert before["Ref"].startswith("MigrateFunctionVersion")
        assert before != after

    def test_is_begun_once(self) -> None:
        (config,) = [
            config
            for config in of_type("AWS::Lambda::EventInvokeConfig").values()
            if target(config["FunctionName"]) == "UpgradeFunction"
        ]

        assert config["MaximumRetryAttempts"] == 0

    def test_ends_before_whoever_waits_for_it(self) -> None:
        waits = [
            functions()["MigrateFunction"]["Timeout"],
            functions()["UpgradeFunction"]["Timeout"],
            resources()[MIGRATION]["Properties"]["ServiceTimeout"],
        ]

        assert waits == sorted(set(waits))


@pytest.mark.parametrize("name", ROLLED_OUT)
class TestRollout:
    def test_moves_an_alias_while_an_alarm_watches(self, name: str) -> None:
        alias = resources()[f"{name}Aliaslive"]
        group = resources()[f"{name}DeploymentGroup"]["Properties"]

        moved_by = alias["UpdatePolicy"]["CodeDeployLambdaAliasUpdate"]
        assert target(moved_by["DeploymentGroupName"]) == f"{name}DeploymentGroup"
        assert "DEPLOYMENT_STOP_ON_ALARM" in group["AutoRollbackConfiguration"]["Events"]
        (alarm,) = group["AlarmConfiguration"]["Alarms"]
        assert target(alarm["Name"]) == f"{name.removesuffix('Function')}RolloutAlarm"

    def test_is_watched_by_crashes_and_failures_of_the_new_version_alone(self, name: str) -> None:
        """Of what old code does, an alarm would keep from deploying what mends it."""
        alarm = of_type("AWS::CloudWatch::Alarm")[f"{name.removesuffix('Function')}RolloutAlarm"]
        metrics = [m["MetricStat"]["Metric"] for m in alarm["Metrics"] if "MetricStat" in m]

        assert {m["MetricName"] for m in metrics} == {"Errors", "Failures"}
        for metric in metrics:
            of_version = [
                d["Value"]["Fn::GetAtt"]
                for d in metric["Dimensions"]
                if d["Name"] in {"ExecutedVersion", "version"}
            ]
            assert of_version == [[next(v for v in versions(resources()) if name in v), "Version"]]

    def test_keeps_versions(self, name: str) -> None:
        (version,) = [v for v in versions(resources()) if v.startswith(name)]

        assert resources()[version]["DeletionPolicy"] == "Retain"

    def test_makes_a_version_of_each_release(self, name: str) -> None:
        """
        SAM makes none for a parameter or layer that changed, AutoPublishAliasAllProperties or not.

        https://github.com/aws/serverless-application-model/issues/3820
        https://github.com/aws/serverless-application-model/issues/3610
        """
        releases = [
            {v for v in versions(translated(written(), Release=release)) if v.startswith(name)}
            for release in ("one", "two")
        ]

        assert [len(made) for made in releases] == [1, 1]
        assert releases[0] != releases[1]


class TestCallers:
    """Whoever asks a function that is rolled out asks its alias."""

    @pytest.mark.parametrize("name", ROLLED_OUT)
    def test_name_the_alias(self, name: str) -> None:
        asked = [
            of["FunctionName"]
            for kind in ("AWS::Lambda::Permission", "AWS::Lambda::EventSourceMapping")
            for of in of_type(kind).values()
            if target(of["FunctionName"]) == name
        ]

        assert asked
        assert all(value == {"Ref": f"{name}Aliaslive"} for value in asked)

    def test_of_the_authorizer_name_the_alias(self) -> None:
        body = of_type("AWS::ApiGatewayV2::Api")["HttpApi"]["Body"]

        uri = body["components"]["securitySchemes"]["ApiKey"]["x-amazon-apigateway-authorizer"][
            "authorizerUri"
        ]

        assert uri["Fn::Sub"][1] == {"__FunctionArn__": {"Ref": "AuthorizeFunctionAliaslive"}}
