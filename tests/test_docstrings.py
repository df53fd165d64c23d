"""Everything public says what it is: modules, classes, functions, and methods of more than one line."""

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


def test_what_says_nothing_is_noticed() -> None:
    thing = '"""A module."""\nclass Thing:\n    def act(self):\n        a = 1\n        return a\n'
    assert list(silent(ast.parse(thing + "def f():\n    pass\n"))) == ["Thing", "Thing.act", "f"]
