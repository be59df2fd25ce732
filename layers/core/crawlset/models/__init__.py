"""The tables. Import them from here."""

from crawlset.models.accounts import (
    ActivityLog,
    ApiKey,
    FailedAuthentication,
    IdempotencyKey,
    LoginIdentity,
    Profile,
    RequestCount,
)
from crawlset.models.base import ACTIVE, UNFINISHED, Base, JobStatus, WorkStatus
from crawlset.models.hosts import HostProof, LaneHost
from crawlset.models.images import FurtherRow, Image, ImageVerdict
from crawlset.models.jobs import (
    CrawlJob,
    CrawlSchedule,
    EventCursor,
    JobChunk,
    JobEvent,
    JobSearch,
    JobTemplate,
    SourceProbe,
)
from crawlset.models.messaging import (
    FolderRemoval,
    OutboxMessage,
    Target,
    Webhook,
    WebhookDelivery,
)
from crawlset.models.pipeline import ExportFile, ExportJob, ValidationJob
from crawlset.models.projects import Project
from crawlset.models.takedowns import (
    REVOKED,
    PackRewrite,
    Takedown,
    TakedownExport,
    TakedownImage,
    TakedownKind,
    TakedownStatus,
)
from crawlset.models.uploads import Upload

__all__ = [
    "ACTIVE",
    "REVOKED",
    "UNFINISHED",
    "ActivityLog",
    "ApiKey",
    "Base",
    "CrawlJob",
    "CrawlSchedule",
    "EventCursor",
    "ExportFile",
    "ExportJob",
    "FailedAuthentication",
    "FolderRemoval",
    "FurtherRow",
    "HostProof",
    "IdempotencyKey",
    "Image",
    "ImageVerdict",
    "JobChunk",
    "JobEvent",
    "JobSearch",
    "JobStatus",
    "JobTemplate",
    "LaneHost",
    "LoginIdentity",
    "OutboxMessage",
    "PackRewrite",
    "Profile",
    "Project",
    "RequestCount",
    "SourceProbe",
    "Takedown",
    "TakedownExport",
    "TakedownImage",
    "TakedownKind",
    "TakedownStatus",
    "Target",
    "Upload",
    "ValidationJob",
    "Webhook",
    "WebhookDelivery",
    "WorkStatus",
]
