"""Every format on the local cloud, fetched by the command line."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from crawlset_client.datasets import TREES
from crawlset_local.cloud import LocalCloud
from tests.e2e.http_clients import PATIENCE, Api

FORMATS = (
    "imagefolder", "webdataset", "parquet", "coco", "yolo", "tfrecord", "csv", "json", "jsonl",
)  # fmt: skip


@pytest.fixture(scope="module")
def crawled(cloud: LocalCloud) -> Iterator[str]:
    with Api.of(cloud) as api:
        job_id = api.create_job(keywords=["cat", "coffee"], sources=["sample"], max_images=60)
        api.wait_for_job(job_id, 120)
        yield job_id


def crawlset(cloud: LocalCloud, directory: Path, *arguments: str) -> Any:
    finished = subprocess.run(
        [Path(sys.executable).parent / "crawlset", *arguments, "--json"],
        cwd=directory,
        env=os.environ | {"CRAWLSET_API_URL": cloud.api_url, "CRAWLSET_API_KEY": cloud.api_key},
        capture_output=True,
        text=True,
        timeout=240 * PATIENCE,
        check=False,
    )
    assert finished.returncode == 0, finished.stdout + finished.stderr
    return json.loads(finished.stdout)


@pytest.mark.parametrize("format_", FORMATS)
def test_is_exported_and_fetched(
    cloud: LocalCloud, crawled: str, tmp_path: Path, format_: str
) -> None:
    options = {"resize": {"mode": "keep_ratio", "size": 64}, "metadata": "strip"}
    (tmp_path / "options.json").write_text(json.dumps(options))

    made = crawlset(
        cloud, tmp_path, "export", crawled, "--out", "set", "--format", format_,
        "--options", "options.json", "--no-unpack",
    )  # fmt: skip

    assert made["n_images"] > 10
    assert sums_hold(tmp_path / "set")
    lines = (tmp_path / "set/manifest.jsonl").read_text().splitlines()
    exported = [line for line in map(json.loads, lines) if line["data_file"]]
    assert len(exported) == made["n_images"]
    same = crawlset(cloud, tmp_path, "diff", "set", f"{crawled}/{made['export_job']['id']}")
    assert same["n_same"] == made["n_images"]
    if format_ in TREES:
        export_id = made["export_job"]["id"]
        crawlset(cloud, tmp_path, "export", crawled, "--out", "open", "--export-id", export_id)
        assert sums_hold(tmp_path / "open")
        assert all((tmp_path / "open" / line["file_name"]).is_file() for line in exported)


def sums_hold(directory: Path) -> bool:
    checked = subprocess.run(
        ["sha256sum", "--check", "--quiet", "--strict", "SHA256SUMS"], cwd=directory, check=False
    )
    return checked.returncode == 0
