"""Defects of the client itself, as one line for a person and a file for whoever mends them."""

import os
import sys
import tempfile
import traceback

from crawlset_client.errors import UnexpectedError
from crawlset_client.text import printable

DEBUG = "CRAWLSET_DEBUG"
"""Set, it shows the traceback on standard error."""


def unexpected(error: Exception) -> UnexpectedError:
    """The error to end with; the traceback is kept in a file that only its owner may read."""
    details = "".join(traceback.format_exception(error))
    summary = printable(f"{type(error).__name__}: {error}")[:200]
    if os.environ.get(DEBUG):
        print(details, file=sys.stderr)  # noqa: T201
        return UnexpectedError(f"Crawlset has a defect: {summary}.")
    try:
        with tempfile.NamedTemporaryFile(
            "w", encoding="utf-8", errors="replace", prefix="crawlset-", suffix=".log", delete=False
        ) as log:
            log.write(details)
    except OSError:
        return UnexpectedError(f"Crawlset has a defect: {summary}. {DEBUG}=1 shows the details.")
    return UnexpectedError(f"Crawlset has a defect: {summary}. The details are in {log.name}.")
