import pytest

from tests.unit.client.conftest import Shell
from tests.unit.client.fake_api import FakeApi


class TestProjects:
    def test_lists_them(self, api: FakeApi, shell: Shell) -> None:
        ids = [api.add_project(f"project {n}")["id"] for n in range(3)]

        result = shell.run("projects", "list")

        assert result.exit_code == 0
        assert all(id_ in result.stdout for id_ in ids)

    def test_lists_them_as_json(self, api: FakeApi, shell: Shell) -> None:
        ids = [api.add_project(f"project {n}")["id"] for n in range(3)]

        document = shell.json("projects", "list")

        assert [item["id"] for item in document["items"]] == ids[::-1]

    def test_creates_one(self, api: FakeApi, shell: Shell) -> None:
        document = shell.json("projects", "create", "cats", "--description", "All of them")

        assert list(api.projects) == [document["id"]]
        assert api.sent("POST", "/projects") == {"name": "cats", "description": "All of them"}

    @pytest.mark.parametrize("by", ["id", "name"])
    def test_shows_one_with_its_jobs(self, api: FakeApi, shell: Shell, by: str) -> None:
        project = api.add_project("cats")
        job = api.add_job(project)

        document = shell.json("projects", "show", project[by])

        assert document["id"] == project["id"]
        assert [item["id"] for item in document["crawl_jobs"]] == [job["id"]]

    def test_prints_names_that_cannot_move_the_cursor(self, api: FakeApi, shell: Shell) -> None:
        api.add_project("[bold]red\x1b[31m")

        result = shell.run("projects", "list")

        assert "[bold]red" in result.stdout
        assert "\x1b" not in result.stdout

    def test_deletes_one(self, api: FakeApi, shell: Shell) -> None:
        project = api.add_project("cats")

        document = shell.json("projects", "delete", "cats", "--yes")

        assert document == {"deleted": project["id"], "purges_at": "2026-01-03T03:04:05Z"}
        assert api.projects == {}

    @pytest.mark.parametrize("by", ["name", "id"])
    def test_takes_a_deletion_back(self, api: FakeApi, shell: Shell, by: str) -> None:
        project = api.add_project("cats")
        shell.json("projects", "delete", "cats", "--yes")
        deleted = shell.json("projects", "list", "--deleted")["items"]
        text = shell.run("projects", "list", "--deleted").stdout

        restored = shell.json("projects", "restore", project[by])

        assert [item["id"] for item in deleted] == [project["id"]]
        assert "can be restored until" in text
        assert "2026-01-03 03:04 UTC" in text
        assert (restored["id"], restored["purges_at"]) == (project["id"], None)
        assert [*api.projects] == [project["id"]]

    def test_renames_the_one_in_the_way_of_a_restore(self, api: FakeApi, shell: Shell) -> None:
        old = api.add_project("cats")
        shell.json("projects", "delete", "cats", "--yes")
        new = api.add_project("cats")

        refused = shell.run("projects", "restore", old["id"])
        renamed = shell.json("projects", "rename", new["id"], "other cats")

        assert "of this name already" in refused.stderr
        assert (renamed["id"], renamed["name"]) == (new["id"], "other cats")
        assert shell.json("projects", "restore", old["id"])["name"] == "cats"

    def test_restores_none_that_is_not_deleted(self, api: FakeApi, shell: Shell) -> None:
        api.add_project("cats")

        result = shell.run("projects", "restore", "cats")

        assert result.exit_code == 4
        assert "`crawlset projects list --deleted` shows what there is" in result.stderr

    def test_deletes_nothing_without_consent(self, api: FakeApi, shell: Shell) -> None:
        api.add_project("cats")

        result = shell.run("projects", "delete", "cats")

        assert (result.exit_code, len(api.projects)) == (2, 1)
        assert "--yes" in result.stderr

    def test_does_not_choose_between_two_of_a_name(self, api: FakeApi, shell: Shell) -> None:
        ids = {api.add_project("cats")["id"] for _ in range(2)}

        result = shell.run("projects", "delete", "cats", "--yes")

        assert result.exit_code == 4
        assert all(id_ in result.stderr for id_ in ids)
        assert set(api.projects) == ids
