"""The gateway denies by default."""

import json

import pytest

from crawlset.accounts import failures
from tests.infra.stack import functions, of_type, target

KEY: list[dict[str, list[str]]] = [{"ApiKey": []}]
START = ("/", "get")
OPEN = {START, ("/api/health", "get"), ("/api/openapi.json", "get"), ("/api/docs", "get")}
SIGNED_IN = {("/api/session", "post")}
POLICY_LIMIT_BYTES = 20_480
# A statement as Lambda stores it, with a generous Sid and ARNs of a long region.
STATEMENT_BYTES = 420
API = of_type("AWS::ApiGatewayV2::Api")["HttpApi"]["Body"]
OPERATIONS = {
    (path, method): operation
    for path, methods in API["paths"].items()
    for method, operation in methods.items()
}


class TestRoutes:
    def test_ask_for_a_key_but_for_the_open_four_and_where_one_signs_in(self) -> None:
        guarded = {r for r, operation in OPERATIONS.items() if operation["security"] == KEY}

        assert set(OPERATIONS) - guarded == OPEN | SIGNED_IN

    def test_open_a_session_for_an_access_token_only(self) -> None:
        """An ID token has no scope, and the gateway could not tell it from an access token."""
        (operation,) = [OPERATIONS[route] for route in SIGNED_IN]

        assert operation["security"] == [{"Oidc": ["openid"]}]

    def test_end_in_one_that_catches_the_rest(self) -> None:
        assert ("/api/{proxy+}", "x-amazon-apigateway-any-method") in OPERATIONS

    def test_lie_below_api_but_for_the_bare_address(self) -> None:
        assert all(path.startswith("/api/") for path, _ in OPERATIONS.keys() - {START})

    @pytest.mark.parametrize("function", ["ApiFunction", "FindFunction", "ThumbnailFunction"])
    def test_fit_the_policy_of_the_function(self, function: str) -> None:
        """Lambda keeps one statement a route."""
        paths = [
            path
            for (path, _), operation in OPERATIONS.items()
            if function in json.dumps(operation["x-amazon-apigateway-integration"])
        ]

        assert paths
        assert sum(STATEMENT_BYTES + len(path) for path in paths) < POLICY_LIMIT_BYTES


class TestAuthorizer:
    def test_answers_simply_for_the_authorization_header(self) -> None:
        scheme = API["components"]["securitySchemes"]["ApiKey"]["x-amazon-apigateway-authorizer"]

        assert scheme["enableSimpleResponses"] is True
        assert scheme["authorizerPayloadFormatVersion"] == "2.0"
        assert scheme["identitySource"] == ["$request.header.Authorization"]
        assert scheme["authorizerResultTtlInSeconds"] == failures.PAUSE.total_seconds() == 60

    def test_may_be_invoked_by_the_gateway(self) -> None:
        invoked = [
            target(permission["FunctionName"])
            for permission in of_type("AWS::Lambda::Permission").values()
            if "authorizers" in json.dumps(permission["SourceArn"])
        ]

        assert invoked == ["AuthorizeFunction"]


class TestStage:
    def test_throttles(self) -> None:
        (stage,) = of_type("AWS::ApiGatewayV2::Stage").values()

        assert stage["DefaultRouteSettings"]["ThrottlingRateLimit"] > 0

    def test_logs_neither_queries_nor_headers(self) -> None:
        (stage,) = of_type("AWS::ApiGatewayV2::Stage").values()

        line = json.loads(stage["AccessLogSettings"]["Format"])

        assert {value for value in line.values() if not value.startswith("$context.")} == set()

    def test_outlives_the_function(self) -> None:
        assert functions()["ApiFunction"]["Timeout"] < 30

    def test_allows_no_other_origin(self) -> None:
        assert "x-amazon-apigateway-cors" not in API
