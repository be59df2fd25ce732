"""What a room of the package may hold, by the syntax tree."""

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from tests.infra.stack import ROOT

PACKAGE = ROOT / "layers/core/crawlset"
METHODS = frozenset({"get", "post", "put", "patch", "delete"})


def routes() -> Iterator[tuple[Path, ast.Module]]:
    for path in sorted(PACKAGE.rglob("*routes.py")):
        yield path, ast.parse(path.read_text())


def tags_of(tree: ast.Module) -> list[str]:
    return [
        ast.unparse(node.value)
        for node in tree.body
        if isinstance(node, ast.AnnAssign) and ast.unparse(node.target) == "TAGS" and node.value
    ]


class TestRooms:
    def test_are_all_in_the_architecture(self) -> None:
        rooms = {path.parent.name for path in PACKAGE.glob("*/__init__.py")}
        table = [
            line.split("|")[1:4]
            for line in (ROOT / "docs/architecture.md").read_text().splitlines()
            if line.startswith("| `") and "/`" in line.split("|")[1]
        ]
        named = {name for room, *_ in table for name in re.findall(r"`(\w+)/`", room)}
        files = {name for *_, first in table for name in re.findall(r"`([\w/]+\.py)`", first)}

        assert named == rooms
        assert {name for name in files if not (PACKAGE / name).exists() and "/" in name} == set()
        assert len(files) > 15


class TestRoutes:
    def test_serve_the_tag_of_their_own_room(self) -> None:
        rooms = defaultdict(set)
        tags = defaultdict(set)
        for path, tree in routes():
            for tag in tags_of(tree):
                rooms[tag].add(path.parent.name)
                tags[path.parent.name].add(tag)

        assert {tag: names for tag, names in rooms.items() if len(names) > 1} == {}
        assert {room: names for room, names in tags.items() if len(names) > 1} == {}
        assert len(rooms) > 10

    def test_all_have_a_tag(self) -> None:
        without = []
        n_routes = 0
        for path, tree in routes():
            for node in ast.walk(tree):
                match node:
                    case ast.Call(func=ast.Attribute(value=ast.Name("router"), attr=method)) if (
                        method in METHODS
                    ):
                        n_routes += 1
                        if not any(
                            word.arg == "tags" and ast.unparse(word.value) == "TAGS"
                            for word in node.keywords
                        ):
                            without.append(f"{path.relative_to(ROOT)}:{node.lineno}")

        assert without == []
        assert n_routes > 50
