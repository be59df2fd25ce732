"""The interface of measurers, and the measurements that they make."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

MAX_SIDE = 2_048
"""Pixels of the longer side of a picture that a measurer may ask for, at most."""


@dataclass(frozen=True, slots=True)
class Measured:
    """
    Measurements of one picture.

    `crawlset.wire.measurements` has the limits: those of names and numbers, and of the other two.
    """

    measures: Mapping[str, float]
    """Finite numbers by name, such as `nsfw`; the names match `[a-z][a-z0-9_]{0,39}`."""
    vector: np.ndarray | None = None
    """One dimension, finite, of the same length for every picture; kept as float16."""
    details: Mapping[str, Any] = field(default_factory=dict)
    """What else is to be kept, such as boxes, as JSON takes it."""


class Measurer(Protocol):
    """
    A model that looks at pictures; the same picture and keyword always measure the same.

    One is loaded for each execution environment of Lambda and measures batch after batch.
    """

    name: str
    """The measurer's name in rules; matches `[a-z][a-z0-9_]{0,39}` if it is built in."""
    version: str
    """Changes with everything that measures otherwise: model, preparation, settings."""
    max_side: int
    """Pixels of the longer side that a picture is made smaller to, if it is larger."""

    def measure(
        self, pictures: Sequence[np.ndarray], keywords: Sequence[str | None]
    ) -> list[Measured]:
        """
        Measure some pictures, in their order.

        Args:
            pictures: upright, RGB, uint8, height x width x 3; sizes differ.
            keywords: the class that each picture belongs to, if any; as many.

        Raises:
            AppError: nothing can be measured at all, for instance as the model is missing. Any
                other exception is taken for a fault of one of the pictures.
        """
        ...
