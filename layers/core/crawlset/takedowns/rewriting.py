"""Write a pack anew with what images have in it, and delete the old one."""

from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from uuid import UUID

from crawlset.errors import ConflictError
from crawlset.jobs.crawl_repository import CrawlRepository
from crawlset.kit import db, objects
from crawlset.kit.ids import new_id
from crawlset.kit.tar import BLOCK
from crawlset.models import CrawlJob
from crawlset.observability import logger
from crawlset.packs import reader
from crawlset.packs.reader import Place
from crawlset.packs.writer import Pack
from crawlset.takedowns.pack_repository import PackRepository
from crawlset.takedowns.repository import TakedownRepository
from crawlset.takedowns.taken_repository import TakenRepository
from crawlset.wire import keys

WAIT = timedelta(minutes=1)
"""For exports under way, which read packs where they were planned to be."""
ORPHANED = timedelta(minutes=30)
"""No function that writes packs runs for so long: what no row names by then, none ever will."""
NAME_BYTES = 100


class PackInUseError(ConflictError):
    """Images came to use the pack while it was written anew; the next delivery begins afresh."""

    def __init__(self, pack_key: str) -> None:
        super().__init__(f"{pack_key} has come into use again.")


def rewrite(user_id: UUID, rewrite_id: UUID) -> bool:
    """
    Rewrite the pack, unless that is done; say whether its bytes are gone.

    Two that do so at once cannot harm each other: each writes a pack of its own, and the one that
    finds no image left in the old pack drops what it wrote.
    """
    with db.transaction(user_id) as session:
        asked = PackRepository(session).get(rewrite_id)
        places = PackRepository(session).members(asked.pack_key) if asked is not None else []
    if asked is None:
        return True
    new_key = keys.rewritten_pack(asked.pack_key, new_id())
    offsets = _copy(asked.pack_key, new_key, places)
    with db.transaction(user_id) as session:
        job = session.get_one(CrawlJob, asked.crawl_job_id)
        CrawlRepository(session).lock(job)
        is_read = bool(TakenRepository(session, job).active_exports())
        if is_read:
            PackRepository(session).put_off(asked, WAIT)
        elif PackRepository(session).move(asked.pack_key, new_key, offsets):
            raise PackInUseError(asked.pack_key)
    if is_read:
        objects.delete(new_key)
        logger.info("pack_rewrite_put_off", pack_key=asked.pack_key)
        return False
    objects.delete(asked.pack_key)
    is_clean = _remove_orphans(user_id, asked.pack_key)
    with db.transaction(user_id) as session:
        rewritten = PackRepository(session).get(rewrite_id)
        if rewritten is not None and not is_clean:
            PackRepository(session).put_off(rewritten, ORPHANED)
        elif rewritten is not None:
            session.delete(rewritten)
            session.flush()
            if rewritten.takedown_id is not None:
                TakedownRepository(session).lock(rewritten.takedown_id)
                TakedownRepository(session).complete_if_done(rewritten.takedown_id)
    logger.info("pack_rewritten", pack_key=asked.pack_key, members=len(places))
    return is_clean


def _copy(old_key: str, new_key: str, places: list[tuple[int, int]]) -> dict[int, int]:
    """Write the members at these places to the new pack; gives the new offset of each old one."""
    if not places:
        return {}
    offsets = {}
    with TemporaryDirectory() as directory:
        path = Path(directory, "pack.tar")
        with closing(Pack(path)) as pack:
            for place, block in reader.read(_places(old_key, places), objects.get_range):
                name = block[:NAME_BYTES].rstrip(b"\0").decode("ascii")
                body = block[BLOCK:]
                offsets[place.offset + BLOCK] = pack.append(name, len(body), [body])
        objects.put_file(new_key, path)
    return offsets


def _places(pack_key: str, places: list[tuple[int, int]]) -> Iterator[Place]:
    """Each with the header before it, which holds its name."""
    for offset, length in places:
        yield Place(pack_key, offset - BLOCK, BLOCK + length)


def _remove_orphans(user_id: UUID, pack_key: str) -> bool:
    """
    Delete packs of the same chunk that no image is in, once nobody can be writing them.

    Say whether none is left: a fetcher or a rewriter that died may have left one a moment ago.
    """
    found = {
        key: written_at
        for key, written_at in objects.list_written(keys.folder_of(pack_key))
        if key.endswith(".tar")
    }
    with db.transaction(user_id) as session:
        orphans = set(found) - PackRepository(session).referenced(found)
    old = {key for key in orphans if found[key] < datetime.now(UTC) - ORPHANED}
    for key in old:
        objects.delete(key)
    return orphans == old
