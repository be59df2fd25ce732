"""The execution environment of a function: what Lambda gives it, and what it finds there."""

import os
import shutil
import sys
import tempfile
from pathlib import Path

MEMORY = "AWS_LAMBDA_FUNCTION_MEMORY_SIZE"
MEBIBYTES_A_CORE = 1_769
"""https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html"""
LEFT_BEHIND = ("chunk-*", "tmp*")
"""Names of the directories that our functions make for a while."""


def n_cores() -> int:
    """
    Cores that do our work at once.

    Lambda shows one more than the memory of a function pays for, of which each has a part only.
    """
    shown = len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1
    if not _is_lambda():
        return shown
    return max(1, min(shown, round(int(os.environ[MEMORY]) / MEBIBYTES_A_CORE)))


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
