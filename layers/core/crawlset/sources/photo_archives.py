"""
iNaturalist's open data as it is published: photos, and the observations, taxa and observers.

Source: https://github.com/inaturalist/inaturalist-open-data/blob/main/Metadata/README.md
"""

from collections.abc import Callable, Iterable, Iterator, Mapping

from crawlset.sources.archive_tables import (
    NOTHING_LOOKED_UP,
    ArchiveTable,
    Lookup,
    header_of,
    looked_up,
)
from crawlset.sources.archives import FileArchive, member
from crawlset.sources.known_tables import PHOTO_COLUMNS, KnownRows, PhotoTable
from crawlset.sources.manifest_columns import MalformedManifestError, wanted_names
from crawlset.sources.manifest_rows import Row
from crawlset.sources.table_shape import Shape
from crawlset.wire.searches import ListReading

PHOTOS = "photos.csv"
OBSERVATIONS = "observations.csv"
TAXA = "taxa.csv"
OBSERVERS = "observers.csv"
_KEPT = ("taxon_id", "quality_grade")
"""Columns of observations that are kept besides those that are named."""


def reader(archive: FileArchive, reading: ListReading) -> Callable[[], Iterator[Row]]:
    """
    Gives the rows of photos.csv, with what the tables beside it say where they are there.

    The class is the name of the taxon, whatever its rank; columns of observations.csv are kept
    where they are named. Each table is read once for each it is joined to, in any order.

    Raises `MalformedManifestError` for a table without the columns it is known by.
    """
    photos = _table(archive, PHOTOS, PHOTO_COLUMNS, reading)
    if photos is None:
        raise MalformedManifestError(f"The archive has no {PHOTOS}.")
    observations = _observations(archive, photos, reading)
    taxa = _taxa(archive, observations, reading)
    observers = _observers(archive, photos, reading)
    of_observation, of_observer = photos.place("observation_uuid"), photos.place("observer_id")
    joined = (*observations.names, *(("taxon_name",) if taxa.names else ()))
    known = KnownRows(
        PhotoTable(photos.shape.names, reading, joined), len(photos.shape.names), reading
    )

    def make(cells: list[str]) -> Row:
        if len(cells) <= max(of_observation, of_observer):
            return known(cells)
        observation = observations.get(cells[of_observation].strip())
        observer = observers.get(cells[of_observer].strip())
        return known(cells, _said(observation, taxa, observer))

    return lambda: photos.rows(make)


def _said(
    observation: Mapping[str, str], taxa: Lookup, observer: Mapping[str, str]
) -> Mapping[str, str]:
    """What the other tables say of a photo."""
    taxon = taxa.get(observation.get("taxon_id", ""))
    return {
        **observation,
        "taxon_name": taxon.get("name", ""),
        "observer_login": observer.get("login", ""),
        "observer_name": observer.get("name", ""),
    }


def _observations(archive: FileArchive, photos: ArchiveTable, reading: ListReading) -> Lookup:
    table = _table(archive, OBSERVATIONS, ("observation_uuid", "taxon_id"), reading)
    if table is None:
        return NOTHING_LOOKED_UP
    of_photos = {name.lower() for name in photos.shape.names}
    wanted = dict.fromkeys((*_KEPT, *wanted_names(reading)))
    names = [
        name for name in wanted if name.lower() not in of_photos and table.column(name) is not None
    ]
    return _looked_up(table, "observation_uuid", names, _ids(photos, "observation_uuid"))


def _taxa(archive: FileArchive, observations: Lookup, reading: ListReading) -> Lookup:
    table = _table(archive, TAXA, ("taxon_id", "name"), reading) if observations.names else None
    if table is None:
        return NOTHING_LOOKED_UP
    ids = {said["taxon_id"] for said in observations.texts()}
    return _looked_up(table, "taxon_id", ("name",), ids)


def _observers(archive: FileArchive, photos: ArchiveTable, reading: ListReading) -> Lookup:
    table = _table(archive, OBSERVERS, ("observer_id", "login", "name"), reading)
    if table is None:
        return NOTHING_LOOKED_UP
    return _looked_up(table, "observer_id", ("login", "name"), _ids(photos, "observer_id"))


def _ids(photos: ArchiveTable, key: str) -> Iterator[str]:
    return (id_ for (id_,) in photos.values([photos.place(key)]))


def _looked_up(table: ArchiveTable, key: str, names: Iterable[str], ids: Iterable[str]) -> Lookup:
    return looked_up([(table, table.place(key))], tuple(names), ids)


def _table(
    archive: FileArchive, name: str, columns: tuple[str, ...], reading: ListReading
) -> ArchiveTable | None:
    """A table by its file name, in gzip or not; None where the archive has none."""
    path = member(archive, name)
    if path is None:
        return None
    encoding = reading.encoding or "utf-8"
    names = header_of(archive, path, "\t", encoding)
    table = ArchiveTable(archive, path, Shape("\t", names, 1, is_quoted=False), encoding)
    for column in columns:
        table.place(column)
    return table
