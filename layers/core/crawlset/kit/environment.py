"""The disk of a function, which outlives a crash."""

import os
import shutil
import tempfile
from pathlib import Path

MEMORY = "AWS_LAMBDA_FUNCTION_MEMORY_SIZE"
LEFT_BEHIND = ("chunk-*", "tmp*")
"""Names of the directories that our functions make for a while."""


def clear_disk() -> None:
    """
    Remove what is left on Lambda's disk by one that ran out of time or memory before us.

    Its environment is made anew, the disk stays: https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html.
    """
    if _is_lambda():
        for pattern in LEFT_BEHIND:
            for directory in Path(tempfile.gettempdir()).glob(pattern):
                shutil.rmtree(directory, ignore_errors=True)


def _is_lambda() -> bool:
    """Whether this is no emulator, whose functions share the machine and its disk."""
    return MEMORY in os.environ and "AWS_ENDPOINT_URL" not in os.environ
