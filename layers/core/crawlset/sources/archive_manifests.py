"""Readers of lists that are archives: iNaturalist's open data, and Darwin Core Archives."""

from collections.abc import Callable, Iterator
from typing import BinaryIO

from crawlset.sources import darwin_core, photo_archives
from crawlset.sources.archives import member, open_archive, told_names
from crawlset.sources.manifest_columns import MalformedManifestError
from crawlset.sources.manifest_rows import Row
from crawlset.sources.manifest_wire import Packing
from crawlset.wire.searches import ListReading


def reader(stream: BinaryIO, packing: Packing, reading: ListReading) -> Callable[[], Iterator[Row]]:
    """
    Gives the rows of an archive, any number of times; what is looked up in it is read once.

    Raises `MalformedManifestError` for an archive that is broken, or is none of those known.
    """
    archive = open_archive(stream, packing)
    if member(archive, photo_archives.PHOTOS) is not None:
        return photo_archives.reader(archive, reading)
    if any(member(archive, name) for name in (darwin_core.DESCRIPTOR, darwin_core.MEDIA)):
        return darwin_core.reader(archive, reading)
    raise MalformedManifestError(
        f"The archive has neither {darwin_core.DESCRIPTOR} nor {darwin_core.MEDIA}, as GBIF's have,"
        f" nor {photo_archives.PHOTOS}, as iNaturalist's have; it has {told_names(archive)}."
    )
