"""What a measurer is asked, and the limits of its answer; docs/measurers.md describes both."""

from dataclasses import dataclass

from crawlset.wire.record import Versioned
from crawlset.wire.validators import BatchImage

MAX_INLINE_BYTES = 100_000
"""Bytes of an answer as JSON beyond which it is put into the bucket: Lambda's limit is 256 KiB."""
MAX_ANSWER_BYTES = 8 << 20
"""Bytes of an answer in the bucket, at most."""
MAX_MEASURES = 32
"""Measures of one picture, at most."""
MAX_DETAIL_BYTES = 4_000
"""Bytes of the details of one picture as JSON, at most."""
MAX_DIMENSIONS = 4_096
"""Length of a vector, at most."""
LARGEST = 65_504.0
"""The largest number in a vector, and the largest that float16 has."""
MAX_ERROR_LETTERS = 500
TEXT = "text"
"""The measurer of text, and the detail in which it keeps what is written."""
KEEPING_TEXT = "-kept"
"""End of that measurer's version where the deployment keeps text."""
MEASURE_NAME = "[a-z][a-z0-9_]{0,39}"


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasurementBatch(Versioned):
    """Images for one measurer: an object that it reads, as does the step that keeps its answer."""

    measurer: str
    version: str
    """The version that the deployment says the measurer has; empty if it says none."""
    vectors: str
    """Key to which vectors are written: an .npy file, a row of float16 or float32 each."""
    answer: str
    """Key to which an answer is written that is too long to be returned."""
    images: list[BatchImage]
