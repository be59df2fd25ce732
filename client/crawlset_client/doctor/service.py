"""Checks of the configured service: does it answer, is it ours, does the key open it."""

from collections.abc import Iterator
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import httpx

from crawlset_client import __version__
from crawlset_client.api.connection import DIRECT
from crawlset_client.config import Config
from crawlset_client.doctor.findings import Finding, ok, warning, wrong

TIMEOUT_SECONDS = 5.0
SKEW_SECONDS, BAD_SKEW_SECONDS = 30.0, 300.0
"""From the second on, signed addresses of files are refused."""

SAMPLE = "sample"
"""The source of the sample site, which every laptop has."""
STARTED_HERE = ("profile", "default")


def check_service(config: Config, transport: httpx.BaseTransport | None) -> Iterator[Finding]:
    """Ask for health, profile and sources, once each; no answer ends it."""
    headers = {"User-Agent": f"crawlset-client/{__version__}"}
    if config.api_key:
        headers["Authorization"] = f"Bearer {config.api_key}"
    with httpx.Client(
        base_url=f"{config.api_url}/api/",
        headers=headers,
        transport=transport,
        timeout=TIMEOUT_SECONDS,
        mounts=DIRECT,
    ) as http:
        try:
            health = http.get("health")
        except httpx.TransportError as error:
            yield _silent(config, error)
            return
        yield from _check_health(config, health)
        if health.is_success:
            yield _check_clock(health.headers.get("date"), datetime.now(UTC))
            yield from _check_key(config, http)


def _silent(config: Config, error: httpx.TransportError) -> Finding:
    found = f"nothing answers at {config.api_url}: {error or type(error).__name__}"
    if "CERTIFICATE_VERIFY_FAILED" in str(error):
        mend = "Name your organisation's certificates: export SSL_CERT_FILE=FILE."
        return wrong("service", found, mend)
    if config.named_by in STARTED_HERE:
        return warning("service", found, "Start it with `crawlset up`, or name another address.")
    return wrong("service", found, "Is the address right, and is a proxy in the way?")


def _check_health(config: Config, health: httpx.Response) -> Iterator[Finding]:
    name = "service"
    try:
        body = health.json()
        is_ours = isinstance(body, dict) and body.get("status") == "ok"
    except ValueError:
        is_ours = False
    if not is_ours:
        found = f"{config.api_url} answers {health.status_code}, not as Crawlset does"
        yield wrong(name, found, "Set CRAWLSET_API_URL to the address of a deployment.")
        return
    version = body.get("version")
    found = f"{config.api_url}, Crawlset {version or 'of an older version'}"
    if version == __version__:
        yield ok(name, found)
    else:
        mend = f"The client is {__version__}; bring the older of the two up to date."
        yield warning(name, found, mend)


def _check_clock(date: str | None, now: datetime) -> Finding:
    if date is None:
        return ok("clock", "the service does not tell its time")
    try:
        skew = (now - parsedate_to_datetime(date)).total_seconds()
    except (TypeError, ValueError):
        return ok("clock", "the service does not tell its time")
    found = f"{abs(skew):.0f} s {'ahead of' if skew > 0 else 'behind'} the service"
    mend = "Set this machine's clock by the network: timedatectl set-ntp true."
    if abs(skew) > BAD_SKEW_SECONDS:
        return wrong("clock", found, mend)
    return warning("clock", found, mend) if abs(skew) > SKEW_SECONDS else ok("clock", found)


def _check_key(config: Config, http: httpx.Client) -> Iterator[Finding]:
    if config.api_key is None:
        mend = "Set CRAWLSET_API_KEY, or put api_key into the file of `crawlset config path`."
        yield wrong("API key", "none", mend)
        return
    profile = http.get("profile")
    if profile.status_code == httpx.codes.UNAUTHORIZED:
        mend = "Make a new one with `crawlset keys create`, or start `crawlset up` again."
        yield wrong("API key", "not accepted: it is unknown, revoked or expired", mend)
        return
    if profile.status_code == httpx.codes.FORBIDDEN:
        yield ok("API key", "accepted; its scopes do not show whose it is")
    elif not profile.is_success:
        yield warning("API key", f"the service answers {profile.status_code}")
    else:
        yield ok("API key", f"accepted, of {profile.json().get('email') or 'your account'}")
    yield _check_sources(http.get("sources"))


def _check_sources(answer: httpx.Response) -> Finding:
    if not answer.is_success:
        return warning("sources", f"the service answers {answer.status_code}")
    items = [item for item in answer.json()["items"] if not item.get("is_list")]
    usable = [item["name"] for item in items if item["configured"]]
    found = f"{len(usable)} of {len(items)} may be asked: {', '.join(usable) or 'none'}"
    if set(usable) - {SAMPLE}:
        return ok("sources", found)
    mend = "Name others, and yourself, in secrets.toml; README.md, `Use it`, shows how."
    return warning("sources", found, mend)
