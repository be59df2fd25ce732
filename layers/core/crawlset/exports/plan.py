"""
The plan of an export: what it holds, frozen in the bucket before anything is written.

`plan.json` is written once and decides. It names the lists of the members of each shard, and of
the candidates that are in none, with all that the export will say of each.
"""

import gzip
import json
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self
from uuid import UUID, uuid4

from crawlset.errors import UnprocessableError
from crawlset.exports.split import NAMES
from crawlset.kit import objects
from crawlset.kit.json_lines import GZIP_LEVEL
from crawlset.wire import keys
from crawlset.wire.exports import ExportPlan, Member, Shard

SHARD_BYTES = 500_000_000
MAX_SHARDS = 1_500
"""Some steps read a note of each shard, one after another."""
USUAL_SHARDS = 1_000
PART_LINES = 50_000


class TooManyShardsError(UnprocessableError):
    def __init__(self) -> None:
        super().__init__(
            f"An export has at most {MAX_SHARDS:,} files of data; ask for larger shards.",
            "/export_options",
        )


def find(export_id: UUID) -> ExportPlan | None:
    try:
        body = objects.get(_plan_key(export_id))
    except objects.ObjectAbsentError:
        return None
    return ExportPlan.from_json(body)


def members_of(export_id: UUID, plan: ExportPlan, shard: Shard) -> Iterator[Member]:
    return map(Member.from_json, objects.get_lines(_key(export_id, plan.token, _list_name(shard))))


def others_of(export_id: UUID, plan: ExportPlan) -> Iterator[dict[str, Any]]:
    """The entries of candidates that are in no shard."""
    for part in range(-(-plan.n_others // PART_LINES)):
        yield from objects.get_lines(_key(export_id, plan.token, _part_name(part)))


@dataclass(slots=True)
class _Cut:
    """The shard being filled of a split, and those that are full."""

    lines: "_Lines | None" = None
    image_bytes: int = 0
    full: list[tuple[int, int]] = field(default_factory=list)
    """Numbers of images and of their bytes, by shard."""


class Draft:
    """
    A plan being drawn up on the disk below `directory`; `freeze` puts it into the bucket.

    Members come in the order in which they lie in the packs, of all splits at once.
    """

    def __init__(self, directory: Path, *, shard_images: int, shard_bytes: int) -> None:
        self._directory = directory
        self._shard_images = shard_images
        self._shard_bytes = shard_bytes
        self._cuts = {split: _Cut() for split in NAMES}
        self._others: _Lines | None = None
        self._n_others = 0
        self._formats: set[str] = set()
        self._open = ExitStack()

    def add(
        self,
        split: str,
        label: int,
        place: tuple[str, int, int],
        entry: Any,
        faces: list[list[int]] | None = None,
    ) -> None:
        """Add an image; `place` is a pack's key, and offset and length in it."""
        cut = self._cuts[split]
        pack_key, offset, length = place
        if cut.lines is not None and (
            cut.lines.n == self._shard_images or cut.image_bytes + length > self._shard_bytes
        ):
            self._close(cut)
        if cut.lines is None:
            if sum(len(each.full) for each in self._cuts.values()) >= MAX_SHARDS:
                raise TooManyShardsError
            name = f"{split}-{len(cut.full):05d}"
            cut.lines = self._open.enter_context(_Lines(self._directory / name))
        cut.lines.write(Member(pack_key, offset, length, label, entry, faces).to_json())
        cut.image_bytes += length
        self._formats.add(str(entry["format"]))

    def leave_out(self, entry: Any) -> None:
        if self._n_others % PART_LINES == 0:
            if self._others is not None:
                self._others.close()
            name = _part_name(self._n_others // PART_LINES)
            self._others = self._open.enter_context(_Lines(self._directory / name))
        if self._others is not None:
            self._others.write(entry)
        self._n_others += 1

    def freeze(self, export_id: UUID, classes: list[str]) -> ExportPlan:
        """Put the plan into the bucket; gives the one that stands, if another was first."""
        for cut in self._cuts.values():
            self._close(cut)
        self._open.close()
        counted = [
            (split, number, *counts)
            for split, cut in self._cuts.items()
            for number, counts in enumerate(cut.full)
        ]
        plan = ExportPlan(
            token=uuid4().hex,
            classes=classes,
            formats=sorted(self._formats),
            shards=[Shard(index, *fields) for index, fields in enumerate(counted)],
            n_others=self._n_others,
        )
        for path in sorted(self._directory.iterdir()):
            objects.put_file(_key(export_id, plan.token, path.name), path)
        body = json.dumps(plan.to_json()).encode()
        if objects.put_once(_plan_key(export_id), body):
            return plan
        return find(export_id) or plan

    def _close(self, cut: _Cut) -> None:
        if cut.lines is not None:
            cut.full.append((cut.lines.n, cut.image_bytes))
            cut.lines.close()
            cut.lines, cut.image_bytes = None, 0


class _Lines(AbstractContextManager["_Lines"]):
    """A file of JSON lines, gzipped, on the disk."""

    def __init__(self, path: Path) -> None:
        self._file = gzip.open(path, "wb", compresslevel=GZIP_LEVEL)  # noqa: SIM115, closed below
        self.n = 0

    def write(self, line: Any) -> None:
        self._file.write(json.dumps(line, separators=(",", ":")).encode() + b"\n")
        self.n += 1

    def close(self) -> None:
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def shard_bytes_for(total: int) -> int:
    """Bytes of pictures to a shard where none are asked for: few shards of a huge export."""
    return max(SHARD_BYTES, -(-total // USUAL_SHARDS))


def write_results(
    export_id: UUID, plan: ExportPlan, shard: Shard, results: Iterable[Any], path: Path
) -> None:
    """Write what became of each member of `shard`, in their order; `path` is room on the disk."""
    with _Lines(path) as lines:
        for result in results:
            lines.write(result)
    objects.put_file(_results_key(export_id, plan, shard), path)


def results_of(export_id: UUID, plan: ExportPlan, shard: Shard) -> Iterator[Any]:
    yield from objects.get_lines(_results_key(export_id, plan, shard))


def _results_key(export_id: UUID, plan: ExportPlan, shard: Shard) -> str:
    return _key(export_id, plan.token, f"{_list_name(shard)}-written")


def _list_name(shard: Shard) -> str:
    return f"{shard.split}-{shard.number:05d}"


def _part_name(part: int) -> str:
    return f"others-{part:05d}"


def _plan_key(export_id: UUID) -> str:
    return keys.export_file(export_id, "plan/plan.json")


def _key(export_id: UUID, token: str, name: str) -> str:
    return keys.export_file(export_id, f"plan/{token}/{name}.jsonl.gz")
