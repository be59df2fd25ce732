"""The names that other parts of the project rely on."""

import re

import pytest
import yaml

from crawlset import __version__
from tests.infra.stack import (
    DATA_TEMPLATE,
    ROOT,
    TEMPLATE,
    functions,
    of_type,
    resources,
    written,
)

OUTPUTS = {
    "ApiId",
    "ApiUrl",
    "BucketName",
    "ChunksQueueUrl",
    "DiscoverQueueUrl",
    "HostLanesQueueUrl",
    "MigrateFunctionName",
    "PipelineStateMachineArn",
    "PlanQueueUrl",
    "ResultsQueueUrl",
    "TickFunctionName",
}


class TestParameters:
    def test_ask_for_a_contact_and_a_database_and_nothing_else(self) -> None:
        parameters = written()["Parameters"]

        assert {n for n, p in parameters.items() if "Default" not in p} == {
            "Contact",
            "DatabaseSecretArn",
        }

    def test_let_no_private_host_through_by_default(self) -> None:
        assert written()["Parameters"]["AllowedPrivateHosts"]["Default"] == ""
        assert "ProductionCrawlsNoPrivateHost" in written()["Rules"]


class TestOutputs:
    def test_name_what_a_deployment_is_asked_for(self) -> None:
        assert set(written()["Outputs"]) >= OUTPUTS


class TestFunctions:
    def test_are_the_twenty_four(self) -> None:
        assert len(functions()) == 24


class TestOwnName:
    def test_is_nobodys_unless_it_is_given(self) -> None:
        kinds = ("AWS::ApiGatewayV2::DomainName", "AWS::ApiGatewayV2::ApiMapping")
        made = {r["Condition"] for r in resources().values() if r["Type"] in kinds}

        assert made == {"HasDomain"}
        assert written()["Parameters"]["DomainName"]["Default"] == ""

    def test_speaks_no_old_tls(self) -> None:
        (domain,) = of_type("AWS::ApiGatewayV2::DomainName").values()

        (configuration,) = domain["DomainNameConfigurations"]
        assert configuration["SecurityPolicy"] == "TLS_1_2"


class TestPublishing:
    """
    What the Serverless Application Repository is told.

    https://docs.aws.amazon.com/serverless-application-model/latest/developerguide/serverless-sam-template-publishing-applications-metadata-properties.html
    """

    def test_names_the_version_of_the_package(self) -> None:
        told = written()["Metadata"]["AWS::ServerlessRepo::Application"]

        assert told["SemanticVersion"] == __version__
        assert all((ROOT / told[name]).is_file() for name in ("LicenseUrl", "ReadmeUrl"))

    def test_keeps_to_the_patterns(self) -> None:
        told = written()["Metadata"]["AWS::ServerlessRepo::Application"]

        assert re.fullmatch(r"[a-zA-Z0-9-]{1,140}", told["Name"])
        assert re.fullmatch(r"[a-z0-9](([a-z0-9]|-(?!-))*[a-z0-9])?", told["Author"])
        assert len(told["Description"]) <= 256
        assert len(told["Labels"]) <= 10


class TestDataStack:
    def test_puts_out_what_the_template_takes_in(self) -> None:
        out, wanted = written(DATA_TEMPLATE)["Outputs"], written()["Parameters"]

        assert {"DatabaseSecretArn", "SubnetIds", "SecurityGroupIds"} <= set(out) & set(wanted)

    def test_takes_in_the_secrets_that_the_template_puts_out(self) -> None:
        secrets = {"ApiDatabaseSecretArn", "WorkerDatabaseSecretArn", "TickDatabaseSecretArn"}

        assert secrets <= set(written(DATA_TEMPLATE)["Parameters"]) & set(written()["Outputs"])

    def test_has_no_anchors_since_nothing_builds_it(self) -> None:
        tokens = yaml.scan(DATA_TEMPLATE.read_text(encoding="utf-8"))

        assert not any(isinstance(token, yaml.AliasToken | yaml.AnchorToken) for token in tokens)


class TestAnchors:
    @pytest.mark.parametrize(
        "shared",
        [
            "SecurityGroupIds: !Ref SecurityGroupIds",
            "PLAN_QUEUE_URL:",
            "MessageRetentionPeriod: 864000",
            "MessageRetentionPeriod: 1209600",
            "NumberOfMessagesReceived",
            "HasAlarmTopic, ",
        ],
    )
    def test_say_once_what_resources_share(self, shared: str) -> None:
        assert TEMPLATE.read_text(encoding="utf-8").count(shared) == 1


def test_functions_reserve_no_concurrency_unless_asked_to() -> None:
    """
    A new account may run ten functions at once, and Lambda leaves no fewer unreserved.

    https://github.com/aws-samples/alarm-context-tool/issues/2
    """
    reserved = {
        n: f["ReservedConcurrentExecutions"]["Fn::If"][0]
        for n, f in functions().items()
        if "ReservedConcurrentExecutions" in f
    }

    assert reserved == {"ApiFunction": "ReservesForApi", "AuthorizeFunction": "ReservesForApi"}
    assert written()["Parameters"]["ApiReservedConcurrency"]["Default"] == 0
