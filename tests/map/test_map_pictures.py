"""The pictures of three machines are pinned: ``python -m tests.map.test_map_pictures`` draws them anew."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from models.mobility import mobility
from models.plan import Status
from solver.map.drawing import map_html, map_svg, result_svg
from solver.map.svg import style
from tests.map.shipped import DATA, ROOT, SAMPLES, sample
from tests.solver.results import small_result

SHOWN = ROOT / "docs" / "map.svg"


def picture(name: str) -> str:
    """The SVG without its style sheet, which may change without a new picture."""
    topology, plan = sample(name)
    return map_svg(topology, mobility(topology), plan, titles=False).replace(style(), "")


@pytest.mark.parametrize("name", SAMPLES)
def test_the_picture_is_the_pinned_one(name: str) -> None:
    golden = (DATA / f"{name}.svg").read_text(encoding="utf-8")
    assert picture(name).splitlines() == golden.splitlines()


def shown() -> str:
    """The map that the documentation shows, whole."""
    topology, plan = sample("qemu-hotplug-nospace")
    return map_svg(topology, mobility(topology), plan)


def test_the_map_in_the_documentation_is_the_one_that_is_drawn() -> None:
    assert SHOWN.read_text(encoding="utf-8").splitlines() == shown().splitlines()


@pytest.mark.parametrize("name", SAMPLES)
def test_nothing_is_fetched(name: str) -> None:
    topology, plan = sample(name)
    for text in (map_svg(topology, mobility(topology), plan), map_html(topology, mobility(topology), plan)):
        assert set(re.findall(r"(?:https?:)?//[\w.]+", text)) == {"http://www.w3.org"}
        assert set(re.findall(r"""url\(([^)]*)\)""", text)) <= {"#hatch", "#waste", "#head"}
        assert not re.search(r"<(?:link|img|iframe|object|script src)|@import", text)


def test_without_a_placement_today_is_drawn_and_the_title_says_why() -> None:
    svg = result_svg(small_result(status=Status.INFEASIBLE))
    assert "infeasible, proved" in svg
    assert 'class="lane today"' in svg
    assert 'class="lane plan"' not in svg


def test_a_name_cannot_leave_its_place_in_the_page() -> None:
    topology, plan = sample("laptop-thunderbolt")
    evil = "</script><script>alert(1)</script>\"'<!--"
    functions = topology.map_functions(lambda function: replace(function, driver=evil, driver_known=True))
    text = map_html(functions, mobility(functions), plan)
    assert "alert(1)" in text
    assert "<script>alert" not in text
    assert "<!--" not in text


if __name__ == "__main__":
    for golden in SAMPLES:
        (DATA / f"{golden}.svg").write_text(picture(golden), encoding="utf-8")
    SHOWN.write_text(shown(), encoding="utf-8")
