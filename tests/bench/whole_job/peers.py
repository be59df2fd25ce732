"""Other programs that bring a list of URLs home: img2dataset, and a plain download."""

import os
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

from tests.bench.fetch import img2dataset, measure, runner
from tests.bench.fetch.measure import Sample
from tests.bench.fetch.workloads import BOTH

IMG2DATASET = "img2dataset"
PLAIN = "plain download"
N_THREADS = 32
N_AT_ONCE = 64


def run_img2dataset(
    arena: runner.Arena, urls: list[str], out: Path, output_format: str = "files"
) -> Sample:
    """A process on each core; raises `SystemExit` if pictures are missing in `out`."""
    argv = img2dataset.argv(
        arena.command,
        _listed(arena, urls),
        out,
        n_processes=len(BOTH),
        n_threads=N_THREADS,
        output_format=output_format,
    )
    variables = img2dataset.variables(arena.scratch, arena.bundle)
    return _run(argv, urls, variables, lambda: img2dataset.n_stored(out))


def download(arena: runner.Arena, urls: list[str], out: Path) -> Sample:
    """aria2c if it is installed, else curl: every URL into a file of `out`, nothing looked at."""
    aria2 = shutil.which("aria2c")
    argv = _aria2(aria2, arena, urls, out) if aria2 is not None else _curl(arena, urls, out)
    return _run(argv, urls, dict(os.environ), lambda: sum(1 for _ in out.glob("*.jpg")))


def downloader() -> str:
    """Name and version of what `download` runs."""
    name = "aria2c" if shutil.which("aria2c") is not None else "curl"
    said = subprocess.run([name, "--version"], capture_output=True, text=True, check=True).stdout
    found = re.search(r"\d+(\.\d+)+", said)
    return f"{name} {found[0] if found else ''}"


def _aria2(command: str, arena: runner.Arena, urls: list[str], out: Path) -> list[str | Path]:
    listed = arena.scratch / "aria2.txt"
    listed.write_text("".join(f"{url}\n  out={n:08d}.jpg\n" for n, url in enumerate(urls)))
    trusted = [f"--ca-certificate={arena.bundle}"] if arena.bundle is not None else []
    return [
        *(command, "--no-conf", "--quiet", f"--input-file={listed}", f"--dir={out}"),
        *(f"--max-concurrent-downloads={N_AT_ONCE}", "--file-allocation=none", *trusted),
    ]


def _curl(arena: runner.Arena, urls: list[str], out: Path) -> list[str | Path]:
    listed = arena.scratch / "curl.txt"
    lines = (f'url = "{url}"\noutput = "{out}/{n:08d}.jpg"\n' for n, url in enumerate(urls))
    listed.write_text("".join(lines))
    trusted: list[str | Path] = ["--cacert", arena.bundle] if arena.bundle is not None else []
    return [
        *("curl", "--silent", "--parallel", "--parallel-max", str(N_AT_ONCE)),
        *("--config", listed, *trusted),
    ]


def _listed(arena: runner.Arena, urls: list[str]) -> Path:
    listed = arena.scratch / "urls.txt"
    listed.write_text("\n".join(urls) + "\n")
    return listed


def _run(
    argv: list[str | Path],
    urls: list[str],
    variables: dict[str, str],
    count: Callable[[], int],
) -> Sample:
    sample = measure.run(
        argv, n_images=len(urls), cores=BOTH, environment=variables, log=runner.LOG
    )
    if (n := count()) != len(urls):
        raise SystemExit(f"{argv[0]} stored {n} of {len(urls)}: {runner.LOG}")
    return sample
