"""JSON read piece by piece: a value larger than the memory, element by element."""

import json
from collections.abc import Iterator
from typing import Any

from crawlset.sources.manifest_columns import MalformedManifestError

MAX_VALUE_CHARS = 8 << 20
"""Characters of one element of what is read element by element."""
PIECE_CHARS = 1 << 16
_BLANK = " \t\r\n\ufeff"
_DECODER = json.JSONDecoder()


class JsonText:
    """
    A text of JSON, as an iterator of its pieces.

    Whoever takes a name of an object, or begins with the elements of an array, has to read what
    stands there before what comes behind it.
    """

    def __init__(self, pieces: Iterator[str]) -> None:
        self._pieces = pieces
        self._text = ""
        self._at = 0
        self._n_before = 0

    def sign(self) -> str:
        """The next sign that is not blank; empty at the end."""
        while True:
            while self._at < len(self._text):
                sign = self._text[self._at]
                if sign not in _BLANK:
                    return sign
                self._at += 1
            if not self._read(PIECE_CHARS):
                return ""

    def value(self) -> Any:
        """The value that comes next, whole. Raises `MalformedManifestError`."""
        self.sign()
        while True:
            try:
                value, end = _DECODER.raw_decode(self._text, self._at)
            except json.JSONDecodeError as error:
                if not self._read_more():
                    raise self.broken(error.msg) from error
                continue
            except (ValueError, RecursionError) as error:
                raise self.broken("what no reader of JSON takes") from error
            if end == len(self._text) and self._read_more():
                continue  # it may be a number that goes on
            self._at = end
            return value

    def elements(self) -> Iterator[Any]:
        """The elements of the array that comes next."""
        self._take("[")
        if self.sign() == "]":
            self._at += 1
            return
        while True:
            yield self.value()
            if self._take(",]") == "]":
                return

    def members(self) -> Iterator[str]:
        """The names of the object that comes next; the value of each has to be read."""
        self._take("{")
        if self.sign() == "}":
            self._at += 1
            return
        while True:
            name = self.value()
            if not isinstance(name, str):
                raise self.broken("a name that is no text")
            self._take(":")
            yield name
            if self._take(",}") == "}":
                return

    def broken(self, why: str) -> MalformedManifestError:
        place = self._n_before + self._at + 1
        return MalformedManifestError(f"The JSON is broken at character {place:,}: {why}.")

    def _take(self, signs: str) -> str:
        sign = self.sign()
        if not sign or sign not in signs:
            raise self.broken(f"{sign!r} where there should be one of {signs}")
        self._at += 1
        return sign

    def _read_more(self) -> bool:
        """Read as much again as there is of a value that does not end in it."""
        n_chars = len(self._text) - self._at
        if n_chars > MAX_VALUE_CHARS:
            raise self.broken(f"a value of more than {MAX_VALUE_CHARS:,} characters")
        return self._read(max(n_chars, PIECE_CHARS))

    def _read(self, n_chars: int) -> bool:
        """Read at least `n_chars`, if there are as many; say whether there were any."""
        read: list[str] = []
        n_read = 0
        while n_read < n_chars:
            piece = next(self._pieces, "")
            if not piece:
                break
            read.append(piece)
            n_read += len(piece)
        self._n_before += self._at
        self._text = self._text[self._at :] + "".join(read)
        self._at = 0
        return bool(read)
