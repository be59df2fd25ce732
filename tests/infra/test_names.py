"""Names that mean one thing, and statements of SQL that stand where a reader looks for them."""

import ast
from collections import defaultdict
from collections.abc import Iterator
from fnmatch import fnmatch

from tests.infra.stack import ROOT

PACKAGE = ROOT / "layers/core/crawlset"
STATEMENTS = frozenset({"delete", "insert", "select", "text", "update"})
HAVE_SQL = ("*repository.py", "outbox.py", "models/*.py", "validation/rules/*.py")
BENEATH = ("kit/db.py", "kit/logins.py")


def modules() -> Iterator[tuple[str, ast.Module]]:
    for path in sorted(PACKAGE.rglob("*.py")):
        yield str(path.relative_to(PACKAGE)), ast.parse(path.read_text(encoding="utf-8"))


def public_types(tree: ast.Module) -> Iterator[str]:
    """Names of a module's own classes and type aliases that others may use."""
    for node in tree.body:
        match node:
            case ast.ClassDef(name=name) | ast.TypeAlias(name=ast.Name(id=name)):
                if not name.startswith("_"):
                    yield name


class TestPublicTypes:
    def test_are_classes_and_aliases_without_an_underscore(self) -> None:
        tree = ast.parse("class A: ...\nclass _B: ...\ntype C = int\nd = 1\n")

        assert list(public_types(tree)) == ["A", "C"]

    def test_have_a_name_of_their_own(self) -> None:
        places: dict[str, list[str]] = defaultdict(list)
        for path, tree in modules():
            for name in public_types(tree):
                places[name].append(path)

        assert {name: where for name, where in places.items() if len(where) > 1} == {}


def statements(tree: ast.Module) -> set[str]:
    """Names of SQLAlchemy's that a statement begins with, as far as the module imports them."""
    return {
        alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("sqlalchemy")
        for alias in node.names
    } & STATEMENTS


class TestSql:
    def test_is_seen_wherever_it_is_imported(self) -> None:
        tree = ast.parse(
            "from sqlalchemy import func, select\n"
            "def f():\n from sqlalchemy.dialects.postgresql import insert as upsert\n"
        )

        assert statements(tree) == {"insert", "select"}

    def test_stands_in_repositories_rules_models_and_the_outbox(self) -> None:
        elsewhere = {
            path: statements(tree)
            for path, tree in modules()
            if statements(tree) and not any(fnmatch(path, place) for place in HAVE_SQL + BENEATH)
        }

        assert elsewhere == {}
