"""The shapes that travel between functions are written down in `wire/` and nowhere else."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.infra.stack import ROOT

WIRE = ROOT / "layers/core/crawlset/wire"
PLACES = ("alembic", "client", "functions", "infra", "layers", "tests")


def sources() -> Iterator[Path]:
    for place in PLACES:
        for path in (ROOT / place).rglob("*.py"):
            if not {".venv", "node_modules"} & set(path.parts):
                yield path


def versions_by_hand(source: str) -> list[int]:
    """Lines on which a dict, or a class, is given the field `v`."""
    return [
        node.lineno
        for node in ast.walk(ast.parse(source))
        if (
            isinstance(node, ast.Dict)
            and any(isinstance(key, ast.Constant) and key.value == "v" for key in node.keys)
        )
        or (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Name)
            and node.func.id == "dict"
            and any(argument.arg == "v" for argument in node.keywords)
        )
        or (
            isinstance(node, ast.ClassDef)
            and any(
                isinstance(line, ast.AnnAssign)
                and isinstance(line.target, ast.Name)
                and line.target.id == "v"
                for line in node.body
            )
        )
    ]


class TestVersions:
    @pytest.mark.parametrize(
        "source",
        [
            '{"v": 1}',
            'x = [{"key": "k", "v": 2}]',
            "dict(v=1)",
            'f(**{"v": 1} | more)',
            "class Message: v: Literal[1] = 1",
        ],
    )
    def test_are_seen_wherever_they_stand(self, source: str) -> None:
        assert versions_by_hand(source) == [1]

    def test_are_written_by_hand_only_in_wire(self) -> None:
        found = {
            f"{path.relative_to(ROOT)}:{line}"
            for path in sources()
            if not path.is_relative_to(WIRE)
            for line in versions_by_hand(path.read_text(encoding="utf-8"))
        }

        assert found == set()

    def test_are_written_in_wire(self) -> None:
        """So that the test above looks where there is something to be found."""
        assert any(versions_by_hand(path.read_text()) for path in sources() if WIRE in path.parents)
