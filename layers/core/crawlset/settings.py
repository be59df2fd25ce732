"""What each function reads from its environment, and the limits of the service."""

from dataclasses import dataclass
from datetime import timedelta
from functools import cache

from pydantic import SecretStr
from pydantic_settings import BaseSettings

CHUNK_URLS = 500
"""URLs in one chunk, at most."""
CANDIDATES_PER_PART = 25_000
"""Candidates in one object of candidates, at most."""
CANDIDATES_IN_FIRST_PART = 1_000
"""Candidates in the first object of a search, at most, so that fetching begins while it goes on."""
MAX_CANDIDATES = 10_000_000
"""Candidates of one job, at most."""
MAX_KEYWORDS = 50
MAX_URLS_IN_REQUEST = 10_000
MAX_MANIFEST_BYTES = 4 << 30
"""Bytes of one list; S3 takes 5 GB in one PUT."""
MAX_LISTS_IN_REQUEST = 1_000
MAX_LISTED_FILES = 10_000
"""Lists below one prefix that make one job."""
FEWEST_PER_OWNED_HOST = 8
"""Requests at once that any host may get: four from each of two fetchers."""
MOST_PER_OWNED_HOST = 128
"""Requests at once to a host that the deployment owns, at most."""
MAX_OWNED_HOSTS = 20
"""Owned hosts that one job may name."""
MAX_ATTEMPTS = 5
"""Times one chunk or search is sent before its work is made terminal."""
QUEUE_RETENTION = timedelta(days=10)
"""A message that waits for longer than this is gone from its queue."""


class SourceKeysSettings(BaseSettings):
    """Where the keys of sources are kept, for the one function that asks with them."""

    source_keys_arn: str = ""


class DatabaseSettings(BaseSettings):
    database_secret_arn: str


class BucketSettings(BaseSettings):
    bucket_name: str


class QueueSettings(BaseSettings):
    discover_queue_url: str
    plan_queue_url: str
    chunks_queue_url: str
    host_lanes_queue_url: str
    results_queue_url: str
    takedowns_queue_url: str


class PipelineSettings(BaseSettings):
    """The state machine, for the one function that starts its executions."""

    pipeline_state_machine_arn: str


class CrawlingSettings(BaseSettings):
    """Whether sources and hosts are asked at all; if not, what is to be crawled waits in queues."""

    crawling_enabled: bool = True


class PausingSettings(BaseSettings):
    """Whether the database pauses when nobody asks it, as Aurora does that may scale to nothing."""

    database_pauses: bool = False


class EdgeSettings(BaseSettings):
    """The digest of what the edge shows the API; empty where there is none."""

    edge_digest: str = ""


class DeliverySettings(BaseSettings):
    """Where the tick puts what webhooks are to be told."""

    deliveries_queue_url: str


class WebhookKeySettings(BaseSettings):
    """The key of webhooks' secrets: in KMS, or on a laptop in a file."""

    webhook_key_arn: str = ""
    webhook_key_file: str = ""


class ResultSettings(BaseSettings):
    """Where `deliver` says how it went."""

    results_queue_url: str


class EventSettings(BaseSettings):
    """The EventBridge bus of what happens to jobs."""

    event_bus_name: str


class TakedownSettings(BaseSettings):
    """How long a takedown can be revoked unless it says otherwise."""

    takedown_grace_hours: int = 24


class SourceSettings(BaseSettings):
    """Which sources this deployment may ask, and with which keys."""

    sample_source_url: str = ""
    sources: str = ""
    """Names of those that may be asked, separated by commas."""
    source_urls: dict[str, str] = {}
    """Where a source is, by its name, instead of its own address: for a test."""
    list_prefix: str = ""
    """Where lists may be read besides uploads: `s3://bucket/prefix/`; empty for nowhere."""
    expansion_model_id: str = ""
    """The Bedrock model that suggests queries; without one none does."""
    openverse_client_id: SecretStr = SecretStr("")
    """Id of an OAuth 2 application, which may ask more often; goes with its secret."""
    openverse_client_secret: SecretStr = SecretStr("")
    europeana_key: SecretStr = SecretStr("")
    smithsonian_key: SecretStr = SecretStr("")
    flickr_key: SecretStr = SecretStr("")
    brave_key: SecretStr = SecretStr("")
    google_key: SecretStr = SecretStr("")
    google_engine_key: SecretStr = SecretStr("")
    """The id (cx) of the Programmable Search Engine that goes with `google_key`."""
    serpapi_key: SecretStr = SecretStr("")

    def may_ask(self, source: str) -> bool:
        return source in {name.strip() for name in self.sources.split(",")}

    def may_read_lists(self, uri: str) -> bool:
        """Whether `uri` is below the prefix that this deployment names."""
        return bool(self.list_prefix) and uri.startswith(self.list_prefix)

    def base_of(self, source: str, usual: str) -> str:
        return self.source_urls.get(source, usual).rstrip("/")


class OwnedHostSettings(BaseSettings):
    """The hosts that whoever runs this deployment owns."""

    owned_hosts: str = ""
    """Names, separated by commas."""

    @property
    def names(self) -> list[str]:
        return [name.strip() for name in self.owned_hosts.split(",") if name.strip()]


class ValidatorSettings(BaseSettings):
    """The Lambda functions that rules may name."""

    validator_arns: str = ""
    """Separated by commas."""

    @property
    def by_name(self) -> dict[str, str]:
        arns = filter(None, self.validator_arns.split(","))
        return {arn.rpartition(":")[2]: arn for arn in arns}


@dataclass(frozen=True, slots=True)
class DeployedMeasurer:
    """A measurer that rules may name, and the Lambda function that measures."""

    name: str
    version: str
    """Empty if nobody said: what was measured once then stays."""
    arn: str


class MeasurerSettings(BaseSettings):
    """The measurers that rules may name."""

    measurer_arns: str = ""
    """`name@version=arn` of those built in, ARNs of the deployment's own; separated by commas."""

    @property
    def by_name(self) -> dict[str, DeployedMeasurer]:
        """
        Every measurer by its name.

        Of an ARN that is the function's name; its version is the ARN's own, behind the name.
        """
        found = {}
        for entry in filter(None, self.measurer_arns.split(",")):
            head, _, arn = entry.rpartition("=")
            name, _, version = head.partition("@")
            if not head:
                _, _, name = arn.partition(":function:")
                name, _, version = name.partition(":")
            found[name] = DeployedMeasurer(name, version, arn)
        return found


class TextSettings(BaseSettings):
    """What the measurer `text` keeps."""

    keeps_text: bool = False


class TowersSettings(BaseSettings):
    """A pair of networks of the deployment's own: their folder in the bucket, and their version."""

    towers_folder: str
    towers_version: str


database_settings = cache(DatabaseSettings)
bucket_settings = cache(BucketSettings)
queue_settings = cache(QueueSettings)
pipeline_settings = cache(PipelineSettings)
crawling_settings = cache(CrawlingSettings)
pausing_settings = cache(PausingSettings)
edge_settings = cache(EdgeSettings)
delivery_settings = cache(DeliverySettings)
webhook_key_settings = cache(WebhookKeySettings)
result_settings = cache(ResultSettings)
event_settings = cache(EventSettings)
takedown_settings = cache(TakedownSettings)
source_settings = cache(SourceSettings)
source_keys_settings = cache(SourceKeysSettings)
owned_host_settings = cache(OwnedHostSettings)
validator_settings = cache(ValidatorSettings)
measurer_settings = cache(MeasurerSettings)
text_settings = cache(TextSettings)
towers_settings = cache(TowersSettings)
