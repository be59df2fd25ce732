"""The plan of an export and the lists of its shards' members: `plan` writes, `write` reads."""

from dataclasses import dataclass
from typing import Any, ClassVar

from crawlset.wire.record import Record, Versioned


@dataclass(frozen=True, slots=True)
class Member(Record):
    """An image of a shard: a range of a pack, and what is known of it."""

    ADDED: ClassVar[frozenset[str]] = frozenset({"faces"})

    pack: str
    """Key of the pack."""
    offset: int
    length: int
    label: int
    """Place of the class among the plan's."""
    entry: dict[str, Any]
    """Line of the manifest, but for what the export itself adds."""
    faces: list[list[int]] | None = None
    """Boxes of its faces, as `imaging.features.PartBox`, if all of them are known and wanted."""

    @property
    def pack_key(self) -> str:
        return self.pack

    @property
    def sha256(self) -> bytes:
        return bytes.fromhex(self.entry["sha256"])


@dataclass(frozen=True, slots=True)
class Shard:
    index: int
    """Place among all shards."""
    split: str
    number: int
    """Place among the shards of its split."""
    n_images: int
    image_bytes: int


@dataclass(frozen=True, slots=True)
class ExportPlan(Versioned):
    VERSION: ClassVar[int] = 2

    token: str
    """Part of its lists' keys, which tells them from a plan's that was written at the same time."""
    classes: list[str]
    """Class names in the order of their folders; an image's label is its class's place in it."""
    formats: list[str]
    """Formats that the images have as they are stored, sorted."""
    shards: list[Shard]
    n_others: int
    """Number of candidates that are in no shard."""

    @property
    def n_images(self) -> int:
        return sum(shard.n_images for shard in self.shards)

    @property
    def n_candidates(self) -> int:
        return self.n_images + self.n_others

    @property
    def splits(self) -> list[str]:
        """Non-empty splits."""
        return list(dict.fromkeys(shard.split for shard in self.shards))

    def n_shards(self, split: str) -> int:
        return sum(shard.split == split for shard in self.shards)
