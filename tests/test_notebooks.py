"""The notebooks run from top to bottom, and are stored without outputs.

``python -m tests.test_notebooks`` strips the outputs of every notebook.
"""

from __future__ import annotations

import ast
import json
import re
from pathlib import Path
from typing import Any

import pytest

NOTEBOOKS = sorted((Path(__file__).resolve().parents[1] / "notebooks").glob("*.ipynb"))


def stripped(notebook: dict[str, Any]) -> dict[str, Any]:
    """The notebook without outputs, numbers of executions and whatever an editor left."""
    cells = []
    for cell in notebook["cells"]:
        kept = {**cell, "metadata": {}}
        if cell["cell_type"] == "code":
            kept.update(execution_count=None, outputs=[])
        cells.append(kept)
    return {**notebook, "cells": cells}


def code(file: Path) -> str:
    """All code cells of a notebook, as one program."""
    cells = json.loads(file.read_text(encoding="utf-8"))["cells"]
    return "\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "code")


def words(file: Path) -> list[str]:
    """The texts of a notebook."""
    cells = json.loads(file.read_text(encoding="utf-8"))["cells"]
    return ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "markdown"]


def test_there_are_notebooks() -> None:
    assert [file.stem for file in NOTEBOOKS] == [
        "1-a-first-plan",
        "2-placement-quality",
        "3-movable-ratio",
        "4-one-immovable-device",
        "5-resizing-eight-gpus",
    ]


@pytest.mark.parametrize("file", NOTEBOOKS, ids=lambda file: file.stem)
def test_it_begins_with_a_question_and_says_where_its_numbers_come_from(file: Path) -> None:
    first = " ".join(words(file)[:2])
    assert "?" in first
    assert re.search(r"\bsamples?\b|`python -m benchmarks", first)


@pytest.mark.parametrize("file", NOTEBOOKS, ids=lambda file: file.stem)
def test_it_uses_the_public_interface_alone(file: Path) -> None:
    names = []
    for node in ast.walk(ast.parse(code(file))):
        if isinstance(node, ast.ImportFrom):
            names += [*(node.module or "").split("."), *(alias.name for alias in node.names)]
        elif isinstance(node, ast.Attribute):
            names.append(node.attr)
    assert [name for name in names if name.startswith("_")] == []


@pytest.mark.parametrize("file", NOTEBOOKS, ids=lambda file: file.stem)
def test_outputs_are_stripped(file: Path) -> None:
    notebook = json.loads(file.read_text(encoding="utf-8"))
    assert notebook == stripped(notebook)


@pytest.mark.parametrize("file", NOTEBOOKS, ids=lambda file: file.stem)
def test_it_runs_from_top_to_bottom(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    nbclient = pytest.importorskip("nbclient", reason="nbclient is not installed: the notebooks were NOT run")
    nbformat = pytest.importorskip("nbformat")
    pytest.importorskip("ipykernel", reason="ipykernel is not installed: the notebooks were NOT run")
    pytest.importorskip("matplotlib", reason="matplotlib is not installed: the notebooks were NOT run")
    monkeypatch.setenv("MPLBACKEND", "agg")
    notebook = nbformat.read(file, as_version=4)
    client = nbclient.NotebookClient(notebook, timeout=120, resources={"metadata": {"path": str(file.parent)}})
    client.execute()


if __name__ == "__main__":
    for path in NOTEBOOKS:
        document = stripped(json.loads(path.read_text(encoding="utf-8")))
        path.write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
