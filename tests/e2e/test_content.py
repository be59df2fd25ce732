"""Text, nsfw and faces on the local cloud: measured by its functions, decided on, and blurred."""

from collections.abc import Iterator
from typing import Any

import pytest

from crawlset_local.cloud import LocalCloud
from tests.e2e.http_clients import FINAL, Api, wait_for


def above(limit: float, measurer: str, measure: str, severity: str) -> dict[str, Any]:
    return {
        "check": "measure",
        "name": measurer,
        "severity": severity,
        "params": {"measurer": measurer, "measure": measure, "above": limit},
    }


RULES = [
    above(4, "text", "characters", "reject"),
    above(0.9, "nsfw", "nsfw", "quarantine"),
    above(0, "faces", "faces", "tag"),
]


@pytest.fixture(scope="module")
def judged(cloud: LocalCloud) -> Iterator[tuple[Api, str, Any, Any]]:
    """The API, the path of a job, its validation, and its export with blurred faces."""
    with Api.of(cloud) as api:
        job_id = api.create_job(keywords=["astronaut", "coffee"], sources=["sample"], max_images=40)
        api.wait_for_job(job_id, 120)
        path = api.job_path(job_id)
        wanted = {
            "validation_rules": {"rules": RULES},
            "export": {"export_options": {"blur_faces": True}},
        }
        made = api.post(f"{path}/pipeline", wanted)
        export_path = f"{path}/export-jobs/{made['export_job']['id']}"
        export = wait_for(lambda: api.get(export_path), lambda job: job["status"] in FINAL, 240)
        yield api, path, api.get(f"{path}/validation-jobs/{made['validation_job']['id']}"), export


class TestMeasurers:
    def test_find_faces_where_there_are_some(self, judged: tuple[Api, str, Any, Any]) -> None:
        api, path, validation, _ = judged

        tagged = list(
            api.items(f"{path}/validation-jobs/{validation['id']}/verdicts", rule="faces")
        )

        assert (validation["status"], validation["error_message"]) == ("completed", None)
        assert tagged
        assert all(finding["severity"] == "tag" for one in tagged for finding in one["findings"])

    def test_find_no_text_and_nothing_unsafe(self, judged: tuple[Api, str, Any, Any]) -> None:
        _, _, validation, _ = judged

        assert {"text", "nsfw"}.isdisjoint(validation["by_rule"])
        assert validation["counts"]["kept"] > 0

    def test_let_an_export_blur_every_face(self, judged: tuple[Api, str, Any, Any]) -> None:
        _, _, validation, export = judged

        assert (export["status"], export["left_out"]) == ("completed", {}), export
        assert export["n_images"] == validation["counts"]["kept"]
