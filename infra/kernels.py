"""
Compile layers/core/crawlset/imaging/kernel.c, into the folder that `imaging.kernel` loads from.

`python infra/kernels.py` makes the library of this machine, by whatever compiler is here: Zig's,
else the system's, else none, and pictures are measured by NumPy. `--all` makes those of every
machine that a wheel or a layer is for, by Zig, which `make setup` installs; they are the same
bytes wherever they are made.
"""

import argparse
import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
import zlib
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "layers/core/crawlset/imaging/kernel.c"
FOLDER = SOURCE.with_name("kernels")
TARGETS = {
    "linux-x86_64": "x86_64-linux-gnu",
    "linux-aarch64": "aarch64-linux-gnu",
    "darwin-x86_64": "x86_64-macos.11.0",
    "darwin-arm64": "aarch64-macos.11.0",
}
"""What `sys.platform` and `os.uname` say of a machine, and what Zig calls it."""
FLAGS = (
    *("-std=c11", "-O3", "-ffp-contract=off"),
    *("-fvisibility=hidden", "-fPIC", "-shared", "-s"),
)
ZIG_FLAGS = ("-ffreestanding", "-nostdlib", "-Wall", "-Wextra", "-Werror")
"""The library then asks for no version of a C library, so that it fits any Linux."""


def compile_with_zig(name: str, folder: Path, flags: Sequence[str] = ()) -> Path:
    """Make the library for the machine `name`, one of `TARGETS`, with more `flags`."""
    zig = [sys.executable, "-m", "ziglang", "cc", "-target", TARGETS[name]]
    return _compiled(zig, [*FLAGS, *ZIG_FLAGS, *flags], name, folder)


def compile_here(folder: Path) -> Path | None:
    """Make the library of this machine; None if there is no compiler."""
    name = f"{sys.platform}-{os.uname().machine}"
    if has_zig() and name in TARGETS:
        return compile_with_zig(name, folder)
    compiler = shutil.which(os.environ.get("CC", "cc"))
    return _compiled([compiler], FLAGS, name, folder) if compiler else None


def has_zig() -> bool:
    return importlib.util.find_spec("ziglang") is not None


def _compiled(compiler: list[str], flags: Sequence[str], name: str, folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    made = folder / f"{name}.so"
    with tempfile.TemporaryDirectory(dir=folder) as directory:
        # By relative names, since a library may carry them; a process keeps what it has loaded.
        shutil.copy(SOURCE, directory)
        source = f"-DSOURCE={zlib.crc32(SOURCE.read_bytes())}u"
        subprocess.run(  # noqa: S603, a compiler
            [*compiler, source, *flags, "-o", made.name, SOURCE.name],
            check=True,
            cwd=directory,
            env=_environment(),
        )
        Path(directory, made.name).replace(made)
    return made


def _environment() -> dict[str, str]:
    """Zig keeps what it has compiled in the checkout, not in the home of whoever builds."""
    cache = str(ROOT / ".uv/zig")
    return {**os.environ, "ZIG_GLOBAL_CACHE_DIR": cache, "ZIG_LOCAL_CACHE_DIR": cache}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--all", action="store_true", help="for every machine, by Zig")
    if parser.parse_args().all:
        for name in TARGETS:
            _say(compile_with_zig(name, FOLDER))
        return
    try:
        made = compile_here(FOLDER)
    except subprocess.CalledProcessError:
        made = None
    _say(made)


def _say(made: Path | None) -> None:
    said = made.relative_to(ROOT) if made else "No C compiler works here: NumPy measures pictures."
    sys.stdout.write(f"{said}\n")


if __name__ == "__main__":
    main()
