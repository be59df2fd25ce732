"""What a request brings: an answer with its headers, or an error that says what ended it."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from crawlset.kit.spool import Body
from crawlset.outcomes import Outcome

HTTP_OK = 200
_MAX_TEXT = 200
_BLANKS = " \t\r\n"
"""Around a value; Latin-1 has others, which are parts of UTF-8 letters such as `\u00e0`."""
_UNPRINTABLE = dict.fromkeys((*range(0x20), *range(0x7F, 0xA0)))


class Headers:
    """Response headers by lower-case name; a name may come more than once."""

    __slots__ = ("_values",)

    def __init__(self, lines: Iterable[bytes] = ()) -> None:
        self._values: dict[str, list[str]] = {}
        for line in lines:
            name, _, value = line.decode("latin-1").partition(":")
            self.add(name.strip().lower(), value.strip(_BLANKS))

    def add(self, name: str, value: str) -> None:
        self._values.setdefault(name, []).append(value)

    def all(self, name: str) -> list[str]:
        return self._values.get(name, [])

    def first(self, name: str) -> str | None:
        values = self._values.get(name)
        return values[0] if values else None


class RequestError(Exception):
    """A request that was sent, or nearly, and brought no answer to use."""

    address: str | None = None
    """Who was asked, when a connection was had."""
    seconds: float = 0.0
    """Wall clock of the transfer."""


class TransferError(RequestError):
    """No complete answer came."""

    def __init__(self, outcome: Outcome, detail: str) -> None:
        self.outcome = outcome
        self.detail = detail
        super().__init__(f"{outcome}: {detail}")


class RefusedError(RequestError):
    """The answer's headers forbid what we came for; its body was not read."""

    def __init__(self, outcome: Outcome, signal: str, value: str) -> None:
        self.outcome = outcome
        self.signal = signal
        self.value = value
        super().__init__(f"{outcome}: {signal}: {value}")


@dataclass(slots=True)
class Answer:
    """Status, headers and, for a 200, the whole body; whoever gets it closes the body."""

    status: int
    headers: Headers
    body: Body
    address: str | None
    seconds: float
    """Wall clock of the transfer."""


Judge = Callable[[int, Headers], None]
"""Sees status and headers before the body; raises `RefusedError` to stop the transfer there."""


def printable(text: str | None) -> str | None:
    """`text` of a server as we keep it: no control characters, 200 characters at most."""
    return text.translate(_UNPRINTABLE)[:_MAX_TEXT] if text else text
