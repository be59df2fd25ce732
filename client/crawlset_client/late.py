"""Modules that are loaded when they are first used, since a command's start must be quick."""

import importlib.util
import sys
from types import ModuleType


def late_import(name: str) -> ModuleType:
    """The top-level module `name`. Raises `ModuleNotFoundError` at once if it is not installed."""
    if name in sys.modules:
        return sys.modules[name]
    spec = importlib.util.find_spec(name)
    if spec is None or spec.loader is None:
        raise ModuleNotFoundError(f"No module named {name!r}", name=name)
    spec.loader = importlib.util.LazyLoader(spec.loader)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module
