"""Rules on the local cloud: presets, near duplicates, a validator of our own, judged again."""

from collections.abc import Iterator
from typing import Any

import pytest

from crawlset_local.cloud import LocalCloud
from tests.e2e.http_clients import FINAL, Api, wait_for

VALIDATOR = "crawlset-local-colourfulness"


def custom(name: str, severity: str, **parameters: Any) -> dict[str, Any]:
    return {
        "check": "custom",
        "name": name,
        "severity": severity,
        "params": {"validator": VALIDATOR, "parameters": parameters},
    }


@pytest.fixture(scope="module")
def crawled(cloud: LocalCloud) -> Iterator[tuple[Api, str]]:
    """The API, and the path of a completed crawl job."""
    with Api.of(cloud) as api:
        job_id = api.create_job(keywords=["cat", "coffee"], sources=["sample"], max_images=120)
        api.wait_for_job(job_id, 120)
        yield api, api.job_path(job_id)


def ended(api: Api, path: str) -> Any:
    return wait_for(lambda: api.get(path), lambda job: job["status"] in FINAL, 120)


@pytest.fixture(scope="module")
def judged(crawled: tuple[Api, str]) -> tuple[Api, str, Any]:
    """One execution: rules, the sample validator, one that fails, and an export."""
    api, path = crawled
    rules = [custom("dull", "quarantine", below=60), custom("confused", "warn", below="rubbish")]
    made = api.post(
        f"{path}/pipeline",
        {"validation_rules": {"preset": "standard", "rules": rules}, "export": {}},
    )
    ended(api, f"{path}/export-jobs/{made['export_job']['id']}")
    validation_path = f"{path}/validation-jobs/{made['validation_job']['id']}"
    return api, validation_path, made["export_job"]["id"]


class TestPipeline:
    def test_ends_though_a_validator_fails(self, judged: tuple[Api, str, Any]) -> None:
        api, path, export_id = judged

        validation = api.get(path)
        export = api.get(f"{path.rpartition('/validation-jobs')[0]}/export-jobs/{export_id}")

        assert validation["status"] == "completed", validation
        assert (export["status"], export["n_images"]) == ("completed", validation["counts"]["kept"])
        assert 0 < validation["counts"]["kept"] < sum(validation["counts"].values())

    def test_lets_a_validator_see_the_pictures(self, judged: tuple[Api, str, Any]) -> None:
        api, path, _ = judged

        dull = [
            next(finding for finding in verdict["findings"] if finding["rule"] == "dull")
            for verdict in api.items(f"{path}/verdicts", rule="dull")
        ]

        assert dull
        assert all(0 <= finding["measured"] < finding["threshold"] == 60 for finding in dull)

    def test_tells_what_a_failing_validator_could_not_judge(
        self, judged: tuple[Api, str, Any]
    ) -> None:
        api, path, _ = judged

        confused = list(api.items(f"{path}/verdicts", rule="confused"))

        by_no_other = [
            v for v in confused if not any(f["severity"] == "reject" for f in v["findings"])
        ]
        assert {v["verdict"] for v in by_no_other} <= {"keep", "quarantine"}
        findings = [f for v in confused for f in v["findings"] if f["rule"] == "confused"]
        assert findings
        assert {f["severity"] for f in findings} == {"error"}
        assert findings[0]["detail"].startswith("The validator ended with ")

    def test_clusters_near_duplicates(self, judged: tuple[Api, str, Any]) -> None:
        api, path, _ = judged

        clusters = list(api.items(f"{path}/clusters"))
        near = list(api.items(f"{path}/verdicts", rule="near_duplicates"))

        assert sum(cluster["n_images"] - 1 for cluster in clusters) == len(near)
        assert {verdict["verdict"] for verdict in near} <= {"reject"}


class TestLeakage:
    def test_of_a_job_into_itself_is_everything(self, crawled: tuple[Api, str]) -> None:
        api, path = crawled
        rule = {"check": "leakage", "params": {"crawl_job_id": path.rpartition("/")[2]}}

        made = api.post(f"{path}/validation-jobs", {"validation_rules": {"rules": [rule]}})

        done = ended(api, f"{path}/validation-jobs/{made['id']}")
        assert (done["status"], done["counts"]["kept"]) == ("completed", 0)
        assert done["by_rule"] == {"leakage": done["counts"]["rejected"]}


class TestMeasures:
    """The sample measurer sees each picture once; another threshold opens none."""

    def measured(self, crawled: tuple[Api, str], measure: str, below: float) -> tuple[Any, Any]:
        api, path = crawled
        params = {"measurer": "palette", "measure": measure, "below": below}
        rules = [{"check": "measure", "severity": "quarantine", "params": params}]
        made = api.post(
            f"{path}/validation-jobs", {"validation_rules": {"preset": "basic", "rules": rules}}
        )
        done = ended(api, f"{path}/validation-jobs/{made['id']}")
        assert (done["status"], done["error_message"]) == ("completed", None)
        return done, api.get(f"{path}/validation-jobs/{made['id']}/report")

    def test_decide_and_decide_again(self, crawled: tuple[Api, str]) -> None:
        first, report = self.measured(crawled, "colourfulness", 20)
        again, _ = self.measured(crawled, "colourfulness", 60)
        alone, _ = self.measured(crawled, "nearness", 0.5)

        assert [each["counts"]["errors"] for each in (first, again, alone)] == [0, 0, 0]
        assert 0 < first["by_rule"]["measure"] < again["by_rule"]["measure"]
        names = {"palette.colourfulness", "palette.nearness"}
        assert names <= set(report["histograms"])
