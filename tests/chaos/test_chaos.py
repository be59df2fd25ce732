"""Five seeds of many: `make chaos SEEDS=50` runs more."""

from pathlib import Path

import pytest

from tests.chaos.driver import LOGS, run

pytestmark = pytest.mark.chaos


@pytest.mark.parametrize("seed", range(1, 6))
def test_every_invariant_holds(seed: int) -> None:
    report = run(seed, Path(LOGS, f"seed-{seed}"))

    assert not report.broken, report.line()
