"""How many parts a file may be made of: to walk over millions of empty ones takes seconds."""

from collections.abc import Callable, Iterator
from functools import wraps

from crawlset.imaging.sniff import MalformedImageError

MAX_PARTS = 100_000
"""Chunks, blocks, segments, or boxes within one other: 25 MB in pieces of 256 bytes."""


def limited[**Of, Part](walk: Callable[Of, Iterator[Part]]) -> Callable[Of, Iterator[Part]]:
    """Let `walk` raise `MalformedImageError` behind `MAX_PARTS` parts."""

    @wraps(walk)
    def walk_so_far(*args: Of.args, **kwargs: Of.kwargs) -> Iterator[Part]:
        for n_before, part in enumerate(walk(*args, **kwargs)):
            if n_before == MAX_PARTS:
                raise MalformedImageError(f"more than {MAX_PARTS:,} parts")
            yield part

    return walk_so_far
