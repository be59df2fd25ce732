"""Write a pack anew with what images have in it, and delete the old one."""

from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from uuid import UUID

from sqlalchemy.orm import Session

from crawlset.jobs.crawl_repository import CrawlRepository
from crawlset.kit import db, objects
from crawlset.kit.ids import new_id
from crawlset.kit.tar import BLOCK
from crawlset.models import CrawlJob, PackRewrite
from crawlset.observability import logger
from crawlset.packs import reader
from crawlset.packs.reader import Place
from crawlset.packs.writer import Pack
from crawlset.takedowns import recorded_outcomes, unowned_packs
from crawlset.takedowns.completing import complete_if_gone
from crawlset.takedowns.pack_repository import PackRepository
from crawlset.takedowns.taken_repository import TakenRepository
from crawlset.wire import keys

WAIT = timedelta(minutes=1)
"""For exports under way, which read packs where they were planned to be, and for a fresh start."""
NAME_BYTES = 100


def rewrite(user_id: UUID, rewrite_id: UUID) -> bool:
    """
    Rewrite the pack, unless that is done; say whether its bytes are gone.

    Two that do so at once cannot harm each other: each writes a pack of its own, and the one that
    finds itself too late drops what it wrote.
    """
    with db.transaction(user_id) as session:
        asked = PackRepository(session).get(rewrite_id)
        places = PackRepository(session).members(asked.pack_key) if asked is not None else []
    if asked is None:
        return True
    new_key = keys.rewritten_pack(asked.pack_key, new_id())
    offsets, pack_bytes = _copy(asked.pack_key, new_key, places)
    with db.transaction(user_id) as session:
        is_done = _move(session, asked, new_key, places, offsets, pack_bytes)
    if not is_done:
        objects.delete(new_key)
        logger.info("pack_rewrite_put_off", pack_key=asked.pack_key)
        return False
    objects.delete(asked.pack_key)
    with db.transaction(user_id) as session:
        rewritten = PackRepository(session).get(rewrite_id)
        if rewritten is not None:
            session.delete(rewritten)
    unowned_packs.remove_below(keys.folder_of(asked.pack_key), user_id)
    recorded_outcomes.empty_below(keys.folder_of(asked.pack_key))
    if asked.takedown_id is not None:
        complete_if_gone(user_id, asked.takedown_id)
    logger.info("pack_rewritten", pack_key=asked.pack_key, members=len(places))
    return True


def _move(
    session: Session,
    asked: PackRewrite,
    new_key: str,
    places: list[tuple[int, int]],
    offsets: dict[int, int],
    pack_bytes: int,
) -> bool:
    """
    Have images find their bytes in the new pack; say whether they do.

    Not while an export reads the old one, nor when images came or went since it was copied.
    """
    repository = PackRepository(session)
    job = session.get_one(CrawlJob, asked.crawl_job_id)
    CrawlRepository(session).lock(job)
    is_read = bool(TakenRepository(session, job).active_exports())
    if is_read or repository.members(asked.pack_key) != places:
        repository.put_off(asked, WAIT)
        return False
    repository.move(asked.pack_key, new_key, offsets, pack_bytes)
    return True


def _copy(old_key: str, new_key: str, places: list[tuple[int, int]]) -> tuple[dict[int, int], int]:
    """
    Write the members at these places to the new pack.

    Gives the new offset of each old one, and how many bytes the pack has.
    """
    if not places:
        return {}, 0
    offsets = {}
    with TemporaryDirectory() as directory:
        path = Path(directory, "pack.tar")
        with closing(Pack(path)) as pack:
            for place, block in reader.read(_places(old_key, places), objects.get_range):
                name = block[:NAME_BYTES].rstrip(b"\0").decode("ascii")
                body = block[BLOCK:]
                offsets[place.offset + BLOCK] = pack.append(name, len(body), [body])
        objects.put_file(new_key, path)
        return offsets, path.stat().st_size


def _places(pack_key: str, places: list[tuple[int, int]]) -> Iterator[Place]:
    """Each with the header before it, which holds its name."""
    for offset, length in places:
        yield Place(pack_key, offset - BLOCK, BLOCK + length)
