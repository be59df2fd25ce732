"""What holds secrets or people's data is encrypted, and who may read the secrets of webhooks."""

from typing import Any

import pytest

from tests.infra.stack import (
    DATA_TEMPLATE,
    environment,
    functions,
    listed,
    of_type,
    resources,
    target,
    written,
)

KEY = of_type("AWS::KMS::Key")["WebhookKey"]
USES = {"kms:Encrypt", "kms:Decrypt", "kms:ReEncryptFrom", "kms:ReEncryptTo", "kms:CreateGrant"}

AES = {"ServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}
OWN = {
    "BucketKeyEnabled": True,
    "ServerSideEncryptionByDefault": {
        "SSEAlgorithm": "aws:kms",
        "KMSMasterKeyID": {"Ref": "KmsKeyArn"},
    },
}
ENCRYPTED_WHEN = {
    "AWS::RDS::DBCluster": ("StorageEncrypted", True),
    "AWS::S3::Bucket": (
        "BucketEncryption",
        {"ServerSideEncryptionConfiguration": [{"Fn::If": ["HasKey", OWN, AES]}]},
    ),
    "AWS::SQS::Queue": (
        "SqsManagedSseEnabled",
        {"Fn::If": ["HasKey", {"Ref": "AWS::NoValue"}, True]},
    ),
}
ALWAYS_ENCRYPTED = {
    "AWS::Backup::BackupVault": "https://docs.aws.amazon.com/aws-backup/latest/devguide/"
    "encryption.html",
    "AWS::Events::EventBus": "https://docs.aws.amazon.com/eventbridge/latest/userguide/"
    "eb-encryption-at-rest.html",
    "AWS::Lambda::Function": "https://docs.aws.amazon.com/lambda/latest/dg/"
    "security-encryption-at-rest.html",
    "AWS::Logs::LogGroup": "https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/"
    "encrypt-log-data-kms.html",
    "AWS::SecretsManager::Secret": "https://docs.aws.amazon.com/secretsmanager/latest/userguide/"
    "security-encryption.html",
    "AWS::StepFunctions::StateMachine": "https://docs.aws.amazon.com/step-functions/latest/dg/"
    "encryption-at-rest.html",
}
"""With keys of AWS's own that cost nothing and cannot be switched off, as these pages say."""
HOLDS_NO_DATA = {
    *("AWS::ApiGatewayV2::Api", "AWS::ApiGatewayV2::ApiMapping"),
    *("AWS::ApiGatewayV2::DomainName", "AWS::ApiGatewayV2::Stage"),
    *("AWS::Budgets::Budget", "AWS::Logs::QueryDefinition"),
    *("AWS::Backup::BackupPlan", "AWS::Backup::BackupSelection"),
    *("AWS::CloudWatch::Alarm", "AWS::CloudWatch::Dashboard"),
    *("AWS::CodeDeploy::Application", "AWS::CodeDeploy::DeploymentGroup"),
    *("AWS::EC2::RouteTable", "AWS::EC2::SecurityGroup", "AWS::EC2::SecurityGroupEgress"),
    *("AWS::EC2::SecurityGroupIngress", "AWS::EC2::Subnet"),
    *("AWS::EC2::SubnetRouteTableAssociation", "AWS::EC2::VPC", "AWS::EC2::VPCEndpoint"),
    *("AWS::Events::Rule", "AWS::IAM::Role", "AWS::KMS::Key", "AWS::Lambda::EventInvokeConfig"),
    *("AWS::Lambda::EventSourceMapping", "AWS::Lambda::LayerVersion", "AWS::Lambda::Permission"),
    *("AWS::Lambda::Alias", "AWS::Lambda::Version", "Custom::DatabaseMigration"),
    *("AWS::RDS::DBClusterParameterGroup", "AWS::RDS::DBInstance", "AWS::RDS::DBProxy"),
    *("AWS::RDS::DBProxyTargetGroup", "AWS::RDS::DBSubnetGroup"),
    *("AWS::Route53::RecordSet", "AWS::S3::BucketPolicy", "AWS::SQS::QueuePolicy"),
    "AWS::SecretsManager::SecretTargetAttachment",
}
"""An instance keeps its data in its cluster."""


def key_statements() -> list[dict[str, Any]]:
    statements: list[dict[str, Any]] = KEY["KeyPolicy"]["Statement"]
    return statements


def may(action: str) -> set[str]:
    """Functions whose roles may do `action` with the key."""
    roles = {
        target(principal)
        for statement in key_statements()
        if action in listed(statement["Action"])
        for principal in listed(statement["Principal"]["AWS"])
    }
    return {name for name, function in functions().items() if target(function["Role"]) in roles}


class TestWebhookKey:
    def test_encrypts_for_the_api_and_decrypts_for_the_tick_alone(self) -> None:
        """The tick encrypts, too, what is still in clear."""
        assert may("kms:Encrypt") == {"ApiFunction", "TickFunction"}
        assert may("kms:Decrypt") == {"TickFunction"}

    def test_is_used_by_nobody_else(self) -> None:
        """
        A key policy that lets the account use the key lets every policy of the account do so.

        https://docs.aws.amazon.com/kms/latest/developerguide/key-policies.html
        """
        (administration,) = [s for s in key_statements() if s["Sid"] == "AccountAdministers"]

        assert USES.isdisjoint(administration["Action"])
        assert not [action for action in administration["Action"] if "*" in action]
        assert "kms:PutKeyPolicy" in administration["Action"]  # else nobody could mend the policy
        for statement in key_statements():
            assert statement["Effect"] == "Allow"
            assert "*" not in listed(statement["Principal"]["AWS"])

    def test_is_asked_for_one_webhook_at_a_time(self) -> None:
        for statement in key_statements():
            if USES.intersection(listed(statement["Action"])):
                assert statement["Condition"] == {
                    "Null": {"kms:EncryptionContext:webhook_id": "false"}
                }

    def test_is_kept_and_rotated(self) -> None:
        resource = resources()["WebhookKey"]

        assert resource["DeletionPolicy"] == "RetainExceptOnCreate"
        assert resource["UpdateReplacePolicy"] == "Retain"
        assert KEY["EnableKeyRotation"] is True
        assert "KeySpec" not in KEY  # symmetric

    def test_is_named_to_those_who_use_it(self) -> None:
        told = {name for name in functions() if "WEBHOOK_KEY_ARN" in environment(name)}

        assert told == may("kms:Encrypt")

    def test_is_a_file_on_no_production(self) -> None:
        (assertion,) = written()["Rules"]["ProductionKeepsItsKeyInKms"]["Assertions"]

        assert written()["Parameters"]["WebhookKeyFile"]["Default"] == ""
        assert assertion["Assert"] == {"Fn::Equals": [{"Ref": "WebhookKeyFile"}, ""]}


class TestAtRest:
    @pytest.mark.parametrize("kind", ENCRYPTED_WHEN)
    def test_is_encrypted_whatever_is_so_only_when_asked(self, kind: str) -> None:
        name, value = ENCRYPTED_WHEN[kind]
        everything = [*resources().values(), *written(DATA_TEMPLATE)["Resources"].values()]

        said = [r["Properties"].get(name) for r in everything if r["Type"] == kind]

        assert said
        assert all(one == value for one in said)

    def test_is_known_of_every_kind_of_resource(self) -> None:
        """One that is new may hold data in clear, as volumes and file systems do by default."""
        everything = [*resources().values(), *written(DATA_TEMPLATE)["Resources"].values()]

        kinds = {resource["Type"] for resource in everything}

        assert kinds <= set(ENCRYPTED_WHEN) | set(ALWAYS_ENCRYPTED) | HOLDS_NO_DATA

    @pytest.mark.parametrize("name", sorted(functions()))
    def test_is_no_matter_for_variables_of_functions_which_hold_no_secret(self, name: str) -> None:
        """Whoever may describe a function reads its variables: they name secrets by reference."""
        for variable, value in environment(name).items():
            if any(word in variable for word in ("SECRET", "PASSWORD", "TOKEN", "KEY")):
                told = value["Fn::If"][1] if "Fn::If" in value else value
                assert variable.endswith(("_ARN", "_FILE"))
                assert target(told)
