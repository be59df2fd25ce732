"""The URLs that a search has seen, in 12 bytes each: a list may have ten million."""

import hashlib
import sys
from array import array

FULLEST = 0.6
"""Share of the places that are taken before there are twice as many."""
FIRST_PLACES = 1 << 12
FIRST_BYTES = 8
SAID_MASK = (1 << 32) - 1


class SeenUrls:
    """
    A hash table with open addressing: 8 bytes of each URL's SHA-256, and 4 of what its row says.

    Of ten million URLs two are taken for one with a chance of 3 in a million. In full it takes
    12 to 40 bytes a URL, where a dict of Python takes 200.
    """

    def __init__(self) -> None:
        self._n = 0
        self._urls = array("Q", bytes(8 * FIRST_PLACES))
        self._said = array("I", bytes(4 * FIRST_PLACES))
        self._new_urls, self._new_said = array("Q"), array("I")

    def __len__(self) -> int:
        return self._n

    def said_first(self, url: str, said: int) -> int | None:
        """What the first row with this URL says, if there was one; otherwise note this one."""
        key = int.from_bytes(hashlib.sha256(url.encode()).digest()[:FIRST_BYTES]) or 1
        urls = self._urls
        mask = len(urls) - 1
        place = key & mask
        while found := urls[place]:
            if found == key:
                return self._said[place]
            place = (place + 1) & mask
        said &= SAID_MASK
        urls[place] = key
        self._said[place] = said
        self._new_urls.append(key)
        self._new_said.append(said)
        self._n += 1
        if self._n > FULLEST * len(urls):
            self._grow()
        return None

    def take_new(self) -> bytes:
        """What was noted since this was last asked, as `add` takes it; the same on any machine."""
        new = self._new_urls, self._new_said
        self._new_urls, self._new_said = array("Q"), array("I")
        if sys.byteorder == "big":
            for each in new:
                each.byteswap()
        return b"".join(each.tobytes() for each in new)

    def add(self, saved: bytes) -> None:
        """Note again what `take_new` gave."""
        n_urls = len(saved) // 12
        urls, said = array("Q", saved[: 8 * n_urls]), array("I", saved[8 * n_urls :])
        if sys.byteorder == "big":
            urls.byteswap()
            said.byteswap()
        self._n += n_urls
        n_places = len(self._urls)
        while self._n > FULLEST * n_places:
            n_places *= 2
        if n_places > len(self._urls):
            self._grow(n_places)
        self._place(urls, said)

    def _grow(self, n_places: int | None = None) -> None:
        urls, said = self._urls, self._said
        n_places = n_places or 2 * len(urls)
        self._urls = array("Q", bytes(8)) * n_places
        self._said = array("I", bytes(4)) * n_places
        self._place(urls, said)

    def _place(self, urls: "array[int]", said: "array[int]") -> None:
        places, mask = self._urls, len(self._urls) - 1
        for key, each in zip(urls, said, strict=True):
            if not key:
                continue
            place = key & mask
            while places[place]:
                place = (place + 1) & mask
            places[place] = key
            self._said[place] = each
