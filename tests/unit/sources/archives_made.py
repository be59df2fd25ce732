"""
Archives of a few rows in the form in which GBIF and iNaturalist publish theirs.

GBIF: meta.xml as in
https://github.com/gbif/occurrence/blob/dev/occurrence-download/src/main/java/org/gbif/occurrence/download/file/dwca/archive/DwcArchiveUtils.java,
columns of multimedia.txt as in https://github.com/EOL/eol_php_code (DATA-1903, 62,617,827 lines).
iNaturalist: https://github.com/inaturalist/inaturalist-open-data/blob/main/Metadata/structure.sql,
files in a folder of the day, written by
https://github.com/inaturalist/iNaturalistAPI/blob/main/lib/open_data_archive.js.
"""

import gzip
import io
import tarfile
import zipfile
from collections.abc import Mapping
from typing import Any

from crawlset.sources import archive_manifests
from crawlset.sources.manifest_wire import Packing
from crawlset.wire.searches import AS_FOUND, ListReading
from tests.unit.sources.lists_read import told

MEDIA_COLUMNS = (
    "gbifID", "type", "format", "identifier", "references", "title", "description", "source",
    "audience", "created", "creator", "contributor", "publisher", "license", "rightsHolder",
)  # fmt: skip
OCCURRENCE_COLUMNS = ("gbifID", "license", "scientificName", "countryCode", "genus", "species")
TERMS = {"gbifID": "http://rs.gbif.org/terms/1.0/", "species": "http://rs.gbif.org/terms/1.0/"}
DWC = "http://rs.tdwg.org/dwc/terms/"
DUBLIN_CORE = "http://purl.org/dc/terms/"

PHOTO_COLUMNS = (
    "photo_uuid", "photo_id", "observation_uuid", "observer_id", "extension", "license", "width",
    "height", "position",
)  # fmt: skip
OBSERVATION_COLUMNS = (
    "observation_uuid", "observer_id", "latitude", "longitude", "positional_accuracy", "taxon_id",
    "quality_grade", "observed_on", "anomaly_score",
)  # fmt: skip
TAXON_COLUMNS = ("taxon_id", "ancestry", "rank_level", "rank", "name", "active")
OBSERVER_COLUMNS = ("observer_id", "login", "name")
S3 = "https://inaturalist-open-data.s3.amazonaws.com/photos"


def table(columns: tuple[str, ...], *rows: Mapping[str, str]) -> str:
    """Lines of cells between tabs, without quotes; what a row does not say is empty."""
    lines = [columns, *(tuple(row.get(name, "") for name in columns) for row in rows)]
    return "".join("\t".join(line) + "\n" for line in lines)


def media(**said: str) -> dict[str, str]:
    """A picture of an occurrence."""
    return {"type": "StillImage", "format": "image/jpeg"} | said


def described(
    kind: str,
    location: str,
    row_type: str,
    columns: tuple[str, ...],
    namespace: str = DWC,
    style: str = r'fieldsTerminatedBy="\t" linesTerminatedBy="\n" fieldsEnclosedBy=""',
    more: str = "",
) -> str:
    """A table of meta.xml."""
    fields = "".join(
        f'<field index="{place}" term="{TERMS.get(name, namespace)}{name}"/>'
        for place, name in enumerate(columns)
    )
    id_ = "id" if kind == "core" else "coreid"
    return (
        f'<{kind} encoding="UTF-8" {style} ignoreHeaderLines="1" rowType="{row_type}">'
        f'<files><location>{location}</location></files><{id_} index="0"/>{fields}{more}</{kind}>'
    )


OCCURRENCES = described("core", "occurrence.txt", f"{DWC}Occurrence", OCCURRENCE_COLUMNS)
VERBATIM = described("extension", "verbatim.txt", f"{DWC}Occurrence", ("gbifID",))
MEDIA = described(
    "extension",
    "multimedia.txt",
    "http://rs.gbif.org/terms/1.0/Multimedia",
    MEDIA_COLUMNS,
    DUBLIN_CORE,
)


def meta(*tables: str) -> str:
    inside = "\n".join(tables)
    return (
        '<?xml version="1.0" encoding="utf-8"?>\n<archive xmlns="http://rs.tdwg.org/dwc/text/"'
        f' metadata="metadata.xml">\n{inside}\n</archive>\n'
    )


def zipped(files: Mapping[str, str | bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as file:
        for name, body in files.items():
            file.writestr(name, body)
    return out.getvalue()


def tarred(files: Mapping[str, str | bytes], mode: str = "w:gz") -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode=mode) as file:  # type: ignore[call-overload]
        for name, body in files.items():
            raw = body.encode() if isinstance(body, str) else body
            info = tarfile.TarInfo(name)
            info.size = len(raw)
            file.addfile(info, io.BytesIO(raw))
    return out.getvalue()


def gbif_files(*rows: Mapping[str, str], occurrences: str | None = None) -> dict[str, str | bytes]:
    """The files of a download of these media."""
    known = (
        {"gbifID": "1", "scientificName": "Felis catus Linnaeus, 1758", "species": "Felis catus"},
        {"gbifID": "2", "scientificName": "Felis Linnaeus, 1758", "genus": "Felis"},
        {"gbifID": "4", "scientificName": "Canis lupus", "species": "Canis lupus"},
    )
    return {
        "citations.txt": "When using this dataset please use the following citation:\n",
        "dataset/4fa7b334-ce0d-4e88-aaae-2e0c138d049e.xml": "<eml/>",
        "meta.xml": meta(OCCURRENCES, VERBATIM, MEDIA),
        "metadata.xml": "<eml/>",
        "multimedia.txt": table(MEDIA_COLUMNS, *rows),
        "occurrence.txt": occurrences or table(OCCURRENCE_COLUMNS, *known),
        "rights.txt": "Dataset: x\nRights as supplied: CC_BY_4_0\n",
        "verbatim.txt": "gbifID\n",
    }


def photo(number: int, **said: str) -> dict[str, str]:
    """A photo of the observation and the observer of its number."""
    return {
        "photo_uuid": f"00000000-0000-4000-8000-{number:012}",
        "photo_id": str(number),
        "observation_uuid": f"c075c500-b566-44aa-847c-{number:012}",
        "observer_id": str(number),
        "extension": "jpg",
        "license": "CC-BY",
        "width": "2048",
        "height": "1536",
        "position": "0",
    } | said


def inaturalist_files(
    *photos: Mapping[str, str], folder: str = "inaturalist-open-data-20241127/"
) -> dict[str, str | bytes]:
    """Four tables: photo 1 is of a cat by Ken-ichi, 2 of a family by one without a name."""
    observations = (
        {"observation_uuid": photo(1)["observation_uuid"], "taxon_id": "118552"},
        {"observation_uuid": photo(2)["observation_uuid"], "taxon_id": "41944"},
        {"observation_uuid": photo(3)["observation_uuid"], "taxon_id": ""},
    )
    taxa = (
        {"taxon_id": "41944", "rank": "family", "name": "Felidae", "active": "true"},
        {"taxon_id": "118552", "rank": "species", "name": "Felis catus", "active": "true"},
    )
    observers = (
        {"observer_id": "1", "login": "kueda", "name": 'Ken-ichi "K" Ueda'},
        {"observer_id": "2", "login": "loarie", "name": ""},
    )
    graded = [{"quality_grade": "research", "latitude": "37.8", **each} for each in observations]
    return {
        f"{folder}observations.csv": table(OBSERVATION_COLUMNS, *graded),
        f"{folder}taxa.csv": table(TAXON_COLUMNS, *taxa),
        f"{folder}photos.csv": table(PHOTO_COLUMNS, *photos),
        f"{folder}observers.csv": table(OBSERVER_COLUMNS, *observers),
    }


def gzipped(files: Mapping[str, str | bytes]) -> dict[str, str | bytes]:
    """Each file in gzip, as the bucket has them beside the archive."""
    return {
        f"{name}.gz": gzip.compress(body.encode() if isinstance(body, str) else body, mtime=0)
        for name, body in files.items()
    }


def read_archive(
    body: bytes, packing: Packing = Packing.zip, reading: ListReading = AS_FOUND
) -> list[dict[str, Any]]:
    rows = archive_manifests.reader(io.BytesIO(body), packing, reading)
    first, second = told(rows()), told(rows())
    assert first == second
    return first
