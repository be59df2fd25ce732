"""What is left of a source's allowance, which all jobs share: in one small object a source."""

from datetime import datetime

from crawlset.kit import objects
from crawlset.kit.strict_json import MalformedJsonError
from crawlset.wire import keys
from crawlset.wire.allowances import Allowance
from crawlset.wire.record import pack


def save(source: str, allowance: Allowance) -> None:
    objects.put(keys.allowance(source), pack(allowance))


def load(source: str, now: datetime) -> Allowance | None:
    """What is left as far as is known; None where it is not, or no more."""
    key = keys.allowance(source)
    if not objects.exists(key):
        return None
    head = next(objects.get_lines(key), None)
    try:
        allowance = Allowance.from_json(head)
    except MalformedJsonError:
        # Another release wrote it.
        return None
    return allowance if allowance.is_known_at(now) else None
