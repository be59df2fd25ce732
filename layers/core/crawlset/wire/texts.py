"""What the function of the towers is asked about a text, and what it answers."""

from dataclasses import dataclass

from crawlset.wire.record import Versioned

MAX_TEXT = 1_000
"""Letters of a text at most."""


@dataclass(frozen=True, slots=True)
class TextRequest(Versioned):
    """Asks for the vector of a text."""

    text: str


@dataclass(frozen=True, slots=True)
class TextVector(Versioned):
    """The vector of a text, of length 1, in the space of the pictures' vectors."""

    vector: list[float]
