"""The pipeline as a graph, and in the words that AWS and the emulator both know."""

import re
import subprocess
import sys
from functools import cache
from typing import Any, get_args

import pytest

from crawlset import errors
from crawlset.errors import DatabaseAwayError
from crawlset.jobs.pipeline_repository import JobCancelledError
from crawlset.wire.pipeline import ExportStep, ValidationStep
from crawlset_local.template import load
from tests.infra.machine import (
    ASKED,
    MACHINE,
    MAPS,
    TASKS,
    graphs,
    is_in,
    maps_in,
    next_of,
    nodes,
    states_of,
)
from tests.infra.stack import ROOT, definition, functions, of_type, texts

BUILT_IN = ("States.", "Lambda.", "Sandbox.")
PATHS = {"ResultPath", "ItemsPath"}
EMULATOR_IGNORES = {
    "HeartbeatSeconds",
    "ItemBatcher",
    "ItemReader",
    "JitterStrategy",
    "MaxDelaySeconds",
    "QueryLanguage",
    "ResultWriter",
    "ToleratedFailurePercentage",
}


LAMBDA_AT_FAULT = {
    "Lambda.AWSLambdaException",
    "Lambda.SdkClientException",
    "Lambda.ServiceException",
    "Lambda.TooManyRequestsException",
    "States.Timeout",
}
MESSAGE_OF: dict[str, type[ValidationStep | ExportStep]] = {
    "${ValidateFunctionArn}": ValidationStep,
    "${ExportFunctionArn}": ExportStep,
}
NAME_FINAL_ERRORS = """
import crawlset.exports.steps, crawlset.validation.steps
from crawlset.errors import AppError

def kinds(kind):
    for each in kind.__subclasses__():
        yield each
        yield from kinds(each)

print(*{k.__name__ for k in kinds(AppError) if 400 <= k.status < 500 and k.status != 429})
"""
"""What the steps' functions import knows every error that they can raise."""
FAILING = {n for n, task in TASKS.items() if task["Parameters"]["Payload"]["step"] == "fail"}
FORMER_STEPS = {"${ValidateFunctionArn}": {"prepare", "cluster"}}
"""An execution runs to its end with the definition it began with, for two days at most."""
ID = "00000000-0000-7000-8000-000000000007"
EXAMPLES: dict[str, Any] = {
    "$.v": 1,
    "$.user_id": ID,
    "$.job_id": ID,
    "$.validation_job_id": ID,
    "$.export_job_id": ID,
    "$.index": 0,
    "$.rule": "near_duplicates",
    "$.answer.given": {"images": []},
    "$.error": {"Error": "Sandbox.Timedout", "Cause": "Task timed out after 900.00 seconds"},
}


@cache
def final_errors() -> frozenset[str]:
    """The errors a step can raise that its caller, and nobody else, could do something about."""
    done = subprocess.run(
        [sys.executable, "-c", NAME_FINAL_ERRORS],
        cwd=ROOT,
        env={
            "PYTHONPATH": "layers/core",
            "POWERTOOLS_SERVICE_NAME": "test",
            "POWERTOOLS_METRICS_NAMESPACE": "test",
        },
        capture_output=True,
        text=True,
        check=True,
    )
    return frozenset(done.stdout.split())


class TestDefinition:
    def test_is_deployed_as_it_is_written(self) -> None:
        """If not: `make machine`."""
        assert definition() == load(ROOT / "infra/statemachines/pipeline.asl.yaml")


class TestGraph:
    def test_leads_only_to_states_that_exist(self) -> None:
        for graph in graphs(MACHINE):
            states = graph["States"]
            wanted = {n for state in states.values() for n in next_of(state)}
            assert {graph["StartAt"], *wanted} <= set(states)

    def test_reaches_every_state(self) -> None:
        for graph in graphs(MACHINE):
            reached, waiting = set(), [graph["StartAt"]]
            while waiting:
                name = waiting.pop()
                if name not in reached:
                    reached.add(name)
                    waiting += next_of(graph["States"][name])
            assert reached == set(graph["States"])

    def test_ends_everywhere(self) -> None:
        for graph in graphs(MACHINE):
            for state in graph["States"].values():
                is_end = state.get("End") or state["Type"] in {"Succeed", "Fail"}
                assert bool(is_end) is not bool(list(next_of(state | {"Catch": []})))

    def test_has_a_time_limit(self) -> None:
        assert MACHINE["TimeoutSeconds"] <= 7 * 86_400


@pytest.mark.parametrize("name", sorted(TASKS))
class TestEveryTask:
    def test_is_tried_again_whatever_failed(self, name: str) -> None:
        """
        `States.TaskFailed` is any error but `States.Timeout`; the first retrier that names one
        decides.

        https://docs.aws.amazon.com/step-functions/latest/dg/concepts-error-handling.html
        """
        *_, timeout, last = TASKS[name]["Retry"]

        assert "States.Timeout" in timeout["ErrorEquals"]
        assert last["ErrorEquals"] == ["States.TaskFailed"]
        assert last["MaxAttempts"] >= 3

    def test_is_not_tried_again_after_an_error_of_ours_that_stays(self, name: str) -> None:
        first = TASKS[name]["Retry"][0]

        assert first["MaxAttempts"] == 0
        assert set(first["ErrorEquals"]) == final_errors()

    def test_outlasts_a_failover_of_the_database(self, name: str) -> None:
        """A wait is the one before times BackoffRate; MaxAttempts counts the waits."""
        (retrier,) = [
            retrier
            for retrier in TASKS[name]["Retry"]
            if retrier["ErrorEquals"] == [DatabaseAwayError.__name__]
        ]
        waits = [
            retrier["IntervalSeconds"] * retrier["BackoffRate"] ** n
            for n in range(retrier["MaxAttempts"])
        ]

        assert waits[0] <= 5
        assert sum(waits) >= 120

    def test_outlives_its_function(self, name: str) -> None:
        called = TASKS[name]["Parameters"]["FunctionName"].strip("${}").removesuffix("Arn")

        assert TASKS[name]["TimeoutSeconds"] > functions()[called]["Timeout"]

    def test_is_caught(self, name: str) -> None:
        """By itself, or by a map that it is in."""
        catching = [TASKS[name], *(m for m in states_of("Map").values() if is_in(name, m))]

        caught = [s["Catch"][-1]["ErrorEquals"] for s in catching if "Catch" in s]
        assert caught
        assert all(each == ["States.ALL"] for each in caught)

    def test_hands_over_every_id(self, name: str) -> None:
        payload = TASKS[name]["Parameters"]["Payload"]

        for id_ in ("v", "user_id", "job_id", "validation_job_id", "export_job_id"):
            assert payload[f"{id_}.$"] == f"$.{id_}"


class TestPayloads:
    @pytest.mark.parametrize("name", sorted(TASKS))
    def test_are_what_the_function_parses(self, name: str) -> None:
        parameters = TASKS[name]["Parameters"]

        message = MESSAGE_OF[parameters["FunctionName"]].from_json(
            {
                key.removesuffix(".$"): EXAMPLES.get(value, value)
                for key, value in parameters["Payload"].items()
            }
        )

        assert message.step == parameters["Payload"]["step"]

    def test_name_every_step(self) -> None:
        """But those that only executions of an older definition ask for."""
        for function, message in MESSAGE_OF.items():
            called = {
                task["Parameters"]["Payload"]["step"]
                for task in TASKS.values()
                if task["Parameters"]["FunctionName"] == function
            }
            known = set(get_args(message.__annotations__["step"]))
            assert known - called == FORMER_STEPS.get(function, set())
            assert called <= known


class TestLanguage:
    def test_is_what_aws_and_the_emulator_both_know(self) -> None:
        kinds = {s["Type"] for graph in graphs(MACHINE) for s in graph["States"].values()}

        assert kinds <= {"Task", "Choice", "Map", "Succeed", "Fail"}
        for node in nodes(MACHINE):
            assert EMULATOR_IGNORES.isdisjoint(node)
            assert {k for k in node if k.endswith("Path")} <= PATHS

    def test_states_numbers_as_numbers(self) -> None:
        for node in nodes(MACHINE):
            for name in ("TimeoutSeconds", "IntervalSeconds", "MaxAttempts", "MaxConcurrency"):
                assert isinstance(node.get(name, 0), int)

    def test_keeps_no_result_but_what_its_maps_go_through(self) -> None:
        """And those inside the maps, next to nothing: a map's results are one payload."""
        kept = {
            name: set(state["ResultSelector"])
            for name, state in (TASKS | states_of("Map")).items()
            if state["ResultPath"] is not None
        }

        assert kept == {
            "Deduplicate": {"groups.$"},
            "CompareGroup": {"done"},
            "CompareHashes": {"done"},
            "Evaluate": {"groups.$", "bucket.$", "folder.$"},
            "JudgeGroup": {"done"},
            "NoteAnswer": {"done"},
            "NoteError": {"done"},
            "Measure": {"groups.$", "bucket.$", "folder.$"},
            "MeasureGroup": {"done"},
            "KeepMeasures": {"done"},
            "KeepError": {"done"},
            "PlanExport": {"groups.$"},
            "WriteGroup": {"done"},
            "WriteShard": {"done"},
            "VerifyGroup": {"done"},
            "VerifyShard": {"done"},
            "FailValidation": {"Error.$", "Cause.$"},
            "FailExport": {"Error.$", "Cause.$"},
        }

    def test_maps_go_through_groups_one_after_another_and_inline_through_each(self) -> None:
        """At most eight steps of an execution run at once."""
        for outer in MAPS.values():
            (inner,) = maps_in(outer["ItemProcessor"]).values()
            assert outer["ItemProcessor"]["ProcessorConfig"] == {
                "Mode": "DISTRIBUTED",
                "ExecutionType": "STANDARD",
            }
            assert outer["MaxConcurrency"] == 1
            assert inner["ItemProcessor"]["ProcessorConfig"] == {"Mode": "INLINE"}
            assert 1 <= inner["MaxConcurrency"] <= 8
            assert not maps_in(inner["ItemProcessor"])

    def test_names_each_state_once(self) -> None:
        """https://states-language.net/spec.html#states-fields"""
        names = [name for graph in graphs(MACHINE) for name in graph["States"]]

        assert len(names) == len(set(names))

    def test_names_errors_that_exist(self) -> None:
        named = {e for node in nodes(MACHINE) for e in node.get("ErrorEquals", ())}

        ours = {e for e in named if not e.startswith(BUILT_IN)}

        assert ours <= final_errors() | set(vars(errors))

    def test_substitutes_what_the_template_defines(self) -> None:
        machine = of_type("AWS::StepFunctions::StateMachine")["PipelineStateMachine"]

        used = {name for text in texts(MACHINE) for name in re.findall(r"\$\{(\w+)\}", text)}

        assert used == set(machine["DefinitionSubstitutions"])


@pytest.mark.parametrize(
    ("name", "sample", "noting"),
    [
        ("AskValidator", "ColourfulnessFunction", "NoteError"),
        ("AskMeasurer", "PaletteFunction", "KeepError"),
    ],
)
class TestAsked:
    def test_are_tried_again_and_have_a_time_limit(
        self, name: str, sample: str, noting: str
    ) -> None:
        retried = {e for retrier in ASKED[name]["Retry"] for e in retrier["ErrorEquals"]}

        assert retried == LAMBDA_AT_FAULT | {"States.TaskFailed"}
        assert ASKED[name]["TimeoutSeconds"] > functions()[sample]["Timeout"]

    def test_fail_nothing_but_their_batch(self, name: str, sample: str, noting: str) -> None:
        catchers = ASKED[name]["Catch"]

        assert [catcher["ErrorEquals"] for catcher in catchers] == [
            ["States.DataLimitExceeded"],
            ["States.ALL"],
        ]
        assert {catcher["Next"] for catcher in catchers} == {noting}
        assert {catcher["ResultPath"] for catcher in catchers} == {"$.error"}
        assert TASKS[noting]["End"]

    def test_are_told_where_their_batch_lies(self, name: str, sample: str, noting: str) -> None:
        assert ASKED[name]["Parameters"]["Payload"] == {
            "v.$": "$.v",
            "bucket.$": "$.bucket",
            "key.$": "States.Format('{}{}.json', $.folder, $.index)",
        }


class TestFailure:
    def test_of_a_validation_fails_the_export_that_waits_for_it(self) -> None:
        states = MACHINE["States"]
        assert states["FailValidation"]["Next"] == "IsExportLost"
        assert states["FailValidation"]["Catch"][0]["Next"] == "IsExportLost"

        assert set(next_of(states["IsExportLost"])) == {"FailExport", "IsCancelled"}

    def test_is_none_when_the_owner_cancelled(self) -> None:
        choice = MACHINE["States"]["IsCancelled"]

        assert choice["Choices"][0]["StringEquals"] == JobCancelledError.__name__
        assert (choice["Choices"][0]["Next"], choice["Default"]) == ("Done", "Failed")

    @pytest.mark.parametrize("name", sorted(FAILING))
    def test_is_told_with_its_error(self, name: str) -> None:
        payload = TASKS[name]["Parameters"]["Payload"]

        assert (payload["step"], payload["error.$"]) == ("fail", "$.error")

    @pytest.mark.parametrize("name", sorted(MAPS))
    def test_of_a_group_is_written_down_before_its_map_fails(self, name: str) -> None:
        """A distributed map says of a failed child execution only that it failed."""
        child = MAPS[name]["ItemProcessor"]["States"]
        (group,) = maps_in(MAPS[name]["ItemProcessor"]).values()

        failing = child[group["Catch"][0]["Next"]]

        whole = MACHINE["States"][MAPS[name]["Catch"][0]["Next"]]
        assert failing["Parameters"] == whole["Parameters"]
        assert child[failing["Next"]]["Type"] == "Fail"

    def test_that_no_catch_sees_reaches_dead_letters(self) -> None:
        (rule,) = [rule for rule in of_type("AWS::Events::Rule").values() if "EventPattern" in rule]
        detail = rule["EventPattern"]["detail"]

        assert detail["stateMachineArn"] == [{"Ref": "PipelineStateMachine"}]
        assert detail["status"] == ["FAILED", "TIMED_OUT", "ABORTED"]
        assert rule["Targets"][0]["Arn"] == {"Fn::GetAtt": ["DeadLettersFunction", "Arn"]}
