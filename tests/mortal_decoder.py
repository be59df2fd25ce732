"""Decoding children in which some decoder has a bug: they die of a picture that has `DEADLY`."""

import sys
from pathlib import Path

DEADLY = b"a comment that kills"
_CHILD = f"""#!{sys.executable}
import os, sys
from crawlset.imaging import decode_worker

def answer(data, asked, sound=decode_worker._answer):
    if {DEADLY!r} in data:
        os.abort()
    return sound(data, asked)

decode_worker._answer = answer
sys.argv = sys.argv[3:]
decode_worker.main()
"""


def write_child(path: Path) -> Path:
    """An interpreter that runs such a child, whatever it is asked to run."""
    path.write_text(_CHILD)
    path.chmod(0o755)
    return path
