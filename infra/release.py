"""Print a name for what is about to be deployed: another whenever code or parameters are others."""

import hashlib
import sys
from pathlib import Path

BUILT = Path(".aws-sam/build")
LONGEST = 10
"""SAM takes so many letters of it into the name of a version."""


def name_of(built: Path, *parameters: str) -> str:
    """Digest of every file below `built`, of every file that is named, and of all parameters."""
    digest = hashlib.sha256("\0".join(parameters).encode())
    named = [Path(each.removeprefix("file://")) for each in parameters if "file://" in each]
    for path in sorted([*filter(Path.is_file, built.rglob("*")), *named]):
        digest.update(f"\0{path}\0".encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()[:LONGEST]


if __name__ == "__main__":
    sys.stdout.write(f"{name_of(BUILT, *sys.argv[1:])}\n")
