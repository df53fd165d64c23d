"""A map on paper: sheets that cut through no box, one page for each, in colours that all readers tell apart."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from models.mobility import mobility
from solver.map.drawing import map_html
from solver.map.layout import lay_out
from solver.map.picture import Picture
from solver.map.scene import make_scene
from solver.map.sheets import TALLEST, sheets
from tests.map.browser import needs_browser, printed, visit
from tests.map.shipped import MACHINES, planned


def picture(name: str) -> Picture:
    topology, plan = planned(name)
    return lay_out(make_scene(topology, mobility(topology), plan.placement), ["A machine", "A plan", "Its worth"])


def extents(drawn: Picture) -> list[tuple[float, float]]:
    """Top and bottom of every box, ruler and chip."""
    found = [(chip.y, chip.y + 17) for chip in drawn.chips]
    for band in drawn.bands:
        found.append((band.y, band.y + 30))
        for lane in band.lanes:
            found += [(band.y + tick.y - 7, band.y + tick.y) for tick in lane.ticks]
            found += [(band.y + box.y, band.y + box.y + box.height) for box in lane.boxes]
    return found


@pytest.mark.parametrize("name", MACHINES)
def test_no_sheet_cuts_through_a_box_and_nothing_is_left_out(name: str) -> None:
    drawn = picture(name)
    cuts = sheets(drawn)
    assert len(cuts) > 1
    assert [top for top, _ in cuts] == [0.0, *(bottom for _, bottom in cuts[:-1])]
    assert cuts[-1][1] == drawn.height
    assert all(0 < bottom - top <= TALLEST for top, bottom in cuts)
    for top, _ in cuts:
        assert not [extent for extent in extents(drawn) if extent[0] < top < extent[1]]


def test_what_is_taller_than_a_sheet_is_cut_all_the_same() -> None:
    assert all(bottom - top <= 40 for top, bottom in sheets(picture("laptop-thunderbolt"), 40))


@needs_browser
@pytest.mark.parametrize("name", MACHINES)
def test_each_sheet_is_a_page_of_landscape_paper(name: str, tmp_path: Path) -> None:
    topology, plan = planned(name)
    document = printed(map_html(topology, mobility(topology), plan), tmp_path)
    assert len(re.findall(rb"/Type\s*/Page\b", document)) == len(sheets(picture(name)))
    assert len(document) < 3_000_000  # patterns in place of lines make a hundred
    for width, height in re.findall(rb"/MediaBox \[0 0 ([\d.]+) ([\d.]+)\]", document):
        assert float(width) > float(height)


STATES = """
const shown = () => Array.from(document.querySelectorAll("svg.map"))
  .filter(svg => !svg.classList.contains("whole")).map(svg => svg.getAttribute("viewBox"));
const count = query => document.querySelectorAll(query).length;
report.screen = shown();
window.dispatchEvent(new Event("beforeprint"));
report.paper = shown();
report.patterns = count('svg.map:not(.whole) rect[fill="url(#hatch)"], svg.map:not(.whole) .band rect.waste');
report.lines = [count(".hatched"), count(".dotted")];
report.bands = [count("svg.whole .band"), count("svg.map:not(.whole) .band")];
window.dispatchEvent(new Event("afterprint"));
report.after = shown();
report.left = count(".hatched, .dotted, .whole");
"""


@needs_browser
def test_the_map_is_whole_again_after_printing(tmp_path: Path) -> None:
    topology, plan = planned("laptop-thunderbolt")
    report = visit(map_html(topology, mobility(topology), plan), STATES, tmp_path)
    assert len(report["screen"]) == 1
    assert len(report["paper"]) == len(sheets(picture("laptop-thunderbolt"))) > 1
    assert report["patterns"] == 0
    assert min(report["lines"]) > 5
    assert report["bands"][0] == report["bands"][1]
    assert report["after"] == report["screen"]
    assert report["left"] == 0
