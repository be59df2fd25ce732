import unicodedata
import zipfile
from itertools import permutations
from pathlib import Path, PurePosixPath

import pytest

from crawlset.exports.imagefolder import FolderArchive, class_folders, damage_of, image_name

HOSTILE = [
    "../../etc/passwd",
    "..",
    ".",
    "",
    " ",
    ".hidden",
    "/absolute",
    "C:\\windows",
    "a\0b",
    "a\nb",
    "con",
    "NUL.txt",
    "x" * 300,
    "é" * 300,
    "\u202egpj.tac",
    "\u200f",
    "🐈" * 80,
    "-rf",
    "~",
    "a|b?c*d",
    "\u2028",
    "trailing.",
    "trailing ",
]


class TestClassFolders:
    def test_keeps_what_is_readable(self) -> None:
        folders = class_folders(["cat", "golden retriever", "Kölner Dom", "猫", None])

        assert folders == {
            "cat": "cat",
            "golden retriever": "golden_retriever",
            "Kölner Dom": "Kölner_Dom",
            "猫": "猫",
            None: "unlabelled",
        }

    def test_is_one_safe_component_whatever_the_keyword(self) -> None:
        folders = class_folders(HOSTILE)

        for folder in folders.values():
            assert 0 < len(folder.encode()) <= 100
            assert PurePosixPath(folder).parts == (folder,)
            assert folder not in {".", ".."}
            assert not folder.startswith(".")
            assert folder[-1] not in ". "
            assert not set(folder) & set('\\/:*?"<>|')
            assert folder.isprintable()
            assert unicodedata.is_normalized("NFC", folder)
            assert folder.upper() not in {"CON", "NUL.TXT"}

    def test_gives_every_keyword_its_own(self) -> None:
        alike = [
            "cat",
            "Cat",
            "CAT",
            "cat ",
            "cat?",
            "cat/",
            "\uff43\uff41\uff54",
            "é",
            "e\u0301",
            "unlabelled",
        ]
        long = ["x" * 300, "x" * 301]

        folders = class_folders([*HOSTILE, *alike, *long, None])

        seen = {unicodedata.normalize("NFKC", folder).casefold() for folder in folders.values()}
        assert len(seen) == len(folders) == len({*HOSTILE, *alike, *long, None})

    def test_tells_a_keyword_from_what_another_is_turned_into(self) -> None:
        (taken,) = {class_folders(["cat", "Cat"])["Cat"]}

        folders = class_folders(["cat", "Cat", taken, taken.upper()])

        assert len({folder.casefold() for folder in folders.values()}) == 4

    def test_depends_on_the_set_alone(self) -> None:
        results = [class_folders(order) for order in permutations(["cat", "Cat", "dog", None])]

        assert all(result == results[0] for result in results)


class TestImageName:
    def test_comes_from_the_bytes(self) -> None:
        assert image_name(bytes(32), "jpeg") == "0" * 32 + ".jpg"

    @pytest.mark.parametrize("image_format", [None, "../x"])
    def test_never_takes_an_unknown_format_into_the_name(self, image_format: str | None) -> None:
        assert image_name(bytes(32), image_format).endswith(".bin")


class TestFolderArchive:
    def write(self, path: Path, members: dict[str, bytes]) -> Path:
        archive = FolderArchive(path)
        for name, body in members.items():
            archive.append(name, body)
        archive.close()
        return path

    def test_gives_the_same_bytes_for_the_same_members(self, tmp_path: Path) -> None:
        members = {"train/猫/a.jpg": b"1" * 1000, "test/dog/b.png": b""}

        first = self.write(tmp_path / "1.zip", members).read_bytes()
        second = self.write(tmp_path / "2.zip", members).read_bytes()

        assert first == second

    def test_is_read_by_others(self, tmp_path: Path) -> None:
        path = self.write(tmp_path / "a.zip", {"train/猫/a.jpg": b"abc"})

        with zipfile.ZipFile(path) as archive:
            archive.extractall(tmp_path / "out")
            (info,) = archive.infolist()

        assert (tmp_path / "out/train/猫/a.jpg").read_bytes() == b"abc"
        assert (info.compress_type, info.date_time) == (zipfile.ZIP_STORED, (1980, 1, 1, 0, 0, 0))
        assert info.external_attr >> 16 == 0o100644

    def test_is_a_valid_archive_without_members(self, tmp_path: Path) -> None:
        path = self.write(tmp_path / "a.zip", {})

        assert damage_of(path, []) is None


class TestDamageOf:
    @pytest.fixture
    def archive(self, tmp_path: Path) -> Path:
        return TestFolderArchive().write(tmp_path / "a.zip", {"a": b"x" * 5000, "b": b"y"})

    def test_is_none_when_sound(self, archive: Path) -> None:
        assert damage_of(archive, ["a", "b"]) is None

    @pytest.mark.parametrize("names", [["a"], ["b", "a"], ["a", "b", "c"], []])
    def test_tells_other_members(self, archive: Path, names: list[str]) -> None:
        assert damage_of(archive, names) == "its members are not those planned"

    def test_tells_a_flipped_byte(self, archive: Path) -> None:
        body = bytearray(archive.read_bytes())
        body[2000] ^= 1
        archive.write_bytes(body)

        assert damage_of(archive, ["a", "b"]) == "a has another checksum"

    def test_tells_a_cut(self, archive: Path) -> None:
        archive.write_bytes(archive.read_bytes()[:-30])

        assert "cannot be read" in str(damage_of(archive, ["a", "b"]))
