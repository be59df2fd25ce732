from datetime import UTC, datetime
from typing import Annotated, Any, Self
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from crawlset.crawls.schemas import CrawlJobCreate, JobName
from crawlset.kit.texts import printable
from crawlset.models import CrawlSchedule, JobTemplate
from crawlset.schedules.clock import Timing, show_rate
from crawlset.settings import MAX_CANDIDATES

NEXT_RUNS = 5
CRON_FIELDS = 5


def _five_fields(cron: str) -> str:
    if len(cron.split()) != CRON_FIELDS:
        message = "a cron expression has five fields: minute, hour, day, month, weekday"
        raise ValueError(message)
    return cron


Name = Annotated[str, Field(min_length=1, max_length=200), AfterValidator(printable)]
Cron = Annotated[
    str,
    Field(max_length=200, description="Minute, hour, day, month, weekday"),
    AfterValidator(printable),
    AfterValidator(_five_fields),
]
Rate = Annotated[str, Field(max_length=20, description="'15 minutes', '6 hours' or '1 day'")]
Timezone = Annotated[
    str,
    Field(
        min_length=1, max_length=64, description="Time zone by its IANA name, such as Europe/Berlin"
    ),
]
CatchesUp = Annotated[
    bool, Field(strict=True, description="Run once for the runs that were missed")
]


class JobTemplateCreate(BaseModel):
    """A configuration, or the crawl job to take it from."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)

    name: Name
    configuration: CrawlJobCreate | None = None
    crawl_job_id: UUID | None = None

    @model_validator(mode="after")
    def _has_one(self) -> Self:
        if (self.configuration is None) == (self.crawl_job_id is None):
            message = "give either a configuration or a crawl_job_id"
            raise ValueError(message)
        return self


class JobTemplateUpdate(BaseModel):
    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)

    name: Name = ""
    configuration: CrawlJobCreate | None = None

    @model_validator(mode="after")
    def _has_a_configuration_if_any(self) -> Self:
        if "configuration" in self.model_fields_set and self.configuration is None:
            message = "configuration cannot be null"
            raise ValueError(message)
        return self


class JobTemplateStart(BaseModel):
    """What is to differ from the template."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)

    name: JobName = ""
    max_images: Annotated[int | None, Field(ge=1, le=MAX_CANDIDATES)] = None


class JobTemplateRead(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    id: UUID
    project_id: UUID
    name: str
    configuration: dict[str, Any]
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, template: JobTemplate) -> Self:
        return cls.model_validate(template)


class CrawlScheduleCreate(BaseModel):
    """When to start a template: by `cron` or at a `rate`."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)

    name: Name
    template_id: UUID
    cron: Cron | None = None
    rate: Rate | None = None
    timezone: Timezone = "UTC"
    is_paused: Annotated[bool, Field(strict=True)] = False
    catches_up: CatchesUp = True

    @model_validator(mode="after")
    def _has_one(self) -> Self:
        if (self.cron is None) == (self.rate is None):
            message = "give either cron or rate"
            raise ValueError(message)
        return self


class CrawlScheduleUpdate(BaseModel):
    """What is given is changed; `cron` takes the place of a rate, and the other way round."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)

    name: Name = ""
    template_id: UUID | None = None
    cron: Cron | None = None
    rate: Rate | None = None
    timezone: Timezone = ""
    is_paused: Annotated[bool, Field(strict=True)] = False
    catches_up: CatchesUp = True

    @model_validator(mode="after")
    def _has_one_at_most(self) -> Self:
        if self.cron is not None and self.rate is not None:
            message = "give either cron or rate"
            raise ValueError(message)
        for name in ("template_id", "cron", "rate"):
            if name in self.model_fields_set and getattr(self, name) is None:
                message = f"{name} cannot be null"
                raise ValueError(message)
        return self


class CrawlScheduleRead(BaseModel):
    id: UUID
    project_id: UUID
    template_id: UUID
    name: str
    cron: str | None
    rate: str | None
    timezone: str
    is_paused: bool
    catches_up: bool
    next_run_at: Annotated[
        datetime | None,
        Field(
            description="When it starts its next crawl job; null while paused, past while it waits "
            "for room in the account"
        ),
    ]
    next_runs: Annotated[
        list[datetime], Field(description="The next five starts; empty while paused")
    ]
    last_run_at: datetime | None
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, schedule: CrawlSchedule) -> Self:
        timing = Timing(schedule.cron, schedule.rate_seconds, schedule.timezone)
        next_run_at = None if schedule.is_paused else schedule.next_run_at
        now = datetime.now(UTC)
        return cls(
            id=schedule.id,
            project_id=schedule.project_id,
            template_id=schedule.template_id,
            name=schedule.name,
            cron=schedule.cron,
            rate=show_rate(schedule.rate_seconds) if schedule.rate_seconds else None,
            timezone=schedule.timezone,
            is_paused=schedule.is_paused,
            catches_up=schedule.catches_up,
            next_run_at=next_run_at,
            next_runs=timing.runs_from(next_run_at, NEXT_RUNS, now) if next_run_at else [],
            last_run_at=schedule.last_run_at,
            created_at=schedule.created_at,
            updated_at=schedule.updated_at,
        )
