"""Actions that run at the same time."""

import threading
from collections.abc import Callable
from typing import Any


def at_once(*actions: Callable[[], Any]) -> None:
    """Run the actions in threads that begin together; raise what any of them raises."""
    barrier = threading.Barrier(len(actions))
    errors: list[BaseException] = []

    def run(action: Callable[[], Any]) -> None:
        barrier.wait()
        try:
            action()
        except BaseException as error:  # noqa: BLE001 - raised below
            errors.append(error)

    threads = [threading.Thread(target=run, args=(action,)) for action in actions]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]
