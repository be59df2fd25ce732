"""The database is encrypted, kept, and reached by nobody but the functions."""

import re
from typing import Any

from tests.infra.stack import (
    DATA_TEMPLATE,
    functions,
    listed,
    role_of,
    statements,
    texts,
    written,
)

RESOURCES = written(DATA_TEMPLATE)["Resources"]
NOBODY = "255.255.255.255/32"
NOT_FROM_WITHIN = {"sqs:DeleteMessage", "sqs:ReceiveMessage", "sqs:SendMessageBatch"}
"""What Lambda's own pollers do with a function's role, and what only the emulator asks for."""


def of_type(kind: str) -> dict[str, dict[str, Any]]:
    return {n: r["Properties"] for n, r in RESOURCES.items() if r["Type"] == kind}


class TestNetwork:
    def test_has_no_road_to_the_internet(self) -> None:
        kinds = {resource["Type"] for resource in RESOURCES.values()}

        assert kinds.isdisjoint(
            {"AWS::EC2::InternetGateway", "AWS::EC2::NatGateway", "AWS::EC2::Route"}
        )

    def test_reaches_the_services_that_functions_call(self) -> None:
        endpoints = of_type("AWS::EC2::VPCEndpoint").values()

        services = {e["ServiceName"]["Fn::Sub"].rpartition(".")[2]: e for e in endpoints}

        assert set(services) == {
            "events",
            "kms",
            "lambda",
            "s3",
            "secretsmanager",
            "sqs",
        }
        assert services["s3"]["VpcEndpointType"] == "Gateway"

    def test_reaches_other_functions_where_texts_are_searched_by(self) -> None:
        """An endpoint costs by the hour; nobody else asks a function from within."""
        assert RESOURCES["LambdaEndpoint"]["Condition"] == "HasTowers"
        assert written(DATA_TEMPLATE)["Parameters"]["WithTowers"]["Default"] == "false"

    def test_lets_nothing_out_to_another_account(self) -> None:
        """
        An endpoint without a policy takes whatever request, also one signed with another's key.

        https://docs.aws.amazon.com/vpc/latest/privatelink/vpc-endpoints-access.html
        """
        for endpoint in of_type("AWS::EC2::VPCEndpoint").values():
            service = endpoint["ServiceName"]["Fn::Sub"].rpartition(".")[2]
            (statement,) = endpoint["PolicyDocument"]["Statement"]
            accounts = statement["Condition"]["StringEquals"]

            assert accounts["aws:ResourceAccount"] == {"Ref": "AWS::AccountId"}
            assert service == "s3" or accounts["aws:PrincipalAccount"] == {"Ref": "AWS::AccountId"}
            assert all(re.fullmatch(f"{service}:[A-Za-z]+", each) for each in statement["Action"])

    def test_lets_out_whatever_a_function_with_the_database_does(self) -> None:
        allowed = {
            action
            for endpoint in of_type("AWS::EC2::VPCEndpoint").values()
            for action in endpoint["PolicyDocument"]["Statement"][0]["Action"]
        }
        inside = [name for name, function in functions().items() if "VpcConfig" in function]
        services = {action.partition(":")[0] for action in allowed}
        asked = {
            action
            for name in inside
            for statement in statements(role_of(name))
            if statement["Effect"] == "Allow"
            for action in listed(statement["Action"])
            if action.partition(":")[0] in services
        }

        assert inside
        assert asked - NOT_FROM_WITHIN <= allowed

    def test_opens_no_group_to_an_address_range(self) -> None:
        ranges = {
            rule["CidrIp"]
            for group in of_type("AWS::EC2::SecurityGroup").values()
            for rule in (*group["SecurityGroupEgress"], *group.get("SecurityGroupIngress", ()))
            if "CidrIp" in rule
        }

        assert ranges == {NOBODY}
        for kind in ("Ingress", "Egress"):
            for rule in of_type(f"AWS::EC2::SecurityGroup{kind}").values():
                assert "CidrIp" not in rule


class TestDatabase:
    def test_is_encrypted_protected_and_kept(self) -> None:
        cluster = of_type("AWS::RDS::DBCluster")["Cluster"]

        assert cluster["StorageEncrypted"] is True
        assert cluster["DeletionProtection"] == {"Ref": "DeletionProtection"}
        assert written(DATA_TEMPLATE)["Parameters"]["DeletionProtection"]["Default"] == "true"
        assert RESOURCES["Cluster"]["DeletionPolicy"] == "Snapshot"

    def test_leaves_nothing_of_a_failed_creation(self) -> None:
        assert RESOURCES["OwnerSecret"]["DeletionPolicy"] == "RetainExceptOnCreate"

    def test_speaks_tls_only(self) -> None:
        parameters = of_type("AWS::RDS::DBClusterParameterGroup")["ClusterParameters"]
        proxy = of_type("AWS::RDS::DBProxy")["Proxy"]

        assert parameters["Parameters"]["rds.force_ssl"] == "1"
        assert proxy["RequireTLS"] is True

    def test_holds_no_password_in_the_template(self) -> None:
        password = of_type("AWS::RDS::DBCluster")["Cluster"]["MasterUserPassword"]

        assert password["Fn::If"][2]["Fn::Sub"].startswith("{{resolve:secretsmanager:")

    def test_gives_up_before_the_api_does(self) -> None:
        (targets,) = of_type("AWS::RDS::DBProxyTargetGroup").values()

        assert targets["ConnectionPoolConfigurationInfo"]["ConnectionBorrowTimeout"] < 29


class TestLog:
    def test_is_kept_for_some_days_as_it_is_there_before_the_first_instance(self) -> None:
        """
        RDS makes the group of a log that has none, and keeps it for ever.

        https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/AuroraPostgreSQL.CloudWatch.html
        """
        group = of_type("AWS::Logs::LogGroup")["ClusterLogGroup"]

        assert group["LogGroupName"] == {"Fn::Sub": "/aws/rds/cluster/${Cluster}/postgresql"}
        assert group["RetentionInDays"] == {"Ref": "LogRetentionDays"}
        assert RESOURCES["Writer"]["DependsOn"] == "ClusterLogGroup"


class TestZones:
    def test_are_the_first_two_of_the_region_unless_named(self) -> None:
        for name in ("A", "B"):
            condition, named, _ = of_type("AWS::EC2::Subnet")[f"Subnet{name}"]["AvailabilityZone"][
                "Fn::If"
            ]
            assert (condition, named) == (f"HasZone{name}", {"Ref": f"Zone{name}"})


class TestDatabaseAlarms:
    def test_watch_capacity_connections_and_room(self) -> None:
        alarms = of_type("AWS::CloudWatch::Alarm").values()

        assert {a["MetricName"] for a in alarms} == {
            "ACUUtilization",
            "DatabaseConnections",
            "FreeLocalStorage",
        }
        for alarm in alarms:
            assert alarm["AlarmActions"]["Fn::If"][:2] == [
                "HasAlarmTopic",
                [{"Ref": "AlarmTopicArn"}],
            ]
            assert alarm["AlarmDescription"].endswith(".")


class TestReader:
    def test_costs_nothing_unless_it_is_wanted(self) -> None:
        assert RESOURCES["Reader"]["Condition"] == "HasReader"
        assert written(DATA_TEMPLATE)["Parameters"]["WithReader"]["Default"] == "false"

    def test_takes_over_at_the_size_of_the_writer(self) -> None:
        """
        Readers in tiers 0 and 1 are kept at least as large as the writer, later ones are not.

        https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/aurora-serverless-v2.how-it-works.html
        """
        assert of_type("AWS::RDS::DBInstance")["Reader"]["PromotionTier"] <= 1

    def test_comes_after_the_instance_that_is_to_write(self) -> None:
        assert RESOURCES["Reader"]["DependsOn"] == "Writer"


class TestBackups:
    def test_are_the_clusters_own_unless_a_plan_is_wanted(self) -> None:
        planned = {
            name
            for name, resource in RESOURCES.items()
            if resource["Type"].startswith("AWS::Backup")
        }

        assert {RESOURCES[name]["Condition"] for name in planned} == {"HasBackupPlan"}
        assert written(DATA_TEMPLATE)["Parameters"]["BackupPlanDays"]["Default"] == 0

    def test_stay_when_the_stack_goes(self) -> None:
        assert RESOURCES["BackupVault"]["DeletionPolicy"] == "RetainExceptOnCreate"

    def test_leave_a_new_cluster_the_name_and_the_owner_that_the_snapshot_has(self) -> None:
        """
        A cluster that is restored inherits them, and refuses others.

        https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-rds-dbcluster.html
        """
        cluster = of_type("AWS::RDS::DBCluster")["Cluster"]
        nothing = {"Ref": "AWS::NoValue"}

        for name in ("DatabaseName", "MasterUsername", "MasterUserPassword"):
            condition, restored, _ = cluster[name]["Fn::If"]
            assert (condition, restored) == ("IsRestored", nothing)
        assert cluster["SnapshotIdentifier"]["Fn::If"][2] == nothing


class TestProxy:
    def test_reads_the_logins_it_is_given_and_nothing_else(self) -> None:
        role = of_type("AWS::IAM::Role")["ProxyRole"]

        statement, with_key = role["Policies"][0]["PolicyDocument"]["Statement"]

        assert with_key["Fn::If"][0] == "HasKey"
        assert statement["Action"] == "secretsmanager:GetSecretValue"
        assert "*" not in set(texts(listed(statement["Resource"])))

    def test_has_a_role_that_this_account_alone_has_taken(self) -> None:
        """https://docs.aws.amazon.com/IAM/latest/UserGuide/confused-deputy.html"""
        (trust,) = of_type("AWS::IAM::Role")["ProxyRole"]["AssumeRolePolicyDocument"]["Statement"]

        assert trust["Condition"] == {
            "StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}
        }
