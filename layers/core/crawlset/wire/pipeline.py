"""An execution of the pipeline's state machine, and what it asks of its steps."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import batched
from typing import Any, ClassVar, Literal
from uuid import UUID

from crawlset.wire.record import Versioned

IN_A_GROUP = 100
"""
Items of a map that one child execution goes through.

Its history holds 25,000 events; a batch with every retry of its steps writes 90 of them.
"""


@dataclass(frozen=True, slots=True)
class Execution(Versioned):
    """The input of an execution: validate a crawl job, then export it; either may be left out."""

    user_id: UUID
    job_id: UUID
    validation_job_id: UUID | None
    export_job_id: UUID | None


@dataclass(frozen=True, slots=True)
class StepError:
    """What a Catch of the state machine says of a step, in its own spelling."""

    Error: str
    Cause: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ValidationStep(Versioned):
    """Asks for one step of a validation."""

    DROPPED: ClassVar[frozenset[str]] = frozenset({"export_job_id"})
    """Every step is handed every id of the execution."""

    step: Literal[
        "prepare",
        "evaluate",
        "judge",
        "measure",
        "keep",
        "decide",
        "deduplicate",
        "compare",
        "put_out_copies",
        "cluster",
        "finish",
        "fail",
    ]
    user_id: UUID
    job_id: UUID
    validation_job_id: UUID
    rule: str = ""
    """The label of a rule, for `compare`."""
    index: int = 0
    """Number of a share, for `compare`; of a batch, for `judge` and `keep`."""
    answer: Any = None
    """What a validator answered, for `judge`; a measurer, for `keep`."""
    error: StepError | None = None
    in_groups: bool = False
    """Whether items of a map are given in groups; executions of an older definition take each."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportStep(Versioned):
    """Asks for one step of an export."""

    DROPPED: ClassVar[frozenset[str]] = frozenset({"validation_job_id"})
    """Every step is handed every id of the execution."""

    step: Literal["plan", "write_shard", "finish", "verify_shard", "verify", "fail"]
    user_id: UUID
    job_id: UUID
    export_job_id: UUID
    index: int = 0
    """Number of a shard."""
    error: StepError | None = None
    in_groups: bool = False
    """Whether shards are given in groups; executions of an older definition take each."""


def grouped(items: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """
    Join items of a map that differ in their `index` only, `IN_A_GROUP` at most in a group.

    A group is the input of a child execution: what its items share, and their `indices`.
    """
    indices: dict[tuple[tuple[str, Any], ...], list[int]] = {}
    for item in items:
        shared = tuple((name, value) for name, value in item.items() if name != "index")
        indices.setdefault(shared, []).append(item["index"])
    return [
        dict(shared) | {"indices": list(some)}
        for shared, found in indices.items()
        for some in batched(found, IN_A_GROUP)
    ]
