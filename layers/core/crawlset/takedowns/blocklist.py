"""What was asked to be taken down: which images it means, in the bucket or on their way there."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Self
from uuid import UUID

from crawlset.models import (
    Takedown,
    TakedownKind,
)
from crawlset.urls.spelling import host_of, plain_host, plain_url

BITS = (1 << 64) - 1
PREFIX = "takedown "


@dataclass(frozen=True, slots=True)
class Sighting:
    """What is known of an image when it is asked whether somebody wants it removed."""

    url: str
    final_url: str | None = None
    landing_url: str | None = None
    creator: str | None = None
    phashes: Sequence[int] = ()
    """Perceptual hashes, as in `images.phashes`."""

    @classmethod
    def of(cls, image: Any) -> Self:
        """What is known of a row of `images`."""
        return cls(
            image.url, image.final_url, image.landing_url, image.creator, image.phashes or ()
        )

    def addresses(self) -> Iterator[str]:
        yield self.url
        if self.final_url is not None and self.final_url != self.url:
            yield self.final_url
        if self.landing_url is not None:
            yield self.landing_url


class Blocklist:
    """The takedowns of a project; false when there are none."""

    def __init__(self, takedowns: Iterable[Takedown]) -> None:
        self._urls: dict[str, Takedown] = {}
        self._hosts: dict[str, Takedown] = {}
        self._creators: dict[str, Takedown] = {}
        self._look_alikes: list[Takedown] = []
        for takedown in takedowns:
            match takedown.kind:
                case TakedownKind.url:
                    self._urls[plain_url(takedown.value)] = takedown
                case TakedownKind.host:
                    self._hosts[plain_host(takedown.value)] = takedown
                case TakedownKind.creator:
                    self._creators[plain_name(takedown.value)] = takedown
                case TakedownKind.look_alike:
                    self._look_alikes.append(takedown)

    def __bool__(self) -> bool:
        return bool(self._urls or self._hosts or self._creators or self._look_alikes)

    def find(self, seen: Sighting) -> Takedown | None:
        """
        The takedown that means this image, if one does.

        A URL is meant by its own address, the one it redirects to, or its landing page; a host
        by any of these that lies on it or below it; a creator by the same name in any case.
        """
        if self._urls or self._hosts:
            for address in seen.addresses():
                found = self._urls.get(plain_url(address)) or self._on_host(address)
                if found is not None:
                    return found
        if seen.creator is not None and self._creators:
            found = self._creators.get(plain_name(seen.creator))
            if found is not None:
                return found
        if not seen.phashes:
            return None
        return next((one for one in self._look_alikes if _looks_like(one, seen.phashes)), None)

    def _on_host(self, address: str) -> Takedown | None:
        if not self._hosts:
            return None
        labels = host_of(address).split(".")
        parents = (".".join(labels[start:]) for start in range(len(labels)))
        return next((self._hosts[name] for name in parents if name in self._hosts), None)


def detail_of(takedown_id: UUID) -> str:
    """What `images.detail` says of an image that a takedown keeps out."""
    return f"{PREFIX}{takedown_id}"


def plain_name(name: str) -> str:
    return " ".join(name.casefold().split())


def _looks_like(takedown: Takedown, phashes: Sequence[int]) -> bool:
    """
    Whether one picture, whole, is near any view of the other.

    Each side is given by hashes of its views, that of the whole picture first.
    """
    theirs = takedown.phashes or ()
    if not theirs or takedown.max_distance is None:
        return False
    near = takedown.max_distance
    return any(_distance(view, phashes[0]) <= near for view in theirs) or any(
        _distance(theirs[0], view) <= near for view in phashes[1:]
    )


def _distance(one: int, other: int) -> int:
    """Bits in which two hashes differ, each a signed 64-bit integer."""
    return ((one ^ other) & BITS).bit_count()
