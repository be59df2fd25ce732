"""Connected parts of a mask, and the smallest rectangles around them, turned as they lie."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

MAX_RUNS = 100_000
"""Runs of a mask that are looked at, from the top: noise has more, and no parts worth finding."""


@dataclass(frozen=True, slots=True)
class Blob:
    """A connected part of a mask, corners included, as runs of a row each."""

    rows: np.ndarray
    starts: np.ndarray
    ends: np.ndarray
    """The column behind the last of each run."""

    @property
    def n_pixels(self) -> int:
        return int((self.ends - self.starts).sum())

    @property
    def corners(self) -> np.ndarray:
        """Corners of the runs: n x 2, x before y."""
        left, right = self.starts, self.ends
        above, below = self.rows, self.rows + 1
        return np.concatenate(
            [np.stack(pair, 1) for pair in ((left, above), (right, above), (left, below))]
            + [np.stack((right, below), 1)]
        )


@dataclass(frozen=True, slots=True)
class Rectangle:
    """A rectangle whose longer side leans by `angle` radians, from -pi / 2 up to pi / 2."""

    x: float
    y: float
    length: float
    height: float
    angle: float

    @property
    def area(self) -> float:
        return self.length * self.height

    def grown(self, by: float) -> "Rectangle":
        """The same with each side moved outwards by `by`."""
        return Rectangle(self.x, self.y, self.length + 2 * by, self.height + 2 * by, self.angle)


def blobs(mask: np.ndarray) -> Iterator[Blob]:
    """The connected parts of a mask of two dimensions, from the top."""
    edges = np.diff(np.pad(mask, ((0, 0), (1, 1))).astype(np.int8), axis=1)
    rows, starts = (found[:MAX_RUNS] for found in np.nonzero(edges == 1))
    ends = np.nonzero(edges == -1)[1][:MAX_RUNS]
    if not len(rows):
        return
    # Places on one line of all rows, with a gap between them: so the runs above are next to it.
    width = mask.shape[1] + 2
    first = np.searchsorted(rows * width + ends, (rows - 1) * width + starts, side="left")
    last = np.searchsorted(rows * width + starts, (rows - 1) * width + ends, side="right")
    roots = _roots(first.tolist(), last.tolist())
    order = np.argsort(roots, kind="stable")
    for some in np.split(order, np.flatnonzero(np.diff(roots[order])) + 1):
        yield Blob(rows[some], starts[some], ends[some])


def _roots(first: list[int], last: list[int]) -> np.ndarray:
    """The first run of the part of each; run i touches those from `first[i]` to `last[i]`."""
    parents = list(range(len(first)))

    def root(run: int) -> int:
        while parents[run] != run:
            parents[run] = parents[parents[run]]
            run = parents[run]
        return run

    for run in range(len(parents)):
        for above in range(first[run], last[run]):
            one, other = sorted((root(run), root(above)))
            parents[other] = one
    return np.array([root(run) for run in range(len(parents))], dtype=np.intp)


def rectangle_around(points: np.ndarray) -> Rectangle:
    """
    The smallest rectangle around points, n x 2.

    One of its sides lies on a side of their convex hull, as H. Freeman and R. Shapira show in
    "Determining the minimum-area encasing rectangle for an arbitrary closed curve", 1975.
    """
    hull = _hull(np.unique(points, axis=0).tolist())
    sides = np.roll(hull, -1, axis=0) - hull
    angles = np.unique(np.arctan2(sides[:, 1], sides[:, 0]) % (np.pi / 2))
    along = np.outer(hull[:, 0], np.cos(angles)) + np.outer(hull[:, 1], np.sin(angles))
    across = np.outer(hull[:, 1], np.cos(angles)) - np.outer(hull[:, 0], np.sin(angles))
    best = int(np.argmin(np.ptp(along, axis=0) * np.ptp(across, axis=0)))
    length, height = float(np.ptp(along[:, best])), float(np.ptp(across[:, best]))
    middle_along = float(along[:, best].max() + along[:, best].min()) / 2
    middle_across = float(across[:, best].max() + across[:, best].min()) / 2
    angle = float(angles[best])
    x = middle_along * math.cos(angle) - middle_across * math.sin(angle)
    y = middle_along * math.sin(angle) + middle_across * math.cos(angle)
    if length < height:
        return Rectangle(x, y, height, length, angle - math.pi / 2)
    return Rectangle(x, y, length, height, angle)


def _hull(points: list[list[float]]) -> np.ndarray:
    """The convex hull of sorted points, by A. M. Andrew's monotone chain, 1979."""

    def half(ordered: list[list[float]]) -> list[list[float]]:
        found: list[list[float]] = []
        for x, y in ordered:
            while len(found) > 1:
                (ax, ay), (bx, by) = found[-2:]
                if (bx - ax) * (y - ay) - (by - ay) * (x - ax) > 0:
                    break
                found.pop()
            found.append([x, y])
        return found[:-1]

    return np.array(half(points) + half(points[::-1]), dtype=np.float64)
