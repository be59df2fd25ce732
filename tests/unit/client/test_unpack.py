import hashlib
import io
import stat
import tarfile
import zipfile
from pathlib import Path

import pytest

from crawlset_client.errors import ExportDamagedError, UnsafeArchiveError
from crawlset_client.placing import Written
from crawlset_client.unpack import unpack, unsafe_reason


def archive_of(directory: Path, *members: zipfile.ZipInfo | str) -> Path:
    path = directory / "data.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for member in members:
            archive.writestr(member, b"body")
    return path


def root_in(directory: Path) -> Path:
    root = directory / "deep" / "root"
    root.mkdir(parents=True)
    return root


class TestUnpack:
    def test_writes_every_file(self, tmp_path: Path) -> None:
        root = root_in(tmp_path)

        written = unpack(archive_of(tmp_path, "train/", "train/cat/a.jpg", "b..c/…d.txt"), root)

        sha256 = hashlib.sha256(b"body").hexdigest()
        assert written == [
            Written("train/cat/a.jpg", 4, sha256),
            Written("b..c/…d.txt", 4, sha256),
        ]
        assert (root / "train/cat/a.jpg").read_bytes() == b"body"
        assert (root / "b..c/…d.txt").read_bytes() == b"body"

    @pytest.mark.parametrize(
        "name",
        [
            "../outside.txt",
            "train/../../outside.txt",
            "/etc/outside.txt",
            "..\\outside.txt",
            "C:/outside.txt",
            "C:\\outside.txt",
            "//host/outside.txt",
            "train/..",
        ],
    )
    def test_writes_nothing_if_one_name_leads_elsewhere(self, tmp_path: Path, name: str) -> None:
        root = root_in(tmp_path)
        archive = archive_of(tmp_path, "train/good.jpg", name)

        with pytest.raises(UnsafeArchiveError):
            unpack(archive, root)

        assert list(root.iterdir()) == []
        assert {path.name for path in tmp_path.rglob("*")} == {"data.zip", "deep", "root"}

    @pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFIFO, stat.S_IFCHR])
    def test_refuses_what_is_no_ordinary_file(self, tmp_path: Path, kind: int) -> None:
        member = zipfile.ZipInfo("link")
        member.create_system = 3
        member.external_attr = (kind | 0o777) << 16

        with pytest.raises(UnsafeArchiveError, match="not an ordinary file"):
            unpack(archive_of(tmp_path, member), root_in(tmp_path))

    def test_never_writes_over_a_file(self, tmp_path: Path) -> None:
        root = root_in(tmp_path)
        (root / "a.jpg").write_bytes(b"first")

        with pytest.raises(UnsafeArchiveError, match="there already"):
            unpack(archive_of(tmp_path, "a.jpg"), root)

        assert (root / "a.jpg").read_bytes() == b"first"

    def test_refuses_a_file_below_a_file(self, tmp_path: Path) -> None:
        with pytest.raises(UnsafeArchiveError, match="there already"):
            unpack(archive_of(tmp_path, "a", "a/b"), root_in(tmp_path))

    def test_finds_a_changed_byte(self, tmp_path: Path) -> None:
        archive = archive_of(tmp_path, "a.jpg")
        archive.write_bytes(archive.read_bytes().replace(b"body", b"bodi"))

        with pytest.raises(ExportDamagedError, match="no readable archive"):
            unpack(archive, root_in(tmp_path))

    def test_refuses_what_is_no_archive(self, tmp_path: Path) -> None:
        (tmp_path / "data.zip").write_bytes(b"<html>")

        with pytest.raises(ExportDamagedError, match="no readable archive"):
            unpack(tmp_path / "data.zip", root_in(tmp_path))

    def test_refuses_an_encrypted_member(self, tmp_path: Path) -> None:
        body = io.BytesIO(archive_of(tmp_path, "a.jpg").read_bytes())
        raw = bytearray(body.getvalue())
        raw[6] |= 1
        raw[raw.index(b"PK\x01\x02") + 8] |= 1
        (tmp_path / "data.zip").write_bytes(raw)

        with pytest.raises(ExportDamagedError, match="no readable archive"):
            unpack(tmp_path / "data.zip", root_in(tmp_path))


class TestUnsafeReason:
    @pytest.mark.parametrize("name", ["", ".", "a/", "a\0b", "a/../b", "/a", "a\\b", "c:a"])
    def test_is_given_for(self, name: str) -> None:
        assert unsafe_reason(name)

    @pytest.mark.parametrize("name", ["a", "a/b.jpg", "..a", "a..b/c", "a/b:c", "ö/日本.png"])
    def test_is_none_for(self, name: str) -> None:
        assert unsafe_reason(name) is None


class TestUnpackTar:
    def tar_of(self, path: Path, *members: tarfile.TarInfo) -> Path:
        with tarfile.open(path, "w:gz" if path.suffix == ".gz" else "w") as tar:
            for member in members:
                member.size = 4 if member.isreg() else 0
                tar.addfile(member, io.BytesIO(b"body"))
        return path

    @pytest.mark.parametrize("name", ["data.tar", "data.tar.gz"])
    def test_writes_its_files(self, tmp_path: Path, name: str) -> None:
        archive = self.tar_of(tmp_path / name, tarfile.TarInfo("train/猫/a.jpg"))

        assert len(unpack(archive, tmp_path / "out")) == 1
        assert (tmp_path / "out/train/猫/a.jpg").read_bytes() == b"body"

    @pytest.mark.parametrize("name", ["../a.jpg", "/a.jpg", "a\\..\\b.jpg", "C:/a"])
    def test_refuses_a_name_that_leads_elsewhere(self, tmp_path: Path, name: str) -> None:
        good, bad = tarfile.TarInfo("good.jpg"), tarfile.TarInfo(name)

        with pytest.raises(UnsafeArchiveError):
            unpack(self.tar_of(tmp_path / "data.tar", good, bad), tmp_path / "out")

        assert not (tmp_path / "out").exists()

    @pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE])
    def test_refuses_what_is_no_file(self, tmp_path: Path, kind: bytes) -> None:
        member = tarfile.TarInfo("a")
        member.type, member.linkname = kind, "/etc/passwd"

        with pytest.raises(UnsafeArchiveError, match="not an ordinary file"):
            unpack(self.tar_of(tmp_path / "data.tar", member), tmp_path / "out")

    def test_tells_a_cut(self, tmp_path: Path) -> None:
        archive = self.tar_of(tmp_path / "data.tar", tarfile.TarInfo("a"))
        archive.write_bytes(archive.read_bytes()[:514])

        with pytest.raises(ExportDamagedError, match="no readable archive"):
            unpack(archive, tmp_path / "out")
