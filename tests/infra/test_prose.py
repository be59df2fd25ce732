"""Sentences that stand alone, and names that mean one thing, held by the syntax tree."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from tests.infra.stack import ROOT

SOURCES = ("layers/core/crawlset", "functions", "client", "infra/local/crawlset_local", "alembic")
DANGLING = re.compile(r"(Of|That|As|Whose|Those)\b")
DESCRIBED = frozenset({"description", "summary", "help"})
MOST_LINES = 400
LONGER = {
    "alembic/versions/001_initial_schema.py": "the schema of the first version, generated",
}


def modules() -> Iterator[Path]:
    for source in SOURCES:
        yield from sorted((ROOT / source).rglob("*.py"))


def sentences(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Docstrings, attributes' too, and texts shown in the API's document or the help."""
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(body, list):
            for statement in body:
                match statement:
                    case ast.Expr(value=ast.Constant(value=str(text))):
                        yield statement.lineno, text.strip()
        match node:
            case ast.keyword(arg=name, value=ast.Constant(value=str(text))) if name in DESCRIBED:
                yield node.value.lineno, text


def test_no_sentence_begins_with_a_word_that_leans_on_another() -> None:
    dangling = [
        f"{path.relative_to(ROOT)}:{line}: {text[:60]}"
        for path in modules()
        for line, text in sentences(ast.parse(path.read_text(encoding="utf-8")))
        if DANGLING.match(text)
    ]

    assert dangling == []


def test_finds_what_it_looks_for() -> None:
    tree = ast.parse('X = 1\n"""Of the job."""\nField(description="As it was")\n')

    assert [text for _, text in sentences(tree) if DANGLING.match(text)] == [
        "Of the job.",
        "As it was",
    ]


def test_no_file_is_longer_than_one_can_hold() -> None:
    tests = (ROOT / "tests").rglob("*.py")
    longer = {
        str(path.relative_to(ROOT))
        for path in (*modules(), *tests)
        if len(path.read_text(encoding="utf-8").splitlines()) > MOST_LINES
    }

    assert longer == set(LONGER)
