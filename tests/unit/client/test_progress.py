import io
from datetime import UTC, datetime, timedelta
from itertools import islice

import pytest
from rich.console import Console

from crawlset_client.display import open_display
from crawlset_client.models import CrawlJob
from crawlset_client.progress import (
    Rate,
    Snapshot,
    crawl_snapshot,
    delays,
    describe,
    duration,
    size,
)
from tests.unit.client.fake_answers import NOW
from tests.unit.client.fake_api import FakeApi


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def crawl_job(**fields: object) -> CrawlJob:
    api = FakeApi()
    job = api.add_job(api.add_project("p"), "running")
    return CrawlJob.of(job | fields)


def progress(**counts: int) -> dict[str, int]:
    return counts


class TestDelays:
    def test_grow_from_a_third_of_a_second_to_two(self) -> None:
        found = list(islice(delays(), 30))

        assert found[0] == 0.3
        assert found == sorted(found)
        assert found[-1] == 2.0


class TestRate:
    def test_is_unknown_at_first(self) -> None:
        assert Rate(Clock()).add(10) is None

    def test_is_that_of_the_last_moments(self) -> None:
        clock = Clock()
        rate = Rate(clock)
        found = None
        for second in range(100):
            clock.now = float(second)
            found = rate.add(second * 2 if second < 50 else 100 + (second - 50) * 10)

        assert found == 10.0

    def test_begins_anew_when_work_is_taken_back(self) -> None:
        clock = Clock()
        rate = Rate(clock)
        rate.add(100)
        clock.now = 1.0

        assert rate.add(10) is None


class TestCrawlSnapshot:
    def test_knows_the_time_left_from_the_rate(self) -> None:
        clock = Clock()
        rate = Rate(clock)
        crawl_snapshot(crawl_job(progress=progress(candidates=100, pending=100)), rate)
        clock.now = 10.0

        snapshot = crawl_snapshot(crawl_job(progress=progress(candidates=100, pending=80)), rate)

        assert (snapshot.rate, snapshot.eta_seconds) == (2.0, 40.0)
        assert (snapshot.done, snapshot.total) == (20, 100)

    def test_knows_no_total_while_a_source_is_asked(self) -> None:
        searches = [{"id": "s", "source": "sample", "status": "queued"}]

        job = crawl_job(progress=progress(candidates=50, pending=50), searches=searches)
        snapshot = crawl_snapshot(job, Rate(Clock()))

        assert (snapshot.total, snapshot.eta_seconds) == (None, None)
        assert ("searches", "0/1") in snapshot.parts

    def test_names_the_commonest_outcome_first(self) -> None:
        job = crawl_job(outcomes={"http_404": 1, "stored": 9, "timeout": 4})

        names = [name for name, _ in crawl_snapshot(job, Rate(Clock())).parts]

        assert names == ["chunks", "stored", "timeout", "http_404"]

    def test_tells_repeated_rows_beside_the_outcomes(self) -> None:
        job = crawl_job(progress=progress(candidates=9, repeated=1_200), outcomes={"stored": 9})

        assert crawl_snapshot(job, Rate(Clock())).parts[1:] == (
            ("stored", "9"),
            ("repeated", "1,200"),
        )

    def test_measures_a_re_crawl_by_what_is_asked_again(self) -> None:
        clock = Clock()
        rate = Rate(clock)
        settled = progress(candidates=200, stored=100, failed=100)
        for second, pending in ((0, 100), (10, 80), (20, 0)):
            clock.now = float(second)
            recrawl = {"started_at": NOW, "asked": 100, "pending": pending, "gone": 100 - pending}
            status = "running" if pending else "completed"
            job = crawl_job(progress=settled, recrawl=recrawl, status=status)
            snapshot = crawl_snapshot(job, rate, is_recrawl=True)
            if second == 10:
                assert (snapshot.rate, snapshot.eta_seconds) == (2.0, 40.0)

        assert (snapshot.done, snapshot.total, snapshot.rate) == (100, 100, 5.0)
        assert snapshot.parts == (("chunks", "0/2"), ("gone", "100"))
        assert snapshot.label == "Crawling cats again"

    def test_ends_with_the_rate_of_the_whole(self) -> None:
        clock = Clock()
        rate = Rate(clock)
        for second in range(0, 121, 2):
            clock.now = float(second)
            done = min(second, 60)
            status = "running" if second < 120 else "completed"
            counts = progress(candidates=60, pending=60 - done)
            snapshot = crawl_snapshot(crawl_job(progress=counts, status=status), rate)

        assert snapshot.rate == 0.5

    def test_says_what_is_waited_for(self) -> None:
        until = datetime.now(UTC) + timedelta(seconds=90.4)
        waiting = [
            {
                "kind": "source",
                "name": "met",
                "reason": "met asks to wait.",
                "until": until.isoformat(),
            }
        ]

        parts = dict(crawl_snapshot(crawl_job(waiting=waiting), Rate(Clock())).parts)

        assert parts["waiting for"] == "met (met asks to wait; again in 1:30)"


class TestDescribe:
    def test_says_it_all_in_a_line(self) -> None:
        snapshot = Snapshot("Crawling cats", "running", 12, 80, "images", 5.25, 13.0, ())

        line = describe(snapshot)

        assert line == "Crawling cats: running, 12/80 images, 5.2 images/s, 0:13 left"

    @pytest.mark.parametrize(
        ("rate", "pace"), [(5.25, ", 5.2 images/s"), (0.05, ", 3.0 images/min"), (0.0, "")]
    )
    def test_says_no_rate_of_nothing(self, rate: float, pace: str) -> None:
        snapshot = Snapshot("Crawling cats", "running", 12, 80, "images", rate)

        assert describe(snapshot) == f"Crawling cats: running, 12/80 images{pace}"

    def test_counts_bytes_in_prefixes(self) -> None:
        snapshot = Snapshot("Downloading", "running", 1_500_000, 20_000_000, "bytes", 2e6)

        assert describe(snapshot) == "Downloading: running, 1.5 MB/20 MB, 2.0 MB/s"

    @pytest.mark.parametrize(
        ("n_bytes", "text"),
        [(0, "0 B"), (999, "999 B"), (1000, "1.0 KB"), (25_400_000, "25 MB"), (3e15, "3,000 TB")],
    )
    def test_writes_sizes(self, n_bytes: float, text: str) -> None:
        assert size(n_bytes) == text

    @pytest.mark.parametrize(("seconds", "text"), [(4.4, "0:04"), (61, "1:01"), (3725, "1:02:05")])
    def test_writes_durations(self, seconds: float, text: str) -> None:
        assert duration(seconds) == text


class TestOpenDisplay:
    def test_prints_lines_now_and_then_where_there_is_no_terminal(self) -> None:
        stream, clock = io.StringIO(), Clock()
        console = Console(file=stream, width=200, markup=False)

        with open_display(console, clock) as display:
            for second in range(12):
                clock.now = float(second)
                display.show(Snapshot("Crawling", "running", second, 12, "images"))
            display.show(Snapshot("Crawling", "completed", 12, 12, "images"))

        lines = stream.getvalue().splitlines()
        assert [line.split(", ")[1] for line in lines] == [
            "0/12 images",
            "5/12 images",
            "10/12 images",
            "12/12 images",
        ]

    def test_draws_one_block_on_a_terminal(self) -> None:
        stream = io.StringIO()
        console = Console(file=stream, width=200, force_terminal=True, markup=False)

        with open_display(console, Clock()) as display:
            display.show(Snapshot("Crawling \x1b[31m", "running", 1, 12, "images", 2.0))
            display.show(Snapshot("Crawling", "completed", 12, 12, "images", parts=(("a", "b"),)))

        last = stream.getvalue().rsplit("Crawling", 1)[-1]
        assert "12/12 images" in last
        assert "a b" in last
        assert "\x1b[31m" not in stream.getvalue()
