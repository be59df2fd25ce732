"""Where the migrations are, for tests that run them."""

from pathlib import Path
from typing import Any

import alembic.config

ROOT = Path(__file__).parents[2]


def alembic_config(url: Any) -> alembic.config.Config:
    config = alembic.config.Config(ROOT / "alembic.ini")
    config.attributes["url"] = url
    return config
