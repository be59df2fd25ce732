import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from huggingface_hub import HfApi, constants

from crawlset_client.placing import MARKER
from tests.unit.client.conftest import Shell, names
from tests.unit.client.fake_answers import NO_VERDICTS
from tests.unit.client.fake_api import FakeApi

VALIDATION = "01a2242c-c558-7275-a163-d0ecdb03846d"


class TestExport:
    def test_unpacks_everything(self, shell: Shell, job_id: str, tmp_path: Path) -> None:
        result = shell.run("export", job_id, "--out", "sets/cats")

        assert result.exit_code == 0
        out = tmp_path / "sets/cats"
        assert names(out) == {
            "train",
            "validation",
            "test",
            "manifest.jsonl",
            "README.md",
            "SHA256SUMS",
            MARKER,
        }
        assert (out / "train/cat/a.jpg").read_bytes() == b"a"
        assert names(tmp_path / "sets") == {"cats"}
        assert f"5 images in {out}" in result.stdout

    def test_prints_what_is_where(self, shell: Shell, job_id: str, tmp_path: Path) -> None:
        document = shell.json("export", job_id, "--format", "imagefolder", "--out", "set")

        assert document["path"] == str(tmp_path / "set")
        assert document["n_images"] == 5
        assert document["splits"] == {
            "test": {"rocket": 1},
            "train": {"cat": 1, "coffee": 1, "rocket": 1},
            "validation": {"cat": 1},
        }
        assert document["export_job"]["status"] == "completed"

    def test_leaves_checksums_that_hold(self, shell: Shell, job_id: str, tmp_path: Path) -> None:
        shell.run("export", job_id, "--out", "set")

        out = tmp_path / "set"
        checked = subprocess.run(
            ["sha256sum", "--check", "--strict", "SHA256SUMS"],
            cwd=out,
            capture_output=True,
            text=True,
            check=True,
        )
        found = {line.removesuffix(": OK") for line in checked.stdout.splitlines()}
        files = {str(path.relative_to(out)) for path in out.rglob("*") if path.is_file()}
        assert found == files - {"SHA256SUMS", MARKER}

    def test_exports_what_a_validation_kept(self, api: FakeApi, shell: Shell, job_id: str) -> None:
        shell.run("export", job_id, "--out", "set", "--validation", VALIDATION)

        assert api.sent("POST", "/export-jobs") == {
            "format": "imagefolder",
            "validation_job_id": VALIDATION,
        }

    def test_says_which_formats_there_are(self, shell: Shell, job_id: str) -> None:
        result = shell.run("export", job_id, "--out", "set", "--format", "coco")

        assert result.exit_code == 4
        assert "should be 'imagefolder' or 'parquet'" in result.stderr

    def test_asks_again_for_an_address_that_expired(
        self, api: FakeApi, shell: Shell, job_id: str
    ) -> None:
        api.expired_addresses = 1

        assert shell.run("export", job_id, "--out", "set").exit_code == 0

    def test_sends_its_options(
        self, api: FakeApi, shell: Shell, job_id: str, tmp_path: Path
    ) -> None:
        (tmp_path / "options.json").write_text('{"splits": {"train": 1}}')

        result = shell.run("export", job_id, "--out", "set", "--options", "options.json")

        assert result.exit_code == 0
        assert api.sent("POST", "/export-jobs")["export_options"] == {"splits": {"train": 1}}

    def test_leaves_archives_packed_when_asked(
        self, shell: Shell, job_id: str, tmp_path: Path
    ) -> None:
        document = shell.json("export", job_id, "--out", "set", "--no-unpack")

        assert document["n_images"] == 5
        assert names(tmp_path / "set") == {"data", "manifest.jsonl", "README.md", MARKER}
        assert names(tmp_path / "set/data") == {"train-00000.zip", "train-00001.zip"}

    def test_unpacks_only_what_is_a_tree_of_images(
        self, api: FakeApi, shell: Shell, job_id: str, tmp_path: Path
    ) -> None:
        document = shell.json("export", job_id, "--out", "set", "--format", "parquet")

        assert document["n_images"] == 5
        assert names(tmp_path / "set/data") == {"train-00000.zip", "train-00001.zip"}

    def test_says_what_is_left_out_and_why(self, api: FakeApi, shell: Shell, job_id: str) -> None:
        api.left_out = {"not_stripped": 1_002, "not_transformed": 3}

        result = shell.run("export", job_id, "--out", "set")
        api.jobs[job_id]["export_jobs"] = [*api.exports.values()]
        shown = shell.run("jobs", "show", job_id)

        counts = "1,005 (not_stripped 1,002, not_transformed 3)"
        assert f"Left out {counts}: `left_out_detail` in manifest.jsonl says" in result.stderr
        assert f"5 images, left out {counts}" in shown.stdout

    def test_says_what_loaders_make_of_it(self, api: FakeApi, shell: Shell, job_id: str) -> None:
        api.warnings = [
            "val lacks 1 of 2 classes: cat\x1b[2J.",
            "The split test is without an image.",
        ]

        result = shell.run("export", job_id, "--out", "set")

        assert "val lacks 1 of 2 classes: cat" in result.stderr
        assert "\x1b[2J" not in result.stderr
        assert api.warnings[1] in result.stderr

    def test_needs_a_manifest(
        self, api: FakeApi, shell: Shell, job_id: str, tmp_path: Path
    ) -> None:
        del api.files["manifest.jsonl"]

        result = shell.run("export", job_id, "--out", "set")

        assert result.exit_code == 1
        assert "There is no manifest" in result.stderr
        assert not (tmp_path / "set").exists()


class TestChoiceOfTheValidation:
    @pytest.fixture
    def job(self, api: FakeApi) -> dict[str, Any]:
        return api.add_job(api.add_project("cats"))

    def exported(self, api: FakeApi) -> Any:
        return api.sent("POST", "/export-jobs").get("validation_job_id")

    def test_is_the_newest_completed_one(
        self, api: FakeApi, shell: Shell, job: dict[str, Any]
    ) -> None:
        for _ in range(3):
            newest = api.add_validation(job, counts=NO_VERDICTS | {"kept": 4, "rejected": 2})
        for status in ("failed", "cancelled", "failed"):
            api.add_validation(job, status=status)

        result = shell.run("export", job["id"], "--out", "set")

        assert self.exported(api) == newest["id"]
        assert (
            f"Exporting the 4 images that validation {newest['id']} kept;"
            " --all-stored exports all 6." in result.stderr
        )
        assert "still" not in result.stderr
        assert "not seen" not in result.stderr

    def test_is_none_when_all_stored_are_asked_for(
        self, api: FakeApi, shell: Shell, job: dict[str, Any]
    ) -> None:
        api.add_validation(job)

        result = shell.run("export", job["id"], "--out", "set", "--all-stored")

        assert (result.exit_code, self.exported(api)) == (0, None)
        assert "validation" not in result.stderr

    def test_is_silent_where_there_is_none(
        self, api: FakeApi, shell: Shell, job: dict[str, Any]
    ) -> None:
        result = shell.run("export", job["id"], "--out", "set")

        assert (result.exit_code, self.exported(api)) == (0, None)
        assert "--all-stored" not in result.stderr

    def test_leaves_out_one_that_goes_on(
        self, api: FakeApi, shell: Shell, job: dict[str, Any]
    ) -> None:
        first = api.add_validation(job, status="running")

        result = shell.run("export", job["id"], "--out", "one")

        assert self.exported(api) is None
        assert f"Validation {first['id']} is still running and is not used." in result.stderr
        assert "Exporting all 6 stored images." in result.stderr

    def test_counts_quarantine_where_it_is_included(
        self, api: FakeApi, shell: Shell, job: dict[str, Any], tmp_path: Path
    ) -> None:
        api.add_validation(job, counts={"kept": 2, "quarantined": 1, "rejected": 1, "errors": 0})
        (tmp_path / "options.json").write_text('{"include_quarantined": true}')

        result = shell.run("export", job["id"], "--out", "set", "--options", "options.json")

        assert "Exporting the 3 images" in result.stderr
        assert "has not seen 2 images" in result.stderr

    @pytest.mark.parametrize(
        "options",
        [
            ("--validation", "v", "--all-stored"),
            ("--export-id", "e", "--all-stored"),
            ("--export-id", "e", "--validation", "v"),
            ("--export-id", "e", "--blur-faces"),
        ],
    )
    def test_refuses_two_choices(
        self, api: FakeApi, shell: Shell, job: dict[str, Any], options: tuple[str, ...]
    ) -> None:
        result = shell.run("export", job["id"], "--out", "set", *options)

        assert (result.exit_code, api.exports) == (2, {})
        assert "UsageError" in result.stderr


class TestBlurFaces:
    @pytest.mark.parametrize("more", [{}, {"include_quarantined": True, "blur_faces": False}])
    def test_is_an_option_of_the_export_beside_those_of_the_file(
        self, api: FakeApi, shell: Shell, tmp_path: Path, more: dict[str, Any]
    ) -> None:
        job = api.add_job(api.add_project("cats"))
        (tmp_path / "options.json").write_text(json.dumps(more))

        shell.run("export", job["id"], "--out", "set", "--options", "options.json", "--blur-faces")

        assert api.sent("POST", "/export-jobs")["export_options"] == more | {"blur_faces": True}


class TestPushToHub:
    @pytest.fixture(autouse=True)
    def _nobody(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(tmp_path / "none"))
        monkeypatch.delenv("HF_TOKEN", raising=False)

    @pytest.mark.parametrize(
        ("repository", "code"), [("ann/cats", "HubSignInError"), ("cats", "HubNameError")]
    )
    def test_is_checked_before_anything_is_exported(
        self, api: FakeApi, shell: Shell, job_id: str, repository: str, code: str
    ) -> None:
        result = shell.run("export", job_id, "--out", "set", "--push-to-hub", repository)

        assert result.exit_code != 0
        assert code in result.stderr
        assert api.requests == []

    def test_that_fails_leaves_the_dataset_and_says_where(
        self, shell: Shell, job_id: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def break_off(*_: object, **__: object) -> None:
            raise ConnectionError("the cable\nwas cut")

        monkeypatch.setattr(HfApi, "whoami", lambda _: {"name": "ann"})
        monkeypatch.setattr(HfApi, "create_repo", break_off)

        document = shell.json("export", job_id, "--out", "set", "--push-to-hub", "ann/cats")

        out = tmp_path / "set"
        assert (document["error"]["code"], document["path"]) == ("HubError", str(out))
        assert document["n_images"] == 5
        assert "the cable was cut. The dataset is complete at" in document["error"]["detail"]
        assert (out / "train/cat/a.jpg").exists()


class TestMarker:
    def test_names_the_job_and_its_files(
        self, api: FakeApi, shell: Shell, job_id: str, tmp_path: Path
    ) -> None:
        shell.run("export", job_id, "--out", "set")

        text = (tmp_path / "set" / MARKER).read_text()
        marker = json.loads(text)
        assert marker["crawl_job_id"] == job_id
        assert {file["name"] for file in marker["files"]} == set(api.files)
        out = tmp_path / "set"
        assert {name: entry[0] for name, entry in marker["written"].items()} == {
            str(path.relative_to(out)): path.stat().st_size
            for path in out.rglob("*")
            if path.is_file() and path.name != MARKER
        }
        assert "signature" not in text
