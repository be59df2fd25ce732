"""The pipeline's state machine as it is deployed, and its states by kind."""

from collections.abc import Iterator
from typing import Any

from tests.infra.stack import definition

MACHINE = definition()


def graphs(machine: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The machine and those inside its maps."""
    yield machine
    for state in machine["States"].values():
        if "ItemProcessor" in state:
            yield from graphs(state["ItemProcessor"])


def next_of(state: dict[str, Any]) -> Iterator[str]:
    for branch in (state, *state.get("Choices", ()), *state.get("Catch", ())):
        if "Next" in branch:
            yield branch["Next"]
    if "Default" in state:
        yield state["Default"]


def nodes(value: Any) -> Iterator[dict[str, Any]]:
    """Every mapping in the definition but the payloads, which are ours."""
    if isinstance(value, dict):
        yield value
        for name, part in value.items():
            if name not in {"Payload", "ItemSelector", "ResultSelector"}:
                yield from nodes(part)
    elif isinstance(value, list):
        for part in value:
            yield from nodes(part)


def is_in(name: str, state: dict[str, Any]) -> bool:
    inner = state.get("ItemProcessor", {}).get("States", {})
    return name in inner or any(is_in(name, each) for each in inner.values())


def states_of(kind: str) -> dict[str, dict[str, Any]]:
    return {
        name: state
        for graph in graphs(MACHINE)
        for name, state in graph["States"].items()
        if state["Type"] == kind
    }


def maps_in(graph: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {name: state for name, state in graph["States"].items() if state["Type"] == "Map"}


MAPS = maps_in(MACHINE)
"""The maps whose items are groups."""
TASKS = states_of("Task")
ASKED = {name: TASKS.pop(name) for name in ("AskValidator", "AskMeasurer")}
"""The tasks that run functions of which we know nothing."""
