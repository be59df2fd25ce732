"""The lists that paths name: files, and what is in folders."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from crawlset_client.errors import InvalidListError
from crawlset_client.url_lists import MAX_ROWS, UrlList, has_list_suffix, read_url_list

MAX_LISTS = 1_000
"""Lists that one request names at most."""
MAX_FILES = 100_000
"""Files of a folder that are looked through."""


@dataclass(frozen=True)
class NamedList:
    """One of several lists; `name` has the folders above it, as far as they were not given."""

    name: str
    list: UrlList


def read_lists(paths: Sequence[Path], max_images: int | None = None) -> list[NamedList]:
    """
    The lists at `paths`, in the order of their names; of a folder those below it, folders included.

    In a folder what is hidden, begins with an underscore, is a README, is empty or has no suffix of
    lists is passed over. Symbolic links to folders are not followed.

    Raises `InvalidListError` for a folder without a list, more than 1,000 lists, and what
    `read_url_list` refuses; `OSError` where there is nothing that may be read.
    """
    # What one file has too many of, several may have without that: the service counts their sum.
    most = min(max_images or MAX_ROWS, MAX_ROWS - 1)
    found = [
        NamedList(name, read_url_list(file, most, is_uploaded=True))
        for path in paths
        for name, file in _files_of(path)
    ]
    if len(found) > MAX_LISTS:
        raise InvalidListError(
            paths[0], f"{len(found):,} lists, where {MAX_LISTS:,} make one job; join some of them"
        )
    return sorted(found, key=lambda each: each.name)


def _files_of(path: Path) -> Iterator[tuple[str, Path]]:
    if not path.is_dir():
        yield path.name, path
        return
    n_files = n_lists = 0
    for folder, folders, names in path.walk():
        folders[:] = sorted(name for name in folders if not name.startswith((".", "_")))
        for name in sorted(names):
            n_files += 1
            if n_files > MAX_FILES:
                raise InvalidListError(path, f"there are more than {MAX_FILES:,} files in it")
            file = folder / name
            if _is_list(file):
                n_lists += 1
                yield file.relative_to(path).as_posix(), file
    if not n_lists:
        raise InvalidListError(path, "there is no list in this folder")


def _is_list(file: Path) -> bool:
    name = file.name.lower()
    # A bare .tar among lists is a shard of pictures, as WebDataset has them.
    is_other = name.startswith((".", "_", "readme")) or name.endswith(".tar")
    return not is_other and has_list_suffix(file) and file.is_file() and file.stat().st_size > 0
