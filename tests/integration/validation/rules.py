"""Rules as a request names them."""

from typing import Any


def bounds(check: str, **limits: float) -> dict[str, Any]:
    return {"check": check, "params": limits}


WIDE = bounds("width", min=128)
NARROW = bounds("width", min=90, max=80)
BLACK = {"check": "dark", "params": {"below": 7}}
PD_ONLY = {"check": "licence", "params": {"allowed": ["pd"]}}
NOT_OF_A = {"check": "host", "params": {"denied": ["a.test"]}}
