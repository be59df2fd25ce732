"""Packages of models, found before those that are installed."""

from pathlib import Path


def packaged(folder: Path, monkeypatch, package: str, files: dict[str, bytes]) -> None:
    """Have `package` found with these files by their paths, and no others."""
    for path, data in ({"__init__.py": b""} | files).items():
        file = folder / package / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)
    monkeypatch.syspath_prepend(str(folder))
