"""The template as CloudFormation gets it, and its parts by kind."""

import copy
import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from samtranslator.parser.parser import Parser
from samtranslator.translator.translator import Translator

from crawlset_local.template import load

ROOT = Path(__file__).parents[2]
TEMPLATE = ROOT / "template.yaml"
DATA_TEMPLATE = ROOT / "infra/data.yaml"

Resource = dict[str, Any]


class _Region:
    """What SAM asks of a boto session."""

    region_name = "us-east-1"


@cache
def written(path: Path = TEMPLATE) -> dict[str, Any]:
    return load(path)


@cache
def resources() -> dict[str, Resource]:
    """Every resource after SAM has expanded the template."""
    return translated(written())


def translated(template: dict[str, Any], **chosen: str) -> dict[str, Resource]:
    """What SAM makes of the resources of `template` with the `chosen` parameters."""
    template = copy.deepcopy(template)
    for resource in template["Resources"].values():
        properties = resource.get("Properties", {})
        for code in ("CodeUri", "ContentUri"):
            if code in properties:
                properties[code] = "s3://bucket/key"
        if "DefinitionUri" in properties:
            del properties["DefinitionUri"]
            properties["Definition"] = definition()
    parameters = {n: p["Default"] for n, p in template["Parameters"].items() if "Default" in p}
    parameters |= {"Contact": "tests@example.org", "DatabaseSecretArn": "arn:aws:secret"} | chosen
    translator = Translator(None, Parser(), boto_session=_Region())
    expanded: dict[str, Resource] = translator.translate(template, parameters)["Resources"]
    return expanded


def definition() -> dict[str, Any]:
    """The state machine that the template deploys, before its substitutions."""
    deployed = written()["Resources"]["PipelineStateMachine"]["Properties"]["DefinitionUri"]
    parsed: dict[str, Any] = json.loads((ROOT / deployed).read_text(encoding="utf-8"))
    return parsed


def of_type(kind: str) -> dict[str, Resource]:
    return {n: r["Properties"] for n, r in resources().items() if r["Type"] == kind}


def functions() -> dict[str, Resource]:
    return of_type("AWS::Lambda::Function")


def work_queues() -> dict[str, Resource]:
    return {n: q for n, q in of_type("AWS::SQS::Queue").items() if not n.endswith("DeadLetters")}


def dead_letter_queues() -> dict[str, Resource]:
    return {n: q for n, q in of_type("AWS::SQS::Queue").items() if n.endswith("DeadLetters")}


def mappings_of(queue: str) -> Iterator[Resource]:
    """The mappings that read `queue`."""
    for mapping in of_type("AWS::Lambda::EventSourceMapping").values():
        if target(mapping["EventSourceArn"]) == queue:
            yield mapping


def role_of(function: str) -> Resource:
    role: Resource = resources()[target(functions()[function]["Role"])]["Properties"]
    return role


def statements(role: Resource) -> Iterator[Resource]:
    """What a role is allowed, with what depends on a condition, but for the use of a key."""
    allowed = (each for each in _every_statement(role) if each["Effect"] == "Allow")
    return (each for each in allowed if each.get("Sid") != "UseKeyThroughServices")


def uses_of_key(role: Resource) -> Iterator[Resource]:
    return (s for s in _every_statement(role) if s.get("Sid") == "UseKeyThroughServices")


def denials(role: Resource) -> Iterator[Resource]:
    return (each for each in _every_statement(role) if each["Effect"] != "Allow")


def _every_statement(role: Resource) -> Iterator[Resource]:
    for policy in role.get("Policies", ()):
        for statement in listed(policy["PolicyDocument"]["Statement"]):
            yield statement["Fn::If"][1] if "Fn::If" in statement else statement


def environment(function: str) -> dict[str, Any]:
    variables: dict[str, Any] = functions()[function]["Environment"]["Variables"]
    return variables


def target(value: Any) -> str:
    """The logical id that `value` refers to; an alias stands for its function."""
    match value:
        case {"Ref": str(name)} | {"Fn::GetAtt": [str(name), *_]}:
            if name.endswith("Aliaslive"):
                return target(resources()[name]["Properties"]["FunctionName"])
            return name
    message = f"{value} is no reference"
    raise AssertionError(message)


def listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def texts(value: Any) -> Iterator[str]:
    """Every string anywhere in `value`, and what its references refer to."""
    match value:
        case str():
            yield value
        case dict():
            for part in value.values():
                yield from texts(part)
        case list():
            for part in value:
                yield from texts(part)
