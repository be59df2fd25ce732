import io
import os
import tarfile
import tracemalloc
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from crawlset.kit.spool import SPILL_BYTES, Body
from crawlset.packs.writer import Pack, PackFullError


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "pack.tar"


class TestPack:
    MEMBERS = (("c-00000.jpg", b"one"), ("c-00001.png", b"x" * 512), ("c-00002.gif", b""))

    def test_is_a_tar_whose_ranges_hold_the_bytes(self, path: Path) -> None:
        with closing(Pack(path)) as pack:
            offsets = [pack.append(name, len(data), [data]) for name, data in self.MEMBERS]

        file = path.read_bytes()
        assert len(file) == pack.size
        with tarfile.open(path) as tar:
            assert [(m.name, m.offset_data) for m in tar] == [
                (name, offset) for (name, _), offset in zip(self.MEMBERS, offsets, strict=True)
            ]
        for (_, data), offset in zip(self.MEMBERS, offsets, strict=True):
            assert file[offset : offset + len(data)] == data

    def test_gives_the_same_bytes_for_the_same_members(self, path: Path) -> None:
        files = []
        for _ in range(2):
            with closing(Pack(path)) as pack:
                for name, data in self.MEMBERS:
                    pack.append(name, len(data), [data])
            files.append(path.read_bytes())

        assert files[0] == files[1]

    def test_has_the_header_that_tarfile_writes(self, path: Path) -> None:
        with closing(Pack(path)) as pack:
            pack.append("c-00000.jpg", 3, [b"one"])

        member = tarfile.TarInfo("c-00000.jpg")
        member.size = 3
        assert path.read_bytes()[:512] == member.tobuf(tarfile.USTAR_FORMAT)

    def test_takes_more_pieces_than_one_write_can(self, path: Path) -> None:
        pieces = [b"%05d" % n for n in range(os.sysconf("SC_IOV_MAX") + 10)]
        data = b"".join(pieces)

        with closing(Pack(path)) as pack:
            offset = pack.append("c-00000.jpg", len(data), pieces)

        assert path.read_bytes()[offset : offset + len(data)] == data

    def test_refuses_an_image_the_disk_has_no_room_for(self, path: Path) -> None:
        with closing(Pack(path)) as pack, pytest.raises(PackFullError):
            pack.append("c-00000.jpg", 1 << 60, [])


class TestBody:
    @pytest.fixture
    def body(self) -> Iterator[Body]:
        with closing(Body()) as body:
            yield body

    @pytest.mark.parametrize("size", [0, 1, SPILL_BYTES, SPILL_BYTES + 1, 3 * SPILL_BYTES])
    def test_gives_back_what_was_appended_more_than_once(self, body: Body, size: int) -> None:
        data = os.urandom(size)
        stream = io.BytesIO(data)
        while piece := stream.read(300_000):
            body.append(piece)

        copies = [b"".join(body.pieces()) for _ in range(2)]

        assert body.size == size
        assert copies == [data, data]

    @pytest.mark.parametrize("piece", [b"ab", bytes(1_000), bytes(300_000)])
    def test_takes_little_more_memory_than_its_bytes(self, body: Body, piece: bytes) -> None:
        tracemalloc.start()
        try:
            while body.size + len(piece) <= SPILL_BYTES:
                body.append(piece)
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()

        assert peak < 1.3 * SPILL_BYTES
