import math

import pytest

from crawlset.fetching.answer import Answer, Headers
from crawlset.fetching.limits import Limits
from crawlset.fetching.politeness import Crowd, DeferredError, Host, backoff
from crawlset.kit.event_loop import Loop
from crawlset.kit.spool import Body
from crawlset.outcomes import Outcome

LIMITS = Limits(backoff_seconds=4)


def host(gap: float = 0.0, seconds_left: float = 300.0) -> Host:
    return Host("a.test", Loop(), LIMITS, Crowd(LIMITS), lambda: seconds_left, gap)


def answer(status: int, retry_after: str | None = None) -> Answer:
    headers = Headers()
    if retry_after is not None:
        headers.add("retry-after", retry_after)
    return Answer(status, headers, Body(), None, 0.0)


class TestHeed:
    @pytest.mark.parametrize("status", [429, 503])
    def test_pauses_an_overloaded_host(self, status: int) -> None:
        busy = host()

        assert busy.heed(answer(status))
        assert 2.9 < busy.seconds_until_next() <= 5

    @pytest.mark.parametrize("status", [200, 302, 304, 404, 500, 502])
    def test_pauses_no_other_host(self, status: int) -> None:
        fine = host()

        assert not fine.heed(answer(status))
        assert fine.seconds_until_next() == 0

    @pytest.mark.parametrize("status", [429, 500, 502, 503])
    def test_pauses_as_long_as_the_host_says(self, status: int) -> None:
        busy = host()

        assert busy.heed(answer(status, "30"))
        assert 29 < busy.seconds_until_next() <= 30

    @pytest.mark.parametrize("status", [429, 500])
    @pytest.mark.parametrize("wish", ["0", "1"])
    def test_is_not_talked_into_asking_too_early(self, status: int, wish: str) -> None:
        busy = host()

        assert busy.heed(answer(status, wish))
        assert 2.9 < busy.seconds_until_next() <= 5

    def test_lets_the_longest_wish_count(self) -> None:
        busy = host()

        for wish in ("30", "60", "10"):
            busy.heed(answer(429, wish))

        assert 59 < busy.seconds_until_next() <= 60

    def test_takes_answers_to_requests_under_way_for_one(self) -> None:
        busy = host()

        for _ in range(4):
            busy.heed(answer(429))

        assert busy.seconds_until_next() <= 5

    def test_doubles_the_pause_of_a_host_asked_too_early_until_it_answers(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        clock = [0.0]
        monkeypatch.setattr(Loop, "now", lambda _: clock[0])
        busy = host()
        pauses = []

        for status in (429, 503, 500, 429, 404, 429):
            busy.heed(answer(status))
            pauses.append(busy.seconds_until_next())
            clock[0] += pauses[-1]

        assert [round(math.log2(pause / 4)) if pause else None for pause in pauses] == [
            0,
            1,
            None,
            2,
            None,
            0,
        ]

    def test_doubles_no_pause_for_ever(self, monkeypatch: pytest.MonkeyPatch) -> None:
        clock = [0.0]
        monkeypatch.setattr(Loop, "now", lambda _: clock[0])
        busy = host()

        for _ in range(99):
            busy.heed(answer(429))
            clock[0] += busy.seconds_until_next()

        busy.heed(answer(429))
        assert busy.seconds_until_next() <= 1.25 * 4 * 64


class TestRefuseIfPaused:
    @pytest.mark.parametrize(
        ("status", "outcome"),
        [(429, Outcome.http_429), (503, Outcome.http_5xx), (500, Outcome.http_5xx)],
    )
    def test_defers_after_a_wish_too_long(self, status: int, outcome: Outcome) -> None:
        busy = host()
        busy.heed(answer(status, "21"))

        with pytest.raises(DeferredError) as deferred:
            busy._refuse_if_paused()

        assert (deferred.value.cause, deferred.value.outcome) == ("retry_after", outcome)

    def test_waits_for_one_short_enough(self) -> None:
        busy = host()
        busy.heed(answer(429, "20"))

        busy._refuse_if_paused()

        assert 19 < busy.seconds_until_next() <= 20

    def test_defers_what_the_chunk_has_no_time_for(self) -> None:
        busy = host(seconds_left=LIMITS.first_byte_seconds + 4)
        busy.heed(answer(429, "5"))

        with pytest.raises(DeferredError):
            busy._refuse_if_paused()


class TestEnter:
    def test_keeps_a_gap_too_long_for_a_chunk_between_images_alone(self) -> None:
        loop = Loop()
        limits = Limits(n_per_host=1)
        shy = Host("a.test", loop, limits, Crowd(limits), lambda: 300.0, gap=60)
        entered = []

        async def ask(name: str, *, is_policy: bool) -> None:
            try:
                await shy.enter(is_policy=is_policy)
            except DeferredError as deferred:
                entered.append(f"{name}: {deferred.cause}")
                return
            entered.append(name)
            await loop.sleep(0.01)
            await shy.leave()

        for name in ("robots", "robots of another port", "tdmrep"):
            loop.spawn(ask(name, is_policy=True))
        loop.run()
        for name in ("image", "other image"):
            loop.spawn(ask(name, is_policy=False))
        loop.run()

        assert entered[:3] == ["robots", "robots of another port", "tdmrep"]
        assert entered[3:] == ["image", "other image: crawl_delay"]
        assert 59 < shy.seconds_until_next() <= 60
        loop.close()


class TestBackoff:
    @pytest.mark.parametrize(("n_before", "seconds"), [(0, 4), (1, 8), (2, 16)])
    def test_doubles_give_or_take_a_quarter(self, n_before: int, seconds: float) -> None:
        waits = [backoff(4, n_before) for _ in range(200)]

        assert 0.75 * seconds <= min(waits) < 0.9 * seconds
        assert 1.1 * seconds < max(waits) <= 1.25 * seconds
