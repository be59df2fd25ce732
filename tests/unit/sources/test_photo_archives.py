"""The open data of iNaturalist, as lists: photos.csv by itself, and the archive of four tables."""

import gzip
from typing import Any

import pytest

from crawlset.sources import manifests
from crawlset.sources.archive_tables import Lookup
from crawlset.sources.manifest_columns import MalformedManifestError
from crawlset.sources.manifest_wire import Packing
from crawlset.wire.searches import AS_FOUND, ListReading
from tests.unit.sources.archives_made import (
    PHOTO_COLUMNS,
    S3,
    gzipped,
    inaturalist_files,
    photo,
    read_archive,
    table,
    tarred,
    zipped,
)
from tests.unit.sources.conftest import Upload
from tests.unit.sources.lists_read import read


def said(rows: list[dict[str, Any]], name: str) -> list[Any]:
    return [row.get(name) for row in rows]


class TestPhotos:
    """The bare photos.csv, which has no URLs."""

    @pytest.mark.parametrize("format_", ["txt", "csv"])
    def test_have_addresses_made_of_their_ids(self, format_: str) -> None:
        body = table(PHOTO_COLUMNS, photo(1), photo(2, extension="JPG"), photo(3, extension="jpeg"))

        found = read(body, format_)

        urls = [f"{S3}/1/original.jpg", f"{S3}/2/original.JPG", f"{S3}/3/original.jpeg"]
        assert said(found, "url") == urls
        assert found[0] == {
            "url": urls[0],
            "licence": "https://creativecommons.org/licenses/by/4.0/",
            "creator": "https://www.inaturalist.org/users/1",
            "landing_url": "https://www.inaturalist.org/photos/1",
            "width": "2048",
            "height": "1536",
            "others": {name: photo(1)[name] for name in PHOTO_COLUMNS if name != "license"},
        }

    @pytest.mark.parametrize(
        ("column", "size"),
        [
            (None, "original"),
            ("original_url", "original"),
            ("large_url", "large"),
            ("medium_url", "medium"),
            ("Medium_URL", "medium"),
            ("square_url", "square"),
        ],
    )
    def test_come_in_the_size_that_is_named(self, column: str | None, size: str) -> None:
        [found] = read(table(PHOTO_COLUMNS, photo(1)), "csv", ListReading(url_column=column))

        assert found["url"] == f"{S3}/1/{size}.jpg"

    @pytest.mark.parametrize("is_packed", [False, True], ids=["alone", "packed"])
    def test_have_their_columns_in_any_order(self, *, is_packed: bool) -> None:
        sorted_table = table(tuple(sorted(PHOTO_COLUMNS)), photo(1))

        if is_packed:
            files = {**inaturalist_files(folder=""), "photos.csv": sorted_table}
            [found] = read_archive(zipped(files))
        else:
            [found] = read(sorted_table, "csv")

        assert found["url"] == f"{S3}/1/original.jpg"
        assert found["licence"] == "https://creativecommons.org/licenses/by/4.0/"
        assert found["landing_url"] == "https://www.inaturalist.org/photos/1"
        assert (found.get("keyword") is not None) == is_packed

    def test_have_no_other_sizes(self) -> None:
        reading = ListReading(url_column="huge_url")

        with pytest.raises(MalformedManifestError, match=r"no column huge_url.*original_url"):
            read(table(PHOTO_COLUMNS, photo(1)), "csv", reading)

    @pytest.mark.parametrize(
        ("code", "licence"),
        [
            ("CC-BY", "cc-by-4.0"),
            ("cc-by-nc", "cc-by-nc-4.0"),
            ("CC-BY-NC-SA", "cc-by-nc-sa-4.0"),
            ("CC-BY-ND", "cc-by-nd-4.0"),
            ("CC0", "cc0-1.0"),
            ("PD", "public-domain"),
            ("GFDL", None),
            ("all rights reserved", "all-rights-reserved"),
            ("", None),
            ("\\N", None),
        ],
    )
    def test_have_licences_by_code(self, upload: Upload, code: str, licence: str | None) -> None:
        """Codes: https://github.com/inaturalist/iNaturalistAPI/blob/main/lib/open_data_archive.js."""
        key = upload(gzip.compress(table(PHOTO_COLUMNS, photo(1, license=code)).encode(), mtime=0))

        [page] = manifests.read(manifests.inspect(key))

        assert page[0].licence == licence

    @pytest.mark.parametrize(
        "row",
        [
            photo(1, photo_id=""),
            photo(1, extension=""),
            photo(1, extension="\\N"),
            {"photo_uuid": "x"},
        ],
        ids=["no id", "no extension", "null", "half a row"],
    )
    def test_cost_an_odd_row_itself_only(self, row: dict[str, str]) -> None:
        found = read(table(PHOTO_COLUMNS, row, photo(2)), "csv")

        assert said(found, "url") == [None, f"{S3}/2/original.jpg"]

    def test_may_have_columns_behind_those_there_are(self) -> None:
        columns = (*PHOTO_COLUMNS, "label")

        [found] = read(table(columns, photo(1, label="cat")), "csv")

        assert (found["url"], found["keyword"]) == (f"{S3}/1/original.jpg", "cat")

    def test_are_known_by_their_whole_header_only(self) -> None:
        columns = PHOTO_COLUMNS[1:]

        assert said(read(table(columns, photo(1)), "txt"), "keyword") == [None, None]


ARCHIVES = {
    "tar.gz": (lambda *rows: tarred(inaturalist_files(*rows)), Packing.tar_gzip),
    "tar": (lambda *rows: tarred(inaturalist_files(*rows), "w"), Packing.tar),
    "zip": (lambda *rows: zipped(inaturalist_files(*rows, folder="")), Packing.zip),
    "zip of gz": (lambda *rows: zipped(gzipped(inaturalist_files(*rows))), Packing.zip),
}


class TestArchive:
    @pytest.mark.parametrize("name", ARCHIVES)
    def test_says_what_a_photo_shows_and_whose_it_is(self, name: str) -> None:
        make, packing = ARCHIVES[name]

        found = read_archive(make(*map(photo, (2, 1, 3, 4, 1))), packing)

        names = ["Felidae", "Felis catus", None, None, "Felis catus"]
        assert said(found, "keyword") == names
        ken_ichi = 'Ken-ichi "K" Ueda'
        users = "https://www.inaturalist.org/users"
        creators = ["loarie", ken_ichi, f"{users}/3", f"{users}/4", ken_ichi]
        assert said(found, "creator") == creators
        assert [row["others"].get("taxon_id") for row in found] == [
            "41944", "118552", None, None, "118552",
        ]  # fmt: skip
        assert said([row["others"] for row in found], "quality_grade")[:2] == ["research"] * 2

    @pytest.mark.parametrize(
        ("code", "credit"),
        [
            ("CC-BY-NC", "© loarie, some rights reserved (CC-BY-NC)"),
            ("CC0", "loarie, no rights reserved (CC0)"),
            ("PD", None),
            ("", None),
        ],
    )
    def test_gives_the_credit_that_the_data_set_asks_for(self, code: str, credit: str) -> None:
        """https://github.com/inaturalist/inaturalist-open-data/blob/main/README.md."""
        [found] = read_archive(tarred(inaturalist_files(photo(2, license=code))), Packing.tar_gzip)

        assert found.get("attribution") == credit

    def test_keeps_what_is_named_of_observations(self) -> None:
        reading = ListReading(
            url_column="medium_url", label_column="quality_grade", keep_columns=("latitude",)
        )

        [found] = read_archive(zipped(inaturalist_files(photo(1))), reading=reading)

        assert found["url"] == f"{S3}/1/medium.jpg"
        assert (found["keyword"], found["others"]) == ("research", {"latitude": "37.8"})

    @pytest.mark.parametrize(
        ("left", "told"),
        [
            ("photos", (None, "https://www.inaturalist.org/users/1")),
            ("photos observations", (None, "https://www.inaturalist.org/users/1")),
            ("photos taxa", (None, "https://www.inaturalist.org/users/1")),
            ("photos observers", (None, 'Ken-ichi "K" Ueda')),
            ("photos observations taxa", ("Felis catus", "https://www.inaturalist.org/users/1")),
        ],
    )
    def test_may_lack_tables(self, left: str, told: tuple[str | None, str]) -> None:
        files = inaturalist_files(photo(1), folder="")

        [found] = read_archive(
            zipped({f"{name}.csv": files[f"{name}.csv"] for name in left.split()})
        )

        assert (found.get("keyword"), found["creator"]) == told

    @pytest.mark.parametrize("name", ["photos", "observations", "taxa", "observers"])
    def test_names_a_column_that_a_table_lacks(self, name: str) -> None:
        files = inaturalist_files(photo(1), folder="") | {f"{name}.csv": "id\tx\n1\t2\n"}

        with pytest.raises(
            MalformedManifestError, match=rf"{name}\.csv has no column \w+; .* id, x"
        ):
            read_archive(zipped(files))

    @pytest.mark.parametrize("cut", [0.3, 0.9])
    def test_may_be_cut(self, cut: float) -> None:
        body = tarred(inaturalist_files(*map(photo, range(1, 2_000))))

        with pytest.raises(MalformedManifestError, match="broken"):
            read_archive(body[: int(cut * len(body))], Packing.tar_gzip)

    @pytest.mark.parametrize("reading", [AS_FOUND, ListReading(url_column="large_url")])
    def test_is_known_by_how_it_begins(self, upload: Upload, reading: ListReading) -> None:
        key = upload(tarred(inaturalist_files(photo(1), photo(2, license="CC0"))))

        [page] = manifests.read(manifests.inspect(key, reading=reading))

        assert [(found.keyword, found.licence, found.attribution) for found in page] == [
            ("Felis catus", "cc-by-4.0", '© Ken-ichi "K" Ueda, some rights reserved (CC-BY)'),
            ("Felidae", "cc0-1.0", "loarie, no rights reserved (CC0)"),
        ]
        assert {found.expected for found in page} == {None}


class TestLookup:
    def test_says_nothing_of_ids_that_nobody_wanted(self) -> None:
        lookup = Lookup(("name",), ["1", "2", "1"])
        for number in range(1, 100):
            lookup.put(str(number), [f"of {number}"])

        assert [lookup.get(id_) for id_ in ("1", "2")] == [{"name": "of 1"}, {"name": "of 2"}]
        assert not any(lookup.get(str(number)) for number in range(3, 100))
        assert list(lookup.texts()) == [{"name": "of 1"}, {"name": "of 2"}]
