"""Archives that are hostile or broken: each is refused with what is wrong, and in bounds."""

from typing import Any

import pytest

from crawlset.sources import archive_tables, archives, darwin_core, manifests
from crawlset.sources.manifest_columns import MalformedManifestError
from tests.unit.sources.archives_made import (
    MEDIA,
    OCCURRENCES,
    gbif_files,
    media,
    meta,
    read_archive,
    zipped,
)
from tests.unit.sources.conftest import Upload
from tests.unit.sources.lists_read import A


def without(name: str) -> bytes:
    files = gbif_files(media(gbifID="1", identifier=A))
    del files[name]
    return zipped(files)


def with_meta(text: str) -> bytes:
    return zipped(gbif_files(media(gbifID="1", identifier=A)) | {"meta.xml": text})


LAUGHS = meta().replace(
    "<archive",
    '<!DOCTYPE l [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]><archive',
)
REFUSED: dict[str, tuple[bytes, str]] = {
    "no occurrences": (without("occurrence.txt"), "no occurrence.txt, which its meta.xml names"),
    "no media": (without("multimedia.txt"), "no multimedia.txt, which its meta.xml names"),
    "entities": (with_meta(LAUGHS), "has a document type"),
    "no XML": (with_meta("<archive"), "meta.xml is broken"),
    "an encoding of XML": (with_meta('<?xml version="1.0" encoding="x-no"?><a/>'), "is broken"),
    "a long meta.xml": (with_meta(meta(" " * (1 << 20))), "longer than 1 MiB"),
    "no tables": (with_meta(meta()), "names no media"),
    "no media named": (with_meta(meta(OCCURRENCES)), "names no media, but Occurrence"),
    "another encoding": (
        with_meta(meta(OCCURRENCES.replace("UTF-8", "x-klingon"), MEDIA)), "'x-klingon'",
    ),
    "other quotes": (
        with_meta(meta(OCCURRENCES, MEDIA.replace('EnclosedBy=""', 'EnclosedBy="|"'))), "'|'",
    ),
    "long signs": (with_meta(meta(OCCURRENCES, MEDIA.replace(r"\t", "||"))), "'||'"),
    "a far column": (
        with_meta(meta(OCCURRENCES, MEDIA.replace('index="3"', 'index="9999999"'))), "'9999999'",
    ),
    "a column below 0": (
        with_meta(meta(OCCURRENCES, MEDIA.replace('coreid index="0"', 'coreid index="-1"'))),
        "'-1'",
    ),
    "no id": (
        with_meta(meta(OCCURRENCES, MEDIA.replace('<coreid index="0"/>', ""))),
        "names no file or no id of Multimedia",
    ),
    "a place outside": (
        with_meta(meta(OCCURRENCES, MEDIA.replace("multimedia.txt", "../../etc/passwd"))),
        "no ../../etc/passwd",
    ),
    "nothing": (zipped({}), "it has nothing"),
    "other files": (zipped({"a.jpg": b"", "b.jpg": b""}), "it has a.jpg, b.jpg"),
    "a cut zip": (zipped(gbif_files(media(identifier=A)))[:-30], "zip file is broken"),
    "another method": (zipped(gbif_files(media(identifier=A)), 12), "not packed by deflate"),
}  # fmt: skip


def encrypted(body: bytes) -> bytes:
    """With the bit of encryption in every entry of the directory."""
    raw, at = bytearray(body), 0
    while (at := raw.find(b"PK\1\2", at)) >= 0:
        raw[at + 8] |= 1
        at += 4
    return bytes(raw)


class TestArchives:
    @pytest.mark.parametrize("name", REFUSED)
    def test_are_refused_with_what_is_wrong(self, name: str) -> None:
        body, why = REFUSED[name]

        with pytest.raises(MalformedManifestError) as error:
            read_archive(body)

        assert why in str(error.value)
        assert len(str(error.value)) < 500

    def test_may_be_encrypted(self) -> None:
        with pytest.raises(MalformedManifestError, match="is encrypted"):
            read_archive(encrypted(zipped(gbif_files(media(identifier=A)))))

    def test_may_be_broken_within(self) -> None:
        body = bytearray(zipped(gbif_files(media(identifier=A)), method=0))
        body[body.index(b"StillImage")] ^= 1

        with pytest.raises(
            MalformedManifestError, match=r"multimedia\.txt in the archive is broken"
        ):
            read_archive(bytes(body))

    def test_say_no_more_than_there_is_room_for(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(archive_tables, "MAX_JOINED_CHARS", 20)

        with pytest.raises(MalformedManifestError, match="say more than 20 characters"):
            read_archive(zipped(gbif_files(media(gbifID="1", identifier=A))))

    @pytest.mark.parametrize(
        ("module", "name", "value"),
        [
            (archive_tables, "MAX_TABLE_CHARS", 10),
            (archives, "MAX_MEMBERS", 3),
            (darwin_core, "MAX_DESCRIPTOR_BYTES", 9),
        ],
        ids=["characters", "members", "descriptor"],
    )
    def test_are_bounded(
        self, monkeypatch: pytest.MonkeyPatch, module: Any, name: str, value: int
    ) -> None:
        monkeypatch.setattr(module, name, value)

        with pytest.raises(MalformedManifestError, match=r"more than|longer than"):
            read_archive(zipped(gbif_files(media(gbifID="1", identifier=A))))

    @pytest.mark.parametrize("name", REFUSED)
    def test_are_refused_in_the_child_process(self, upload: Upload, name: str) -> None:
        body, why = REFUSED[name]
        key = upload(body)

        with pytest.raises(MalformedManifestError) as error:
            list(manifests.read(manifests.inspect(key)))

        assert why in str(error.value)
