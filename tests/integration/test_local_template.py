"""What the emulator is given of a SAM template."""

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from crawlset_local import template
from crawlset_local.errors import DeployError

TOY = Path(__file__).parent / "local_toy" / "template.yaml"
REAL = Path(__file__).parents[2] / "template.yaml"
PARAMETERS = {
    "Contact": "tests@example.org",
    "DatabaseSecretArn": "arn:aws:secretsmanager:us-east-1:000000000000:secret:owner",
    "MaxDatabaseConcurrency": "2",
}


def expand(path: Path) -> dict[str, dict[str, Any]]:
    plain = template.expand(
        template.load(path),
        base=path.parent,
        stack="stack",
        bundle=lambda directory: f"s3://artifacts/{directory.name}.zip",
    )
    template.count_concurrency(plain, PARAMETERS)
    resources: dict[str, dict[str, Any]] = plain["Resources"]
    return resources


def of_type(resources: dict[str, dict[str, Any]], type_: str) -> list[dict[str, Any]]:
    return [r["Properties"] for r in resources.values() if r["Type"] == type_]


class TestExpand:
    @pytest.mark.parametrize("path", [TOY, REAL], ids=["toy", "real"])
    def test_functions_run_on_the_laptops_runtime_without_layers(self, path: Path) -> None:
        functions = of_type(expand(path), "AWS::Lambda::Function")

        assert {f["Runtime"] for f in functions} == {template.RUNTIME}
        assert not any("Layers" in f for f in functions)

    def test_routes_keep_their_authorizer_and_open_ones_have_none(self) -> None:
        routes = {r["RouteKey"]: r for r in of_type(expand(TOY), "AWS::ApiGatewayV2::Route")}

        assert "AuthorizerId" not in routes["GET /api/health"]
        assert routes["ANY /api/{proxy+}"]["AuthorizationType"] == "CUSTOM"

    @pytest.mark.parametrize("path", [TOY, REAL], ids=["toy", "real"])
    def test_concurrency_of_a_queue_is_a_number(self, path: Path) -> None:
        mappings = of_type(expand(path), "AWS::Lambda::EventSourceMapping")

        stated = [
            m["ScalingConfig"]["MaximumConcurrency"] for m in mappings if "ScalingConfig" in m
        ]
        assert stated
        assert all(isinstance(n, int) for n in stated)

    def test_queue_of_host_lanes_has_two_mappings_and_others_one(self) -> None:
        resources = expand(REAL)

        n_mappings = Counter(
            mapping["EventSourceArn"]["Fn::GetAtt"][0]
            for mapping in of_type(resources, "AWS::Lambda::EventSourceMapping")
        )
        assert n_mappings.pop("HostLanesQueue") == 2
        assert set(n_mappings.values()) == {1}

    def test_bucket_keeps_the_name_it_is_given_and_gets_one_if_not(self) -> None:
        (toy,) = of_type(expand(TOY), "AWS::S3::Bucket")
        (real,) = of_type(expand(REAL), "AWS::S3::Bucket")

        assert toy["BucketName"] == "stack-bucket"
        assert real["BucketName"] == "stack-000000000000-us-east-1"

    def test_nobody_needs_tls_and_events_of_the_bucket_still_come(self) -> None:
        resources = expand(REAL)

        conditions = [
            statement.get("Condition", {})
            for kind in ("AWS::S3::BucketPolicy", "AWS::SQS::QueuePolicy")
            for policy in of_type(resources, kind)
            for statement in policy["PolicyDocument"]["Statement"]
        ]

        assert not [c for c in conditions if "Bool" in c]
        assert len([c for c in conditions if "ArnEquals" in c]) == 2

    def test_who_may_send_a_message_may_send_ten(self) -> None:
        """The emulator asks for a permission that AWS does not know."""
        actions = [
            statement["Action"]
            for role in of_type(expand(REAL), "AWS::IAM::Role")
            for policy in role.get("Policies", [])
            for statement in policy["PolicyDocument"]["Statement"]
            if "Action" in statement
        ]

        assert "sqs:SendMessage" not in actions
        assert ["sqs:SendMessage", "sqs:SendMessageBatch"] in actions

    def test_leaves_the_written_template_as_it_is(self) -> None:
        written = template.load(TOY)

        template.expand(written, base=TOY.parent, stack="s", bundle=lambda _: "s3://a/b")

        assert written == template.load(TOY)


class TestKnownParameters:
    def test_passes_only_what_the_template_declares(self) -> None:
        chosen = template.known_parameters(template.load(TOY), PARAMETERS | {"Stage": "local"})

        assert chosen == PARAMETERS

    def test_names_what_has_no_value(self) -> None:
        with pytest.raises(DeployError, match="Contact, DatabaseSecretArn"):
            template.known_parameters(template.load(TOY), {})


class TestLoad:
    def test_writes_anchors_out_so_that_each_place_may_be_changed_alone(
        self, tmp_path: Path
    ) -> None:
        path = tmp_path / "template.yaml"
        path.write_text("one: &one { is: [1] }\ntwo: { <<: *one, too: true }\n")
        loaded = template.load(path)

        loaded["two"]["is"].append(2)

        assert loaded == {"one": {"is": [1]}, "two": {"is": [1, 2], "too": True}}

    def test_says_which_template_is_not_there(self, tmp_path: Path) -> None:
        with pytest.raises(DeployError, match=r"nothing\.yaml is not readable"):
            template.load(tmp_path / "nothing.yaml")
