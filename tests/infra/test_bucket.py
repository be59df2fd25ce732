"""What the bucket tells, to whom, and what it forgets."""

from uuid import UUID

import pytest

from crawlset.wire import keys
from tests.infra.stack import of_type, resources, target

ID = UUID(int=7)
BUCKET = of_type("AWS::S3::Bucket")["Bucket"]


def told_of(key: str) -> list[str]:
    """The queues and functions that hear of a new object."""
    heard = []
    told = BUCKET["NotificationConfiguration"]
    for notification in (*told["QueueConfigurations"], *told["LambdaConfigurations"]):
        rules = notification["Filter"]["S3Key"]["Rules"]
        filters = {rule["Name"]: rule["Value"] for rule in rules}
        if key.startswith(filters["prefix"]) and key.endswith(filters["suffix"]):
            heard.append(target(notification.get("Queue") or notification["Function"]))
    return heard


class TestNotifications:
    def test_tell_plan_of_candidates(self) -> None:
        assert told_of(keys.candidates(ID, ID, 12)) == ["PlanQueue"]

    def test_tell_record_of_outcomes(self) -> None:
        assert told_of(keys.outcome(ID, ID)) == ["ResultsQueue"]

    def test_tell_start_of_executions_that_are_asked_for(self) -> None:
        assert told_of(keys.execution("validate-1")) == ["StartFunction"]

    def test_tell_start_of_this_bucket_only(self) -> None:
        permission = of_type("AWS::Lambda::Permission")["StartPermission"]

        assert target(permission["FunctionName"]) == "StartFunction"
        assert permission["SourceArn"]["Fn::Sub"].endswith(BUCKET["BucketName"]["Fn::Sub"])
        assert permission["SourceAccount"] == {"Ref": "AWS::AccountId"}

    @pytest.mark.parametrize(
        "key",
        [
            keys.upload(ID, ID),
            keys.chunk_input(ID, ID, 1),
            keys.pack(ID, ID, 1, "token"),
            keys.cancelled(ID, 2),
            keys.export_file(ID, "manifest.jsonl"),
        ],
    )
    def test_tell_nobody_of_the_rest(self, key: str) -> None:
        assert told_of(key) == []

    def test_may_be_sent_by_this_bucket_only(self) -> None:
        policies = of_type("AWS::SQS::QueuePolicy")
        waited_for = set(resources()["Bucket"]["DependsOn"])

        assert waited_for - set(policies) == {"StartPermission"}
        for policy in (policies[name] for name in waited_for & set(policies)):
            _, statement = policy["PolicyDocument"]["Statement"]
            source = statement["Condition"]["ArnEquals"]["aws:SourceArn"]["Fn::Sub"]
            assert source.endswith(f":s3:::{BUCKET['BucketName']['Fn::Sub']}")
            assert target(statement["Resource"]) == target(policy["Queues"][0])
            assert statement["Principal"] == {"Service": "s3.amazonaws.com"}


class TestAccess:
    def test_is_never_public(self) -> None:
        assert set(BUCKET["PublicAccessBlockConfiguration"].values()) == {True}

    def test_needs_tls_of_a_version_that_is_not_broken(self) -> None:
        policy = of_type("AWS::S3::BucketPolicy")["BucketPolicy"]["PolicyDocument"]

        denied = {s["Sid"]: (s["Action"], s["Condition"]) for s in policy["Statement"]}

        assert {s["Effect"] for s in policy["Statement"]} == {"Deny"}
        assert denied == {
            "TlsOnly": ("s3:*", {"Bool": {"aws:SecureTransport": "false"}}),
            "Tls12AtLeast": ("s3:*", {"NumericLessThan": {"s3:TlsVersion": "1.2"}}),
        }

    def test_is_encrypted_at_rest(self) -> None:
        assert BUCKET["BucketEncryption"]


class TestLifecycle:
    def test_forgets_half_uploads_and_leaves_lists_to_their_rows(self) -> None:
        rules = {rule["Id"]: rule for rule in BUCKET["LifecycleConfiguration"]["Rules"]}

        aborted = rules["AbortMultipartUploads"]["AbortIncompleteMultipartUpload"]

        assert aborted == {"DaysAfterInitiation": 1}
        assert not any(keys.upload(ID, ID).startswith(r.get("Prefix", "-")) for r in rules.values())

    def test_outlives_the_stack_but_no_failed_creation(self) -> None:
        """
        A bucket that a rolled-back creation leaves makes each further try fail: it has a name.

        https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/aws-attribute-deletionpolicy.html
        """
        assert resources()["Bucket"]["DeletionPolicy"] == "RetainExceptOnCreate"
        assert resources()["Bucket"]["UpdateReplacePolicy"] == "Retain"


def test_keeps_no_versions() -> None:
    """What a takedown deletes is gone."""
    assert "VersioningConfiguration" not in BUCKET
