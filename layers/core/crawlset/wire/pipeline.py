"""An execution of the pipeline's state machine, and what it asks of its steps."""

from dataclasses import dataclass
from typing import Any, ClassVar, Literal
from uuid import UUID

from crawlset.wire.record import Versioned


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
