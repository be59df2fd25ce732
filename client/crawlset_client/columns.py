"""How wide the columns of a table are, so that no word of it is torn."""

from collections.abc import Iterable, Mapping, Sequence

from rich.cells import cell_len

GAP = 3
"""Columns between two columns."""
SHORT = 8
"""Characters of a short id. They are its last ones: ids made in one minute begin alike."""
FULL = 36


def fit(cells: Sequence[Sequence[str]], width: int) -> list[int] | None:
    """
    A width for each column of rows of `cells`, its header among them.

    None if they need more than `width` even when every cell is broken at each of its spaces.
    """
    columns = list(zip(*cells, strict=True))
    whole = [max(map(cell_len, column)) for column in columns]
    widths = [
        max(cell_len(word) for cell in column for word in cell.split() or [""])
        for column in columns
    ]
    room = width - sum(widths) - GAP * (len(widths) - 1)
    if room < 0:
        return None
    for _ in range(room):
        neediest = max(range(len(widths)), key=lambda n: whole[n] - widths[n])
        if widths[neediest] >= whole[neediest]:
            break
        widths[neediest] += 1
    return widths


def short_ids(ids: Iterable[str]) -> Mapping[str, str]:
    """The ends by which these ids can be told apart; every command takes them for the ids."""
    known = set(ids)
    for n in range(SHORT, FULL):
        short = {id_: id_[-n:] for id_ in known}
        if len(set(short.values())) == len(known):
            return short
    return {id_: id_ for id_ in known}
