"""When a schedule runs: a cron expression in a time zone, or a rate."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice, pairwise
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from cronsim import CronSim, CronSimError

from crawlset.errors import UnprocessableError

LEAST_PAUSE = timedelta(minutes=15)
LONGEST_PAUSE = timedelta(days=366)
_RUNS_CHECKED = 200
"""Runs of a cron expression that are looked at, in UTC: a clock that is set back is no pause."""
_RATE = re.compile(r"(\d{1,6}) (minute|hour|day)s?")
_UNITS = {"day": 86_400, "hour": 3_600, "minute": 60}


@dataclass(frozen=True, slots=True)
class Timing:
    """Either `cron` or `rate_seconds`."""

    cron: str | None
    rate_seconds: int | None
    timezone: str

    def next(self, after: datetime, last_planned: datetime | None = None) -> datetime:
        """
        The first run after `after`, in UTC; a rate counts from `last_planned`.

        A time that the clock skips in spring runs when it goes on; one that it repeats runs once.

        Raises:
            CronSimError, StopIteration, ZoneInfoNotFoundError, ValueError: it never runs.
        """
        if self.cron is not None:
            local = after.astimezone(ZoneInfo(self.timezone))
            return next(CronSim(self.cron, local)).astimezone(UTC)
        if self.rate_seconds is None:
            raise ValueError(self)
        rate = timedelta(seconds=self.rate_seconds)
        after = after.astimezone(UTC)
        if last_planned is None:
            return after + rate
        planned = last_planned.astimezone(UTC)
        n_passed = max(0, (after - planned) // rate)
        return planned + rate * (n_passed + 1)

    def runs_from(self, first: datetime, n: int, now: datetime) -> list[datetime]:
        """
        `first`, which may be overdue, and the runs that follow it after `now`.

        They are `n` in all, by the clock of the time zone.
        """
        runs = [first]
        while len(runs) < n:
            try:
                runs.append(self.next(max(runs[-1], now), runs[-1]))
            except StopIteration:
                break
        return [run.astimezone(ZoneInfo(self.timezone)) for run in runs]


def parse_rate(rate: str) -> int:
    """
    Seconds of `15 minutes`, `6 hours` or `1 day`.

    Raises:
        UnprocessableError: it is no rate, or out of bounds.
    """
    match = _RATE.fullmatch(rate)
    if match is None:
        raise UnprocessableError("A rate is such as '15 minutes', '6 hours' or '1 day'.", "/rate")
    pause = timedelta(seconds=int(match[1]) * _UNITS[match[2]])
    if not LEAST_PAUSE <= pause <= LONGEST_PAUSE:
        raise UnprocessableError("A rate is 15 minutes to 366 days.", "/rate")
    return round(pause.total_seconds())


def show_rate(seconds: int) -> str:
    unit, size = next((unit, size) for unit, size in _UNITS.items() if seconds % size == 0)
    n = seconds // size
    return f"{n} {unit}{'s' if n != 1 else ''}"


def check(timing: Timing, now: datetime) -> datetime:
    """
    The first run after `now`.

    Raises:
        UnprocessableError: no such time zone or expression, or it runs never or too often.
    """
    try:
        ZoneInfo(timing.timezone)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        detail = f"There is no time zone {timing.timezone!r}."
        raise UnprocessableError(detail, "/timezone") from error
    if timing.cron is None:
        return timing.next(now)
    try:
        runs = list(islice(CronSim(timing.cron, now.astimezone(UTC)), _RUNS_CHECKED))
    except CronSimError as error:
        raise UnprocessableError(f"{timing.cron!r} is no cron expression.", "/cron") from error
    if not runs:
        raise UnprocessableError(f"{timing.cron!r} never comes.", "/cron")
    if any(later - earlier < LEAST_PAUSE for earlier, later in pairwise(runs)):
        raise UnprocessableError("A schedule runs every 15 minutes at most.", "/cron")
    return timing.next(now)
