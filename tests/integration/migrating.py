"""The function that migrates, and a function's memory of where its database is."""

import importlib.util
from pathlib import Path
from typing import Any

from crawlset import settings
from crawlset.kit import aws as clients
from crawlset.kit import db

HANDLER = Path(__file__).parents[2] / "alembic/handler.py"


def load_migrate() -> Any:
    spec = importlib.util.spec_from_file_location("migrate_handler", HANDLER)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def forget() -> None:
    clients.clear()
    settings.database_settings.cache_clear()
    if db.engine.cache_info().currsize:
        db.engine().dispose()
    db.engine.cache_clear()
