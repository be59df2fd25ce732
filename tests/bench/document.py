"""The sections of docs/benchmarks.md that a bench writes, each between two marks."""

import os
import platform
import re
from pathlib import Path

PATH = Path(__file__).resolve().parents[2] / "docs" / "benchmarks.md"


def put_section(name: str, text: str, path: Path = PATH) -> None:
    """Replace what stands between the marks of `name`; at the end where there are none yet."""
    begin, end = f"<!-- begin {name} -->", f"<!-- end {name} -->"
    section = f"{begin}\n{text.strip()}\n{end}"
    written = path.read_text()
    if begin not in written:
        path.write_text(f"{written.rstrip()}\n\n{section}\n")
        return
    marked = re.compile(f"{re.escape(begin)}.*?{re.escape(end)}", re.DOTALL)
    path.write_text(marked.sub(lambda _: section, written))


def machine() -> str:
    """Processor, memory, system and Python of this machine, in one line."""
    facts = Path("/proc/cpuinfo").read_text()
    model = re.search(r"model name\s*:\s*(.*)", facts)
    gib = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / (1 << 30)
    return (
        f"{os.cpu_count()} cores of {model[1] if model else platform.machine()}, {gib:.0f} GiB,"
        f" Linux {platform.release()}, Python {platform.python_version()}"
    )
