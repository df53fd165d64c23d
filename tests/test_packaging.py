"""The layers and the distribution: what may import what, and that both packages come from one place."""

from __future__ import annotations

import ast
import sys
import tomllib
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement

import models
import solver

ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
CLI = "solver/cli"
installed = pytest.mark.skipif(
    not list(metadata.entry_points(name="barplan")),
    reason="barplan is not installed here: its metadata were not checked",
)


def tree() -> Path:
    """The folder that holds both packages."""
    assert models.__file__ is not None
    return Path(models.__file__).resolve().parents[1]


def imports(package: str) -> Iterator[tuple[str, str]]:
    """File (from the tree on) and top-level name of everything the modules of ``package`` import."""
    for path in sorted((tree() / package).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names: list[str] = []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                assert node.level == 0, f"{path} imports relatively"
                names = [node.module or ""]
            for name in names:
                yield path.relative_to(tree()).as_posix(), name.partition(".")[0]


def test_both_packages_lie_in_one_tree() -> None:
    assert solver.__file__ is not None
    assert Path(solver.__file__).resolve().parents[1] == tree()


def test_both_packages_are_typed() -> None:
    for package in ("models", "solver"):
        assert (tree() / package / "py.typed").is_file()


@pytest.mark.parametrize("name", ["solver", "ortools", "click", "rich", "pandas", "numpy", "benchmarks", "tests"])
def test_models_imports_none_of_these(name: str) -> None:
    assert [file for file, imported in imports("models") if imported == name] == []


@pytest.mark.parametrize("name", ["click", "rich"])
def test_only_the_command_line_knows_a_terminal(name: str) -> None:
    assert [file for file, imported in imports("solver") if imported == name and not file.startswith(CLI)] == []


@pytest.mark.parametrize("name", ["benchmarks", "tests", "pydantic"])
def test_solver_imports_none_of_these(name: str) -> None:
    assert [file for file, imported in imports("solver") if imported == name] == []


def test_only_the_plots_need_an_extra() -> None:
    assert {file for file, imported in imports("solver") if imported == "matplotlib"} == {"solver/plots.py"}


def test_the_ortools_release_with_wrong_optima_is_excluded() -> None:
    ortools = next(Requirement(line) for line in PROJECT["dependencies"] if line.startswith("ortools"))
    assert not ortools.specifier.contains("9.15.6755")
    assert ortools.specifier.contains("9.14.6206")


def test_everything_imported_is_declared() -> None:
    lines = [*PROJECT["dependencies"], *PROJECT["optional-dependencies"]["notebooks"]]
    declared = {Requirement(line).name for line in lines} | {"models", "solver", "pydantic_core"}
    foreign = {name for package in ("models", "solver") for _, name in imports(package)} - set(sys.stdlib_module_names)
    assert foreign <= declared


@installed
def test_the_installed_version_is_the_one_of_the_changelog() -> None:
    version = PROJECT["version"]
    assert metadata.version("barplan") == version
    assert f"\n## {version} " in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


@installed
def test_the_command_is_the_one_that_is_installed() -> None:
    scripts = metadata.entry_points(group="console_scripts", name="barplan")
    assert [script.value for script in scripts] == ["solver.cli:main"]
