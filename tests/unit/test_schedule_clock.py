from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from crawlset.errors import UnprocessableError
from crawlset.schedules import clock
from crawlset.schedules.clock import Timing

BERLIN = "Europe/Berlin"
CLOCK_GOES_BACK = datetime(2026, 10, 25, 1, tzinfo=UTC)
CLOCK_GOES_ON = datetime(2026, 3, 29, 1, tzinfo=UTC)
SHIFTS = pytest.mark.parametrize("shift", [CLOCK_GOES_BACK, CLOCK_GOES_ON])


class TestCheck:
    @SHIFTS
    @pytest.mark.parametrize("cron", ["*/15 * * * *", "0 * * * *", "30 2 * * *"])
    def test_takes_what_runs_seldom_enough_when_the_clock_is_about_to_shift(
        self, shift: datetime, cron: str
    ) -> None:
        now = shift - timedelta(hours=12)

        assert now < clock.check(Timing(cron, None, BERLIN), now) <= now + timedelta(days=1)

    @SHIFTS
    @pytest.mark.parametrize("cron", ["*/14 * * * *", "0,50 23,0 * * *", "0,5 12 1 1 *"])
    def test_refuses_what_ever_runs_too_often(self, shift: datetime, cron: str) -> None:
        with pytest.raises(UnprocessableError, match="15 minutes"):
            clock.check(Timing(cron, None, BERLIN), shift)


class TestTiming:
    @SHIFTS
    def test_runs_each_hour_through_a_shift(self, shift: datetime) -> None:
        first = shift - timedelta(hours=3)

        runs = Timing("0 * * * *", None, BERLIN).runs_from(first, 7, first)

        assert {
            later.astimezone(UTC) - earlier.astimezone(UTC) for earlier, later in pairwise(runs)
        } == {timedelta(hours=1)}

    @SHIFTS
    def test_runs_once_a_day_through_a_shift(self, shift: datetime) -> None:
        first = shift - timedelta(hours=30)

        runs = Timing("30 2 * * *", None, BERLIN).runs_from(first, 4, first)[1:]

        assert [run.day for run in runs] == [shift.day - 1, shift.day, shift.day + 1]

    @pytest.mark.parametrize(
        "timing", [Timing("0 * * * *", None, "UTC"), Timing(None, 3600, "UTC")]
    )
    def test_goes_on_from_now_after_a_run_that_waits(self, timing: Timing) -> None:
        first = datetime(2026, 1, 1, tzinfo=UTC)

        runs = timing.runs_from(first, 3, first + timedelta(days=2, minutes=1))

        assert [run - first for run in runs] == [timedelta(hours=n) for n in (0, 49, 50)]

    def test_counts_a_rate_from_the_run_that_was_planned(self) -> None:
        planned = datetime(2026, 1, 1, tzinfo=UTC)
        each_six_hours = Timing(None, 21_600, "UTC")

        late = planned + timedelta(days=2, minutes=1)

        assert each_six_hours.next(late, planned) == planned + timedelta(days=2, hours=6)
        assert each_six_hours.next(planned, planned) == planned + timedelta(hours=6)


class TestRate:
    @pytest.mark.parametrize("rate", ["15 minutes", "90 minutes", "1 hour", "6 hours", "366 days"])
    def test_is_shown_as_it_was_given(self, rate: str) -> None:
        assert clock.show_rate(clock.parse_rate(rate)) == rate
