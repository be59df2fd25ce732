"""What holds secrets or people's data is encrypted, and who may read the secrets of webhooks."""

from typing import Any

from tests.infra.stack import environment, functions, listed, of_type, resources, target, written

KEY = of_type("AWS::KMS::Key")["WebhookKey"]
USES = {"kms:Encrypt", "kms:Decrypt", "kms:ReEncryptFrom", "kms:ReEncryptTo", "kms:CreateGrant"}


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

        assert (resource["DeletionPolicy"], resource["UpdateReplacePolicy"]) == ("Retain", "Retain")
        assert KEY["EnableKeyRotation"] is True
        assert "KeySpec" not in KEY  # symmetric

    def test_is_named_to_those_who_use_it(self) -> None:
        told = {name for name in functions() if "WEBHOOK_KEY_ARN" in environment(name)}

        assert told == may("kms:Encrypt")

    def test_is_a_file_on_no_production(self) -> None:
        (assertion,) = written()["Rules"]["ProductionKeepsItsKeyInKms"]["Assertions"]

        assert written()["Parameters"]["WebhookKeyFile"]["Default"] == ""
        assert assertion["Assert"] == {"Fn::Equals": [{"Ref": "WebhookKeyFile"}, ""]}
