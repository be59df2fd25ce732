import os
from collections.abc import Iterator
from contextlib import closing

import pytest

from crawlset.kit.event_loop import READ, Interrupted, Loop, Promise, Slots


@pytest.fixture
def loop() -> Iterator[Loop]:
    with closing(Loop()) as loop:
        yield loop


class TestLoop:
    def test_resumes_every_task_that_awaits_a_promise(self, loop: Loop) -> None:
        promise: Promise[int] = Promise(loop)
        seen = []

        async def wait() -> None:
            seen.append(await promise)

        loop.spawn(wait())
        loop.spawn(wait())
        loop.call_later(0, lambda: promise.settle(7))
        loop.run()

        assert seen == [7, 7]

    def test_raises_a_failed_promise_where_it_is_awaited(self, loop: Loop) -> None:
        promise: Promise[int] = Promise(loop)
        promise.fail(KeyError("x"))

        async def wait() -> None:
            await promise

        loop.spawn(wait())
        with pytest.raises(KeyError):
            loop.run()

    def test_runs_timers_in_their_order_and_no_cancelled_one(self, loop: Loop) -> None:
        seen = []

        second = loop.sleep(0.1)

        async def wait() -> None:
            await second
            seen.append("second")

        loop.spawn(wait())
        loop.call_later(0.001, lambda: seen.append("first"))
        loop.call_later(0, lambda: seen.append("never")).cancel()
        loop.run()

        assert seen == ["first", "second"]

    def test_tells_when_a_file_descriptor_is_ready(self, loop: Loop) -> None:
        reading, writing = os.pipe()
        promise: Promise[bytes] = Promise(loop)
        loop.watch(reading, READ, lambda fd, _: promise.settle(os.read(fd, 9)))
        seen = []

        async def wait() -> None:
            seen.append(await promise)
            loop.unwatch(reading)
            loop.unwatch(reading)

        loop.spawn(wait())
        os.write(writing, b"ready")
        loop.run()
        os.close(reading)
        os.close(writing)

        assert seen == [b"ready"]

    def test_interrupts_waiting_tasks_which_may_tidy_up(self, loop: Loop) -> None:
        never: Promise[None] = Promise(loop)
        seen = []

        async def wait() -> None:
            try:
                await never
            except Interrupted:
                seen.append("tidied")
                raise

        loop.spawn(wait())
        loop.call_later(0, loop.interrupt)
        loop.run()

        assert seen == ["tidied"]

    def test_interrupts_a_task_whose_wait_has_ended_in_the_same_turn(self, loop: Loop) -> None:
        answered: Promise[str] = Promise(loop)
        seen = []

        async def wait() -> None:
            try:
                seen.append(await answered)
            except Interrupted:
                seen.append("interrupted")
                raise

        def answer_and_interrupt() -> None:
            answered.settle("an answer")
            loop.interrupt()

        loop.spawn(wait())
        loop.call_later(0, answer_and_interrupt)
        loop.run()

        assert seen == ["interrupted"]

    def test_calls_nobody_who_was_let_go_of_in_the_same_turn(self, loop: Loop) -> None:
        pipes = [os.pipe() for _ in range(2)]
        told = []

        def be_told(fd: int, _: int) -> None:
            told.append(fd)
            for read, _ in pipes:
                loop.unwatch(read)

        async def wait() -> None:
            for read, write in pipes:
                os.write(write, b"x")
                loop.watch(read, READ, be_told)
            await loop.sleep(0.01)

        loop.spawn(wait())
        loop.run()
        for ends in pipes:
            for end in ends:
                os.close(end)

        assert len(told) == 1


class TestSlots:
    def test_admit_so_many_at_once_in_the_order_of_asking(self, loop: Loop) -> None:
        slots = Slots(loop, 2)
        inside = 0
        most = 0
        order = []

        async def hold(n: int) -> None:
            nonlocal inside, most
            async with slots:
                order.append(n)
                inside += 1
                most = max(most, inside)
                await loop.sleep(0.001)
                inside -= 1

        for n in range(7):
            loop.spawn(hold(n))
        loop.run()

        assert (most, order) == (2, list(range(7)))

    def test_lose_no_slot_to_an_interrupted_task(self, loop: Loop) -> None:
        slots = Slots(loop, 1)

        async def hold() -> None:
            async with slots:
                await loop.sleep(60)

        for _ in range(3):
            loop.spawn(hold())
        loop.call_later(0, loop.interrupt)
        loop.run()
        seen = []

        async def take() -> None:
            async with slots:
                seen.append("in")

        loop.spawn(take())
        loop.run()

        assert seen == ["in"]
