"""
Hide a message from other readers for as long as it is worked at, and a minute longer.

A queue's own timeout must outlast its slowest function, so that a message whose function died would
wait for hours. With a lease that is renewed it is back a minute after the death.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

LEASE_SECONDS = 60
RENEWED_SECONDS = 15.0
"""A few renewals may be lost before the lease is."""


@contextmanager
def leased(queue_arn: str, receipt_handle: str) -> Iterator[None]:
    """
    Hold a message that was received, from a thread beside the work inside.

    At the end nothing more is asked of the queue, so that the caller may name another time.
    """
    ended = threading.Event()
    keeper = threading.Thread(
        target=_renew, args=(queue_arn, receipt_handle, ended), name="lease", daemon=True
    )
    keeper.start()
    try:
        yield
    finally:
        ended.set()
        keeper.join()


def _renew(queue_arn: str, receipt_handle: str, ended: threading.Event) -> None:
    # Slow to import, which the work beside does not wait for.
    from crawlset.kit import queues  # noqa: PLC0415

    while not ended.is_set():
        queues.put_off(queue_arn, receipt_handle, LEASE_SECONDS)
        ended.wait(RENEWED_SECONDS)
