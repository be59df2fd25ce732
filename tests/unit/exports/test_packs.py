import tracemalloc
from pathlib import Path
from threading import Lock

import pytest

from crawlset.exports.formats.archives import ZipWriter
from crawlset.packs.reader import MAX_GAP, MAX_WINDOW, N_AHEAD, Place, read, windows
from crawlset_local.processes import wait_until


def member(pack: str, offset: int, length: int) -> Place:
    return Place(pack, offset, length)


MIB = 1 << 20


class TestWindows:
    def shape(self, *members: Place) -> list[tuple[str, int, int, int]]:
        return [(w.pack_key, w.start, w.end, len(w.spans)) for w in windows(members)]

    def test_joins_neighbours_across_a_header(self) -> None:
        assert self.shape(member("a", 512, 1000), member("a", 2048, 10)) == [("a", 512, 2058, 2)]

    def test_begins_anew_in_another_pack(self) -> None:
        assert len(self.shape(member("a", 512, 10), member("b", 1536, 10))) == 2

    def test_begins_anew_behind_a_gap(self) -> None:
        near, far = member("a", 10 + MAX_GAP, 1), member("a", 11 + MAX_GAP, 1)

        assert len(self.shape(member("a", 0, 10), near)) == 1
        assert len(self.shape(member("a", 0, 10), far)) == 2

    def test_begins_anew_when_a_window_is_full(self) -> None:
        half = MAX_WINDOW // 2

        shape = self.shape(*(member("a", n * half, half) for n in range(4)))

        assert [n for *_, n in shape] == [2, 2]

    def test_gives_a_large_image_a_window_of_its_own(self) -> None:
        shape = self.shape(
            member("a", 0, 10), member("a", 512, 3 * MAX_WINDOW), member("a", 4 * MAX_WINDOW, 10)
        )

        assert [n for *_, n in shape] == [1, 1, 1]

    def test_begins_anew_for_members_out_of_order(self) -> None:
        assert len(self.shape(member("a", 900, 10), member("a", 0, 10))) == 2

    def test_has_none_for_nothing(self) -> None:
        assert self.shape() == []


class TestRead:
    def test_gives_each_member_its_bytes_in_order(self) -> None:
        packs = {"a": bytes(range(256)) * 40, "b": b"b" * 5000}
        members = [member("a", 3, 7), member("a", 600, 256), member("b", 0, 1), member("b", 9, 0)]

        bodies = list(read(members, lambda key, at, n: packs[key][at : at + n]))

        assert [m for m, _ in bodies] == members
        assert [body for _, body in bodies] == [
            packs[m.pack_key][m.offset : m.offset + m.length] for m in members
        ]

    def test_reads_ahead_but_not_far(self) -> None:
        asked = 0
        lock = Lock()

        def get_range(_key: str, _offset: int, length: int) -> bytes:
            nonlocal asked
            with lock:
                asked += 1
            return bytes(length)

        bodies = read([member(f"pack{n}", 0, 10) for n in range(100)], get_range)
        next(bodies)

        assert wait_until(lambda: asked == N_AHEAD + 1, 60)
        bodies.close()
        assert asked == N_AHEAD + 1

    def test_raises_what_a_read_raises(self) -> None:
        def get_range(key: str, _offset: int, length: int) -> bytes:
            if key == "pack7":
                raise ConnectionError(key)
            return bytes(length)

        with pytest.raises(ConnectionError):
            list(read([member(f"pack{n}", 0, 10) for n in range(20)], get_range))

    def test_fills_an_archive_in_flat_memory(self, tmp_path: Path) -> None:
        members = [member("a", n * (MIB + 512), MIB) for n in range(160)]
        archive = ZipWriter(tmp_path / "a.zip")
        tracemalloc.start()

        for one, body in read(members, lambda _key, _offset, length: bytes(length)):
            archive.append(str(one.offset), body)
        archive.close()
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()

        assert (tmp_path / "a.zip").stat().st_size > 160 * MIB
        assert peak < (N_AHEAD + 3) * MAX_WINDOW
