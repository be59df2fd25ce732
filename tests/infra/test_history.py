"""
What an execution of the pipeline writes into its history, and what it carries, at the caps.

The history holds 25,000 events, and a state's input or output 256 KiB:
https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html. Each state writes the
events of https://docs.aws.amazon.com/step-functions/latest/apireference/API_HistoryEvent.html.
"""

import json
from math import ceil
from typing import Any
from uuid import UUID

import pytest

from crawlset.exports.plan import MAX_SHARDS
from crawlset.imaging import clustering
from crawlset.measuring import similar
from crawlset.validation import custom
from crawlset.validation.schemas import MAX_MEASURERS, MAX_RULES
from crawlset.wire.pipeline import IN_A_GROUP, Execution, grouped
from tests.infra.machine import MACHINE, MAPS, maps_in
from tests.infra.stack import listed, of_type, resources, statements, target

MAX_EVENTS = 25_000
MAX_BYTES = 256 << 10
IMAGES = 1_000_000
ID = UUID(int=7)
RULES, MEASURERS = 5, 3
CLUSTER_RULES = MAX_RULES + 2
"""With those of a preset."""
ARN = f"arn:aws-us-gov:lambda:us-gov-west-1:123456789012:function:{'f' * 64}:{'a' * 128}"
LABEL = "r" * 100
BEGUN_AND_ENDED = 2
ENTERED_AND_EXITED = 2
STARTED_AND_ENDED = 2
AN_ATTEMPT = 3
"""TaskScheduled, TaskStarted, and TaskSucceeded, TaskFailed or TaskTimedOut."""
PARTS = ("custom", "measuring", "comparison", "plan")
CHILDREN = {name: state["ItemProcessor"] for name, state in MAPS.items()}


def most_events(graph: dict[str, Any], name: str | None = None) -> int:
    """The most that a way through `graph` from the state `name` on writes, with every retry."""
    state = graph["States"][name or graph["StartAt"]]
    branches = (state, *state.get("Choices", ()), *state.get("Catch", ()))
    onward = [branch["Next"] for branch in branches if "Next" in branch]
    onward += [state["Default"]] if "Default" in state else []
    return _events_of(state) + max((most_events(graph, each) for each in onward), default=0)


def _events_of(state: dict[str, Any]) -> int:
    match state["Type"]:
        case "Task":
            n_attempts = 1 + sum(retrier["MaxAttempts"] for retrier in state["Retry"])
            return ENTERED_AND_EXITED + n_attempts * AN_ATTEMPT
        case "Map":
            inside = state["ItemProcessor"]
            own = ENTERED_AND_EXITED + STARTED_AND_ENDED
            if inside["ProcessorConfig"]["Mode"] == "DISTRIBUTED":
                return own + STARTED_AND_ENDED  # of the map run; each child has its own history
            return own + IN_A_GROUP * (STARTED_AND_ENDED + most_events(inside))
        case "Fail":
            return 1
        case _:
            return ENTERED_AND_EXITED


def carried() -> dict[str, Any]:
    """What the last states of an execution are given that goes to every limit, and beyond."""
    batches = range(custom.MAX_BATCHES)
    judged = ({"index": n, "validator": f"{ARN}{n % MAX_RULES}"} for n in batches)
    measured = ({"index": n, "measurer": f"{ARN}{n % MAX_MEASURERS}"} for n in batches)
    n_shares = max(clustering.MAX_SHARES, similar.MAX_SHARES)
    shares = [
        {"rule": f"{LABEL}{rule}", "index": index}
        for rule in range(CLUSTER_RULES)
        for index in range(n_shares)
    ]
    place = {"bucket": "b" * 63, "folder": f"validations/{'0' * 36}/measurements/"}
    return {
        **Execution(ID, ID, ID, ID).to_json(),
        "custom": {"groups": grouped(judged), **place},
        "measuring": {"groups": grouped(measured), **place},
        "comparison": {"groups": grouped(shares)},
        "plan": {"groups": grouped({"index": index} for index in range(MAX_SHARDS))},
    }


class TestAMillionImages:
    def test_are_judged_by_five_rules_and_measured_by_three_measurers(self) -> None:
        """`batch_size` raises where an execution could not take them."""
        n_judged = RULES * ceil(IMAGES / custom.batch_size(IMAGES * RULES))
        size = custom.batch_size(IMAGES * MEASURERS, n_judged)

        assert n_judged + MEASURERS * ceil(IMAGES / size) <= custom.MAX_BATCHES

    def test_fit_into_the_history_of_an_execution_if_everything_is_tried_to_the_last(self) -> None:
        assert BEGUN_AND_ENDED + most_events(MACHINE) < MAX_EVENTS

    @pytest.mark.parametrize("name", sorted(CHILDREN))
    def test_fit_into_the_histories_of_its_children(self, name: str) -> None:
        assert BEGUN_AND_ENDED + most_events(CHILDREN[name]) < MAX_EVENTS

    def test_are_carried_in_one_payload(self) -> None:
        assert len(json.dumps(carried())) < MAX_BYTES

    def test_leave_answers_that_are_one_payload(self) -> None:
        """A map's results are one list before its ResultPath drops them."""
        n_groups = max(len(carried()[part]["groups"]) for part in PARTS)

        assert len(json.dumps([{"done": True}] * max(n_groups, IN_A_GROUP))) < MAX_BYTES


class TestMaps:
    @pytest.mark.parametrize("name", sorted(CHILDREN))
    def test_go_through_what_a_group_names(self, name: str) -> None:
        (inner,) = maps_in(CHILDREN[name]).values()

        assert inner["ItemsPath"] == "$.indices"
        assert MAPS[name]["ItemSelector"]["indices.$"] == "$$.Map.Item.Value.indices"
        assert inner["ItemSelector"]["index.$"] == "$$.Map.Item.Value"


class TestRole:
    def test_may_start_and_stop_its_children(self) -> None:
        """https://docs.aws.amazon.com/step-functions/latest/dg/iam-policies-eg-dist-map.html"""
        machine = of_type("AWS::StepFunctions::StateMachine")["PipelineStateMachine"]
        role = resources()[target(machine["RoleArn"])]["Properties"]
        name = machine["StateMachineName"]["Fn::Sub"]

        allowed = {
            (action, resource["Fn::Sub"].partition(":${AWS::AccountId}:")[2])
            for statement in statements(role)
            for action in listed(statement["Action"])
            for resource in listed(statement["Resource"])
            if action.startswith("states:")
        }

        assert allowed == {
            ("states:StartExecution", f"stateMachine:{name}"),
            ("states:DescribeExecution", f"execution:{name}:*"),
            ("states:DescribeExecution", f"execution:{name}/*"),
            ("states:StopExecution", f"execution:{name}:*"),
            ("states:StopExecution", f"execution:{name}/*"),
        }
