"""Downloads of GBIF and Darwin Core Archives of others, as lists."""

import json
from typing import Any

import pytest

from crawlset.sources import manifests
from crawlset.sources.manifest_wire import Packing
from crawlset.wire.searches import ListReading, ManifestFormat
from tests.unit.sources.archives_made import (
    DUBLIN_CORE,
    DWC,
    MEDIA_COLUMNS,
    OCCURRENCE_COLUMNS,
    OCCURRENCES,
    described,
    gbif_files,
    media,
    meta,
    read_archive,
    table,
    tarred,
    zipped,
)
from tests.unit.sources.conftest import Upload
from tests.unit.sources.lists_read import A, B, C, read

CC_BY = "http://creativecommons.org/licenses/by/4.0/legalcode"
AUDUBON_CORE = "http://rs.tdwg.org/ac/terms/"
MULTIMEDIA = "http://rs.gbif.org/terms/1.0/Multimedia"


def said(rows: list[dict[str, Any]], name: str) -> list[Any]:
    return [row.get(name) for row in rows]


class TestMultimedia:
    """The bare multimedia.txt."""

    def test_says_whose_picture_it_is_and_where_from(self) -> None:
        body = table(
            MEDIA_COLUMNS,
            media(gbifID="1", identifier=A, license=CC_BY, creator="Ada", rightsHolder="Museum"),
            media(gbifID="2", identifier=B, references=C, rightsHolder="Museum"),
            media(gbifID="3", identifier=C, license="All rights reserved"),
        )

        found = read(body)

        assert said(found, "url") == [A, B, C]
        assert said(found, "licence") == [CC_BY, None, "All rights reserved"]
        assert said(found, "creator") == ["Ada", "Museum", None]
        gbif = "https://www.gbif.org/occurrence/"
        assert said(found, "landing_url") == [f"{gbif}1", C, f"{gbif}3"]
        assert said(found, "keyword") == [None, None, None]
        assert found[0]["others"] == {
            "gbifID": "1", "type": "StillImage", "format": "image/jpeg", "rightsHolder": "Museum",
        }  # fmt: skip

    def test_is_known_with_commas_too(self) -> None:
        body = table(MEDIA_COLUMNS, media(gbifID="1", identifier=A), media(type="Sound"))

        found = read(body.replace("\t", ","), "csv")

        assert found[0]["landing_url"] == "https://www.gbif.org/occurrence/1"
        assert found[1] == {}

    @pytest.mark.parametrize(
        ("kind", "format_", "is_picture"),
        [
            ("StillImage", "image/jpeg", True),
            ("stillimage", "", True),
            ("http://purl.org/dc/dcmitype/StillImage", "", True),
            ("", "image/png", True),
            ("\\N", "\\N", True),
            ("Sound", "audio/mpeg", False),
            ("MovingImage", "video/mp4", False),
            ("InteractiveResource", "text/html", False),
            ("", "audio/x-wav", False),
            ("StillImage", "video/quicktime", False),
        ],
        ids=lambda value: str(value) or "nothing",
    )
    def test_skips_what_is_no_picture(self, kind: str, format_: str, is_picture: bool) -> None:
        body = table(
            MEDIA_COLUMNS, media(identifier=A, type=kind, format=format_), media(identifier=B)
        )

        found = read(body)

        assert said(found, "url") == [A if is_picture else None, B]
        assert bool(found[0]) is is_picture

    def test_has_quotes_that_mean_themselves(self) -> None:
        body = table(
            MEDIA_COLUMNS,
            media(gbifID="1", identifier=A, title='"Tom', license=CC_BY),
            media(gbifID="2", identifier=B, title="tall"),
            media(gbifID="3", identifier=C, title='5"'),
        )

        assert said(read(body), "title") == ['"Tom', "tall", '5"']

    @pytest.mark.parametrize("sign", ["\t", "\n"])
    def test_never_reads_a_licence_out_of_another_column(self, sign: str) -> None:
        """A title that has a sign between cells, or between rows, in it."""
        body = table(
            MEDIA_COLUMNS,
            media(gbifID="1", identifier=A, title=f"a{sign}b", publisher="CC0", license=CC_BY),
            media(gbifID="2", identifier=B, license=CC_BY),
        )

        found = read(body)

        assert found[-1]["licence"] == CC_BY
        assert all("licence" not in row for row in found[:-1])
        assert said(found, "url")[-1] == B

    def test_keeps_what_is_missing_missing(self) -> None:
        body = table(MEDIA_COLUMNS, media(gbifID="1", identifier=A, license="\\N", creator="\\N"))

        [found] = read(body)

        assert {"licence", "creator"}.isdisjoint(found)


class TestDownload:
    """A download of GBIF, which is a zip file."""

    def test_names_the_species_or_else_the_taxon(self) -> None:
        rows = [media(gbifID=str(n), identifier=f"{A}?{n}") for n in (2, 1, 3, 1)]

        found = read_archive(zipped(gbif_files(*rows)))

        names = ["Felis Linnaeus, 1758", "Felis catus", None, "Felis catus"]
        assert said(found, "keyword") == names
        assert found[1]["others"]["scientificName"] == "Felis catus Linnaeus, 1758"

    def test_takes_what_is_named_of_occurrences(self) -> None:
        known = table(
            OCCURRENCE_COLUMNS,
            {"gbifID": "1", "genus": "Felis", "countryCode": "DE", "license": "CC_BY_NC_4_0"},
        )
        body = zipped(gbif_files(media(gbifID="1", identifier=A, license=CC_BY), occurrences=known))
        reading = ListReading(label_column="genus", keep_columns=("countryCode",))

        [found] = read_archive(body, reading=reading)

        assert (found["keyword"], found["others"]) == ("Felis", {"countryCode": "DE"})
        assert found["licence"] == CC_BY

    def test_may_lack_meta_xml(self) -> None:
        files = gbif_files(media(gbifID="1", identifier=A))
        del files["meta.xml"]

        assert said(read_archive(zipped(files)), "keyword") == ["Felis catus"]

    def test_says_nothing_of_pictures_without_an_occurrence(self) -> None:
        files = {
            "multimedia.txt": table(MEDIA_COLUMNS, media(identifier=A)),
            "occurrence.txt": table(OCCURRENCE_COLUMNS, {"species": "Felis catus"}),
        }

        [found] = read_archive(zipped(files))

        assert found["url"] == A
        assert not {"keyword", "landing_url"} & found.keys()

    def test_may_be_of_media_alone(self) -> None:
        files = gbif_files(media(gbifID="1", identifier=A))
        alone = {"multimedia.txt": files["multimedia.txt"]}

        assert said(read_archive(zipped(alone)), "url") == [A]

    def test_may_be_in_a_folder_beside_what_a_mac_adds(self) -> None:
        files = {f"0012345/{n}": body for n, body in gbif_files(media(identifier=A)).items()}
        files["__MACOSX/0012345/._meta.xml"] = b"\0\5\26\7"

        assert said(read_archive(zipped(files)), "url") == [A]

    def test_costs_an_odd_row_itself_only(self) -> None:
        rows = [media(gbifID=str(n), identifier=url) for n, url in enumerate((A, "", "x", B))]

        found = read_archive(zipped(gbif_files(*rows)))

        assert said(found, "url") == [A, None, "x", B]

    def test_may_have_occurrences_of_half_a_row(self) -> None:
        lines = table(OCCURRENCE_COLUMNS) + "1\n\n4\t\t\t\t\tCanis lupus\tmore\n"
        rows = [media(gbifID="1", identifier=A), media(gbifID="4", identifier=B)]

        found = read_archive(zipped(gbif_files(*rows, occurrences=lines)))

        assert said(found, "keyword") == [None, "Canis lupus"]


class TestArchivesOfPublishers:
    """Darwin Core Archives in which other columns and signs are used."""

    def test_are_read_as_meta_xml_says(self) -> None:
        """
        Commas and quotes, as in iNaturalist's own export.

        https://github.com/inaturalist/inaturalist/blob/main/lib/darwin_core/archive.rb
        """
        style = 'fieldsTerminatedBy="," linesTerminatedBy="\\n" fieldsEnclosedBy="&quot;"'
        columns = ("id", "identifier", "title")
        more = "".join(
            f'<field default="{text}" term="{DUBLIN_CORE}{term}"/>'
            for term, text in (("type", "StillImage"), ("license", CC_BY))
        )
        files = {
            "meta.xml": meta(
                described(
                    "core",
                    "observations.csv",
                    f"{DWC}Occurrence",
                    ("id", "scientificName"),
                    style=style,
                ),
                described(
                    "extension", "./images.csv", MULTIMEDIA, columns, DUBLIN_CORE, style, more
                ),
            ),
            "observations.csv": 'id,scientificName\n7,"Felis, catus"\n',
            "images.csv": f'id,identifier,title\n7,{A},"two\nlines, ""and"" more"\n8,{B}\n',
        }

        found = read_archive(zipped(files))

        assert said(found, "url") == [A, B]
        assert said(found, "title") == ['two\nlines, "and" more', None]
        assert said(found, "keyword") == ["Felis, catus", None]
        assert said(found, "licence") == [CC_BY, CC_BY]
        assert said(found, "landing_url") == [None, None]

    def test_may_have_media_of_audubon_core(self) -> None:
        """Its `identifier` is an id, and `accessURI` the address (https://ac.tdwg.org/termlist/)."""
        columns = (
            "coreid",
            "identifier",
            "accessURI",
            "Owner",
            "WebStatement",
            "furtherInformationURL",
        )
        files = {
            "meta.xml": meta(
                OCCURRENCES,
                described("extension", "media.txt", f"{AUDUBON_CORE}Multimedia", columns),
            ),
            "occurrence.txt": table(OCCURRENCE_COLUMNS),
            "media.txt": table(columns, {
                "coreid": "1", "identifier": "urn:uuid:1", "accessURI": A, "Owner": "Museum",
                "WebStatement": CC_BY, "furtherInformationURL": B,
            }),
        }  # fmt: skip

        [found] = read_archive(zipped(files))

        told = (found["url"], found["creator"], found["licence"], found["landing_url"])
        assert told == (A, "Museum", CC_BY, B)
        assert found["others"]["identifier"] == "urn:uuid:1"

    def test_may_be_tar_files(self) -> None:
        body = tarred(gbif_files(media(gbifID="1", identifier=A)))

        assert said(read_archive(body, Packing.tar_gzip), "keyword") == ["Felis catus"]


class TestUploads:
    """Archives as a job reads them: in the child process."""

    @pytest.mark.parametrize("stated", [None, "txt", "csv", "parquet"])
    def test_are_known_by_how_they_begin(self, upload: Upload, stated: str | None) -> None:
        rows = [
            media(gbifID="1", identifier=A, license=CC_BY),
            media(gbifID="1", type="Sound"),
            media(gbifID="4", identifier=B),
        ]
        key = upload(zipped(gbif_files(*rows)))

        manifest = manifests.inspect(key, ManifestFormat(stated) if stated else None)
        [page] = manifests.read(manifest)

        told = [(found.url, found.keyword, found.licence) for found in page]
        assert told == [(A, "Felis catus", "cc-by-4.0"), (B, "Canis lupus", None)]
        assert page.n_skipped == 1

    def test_name_their_encoding(self, upload: Upload) -> None:
        files = gbif_files(media(gbifID="1", identifier=A, creator="Jos\xe9"))
        latin = {
            n: body.encode("latin-1") if isinstance(body, str) else body
            for n, body in files.items()
        }
        latin["meta.xml"] = latin["meta.xml"].replace(b"UTF-8", b"ISO-8859-1")

        [page] = manifests.read(manifests.inspect(upload(zipped(latin))))

        assert page[0].creator == "Jos\xe9"

    def test_keep_their_other_columns(self, upload: Upload) -> None:
        key = upload(zipped(gbif_files(media(gbifID="1", identifier=A))))

        [page] = manifests.read(manifests.inspect(key))

        assert json.dumps(page[0].columns) == json.dumps({
            "gbifID": "1", "type": "StillImage", "format": "image/jpeg",
            "species": "Felis catus", "scientificName": "Felis catus Linnaeus, 1758",
        })  # fmt: skip
