"""img2dataset, in an environment of its own with pinned versions; needs PyPI the first time."""

import json
import os
import subprocess
import sys
from pathlib import Path

VERSION = "1.47.0"
THREADS = (16, 32, 64)
"""Tried before the first round of each workload; the cheapest is kept."""
_PINS = Path(__file__).with_suffix(".txt")


def environment(directory: Path, uv: Path) -> Path:
    """The `img2dataset` command of an environment in `directory`, of the Python that runs this."""
    command = directory / "bin" / "img2dataset"
    stamp = directory / ".pins"
    made_of = f"{sys.version}\n{_PINS.read_text()}"
    if stamp.exists() and stamp.read_text() == made_of:
        return command
    subprocess.run(
        [uv, "venv", "--quiet", "--clear", "--python", sys.executable, directory], check=True
    )
    subprocess.run(
        [
            *(uv, "pip", "install", "--no-config", "--quiet", "--compile-bytecode"),
            *("--python", directory / "bin" / "python", "--requirement", _PINS),
        ],
        check=True,
    )
    stamp.write_text(made_of)
    return command


def variables(home: Path, bundle: Path | None) -> dict[str, str]:
    """The environment variables of a run: nothing asked of the internet, the bench's CA trusted."""
    stated = {
        "PATH": os.environ["PATH"],
        "HOME": str(home),
        "NO_ALBUMENTATIONS_UPDATE": "1",
        "WANDB_MODE": "disabled",
    }
    return stated | ({"SSL_CERT_FILE": str(bundle)} if bundle is not None else {})


def argv(
    command: Path,
    urls: Path,
    out: Path,
    *,
    n_processes: int,
    n_threads: int,
    resize: int | None = None,
    output_format: str = "files",
) -> list[str | Path]:
    """Pictures as received after a decode that verifies them, or resized; a SHA-256 of each."""
    how = (
        ("--resize_mode=no", "--skip_reencode=True")
        if resize is None
        else ("--resize_mode=keep_ratio", f"--image_size={resize}")
    )
    return [
        command,
        f"--url_list={urls}",
        f"--output_folder={out}",
        f"--output_format={output_format}",
        f"--processes_count={n_processes}",
        f"--thread_count={n_threads}",
        "--number_sample_per_shard=1000",
        "--enable_wandb=False",
        *how,
    ]


def n_stored(out: Path) -> int:
    return sum(json.loads(stats.read_text())["successes"] for stats in out.glob("*_stats.json"))
