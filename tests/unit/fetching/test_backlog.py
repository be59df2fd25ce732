from contextlib import closing

from crawlset.fetching.backlog import Backlog
from crawlset.kit.event_loop import Loop, Promise


class TestBacklog:
    def test_makes_transfers_wait_until_enough_was_decoded(self) -> None:
        seen = []
        with closing(Loop()) as loop:
            backlog = Backlog(loop, max_bytes=100)
            transferred: Promise[None] = Promise(loop)

            async def decode_60() -> None:
                with backlog.holding(60):
                    await transferred
                    seen.append("decoded 60")

            async def decode_90() -> None:
                with backlog.holding(90):
                    await loop.sleep(0)
                    seen.append("decoded 90")

            async def transfer() -> None:
                await backlog.wait_for_room()
                seen.append("transfer")
                transferred.settle(None)

            loop.spawn(decode_60())
            loop.spawn(decode_90())
            loop.spawn(transfer())
            loop.run()

        assert seen == ["decoded 90", "transfer", "decoded 60"]
