"""The directory of a laptop cloud."""

from pathlib import Path

import pytest

from crawlset_local.errors import HomeError
from crawlset_local.home import SECRETS, is_home, open_home, webhook_key


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


class TestWebhookKey:
    def test_is_made_once_and_for_us_alone(self, tmp_path: Path) -> None:
        made = webhook_key(tmp_path)
        content = made.read_bytes()

        kept = webhook_key(tmp_path)

        assert (kept, kept.read_bytes(), len(content)) == (made, content, 32)
        assert [path.name for path in tmp_path.iterdir()] == [made.name]
        assert kept.stat().st_mode & 0o777 == 0o600

    def test_is_closed_to_others_again(self, tmp_path: Path) -> None:
        webhook_key(tmp_path).chmod(0o644)

        assert webhook_key(tmp_path).stat().st_mode & 0o777 == 0o600

    def test_that_is_cut_off_is_not_replaced(self, tmp_path: Path) -> None:
        webhook_key(tmp_path).write_bytes(b"short")

        with pytest.raises(HomeError, match="does not hold 32 bytes"):
            webhook_key(tmp_path)

        assert (tmp_path / "webhook.key").read_bytes() == b"short"
