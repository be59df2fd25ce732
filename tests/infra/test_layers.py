"""What a function carries: within Lambda's limit, pinned, and no more than it needs."""

import re
import tomllib
from typing import Any

import pytest

from tests.infra.stack import ROOT, functions, written

LIMIT_MB = 250
CODE_MB = 5
FOLDERS = {
    "CoreLayer": "core",
    "FacesLayer": "faces",
    "FetchingLayer": "fetching",
    "ImagingLayer": "imaging",
    "NsfwLayer": "nsfw",
    "OnnxLayer": "onnx",
    "RelevanceLayer": "relevance",
    "TabularLayer": "tabular",
    "TextLayer": "text",
}
LAYERS_OF = {
    "ColourfulnessFunction": {"CoreLayer", "ImagingLayer"},
    "DeliverFunction": {"CoreLayer", "FetchingLayer"},
    "DiscoverFunction": {"CoreLayer", "TabularLayer"},
    "ExportFunction": {"CoreLayer", "ImagingLayer", "TabularLayer"},
    "FacesFunction": {"CoreLayer", "ImagingLayer", "OnnxLayer", "FacesLayer"},
    "FetchFunction": {"CoreLayer", "ImagingLayer", "FetchingLayer"},
    "FindFunction": {"CoreLayer", "ImagingLayer", "TabularLayer"},
    "NsfwFunction": {"CoreLayer", "ImagingLayer", "OnnxLayer", "NsfwLayer"},
    "PaletteFunction": {"CoreLayer", "ImagingLayer"},
    "RelevanceFunction": {"CoreLayer", "ImagingLayer", "OnnxLayer", "RelevanceLayer"},
    "TextFunction": {"CoreLayer", "ImagingLayer", "OnnxLayer", "TextLayer"},
    "ThumbnailFunction": {"CoreLayer", "ImagingLayer"},
    "TowersFunction": {"CoreLayer", "ImagingLayer", "OnnxLayer", "RelevanceLayer"},
    "ValidateFunction": {"CoreLayer", "ImagingLayer", "TabularLayer"},
}


def makefile(layer: str) -> str:
    return (ROOT / "layers" / FOLDERS[layer] / "Makefile").read_text(encoding="utf-8")


def limit_mb(layer: str) -> int:
    """Megabytes beyond which the layer's build fails."""
    (limit,) = re.findall(r"^LIMIT_MB := (\d+)$", makefile(layer), re.MULTILINE)
    return int(limit)


def layers_of(function: str) -> set[str]:
    """SAM appends a hash to a layer's logical id."""
    return {re.sub(r"[0-9a-f]{10}$", "", layer["Ref"]) for layer in functions()[function]["Layers"]}


def pins_of(layer: str) -> set[str]:
    text = (ROOT / "layers" / FOLDERS[layer] / "requirements.txt").read_text(encoding="utf-8")
    return set(re.findall(r"^([\w.-]+==[\w.]+)", text, re.MULTILINE))


def locked() -> set[str]:
    lock: dict[str, Any] = tomllib.loads((ROOT / "uv.lock").read_text(encoding="utf-8"))
    return {f"{p['name']}=={p['version']}" for p in lock["package"] if "version" in p}


class TestFunctions:
    @pytest.mark.parametrize("name", sorted(functions()))
    def test_carry_what_they_need(self, name: str) -> None:
        assert layers_of(name) == LAYERS_OF.get(name, {"CoreLayer"})

    @pytest.mark.parametrize("name", sorted(functions()))
    def test_stay_below_the_limit_of_lambda(self, name: str) -> None:
        assert sum(limit_mb(layer) for layer in layers_of(name)) + CODE_MB <= LIMIT_MB


class TestCoreLayer:
    def test_ships_the_kernel_of_its_machine_alone(self) -> None:
        """`make build` compiles it before; without it the layer is not built."""
        text = makefile("CoreLayer")

        assert "KERNEL := linux-aarch64.so\n" in text
        assert "@test -f $(KERNELS)/$(KERNEL) ||" in text
        assert "! -name $(KERNEL) -delete" in text


@pytest.mark.parametrize("name", sorted(FOLDERS))
class TestEveryLayer:
    def test_is_built_by_its_makefile_for_the_runtime(self, name: str) -> None:
        layer = written()["Resources"][name]

        assert layer["Metadata"] == {"BuildMethod": "makefile", "BuildArchitecture": "arm64"}
        assert layer["Properties"]["CompatibleRuntimes"] == ["python3.13"]
        assert f"\nbuild-{name}:" in makefile(name)
        assert "PYTHON := 3.13\n" in makefile(name)
        assert "PLATFORM := aarch64-" in makefile(name)

    def test_ships_what_the_lock_says(self, name: str) -> None:
        pins = pins_of(name)

        assert pins
        assert pins <= locked()

    def test_leaves_the_sdk_to_the_runtime(self, name: str) -> None:
        assert {p.partition("==")[0] for p in pins_of(name)}.isdisjoint({"boto3", "botocore"})

    def test_leaves_encryption_to_kms(self, name: str) -> None:
        assert "cryptography" not in {p.partition("==")[0] for p in pins_of(name)}
