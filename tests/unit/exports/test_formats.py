"""The registry of formats, and that nobody else asks which format an export has."""

import ast
import subprocess
import sys
from inspect import isabstract
from pathlib import Path

import pytest

from crawlset.exports import formats
from crawlset.exports.formats import FORMATS, ExportFormatName
from crawlset.exports.formats.base import ExportFormat
from crawlset.exports.options import ExportOptions
from crawlset.wire.exports import ExportPlan

ROOT = Path(__file__).parents[3]
PACKAGE = ROOT / "layers/core/crawlset"
BASE = "crawlset.exports.formats.base"
SHARED_NAMES = {"csv", "json", "jsonl", "parquet"}
"""Names that lists of URLs have too."""


class TestRegistry:
    @pytest.mark.parametrize("name", FORMATS)
    def test_loads_a_whole_class_that_has_the_name(self, name: str) -> None:
        found = formats.load(name)

        assert issubclass(found, ExportFormat)
        assert not isabstract(found)
        assert found.name == name

    @pytest.mark.parametrize("name", FORMATS)
    def test_has_for_an_export_without_images_nothing_to_read(self, name: str) -> None:
        empty = formats.load(name)(ExportOptions(), ExportPlan("", [], [], [], 0))

        assert empty.contents
        assert empty.describe_images([]).file_sets == ()

    def test_names_what_the_api_takes(self) -> None:
        assert list(ExportFormatName) == list(FORMATS)

    @pytest.mark.parametrize("module", ["crawlset.exports.schemas", "crawlset.exports.steps"])
    def test_is_imported_without_what_formats_are_written_with(self, module: str) -> None:
        heavy = "{'pyarrow', 'google_crc32c', 'numpy', 'PIL'}"
        script = f"import sys, {module}; print(*{heavy} & set(sys.modules))"

        done = subprocess.run(
            [sys.executable, "-c", script], capture_output=True, check=True, text=True
        )

        assert done.stdout.split() == []


def asked(node: ast.AST) -> list[ast.expr]:
    """Expressions on which it depends what `node` does or finds."""
    match node:
        case ast.Compare():
            return [node.left, *node.comparators]
        case ast.Match(subject=one) | ast.MatchValue(value=one):
            return [one]
        case ast.Dict():
            return [key for key in node.keys if key is not None]
        case ast.Set():
            return node.elts
        case ast.Call(func=ast.Name(id="isinstance" | "issubclass")):
            return node.args
    return []


def means_a_format(node: ast.AST, names: set[str]) -> bool:
    match node:
        case ast.Constant(value=str(text)):
            return text in names
        case ast.Name(id="ExportFormatName"):
            return True
        case ast.Attribute(value=ast.Name(id="export_format"), attr="name"):
            return True
        case ast.ImportFrom(module=str(module)):
            return module.startswith(f"{BASE.rpartition('.')[0]}.") and module != BASE
    return False


def questions(source: str, names: set[str]) -> list[int]:
    """Lines that behave by an export's format, or import one of them."""
    nodes = list(ast.walk(ast.parse(source)))
    places: list[ast.expr | ast.stmt] = [each for node in nodes for each in asked(node)]
    places += [node for node in nodes if isinstance(node, ast.ImportFrom)]
    return [
        place.lineno
        for place in places
        if any(means_a_format(part, names) for part in ast.walk(place))
    ]


class TestEverybodyElse:
    def test_asks_no_format_which_it_is(self) -> None:
        found = []
        for root in (PACKAGE, ROOT / "functions"):
            for path in root.rglob("*.py"):
                names = set(FORMATS) - (set() if "exports" in path.parts else SHARED_NAMES)
                if PACKAGE / "exports/formats" not in path.parents:
                    lines = questions(path.read_text(encoding="utf-8"), names)
                    found += [f"{path.relative_to(ROOT)}:{line}" for line in lines]

        assert found == []

    @pytest.mark.parametrize(
        "source",
        [
            "x = kind == 'coco'",
            "x = kind in {'csv', 'json'}",
            "x = {'parquet': 1}[kind]",
            "match kind:\n case 'yolo': pass",
            "match export_format.name:\n case _: pass",
            "x = kind is ExportFormatName.coco",
            "x = isinstance(export_format, ExportFormatName)",
            "from crawlset.exports.formats.coco import Coco",
        ],
    )
    def test_would_be_found(self, source: str) -> None:
        assert questions(source, set(FORMATS))
