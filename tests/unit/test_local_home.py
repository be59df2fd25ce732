"""The directory of a laptop cloud."""

from pathlib import Path

import pytest

from crawlset_local.errors import HomeError
from crawlset_local.home import SECRETS, is_home, open_home


class TestOpenHome:
    def test_takes_no_directory_with_files_of_others(self, tmp_path: Path) -> None:
        (tmp_path / "tmp").mkdir()
        (tmp_path / "tmp/thesis.txt").write_text("years of work")

        with pytest.raises(HomeError, match="not empty and holds no data of Crawlset"):
            open_home(tmp_path)

        assert [path.name for path in tmp_path.iterdir()] == ["tmp"]

    @pytest.mark.parametrize("names", [[], [SECRETS]])
    def test_takes_one_again_once_it_is_ours(self, tmp_path: Path, names: list[str]) -> None:
        for name in names:
            (tmp_path / name).write_text("")

        open_home(tmp_path).close()
        (tmp_path / "added-later").mkdir()

        open_home(tmp_path).close()

        assert is_home(tmp_path)
        assert (tmp_path / "added-later").exists()
