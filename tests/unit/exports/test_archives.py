import tarfile
import zipfile
from pathlib import Path

import pytest

from crawlset.exports.formats.archives import members_of, open_archive
from crawlset.exports.options import Archive

KINDS = list(Archive)
MEMBERS = {"train/猫/a.jpg": b"1" * 5000, f"test/{'x' * 100}/{'0' * 36}.png": b"", "b": b"y"}


def write(path: Path, kind: Archive, members: dict[str, bytes]) -> Path:
    archive = open_archive(path, kind)
    for name, body in members.items():
        archive.append(name, body)
    archive.close()
    return path


@pytest.mark.parametrize("kind", KINDS)
class TestArchives:
    def test_give_the_same_bytes_for_the_same_members(self, tmp_path: Path, kind: Archive) -> None:
        first = write(tmp_path / "1", kind, MEMBERS).read_bytes()
        second = write(tmp_path / "2", kind, MEMBERS).read_bytes()

        assert first == second

    def test_give_back_what_was_put_in(self, tmp_path: Path, kind: Archive) -> None:
        path = write(tmp_path / "a", kind, MEMBERS)

        assert list(members_of(path, kind)) == list(MEMBERS.items())

    def test_may_be_empty(self, tmp_path: Path, kind: Archive) -> None:
        assert list(members_of(write(tmp_path / "a", kind, {}), kind)) == []

    def test_tell_a_cut(self, tmp_path: Path, kind: Archive) -> None:
        path = write(tmp_path / "a", kind, MEMBERS)
        whole = path.read_bytes()
        path.write_bytes(whole[: len(whole) // 2])

        with pytest.raises(ValueError, match="cannot be read"):
            list(members_of(path, kind))

    def test_are_unpacked_by_others(self, tmp_path: Path, kind: Archive) -> None:
        path = write(tmp_path / "a", kind, MEMBERS)

        if kind is Archive.zip:
            with zipfile.ZipFile(path) as opened:
                opened.extractall(tmp_path / "out")
        else:
            with tarfile.open(path) as opened:
                opened.extractall(tmp_path / "out", filter="data")

        for name, body in MEMBERS.items():
            assert (tmp_path / "out" / name).read_bytes() == body


def test_a_zip_tells_a_flipped_byte(tmp_path: Path) -> None:
    path = write(tmp_path / "a.zip", Archive.zip, MEMBERS)
    body = bytearray(path.read_bytes())
    body[2000] ^= 1
    path.write_bytes(body)

    with pytest.raises(ValueError, match="cannot be read"):
        list(members_of(path, Archive.zip))
