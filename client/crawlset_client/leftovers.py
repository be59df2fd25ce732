"""Downloads of exports that were broken off and not taken up again."""

import json
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

from crawlset_client.placing import MARKER, REPLACED, STAGE_SUFFIX
from crawlset_local.disk import files_below
from crawlset_local.garbage import Garbage

KIND = "unfinished download"
QUIET_SECONDS = 3600.0
"""One that something was written to since may be under way."""


def find_leftovers(directories: Iterable[Path]) -> Iterator[Garbage]:
    """
    Unfinished downloads in `directories` themselves, that we made and nobody writes to.

    One that still holds the export it was to replace is left alone.
    """
    for directory in {path.absolute() for path in directories}:
        for stage in sorted(directory.glob(f".*{STAGE_SUFFIX}")):
            if stage.is_symlink() or not _is_ours(stage) or (stage / REPLACED).exists():
                continue
            files = [*files_below(stage)]
            newest = max(modified_at for _, _, modified_at in files)
            if time.time() - newest > QUIET_SECONDS:
                yield Garbage(KIND, str(stage), (stage,), sum(n for _, n, _ in files))


def _is_ours(stage: Path) -> bool:
    """Whether the marker in it names the export that its own name ends with."""
    try:
        export_id = json.loads((stage / MARKER).read_text())["export_job_id"]
    except (OSError, ValueError, KeyError, TypeError):
        return False
    return stage.name.endswith(f".{export_id}{STAGE_SUFFIX}")
