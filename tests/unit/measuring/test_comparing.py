"""One vector compared with many: order, lengths, and parts that cannot be read."""

import io

import numpy as np
import pytest
from pyarrow import parquet as pq

from crawlset.finding.comparing import Compared, compare
from crawlset.measuring.vectors import to_parquet


def compared(wanted: list[float], *parts: bytes | None) -> Compared:
    found = dict(enumerate(parts))
    return compare(
        np.array(wanted, np.float32),
        [str(place) for place in found],
        lambda part: found[int(part)],
        version="1",
        has_time=lambda: True,
    )


def part(rows: dict[int, list[float]], version: str = "1") -> bytes:
    length = len(next(iter(rows.values()), [0.0, 0.0]))
    return to_parquet([*rows], np.array([*rows.values()]).reshape(len(rows), length), version)


class TestCompare:
    def test_gives_the_nearest_of_all_parts_first(self) -> None:
        found = compared([3, 0], part({1: [0, 1], 2: [1, 1]}), part({3: [2, 0], 4: [-1, 0]}))

        assert [*found.nearest_first()] == [
            (3, "1", 1.0),
            (2, "0", pytest.approx(0.707, abs=1e-3)),
            (1, "0", 0.0),
            (4, "1", -1.0),
        ]

    def test_gives_the_older_of_equally_near_ones_first(self) -> None:
        found = compared([1, 0], part({5: [1, 0]}), part({2: [2, 0]}))

        assert [image_id for image_id, *_ in found.nearest_first()] == [2, 5]

    @pytest.mark.parametrize("wanted", [[0, 0], [1, 0]])
    def test_takes_vectors_of_zeros(self, wanted: list[float]) -> None:
        found = compared(wanted, part({1: [0, 0]}))

        assert [*found.nearest_first()] == [(1, "0", 0.0)]

    def test_counts_an_image_once(self) -> None:
        assert compared([1, 0], part({1: [1, 0]}), part({1: [1, 0]})).n_images == 1

    @pytest.mark.parametrize(
        ("body", "is_complete"),
        [
            (None, True),
            (part({}), True),
            (part({9: [1, 0]}, version="0"), True),
            (b"", False),
            (part({9: [1, 0]})[:-9], False),
            (part({9: [1, 0, 0]}), False),
        ],
        ids=["gone", "empty", "another version", "no bytes", "cut", "another length"],
    )
    def test_leaves_out_what_cannot_be_compared(
        self, body: bytes | None, is_complete: bool
    ) -> None:
        found = compared([1, 0], body, part({1: [1, 0]}))

        assert [image_id for image_id, *_ in found.nearest_first()] == [1]
        assert found.is_complete == is_complete

    def test_takes_parts_of_earlier_releases_that_name_no_version(self) -> None:
        table = pq.read_table(io.BytesIO(part({1: [1, 0], 2: [0, 1]})))
        earlier = io.BytesIO()
        pq.write_table(table.replace_schema_metadata(None), earlier)

        found = compared([1, 0], earlier.getvalue())

        assert [image_id for image_id, *_ in found.nearest_first()] == [1, 2]

    def test_of_nothing_is_nothing(self) -> None:
        found = compared([1, 0])

        assert (found.n_images, found.is_complete, [*found.nearest_first()]) == (0, True, [])
