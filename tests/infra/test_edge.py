"""The edge: what may stand before the API, and what it hands on."""

from typing import Any

from crawlset.accounts import edge
from tests.infra.stack import ROOT, environment, functions, texts, written

EDGE = ROOT / "infra/edge.yaml"
RESOURCES = written(EDGE)["Resources"]
DISTRIBUTION = RESOURCES["Distribution"]["Properties"]["DistributionConfig"]
MANAGED_CACHING_DISABLED = "4135ea2d-6df8-44a3-9df3-4b5a84be39ad"
MANAGED_ALL_VIEWER_EXCEPT_HOST = "b689b0a8-53d0-40ab-baf2-68738e2966ac"
"""
Both with the same ids in every account.

https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/using-managed-origin-request-policies.html
"""


class TestFirewall:
    def test_limits_what_one_address_asks(self) -> None:
        acl = RESOURCES["WebAcl"]["Properties"]

        limits: dict[str, Any] = {
            rule["Name"]: rule["Statement"]["RateBasedStatement"]["Limit"]
            for rule in acl["Rules"]
            if "RateBasedStatement" in rule["Statement"]
        }

        assert limits["RequestsOfOneAddress"] == {"Ref": "RequestsPerFiveMinutes"}
        assert limits["SignInsOfOneAddress"] == 100
        assert all(
            rule["Action"] == {"Block": {"CustomResponse": {"ResponseCode": 429}}}
            for rule in acl["Rules"]
            if rule["Name"] in limits
        )

    def test_lets_an_account_have_its_allowance(self) -> None:
        """600 a minute, until its row says otherwise."""
        limit = written(EDGE)["Parameters"]["RequestsPerFiveMinutes"]["Default"]

        assert limit >= 5 * 600

    def test_logs_no_key(self) -> None:
        log = RESOURCES["FirewallLog"]["Properties"]

        assert log["RedactedFields"] == [{"SingleHeader": {"Name": "authorization"}}]

    def test_stands_before_the_distribution(self) -> None:
        assert DISTRIBUTION["WebACLId"] == {"Fn::GetAtt": ["WebAcl", "Arn"]}


class TestDistribution:
    def test_speaks_tls_to_both_sides(self) -> None:
        (origin,) = DISTRIBUTION["Origins"]

        assert DISTRIBUTION["DefaultCacheBehavior"]["ViewerProtocolPolicy"] == "https-only"
        assert origin["CustomOriginConfig"]["OriginProtocolPolicy"] == "https-only"

    def test_keeps_no_answer_and_hands_on_the_key(self) -> None:
        behaviour = DISTRIBUTION["DefaultCacheBehavior"]

        assert behaviour["CachePolicyId"] == MANAGED_CACHING_DISABLED
        assert behaviour["OriginRequestPolicyId"] == MANAGED_ALL_VIEWER_EXCEPT_HOST

    def test_shows_the_api_what_it_looks_for(self) -> None:
        (header,) = DISTRIBUTION["Origins"][0]["OriginCustomHeaders"]
        code = RESOURCES["ViewerAddress"]["Properties"]["FunctionCode"]

        assert header == {"HeaderName": edge.TOKEN, "HeaderValue": {"Ref": "EdgeToken"}}
        assert f'headers["{edge.VIEWER}"] = {{ value: event.viewer.ip }}' in code


class TestToken:
    def test_is_hidden_here_and_known_by_its_digest_there(self) -> None:
        told = {n for n in functions() if "EdgeTokenSha256" in {*texts(environment(n))}}

        assert written(EDGE)["Parameters"]["EdgeToken"]["NoEcho"] is True
        assert told == {
            "ApiFunction",
            "AuthorizeFunction",
            "FindFunction",
            "ThumbnailFunction",
        }
        assert written()["Parameters"]["EdgeTokenSha256"]["Default"] == ""
