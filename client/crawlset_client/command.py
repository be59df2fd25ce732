"""
Where the `crawlset` command begins and ends: no way out of it is a traceback.

Imports next to nothing, so that Ctrl-C is heard from the start.
"""

import os
import sys

INTERRUPTED = 130


def main() -> None:
    if sys.stdout is None:
        sys.stdout = open(os.devnull, "w")  # noqa: PTH123, SIM115 - for as long as there is one
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w")  # noqa: PTH123, SIM115
    try:
        from crawlset_client.cli import main as run  # noqa: PLC0415 - takes a while

        try:
            run()
        finally:
            sys.stdout.flush()
    except KeyboardInterrupt:
        _end("error: Interrupted. (WatchInterruptedError)", INTERRUPTED)
    except BrokenPipeError:
        _end(None, 1)
    except OSError as error:
        _end(f"error: {error.strerror or error}. (SystemRefusedError)", 1)
    except Exception as error:  # noqa: BLE001 - the last place there is
        from crawlset_client.unexpected import unexpected  # noqa: PLC0415

        crash = unexpected(error)
        _end(f"error: {crash.detail} ({crash.code})", crash.exit_code)


def _end(line: str | None, exit_code: int) -> None:
    """Say why on standard error, and leave standard output, which may be full or closed, alone."""
    if line is not None:
        print(line, file=sys.stderr)  # noqa: T201
    sys.stdout = None  # what is left in its buffer cannot be written
    sys.exit(exit_code)
