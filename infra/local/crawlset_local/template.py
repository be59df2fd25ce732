"""
The SAM template as the emulator can take it: plain CloudFormation that means the same.

What changes: serverless resources are expanded here; an HTTP API's OpenAPI body, which the
emulator drops, becomes routes, integrations and authorizers; a function runs on the laptop's
runtime, and its layers are what the interpreter already has; buckets have fixed names, so that
a restart finds its objects; the queue of host lanes has two mappings; nobody needs TLS, and who may
send a message may send ten. Left out are alarms on metric math and saved queries; aliases and
rollouts, as a function has one version; and custom resources, since whoever deploys here migrates.

To expand takes a second, most of it to import what does; the caller may keep the result.
"""

import copy
import hashlib
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import yaml
from samtranslator.yaml_helper import intrinsics_multi_constructor

from crawlset_local import emulator
from crawlset_local.emulator import ACCOUNT, REGION
from crawlset_local.errors import DeployError

RUNTIME = "provided.al2023"
LANES_QUEUE = "HostLanesQueue"
WITHOUT_TLS = {"Bool": {"aws:SecureTransport": "false"}}

Resources = dict[str, dict[str, Any]]
Bundle = Callable[[Path], str]
"""Makes a function's code out of its directory, stores it, and says at which `s3://` URI."""

Translate = Callable[[dict[str, Any]], dict[str, Any]]
"""Makes plain resources of serverless ones, as `translate` does."""


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """Plain data, and CloudFormation's short forms as the functions they stand for."""


_Loader.add_multi_constructor("!", intrinsics_multi_constructor)


def load(path: Path) -> dict[str, Any]:
    """
    The template at `path` with its anchors written out. Raises `DeployError` if there is none.

    No two places share an object, so that one may be changed alone.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise DeployError(f"The template {path} is not readable: {error.strerror}.") from None
    template: dict[str, Any] = json.loads(json.dumps(_parse(text)))
    return template


def known_parameters(template: dict[str, Any], wanted: Mapping[str, str]) -> dict[str, str]:
    """Keep the values of `wanted` that the template declares; raise `DeployError` if none has."""
    declared = template.get("Parameters", {})
    chosen = {name: value for name, value in wanted.items() if name in declared}
    missing = [n for n, p in declared.items() if "Default" not in p and n not in chosen]
    if missing:
        raise DeployError(f"The template needs a value for {', '.join(missing)}.")
    return chosen


def defaults(template: dict[str, Any]) -> dict[str, Any]:
    """The values of parameters that nobody states."""
    declared = template.get("Parameters", {})
    return {name: p["Default"] for name, p in declared.items() if "Default" in p}


def translate(serverless: dict[str, Any]) -> dict[str, Any]:
    """
    The template with plain resources in place of serverless ones, and none of its parameters used.

    Raises `DeployError`.
    """
    # Slow to import, and seldom needed where the result is kept.
    from samtranslator.parser.parser import Parser  # noqa: PLC0415
    from samtranslator.translator.translator import Translator  # noqa: PLC0415

    translator = Translator(None, Parser(), boto_session=emulator.session())
    # Of a parameter without a default nothing is known, and CloudFormation is left to fill it in.
    declared = serverless.get("Parameters", {})
    without_defaults = {
        name: {key: value for key, value in parameter.items() if key != "Default"}
        for name, parameter in declared.items()
    }
    try:
        plain: dict[str, Any] = translator.translate(
            serverless | {"Parameters": without_defaults}, parameter_values={}
        )
    except Exception as error:
        raise DeployError(f"The template is not valid: {error}") from error
    finally:
        translator.metrics.publish()
    return plain | {"Parameters": declared}


def expand(
    template: dict[str, Any],
    *,
    base: Path,
    stack: str,
    bundle: Bundle,
    translate: Translate = translate,
) -> dict[str, Any]:
    """
    The CloudFormation template that the emulator is given, but for what `count_concurrency` does.

    Paths in `template` are relative to `base`; it stays as it is.
    """
    serverless = copy.deepcopy(template)
    _leave_out_custom_resources(serverless["Resources"])
    _localise_functions(serverless, base, bundle)
    _inline_state_machines(serverless["Resources"], base)
    _leave_out_rollouts(serverless)
    plain = translate(serverless)
    _leave_out_watching(plain["Resources"])
    _double_mappings_of_lanes(plain["Resources"])
    _split_http_apis(plain["Resources"])
    _name_buckets(plain["Resources"], stack)
    _let_in_plain_http(plain["Resources"])
    _let_send_batches(plain["Resources"])
    return plain


def count_concurrency(template: dict[str, Any], parameters: Mapping[str, str]) -> None:
    """
    Write into `template` the numbers that it has parameters for.

    A parameter is text; CloudFormation makes it the number its place wants, the emulator not.
    """
    values = defaults(template) | dict(parameters)
    for resource in template["Resources"].values():
        if resource["Type"] == "AWS::Lambda::EventSourceMapping":
            scaling = resource["Properties"].get("ScalingConfig", {})
            stated = scaling.get("MaximumConcurrency")
            if isinstance(stated, dict):
                stated = values[stated["Ref"]]
            if stated is not None:
                scaling["MaximumConcurrency"] = int(stated)


def _localise_functions(template: dict[str, Any], base: Path, bundle: Bundle) -> None:
    common = template.get("Globals", {}).get("Function", {})
    common_code = common.pop("CodeUri", None)
    for name in ("Layers", "Architectures", "Runtime", "Tracing"):
        common.pop(name, None)
    resources = template["Resources"]
    for name, resource in list(resources.items()):
        if resource["Type"] == "AWS::Serverless::LayerVersion":
            del resources[name]
        elif resource["Type"] == "AWS::Serverless::Function":
            properties = resource["Properties"]
            code = properties.get("CodeUri", common_code)
            if not isinstance(code, str):
                raise DeployError(f"{name} has no CodeUri that is a directory.")
            properties["CodeUri"] = bundle(base / code)
            properties["Runtime"] = RUNTIME
            for absent in ("Layers", "Architectures", "InlineCode"):
                properties.pop(absent, None)


def _leave_out_custom_resources(resources: Resources) -> None:
    """Leave out those functions too that only answer for them."""
    custom = {n for n, r in resources.items() if r["Type"].startswith("Custom::")}
    for name in custom:
        token = resources.pop(name)["Properties"]["ServiceToken"]
        resources.pop(token["Fn::GetAtt"][0], None)
    for resource in resources.values():
        if "DependsOn" in resource:
            named = resource["DependsOn"]
            after = {named} if isinstance(named, str) else set(named)
            resource["DependsOn"] = sorted(after - custom)


def _leave_out_rollouts(template: dict[str, Any]) -> None:
    """Have functions asked themselves, where others ask their aliases."""
    for resource in template["Resources"].values():
        if resource["Type"] == "AWS::Serverless::Function":
            for name in ("AutoPublishAlias", "AutoPublishCodeSha256", "DeploymentPreference"):
                resource["Properties"].pop(name, None)
    _name_functions(template)


def _name_functions(value: Any) -> None:
    """Replace references to aliases, anywhere in `value`, by those to their functions."""
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    for part in parts:
        _name_functions(part)
    if isinstance(value, dict):
        name, _, suffix = str(value.get("Ref", "")).partition(".")
        if suffix == "Alias":
            del value["Ref"]
            value["Fn::GetAtt"] = [name, "Arn"]


def _parse(text: str) -> Any:
    return yaml.load(text, Loader=_Loader)  # noqa: S506 - a safe one


def _inline_state_machines(resources: Resources, base: Path) -> None:
    for resource in resources.values():
        properties = resource.get("Properties", {})
        if resource["Type"] == "AWS::Serverless::StateMachine" and "DefinitionUri" in properties:
            source = base / properties.pop("DefinitionUri")
            properties["Definition"] = _parse(source.read_text(encoding="utf-8"))


def _double_mappings_of_lanes(resources: Resources) -> None:
    """
    Have two lanes fetched at once: the emulator gives each mapping one message of a FIFO queue.

    It hands over no message of a group that has one in flight, so that groups keep their order.
    AWS needs one mapping for all groups, and takes no second one of the same function.
    """
    for name, resource in list(resources.items()):
        if resource["Type"] == "AWS::Lambda::EventSourceMapping":
            source = resource["Properties"]["EventSourceArn"]
            if source == {"Fn::GetAtt": [LANES_QUEUE, "Arn"]}:
                resources[f"{name}2"] = copy.deepcopy(resource)


def _leave_out_watching(resources: Resources) -> None:
    """
    Leave out alarms on metric math, which the emulator refuses, and queries, which it has not.

    None of its alarms on queues or machines can fire.
    """
    for name, resource in list(resources.items()):
        is_math = "Metrics" in resource.get("Properties", {})
        if resource["Type"] == "AWS::Logs::QueryDefinition" or (
            resource["Type"] == "AWS::CloudWatch::Alarm" and is_math
        ):
            del resources[name]


def _name_buckets(resources: Resources, stack: str) -> None:
    known = {"AWS::StackName": stack, "AWS::AccountId": ACCOUNT, "AWS::Region": REGION}
    for name, resource in resources.items():
        if resource["Type"] == "AWS::S3::Bucket":
            properties = resource.setdefault("Properties", {})
            stated = properties.get("BucketName", f"{stack}-{name}".lower())
            if isinstance(stated, dict):
                stated = stated.get("Fn::Sub", "")
                for pseudo, value in known.items():
                    stated = stated.replace("${" + pseudo + "}", value)
            if not stated or "$" in stated:
                raise DeployError(
                    f"{name}: BucketName must be text, or a Sub of pseudo parameters."
                )
            properties["BucketName"] = stated
            resource["DeletionPolicy"] = resource["UpdateReplacePolicy"] = "Retain"


def _let_in_plain_http(resources: Resources) -> None:
    """Leave out of resource policies what refuses requests without TLS: the emulator has none."""
    for name, resource in list(resources.items()):
        if resource["Type"] in {"AWS::S3::BucketPolicy", "AWS::SQS::QueuePolicy"}:
            document = resource["Properties"]["PolicyDocument"]
            document["Statement"] = [
                each for each in document["Statement"] if each.get("Condition") != WITHOUT_TLS
            ]
            if not document["Statement"]:
                del resources[name]


def _let_send_batches(resources: Resources) -> None:
    """AWS knows `SendMessage` only, the emulator asks for the batch under its own name."""
    for resource in resources.values():
        if resource["Type"] == "AWS::IAM::Role":
            for policy in resource["Properties"].get("Policies", ()):
                for statement in policy["PolicyDocument"]["Statement"]:
                    if statement.get("Action") == "sqs:SendMessage":
                        statement["Action"] = ["sqs:SendMessage", "sqs:SendMessageBatch"]


def _split_http_apis(resources: Resources) -> None:
    for name, api in list(resources.items()):
        if api["Type"] == "AWS::ApiGatewayV2::Api" and "Body" in api["Properties"]:
            body = api["Properties"].pop("Body")
            api["Properties"].pop("FailOnWarnings", None)
            api["Properties"].setdefault("ProtocolType", "HTTP")
            api["Properties"].setdefault("Name", name)
            _keep_cors(api["Properties"], body)
            authorizers = _authorizers(name, body)
            resources.update(authorizers)
            resources.update(_routes(name, body, authorizers))


def _keep_cors(properties: dict[str, Any], body: dict[str, Any]) -> None:
    cors = properties.pop("CorsConfiguration", None) or body.get("x-amazon-apigateway-cors")
    if cors:
        # The emulator reads these in camel case only.
        properties["CorsConfiguration"] = {k[0].lower() + k[1:]: v for k, v in cors.items()}


def _authorizers(api: str, body: dict[str, Any]) -> Resources:
    schemes = (body.get("components") or {}).get("securitySchemes") or {}
    found: Resources = {}
    for name, scheme in schemes.items():
        stated = scheme.get("x-amazon-apigateway-authorizer") or {}
        sources = stated.get("identitySource")
        if isinstance(sources, str):
            sources = [source.strip() for source in sources.split(",")]
        properties: dict[str, Any] = {"ApiId": {"Ref": api}, "Name": name}
        if sources:
            properties["IdentitySource"] = sources
        if stated.get("type") == "jwt":
            properties["AuthorizerType"] = "JWT"
            properties["JwtConfiguration"] = {
                "Issuer": stated["jwtConfiguration"].get("issuer"),
                "Audience": stated["jwtConfiguration"].get("audience"),
            }
        else:
            properties["AuthorizerType"] = "REQUEST"
            properties["AuthorizerUri"] = stated["authorizerUri"]
            properties["AuthorizerPayloadFormatVersion"] = str(
                stated.get("authorizerPayloadFormatVersion", "2.0")
            )
            properties["EnableSimpleResponses"] = bool(stated.get("enableSimpleResponses"))
            properties["AuthorizerResultTtlInSeconds"] = stated.get(
                "authorizerResultTtlInSeconds", 0
            )
        found[_authorizer_id(api, name)] = {
            "Type": "AWS::ApiGatewayV2::Authorizer",
            "Properties": properties,
        }
    return found


def _routes(api: str, body: dict[str, Any], authorizers: Resources) -> Resources:
    found: Resources = {}
    for path, operations in (body.get("paths") or {}).items():
        for method, operation in operations.items():
            stated = operation.get("x-amazon-apigateway-integration")
            if not stated:
                continue
            integration = f"{api}Integration{_digest(json.dumps(stated, sort_keys=True))}"
            found[integration] = _integration(api, stated)
            key = _route_key(method, path)
            properties = {
                "ApiId": {"Ref": api},
                "RouteKey": key,
                "Target": {"Fn::Join": ["", ["integrations/", {"Ref": integration}]]},
            }
            for scheme in operation.get("security") or []:
                for name, scopes in scheme.items():
                    authorizer = authorizers.get(_authorizer_id(api, name))
                    if authorizer:
                        is_jwt = authorizer["Properties"]["AuthorizerType"] == "JWT"
                        properties["AuthorizationType"] = "JWT" if is_jwt else "CUSTOM"
                        properties["AuthorizerId"] = {"Ref": _authorizer_id(api, name)}
                        if scopes:
                            properties["AuthorizationScopes"] = scopes
            found[f"{api}Route{_digest(key)}"] = {
                "Type": "AWS::ApiGatewayV2::Route",
                "Properties": properties,
            }
    return found


def _integration(api: str, stated: dict[str, Any]) -> dict[str, Any]:
    properties: dict[str, Any] = {
        "ApiId": {"Ref": api},
        "IntegrationType": stated["type"].upper(),
        "IntegrationUri": stated["uri"],
        "IntegrationMethod": stated.get("httpMethod", "POST"),
        "PayloadFormatVersion": str(stated.get("payloadFormatVersion", "2.0")),
    }
    if "timeoutInMillis" in stated:
        properties["TimeoutInMillis"] = stated["timeoutInMillis"]
    return {"Type": "AWS::ApiGatewayV2::Integration", "Properties": properties}


def _route_key(method: str, path: str) -> str:
    if path == "/$default":
        return "$default"
    verb = "ANY" if method == "x-amazon-apigateway-any-method" else method.upper()
    return f"{verb} {path}"


def _authorizer_id(api: str, name: str) -> str:
    return f"{api}Authorizer{name}"


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:8]
