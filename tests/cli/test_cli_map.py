"""``map``: kinds of files, what is drawn, what is refused."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Run
from tests.map.browser import needs_browser

Save = Callable[..., str]
Machine = dict[str, Any]


def texts(svg: str) -> set[str]:
    return {"".join(element.itertext()) for element in ET.fromstring(svg).iter("{http://www.w3.org/2000/svg}text")}


def test_without_a_plan_it_is_today(run: Run, save: Save, machine: Machine) -> None:
    found = texts(run("map", save(machine)).stdout)
    assert "today" in found
    assert "plan" not in found
    assert "4020000000" in found


def test_solve_draws_today_and_the_plan(run: Run, save: Save, machine: Machine) -> None:
    result = run("map", save(machine), "--solve", "--policy", "always")
    assert result.exit_code == 0
    assert {"today", "plan"} <= texts(result.stdout)
    assert 'class="arrow"' in result.stdout


def test_an_engine_that_does_not_place_everything_is_drawn_too(run: Run, save: Save, machine: Machine) -> None:
    result = run("map", save(machine), "--engine", "linux-6.1")
    assert result.exit_code == 0
    assert "03:00.0 BAR 0 512M -> none" in texts(result.stdout)


def test_plugging_solves(run: Run, save: Save, machine: Machine) -> None:
    found = texts(run("map", save(machine), "--plug", "mem64p:16M@0000:00:01.0").stdout)
    assert any("16M" in text and "->" in text for text in found)


@pytest.mark.parametrize("named", [True, False])
def test_a_plan_document_is_drawn(run: Run, save: Save, machine: Machine, tmp_path: Path, named: bool) -> None:
    file, plan, html = save(machine), str(tmp_path / "plan.json"), tmp_path / "map.html"
    run("solve", file, "--policy", "always", "-o", plan)
    result = run("map", file, *(["--plan", plan] if named else [plan]), "-o", str(html))
    assert (result.exit_code, result.stderr) == (0, "")
    text = html.read_text(encoding="utf-8")
    assert text.startswith("<!DOCTYPE html>")
    assert "policy always" in text


def test_what_cannot_be_drawn_is_refused_in_one_line(run: Run, save: Save, machine: Machine, tmp_path: Path) -> None:
    file, plan = save(machine), str(tmp_path / "plan.json")
    run("solve", file, "-o", plan)
    other = save({**machine, "machine": "another"}, "other.json")
    for args, complaint in (
        ([file, "-o", "map.gif"], "barplan: --output: expected a name that ends in .svg, .html, .png"),
        ([plan], f"barplan: {plan}: a plan names no windows of root buses"),
        ([file, plan, "--plan", plan], f"barplan: {plan}: one plan can be drawn at a time"),
        ([file, plan, "--solve"], "barplan: --plan: is drawn as it is"),
        ([other, plan], f"barplan: {plan}: topology_sha256: was made for another topology"),
    ):
        result = run("map", *args)
        assert result.exit_code == 2
        assert result.stderr.startswith(complaint)
        assert result.stderr.count("\n") == 1


def test_a_png_without_a_renderer_is_refused_before_anything_is_solved(
    run: Run, save: Save, machine: Machine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shutil.which", lambda name: None)
    result = run("map", save(machine), "--solve", "-o", str(tmp_path / "map.png"))
    assert result.exit_code == 2
    assert result.stderr.startswith("barplan: --output: a PNG needs Chromium")
    assert result.stderr.count("\n") == 1
    assert not (tmp_path / "map.png").exists()


@needs_browser
def test_a_png_is_written(run: Run, save: Save, machine: Machine, tmp_path: Path) -> None:
    file = tmp_path / "map.png"
    assert run("map", save(machine), "-o", str(file)).exit_code == 0
    data = file.read_bytes()
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    assert int.from_bytes(data[16:20]) >= 1400


def test_show_prints_a_narrow_map(run: Run, save: Save, machine: Machine) -> None:
    result = run("show", save(machine), "--map")
    assert result.exit_code == 0
    assert "4020000000 256M ####### | 02:00.0 BAR 0" in [" ".join(line.split()) for line in result.stdout.splitlines()]
