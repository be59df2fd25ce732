"""
The pipeline's state machine in moto's interpreter and in that of the laptop's emulator.

Both run the definition that SAM has transformed, and call functions of this process.
"""

import asyncio
import json
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from threading import Lock
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from ministack.services import stepfunctions
from moto.core import config
from moto.stepfunctions.parser.asl.component.common.retry import retrier_decl
from moto.stepfunctions.parser.asl.component.common.timeouts.timeout import EvalTimeoutError
from moto.stepfunctions.parser.asl.component.state.exec.state_task import lambda_eval_utils

from crawlset.wire.pipeline import Execution
from crawlset_local import template
from crawlset_local.emulator import ACCOUNT
from crawlset_local.processes import wait_until

REAL = Path(__file__).parents[2] / "template.yaml"
MACHINE = "PipelineStateMachine"
FUNCTIONS = f"arn:aws:lambda:us-east-1:{ACCOUNT}:function"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/pipeline"
LONGEST_WAIT = 60
"""The emulator waits no longer; so the waits that are compared are cut."""
ASKED = "ask"
"""Stands for the step where a function of the deployment's own is asked."""
LAMBDA = "Lambda."
TIMEOUT = "States.Timeout"

Handler = Callable[[dict[str, Any]], Any]


@dataclass(frozen=True)
class Failure:
    """An error by its name as Step Functions knows it, and what is said of it."""

    error: str
    message: str = "as asked"

    @property
    def payload(self) -> dict[str, str]:
        """What Lambda answers when a function raises it."""
        return {"errorType": self.error, "errorMessage": self.message}


@dataclass
class Functions:
    """Functions in this process, one invocation at a time, and failures in place of answers."""

    handlers: Mapping[str, Handler]
    """By ARN."""
    failures: dict[str, list[Failure]] = field(default_factory=dict)
    """By step, in their order."""
    before: dict[str, Callable[[], None]] = field(default_factory=dict)
    """What happens before a step is run, by step."""
    asked: Counter[str] = field(default_factory=Counter)
    waits: list[float] = field(default_factory=list)
    """Seconds that were not waited before a state was tried again."""
    _lock: Lock = field(default_factory=Lock)

    def call(self, arn: str, event: dict[str, Any]) -> tuple[Failure | None, Any]:
        step = event.get("step", ASKED)
        with self._lock:
            self.asked[step] += 1
            if failures := self.failures.get(step):
                return failures.pop(0), None
            self.before.get(step, lambda: None)()
            try:
                answer = self.handlers[arn](json.loads(json.dumps(event)))
            except Exception as error:  # noqa: BLE001 - whatever it raises
                return Failure(type(error).__name__, str(error)), None
        return None, json.loads(json.dumps(answer))

    def wait(self, seconds: float) -> None:
        self.waits.append(min(seconds, LONGEST_WAIT))


@dataclass(frozen=True)
class Ended:
    status: str
    error: str | None


@cache
def definition() -> str:
    """The definition that the laptop deploys, with the ARNs of functions in their places."""
    plain = template.expand(
        template.load(REAL), base=REAL.parent, stack="stack", bundle=lambda _: "s3://a/b.zip"
    )
    properties = plain["Resources"][MACHINE]["Properties"]
    separator, lines = properties["DefinitionString"]["Fn::Join"]
    text: str = separator.join(lines)
    for name, value in properties["DefinitionSubstitutions"].items():
        put = "aws" if value == {"Ref": "AWS::Partition"} else arn_of(value["Fn::GetAtt"][0])
        text = text.replace(f"${{{name}}}", put)
    return text


def arn_of(function: str) -> str:
    return f"{FUNCTIONS}:{function}"


class Moto:
    """Moto's interpreter, which came from LocalStack."""

    def __init__(self, functions: Functions, patch: pytest.MonkeyPatch) -> None:
        self.functions = functions
        patch.setitem(config.default_user_config["stepfunctions"], "execute_state_machine", True)
        patch.setattr(lambda_eval_utils, "_invoke_lambda_function", self._invoke)
        patch.setattr(retrier_decl, "time", SimpleNamespace(sleep=functions.wait))

    def run(self, execution: Execution) -> Ended:
        client = boto3.client("stepfunctions", region_name="us-east-1")
        machine = client.create_state_machine(
            name="pipeline", definition=definition(), roleArn=ROLE
        )["stateMachineArn"]
        started = client.start_execution(
            stateMachineArn=machine, input=json.dumps(execution.to_json())
        )["executionArn"]

        def found() -> Any:
            return client.describe_execution(executionArn=started)

        assert wait_until(lambda: found()["status"] != "RUNNING", 60)
        return Ended(found()["status"], found().get("error"))

    def _invoke(self, parameters: dict[str, Any], **_: Any) -> dict[str, Any]:
        event = json.loads(parameters["Payload"])
        failure, answer = self.functions.call(parameters["FunctionName"], event)
        if failure is None:
            return {"StatusCode": 200, "Payload": answer}
        if failure.error == TIMEOUT:
            raise EvalTimeoutError
        if failure.error.startswith(LAMBDA):
            answered: Any = {
                "Error": {
                    "Code": failure.error.removeprefix(LAMBDA),
                    "Message": failure.message,
                },
                "ResponseMetadata": {"HTTPStatusCode": 429, "RequestId": "r"},
            }
            raise ClientError(answered, "Invoke")
        return {"StatusCode": 200, "FunctionError": "Unhandled", "Payload": failure.payload}


class Emulator:
    """The interpreter of the laptop's emulator."""

    def __init__(self, functions: Functions, patch: pytest.MonkeyPatch) -> None:
        self.functions = functions
        patch.setattr(stepfunctions, "_call_lambda", self._call)
        patch.setattr(stepfunctions, "_scaled_sleep", functions.wait)

    def run(self, execution: Execution) -> Ended:
        stepfunctions.reset()
        machine = self._ask(
            "CreateStateMachine", name="pipeline", definition=definition(), roleArn=ROLE
        )["stateMachineArn"]
        started = self._ask(
            "StartExecution", stateMachineArn=machine, input=json.dumps(execution.to_json())
        )["executionArn"]

        def found() -> Any:
            return self._ask("DescribeExecution", executionArn=started)

        assert wait_until(lambda: found()["status"] != "RUNNING", 60)
        return Ended(found()["status"], found().get("error"))

    def _ask(self, action: str, **fields: Any) -> Any:
        headers = {"x-amz-target": f"AWSStepFunctions.{action}"}
        status, _, body = asyncio.run(
            stepfunctions.handle_request("POST", "/", headers, json.dumps(fields), {})
        )
        assert status == 200, body
        return json.loads(body)

    def _call(self, function: str, event: dict[str, Any]) -> Any:
        failure, answer = self.functions.call(function, event)
        if failure is None:
            return answer
        cause = failure.message if "." in failure.error else json.dumps(failure.payload)
        raise stepfunctions._ExecutionError(failure.error, cause)


INTERPRETERS: dict[str, type[Moto | Emulator]] = {"moto": Moto, "emulator": Emulator}
