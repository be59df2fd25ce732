from datetime import UTC, datetime
from pathlib import Path

import pytest

from crawlset_client.text import moment, plain


@pytest.mark.parametrize(
    ("at", "told"),
    [
        (datetime(2026, 11, 28, 21, 5, 59, tzinfo=UTC), "2026-11-28 21:05 UTC"),
        ("2026-11-28T21:05:59.123456Z", "2026-11-28 21:05 UTC"),
        ("2026-11-28T22:05:59+01:00", "2026-11-28 22:05 UTC+01:00"),
    ],
)
def test_a_moment_names_its_zone(at: datetime | str, told: str) -> None:
    assert moment(at) == told


def test_a_path_is_told_without_detours(tmp_path: Path) -> None:
    assert plain(tmp_path / "a" / ".." / "b") == tmp_path / "b"
    assert plain(Path("datasets/demo-1")) == Path("datasets/demo-1")
