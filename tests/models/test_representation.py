"""What Jupyter shows of machines, plans, results and comparisons."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from dataclasses import replace

import pytest

from models.plan import Status
from solver.comparison import Comparison
from tests.solver.results import small_machine, small_result
from tests.topologies import function, machine


def cells(html: str) -> set[str]:
    """The texts of all cells; the tables have to be well formed."""
    root = ET.fromstring(f"<div>{html.replace('&nbsp;', ' ')}</div>")
    return {"".join(cell.itertext()).strip() for cell in root.iter() if cell.tag in ("td", "caption")}


def test_a_machine_shows_windows_functions_and_bars() -> None:
    found = cells(small_machine()._repr_html_())
    assert {"0000:01:00.0", "BAR 0 (32-bit)", "80000000-800fffff", "mem window", "unassigned", "nvme"} <= found
    assert "a test: 4 functions, 5 BARs" in found


def test_a_plan_shows_its_worth_and_its_changes() -> None:
    plan = small_result().plan
    found = cells(plan._repr_html_())
    assert {"plan of by hand, policy safe: feasible", "moved_bars", "4 changes", "80200000"} <= found


def test_a_result_shows_its_map() -> None:
    svg = ET.fromstring(small_result()._repr_html_())
    assert "01:00.0" in {text.text for text in svg.iter("{http://www.w3.org/2000/svg}text")}


def test_a_comparison_shows_what_the_command_prints_and_is_a_frame() -> None:
    comparison = Comparison({"<mine>": small_result(), "other": small_result("linux-7", status=Status.INFEASIBLE)})
    root = ET.fromstring(comparison._repr_html_())
    lines = [["".join(cell.itertext()) for cell in row] for row in root.iter("tr")]
    assert lines[0][:3] == ["engine", "unplaced", "moved"]
    assert [line[0] for line in lines[1:]] == ["today", "<mine>", "other"]
    assert lines[2][1:3] == ["1", "1"]
    assert lines[3][1:9] == ["-"] * 7 + ["infeasible"]
    assert list(comparison.frame()["engine"]) == ["today", *comparison]


def test_a_comparison_is_of_one_machine() -> None:
    with pytest.raises(ValueError, match="all of one machine"):
        Comparison([])
    with pytest.raises(ValueError, match="give each a name"):
        Comparison([small_result(), small_result()])


def test_names_are_escaped() -> None:
    topology = replace(machine(function("00:02.0", driver="<b>&x")), machine="<script>")
    assert {"<b>&x", "<script>: 1 function, 0 BARs"} <= cells(topology._repr_html_())
