"""Everything public says what it is: modules, classes, functions, and methods of more than one line.

Functions also say what they raise.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import benchmarks
import models
import solver

PACKAGES = [Path(package.__path__[0]) for package in (models, solver, benchmarks)]
FILES = [path for package in PACKAGES for path in sorted(package.rglob("*.py"))]
API = [path for path in FILES if "benchmarks" not in path.parts[-3:]]
"""What other programs call."""

Documented = ast.Module | ast.ClassDef | ast.FunctionDef


def silent(tree: Documented, name: str = "") -> Iterator[str]:
    """Names of what is public in ``tree`` and has no docstring; what is read like an attribute needs none."""
    short = isinstance(tree, ast.FunctionDef) and "." in name and len(tree.body) == 1
    attribute = isinstance(tree, ast.FunctionDef) and any("property" in ast.unparse(d) for d in tree.decorator_list)
    if tree.body and not short and not attribute and ast.get_docstring(tree) is None:
        yield name or "the module"
    if not isinstance(tree, ast.FunctionDef):
        for inner in tree.body:
            if isinstance(inner, ast.ClassDef | ast.FunctionDef) and not inner.name.startswith("_"):
                yield from silent(inner, f"{name}.{inner.name}" if name else inner.name)


@pytest.mark.parametrize("path", FILES, ids=lambda path: "/".join(path.parts[-3:]))
def test_everything_public_has_a_docstring(path: Path) -> None:
    assert list(silent(ast.parse(path.read_text(encoding="utf-8")))) == []


def raised(node: ast.AST) -> Iterator[str]:
    """Names of what a function raises itself and does not catch; a helper that makes the exception has no name."""
    if isinstance(node, ast.Raise) and node.exc is not None:
        name = ast.unparse(node.exc.func if isinstance(node.exc, ast.Call) else node.exc)
        if name[0].isupper():
            yield name
    inside = list(ast.iter_child_nodes(node))
    if isinstance(node, ast.Try) and node.handlers:
        inside = [*node.handlers, *node.orelse, *node.finalbody]
    for child in inside:
        if not isinstance(child, ast.FunctionDef | ast.ClassDef):
            yield from raised(child)


def untold(tree: ast.Module | ast.ClassDef) -> Iterator[str]:
    """Functions with what they raise and do not mention; the command line tells of it with exit codes."""
    for inner in tree.body:
        if isinstance(inner, ast.ClassDef | ast.FunctionDef) and inner.name.startswith("_"):
            continue
        if isinstance(inner, ast.ClassDef):
            yield from untold(inner)
        elif isinstance(inner, ast.FunctionDef) and not any("command" in ast.unparse(d) for d in inner.decorator_list):
            text = ast.get_docstring(inner) or ""
            yield from (f"{inner.name}: {name}" for name in raised(inner) if name not in text)


@pytest.mark.parametrize("path", API, ids=lambda path: "/".join(path.parts[-3:]))
def test_every_function_says_what_it_raises(path: Path) -> None:
    assert list(untold(ast.parse(path.read_text(encoding="utf-8")))) == []


def test_what_is_raised_and_not_told_is_noticed() -> None:
    quiet = "def f():\n    if True:\n        raise ValueError(1)\n"
    caught = "def g():\n    try:\n        raise KeyError\n    except KeyError:\n        pass\n"
    told = 'def h():\n    """Raises OSError."""\n    raise OSError\n'
    assert list(untold(ast.parse(quiet + caught + told))) == ["f: ValueError"]


def test_what_says_nothing_is_noticed() -> None:
    thing = '"""A module."""\nclass Thing:\n    def act(self):\n        a = 1\n        return a\n'
    assert list(silent(ast.parse(thing + "def f():\n    pass\n"))) == ["Thing", "Thing.act", "f"]
