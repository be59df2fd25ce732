"""
The plan of an export: what it holds, frozen in the bucket before anything is written.

`plan.json` is written once and decides; it names the lists of the members of each shard.
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from typing import Any
from uuid import UUID, uuid4

from crawlset import keys
from crawlset.exports.packs import Member
from crawlset.kit import objects
from crawlset.kit.lines import pack_lines

SHARD_IMAGES = 10_000
SHARD_BYTES = 500_000_000


@dataclass(frozen=True, slots=True)
class Shard:
    index: int
    n_images: int
    image_bytes: int


@dataclass(frozen=True, slots=True)
class Plan:
    token: str
    """Tells the lists of this plan from those of one that was written at the same time."""
    folders: dict[str | None, str]
    shards: list[Shard]

    @property
    def n_images(self) -> int:
        return sum(shard.n_images for shard in self.shards)


def archive_name(index: int) -> str:
    return f"data-{index:05d}.zip"


def find(export_id: UUID) -> Plan | None:
    try:
        body = objects.get(_plan_key(export_id))
    except objects.s3().exceptions.NoSuchKey:
        return None
    plan = json.loads(body)
    return Plan(
        token=plan["token"],
        folders=dict(plan["folders"]),
        shards=[Shard(**shard) for shard in plan["shards"]],
    )


def write(
    export_id: UUID,
    members: Iterable[Member],
    folders: dict[str | None, str],
    *,
    shard_images: int = SHARD_IMAGES,
    shard_bytes: int = SHARD_BYTES,
) -> Plan:
    """
    Cut `members` into shards in the order given and freeze them. There is a shard at least.

    Gives the plan that stands: another's, if it was written first.
    """
    token = uuid4().hex
    shards = []
    for index, group in enumerate(_groups(members, shard_images, shard_bytes)):
        lines = [_line(member) for member in group]
        objects.put(_members_key(export_id, token, index), pack_lines(lines))
        shards.append(Shard(index, len(group), sum(member.length for member in group)))
    plan = Plan(token, folders, shards)
    body = {
        "v": 1,
        "token": token,
        "folders": list(folders.items()),
        "shards": [asdict(shard) for shard in shards],
    }
    if objects.put_once(_plan_key(export_id), json.dumps(body).encode()):
        return plan
    return find(export_id) or plan


def members_of(export_id: UUID, plan: Plan, index: int) -> Iterator[Member]:
    for line in objects.get_lines(_members_key(export_id, plan.token, index)):
        yield Member(
            image_id=line["id"],
            pack_key=line["pack"],
            offset=line["offset"],
            length=line["length"],
            sha256=bytes.fromhex(line["sha256"]),
            name=line["name"],
        )


def shards_by_image(export_id: UUID, plan: Plan) -> dict[int, int]:
    """The shard of each image: some 100 bytes an image, which MAX_CANDIDATES bounds."""
    return {
        member.image_id: shard.index
        for shard in plan.shards
        for member in members_of(export_id, plan, shard.index)
    }


def _groups(
    members: Iterable[Member], shard_images: int, shard_bytes: int
) -> Iterator[list[Member]]:
    group: list[Member] = []
    size = 0
    n_groups = 0
    for member in members:
        if group and (len(group) == shard_images or size + member.length > shard_bytes):
            yield group
            n_groups += 1
            group, size = [], 0
        group.append(member)
        size += member.length
    if group or not n_groups:
        yield group


def _line(member: Member) -> dict[str, Any]:
    return {
        "id": member.image_id,
        "pack": member.pack_key,
        "offset": member.offset,
        "length": member.length,
        "sha256": member.sha256.hex(),
        "name": member.name,
    }


def _plan_key(export_id: UUID) -> str:
    return keys.export_file(export_id, "plan/plan.json")


def _members_key(export_id: UUID, token: str, index: int) -> str:
    return keys.export_file(export_id, f"plan/{token}-{index:05d}.jsonl.gz")
