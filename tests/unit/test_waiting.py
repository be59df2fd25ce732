"""No test sleeps, and none listens at a port of its choice: both fail on a busy machine."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
SLEEPS = {("time", "sleep"), ("asyncio", "sleep"), ("threading", "Timer")}
LISTENING = {"bind", "create_server", "start_server"}


LET_PASS = {"bench": {"sleeps", "fixed_ports"}, "chaos": {"sleeps"}}
"""Folders that may do what, since they test nothing, or since a fault lasts for a while."""


def files(what: str) -> list[Path]:
    def is_looked_at(path: Path) -> bool:
        return what not in LET_PASS.get(path.relative_to(TESTS).parts[0], ())

    return sorted(filter(is_looked_at, TESTS.rglob("*.py")))


def sleeps(tree: ast.AST) -> Iterator[int]:
    """The lines that let time pass, whatever happens in it."""
    for node in ast.walk(tree):
        match node:
            case ast.Call(func=ast.Attribute(value=ast.Name(id=module), attr=name)):
                if (module, name) in SLEEPS:
                    yield node.lineno
            case ast.ImportFrom(module=str(module), names=names):
                if any((module, alias.name) in SLEEPS for alias in names):
                    yield node.lineno


def fixed_ports(tree: ast.AST) -> Iterator[int]:
    """The lines that bind a port by its number."""
    for node in ast.walk(tree):
        match node:
            case ast.Call(
                func=ast.Attribute(attr=name) | ast.Name(id=name),
                args=[ast.Tuple(elts=[_, ast.Constant(value=int(port))]), *_],
            ) if port and (name in LISTENING or name.endswith("Server")):
                yield node.lineno


@pytest.mark.parametrize("find", [sleeps, fixed_ports])
def test_no_test_does(find) -> None:
    found = [
        f"{path.relative_to(TESTS)}:{line}"
        for path in files(find.__name__)
        for line in find(ast.parse(path.read_text(encoding="utf-8")))
    ]

    assert found == []


@pytest.mark.parametrize(
    ("find", "line"),
    [
        (sleeps, "time.sleep(1)"),
        (sleeps, "from time import monotonic, sleep"),
        (sleeps, "threading.Timer(0.5, stop).start()"),
        (fixed_ports, "listener.bind(('127.0.0.1', 8480))"),
        (fixed_ports, "with ThreadingHTTPServer((LOOPBACK, 8480), Handler): pass"),
        (fixed_ports, "socket.create_server(('', 8480))"),
    ],
)
def test_is_found_where_one_does(find, line: str) -> None:
    assert list(find(ast.parse(line))) == [1]
