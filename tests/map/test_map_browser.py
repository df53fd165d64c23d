"""The maps in a browser: no labels touch, nothing is fetched, search, steps and keys do what they say."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from models.legality import new_breaches
from models.mobility import Policy, mobility
from models.sources.machine import read_machine
from solver.engines import engine
from solver.map.drawing import map_html
from solver.request import Request
from tests.corpus import CORPUS, needs_corpus
from tests.map.browser import COLLISIONS, needs_browser, visit
from tests.map.machines import planned_server
from tests.map.shipped import MACHINES, planned


def page(name: str) -> str:
    topology, plan = planned(name)
    return map_html(topology, mobility(topology), plan)


def test_the_server_has_500_functions_and_a_plan_that_breaks_no_rule_but_kept() -> None:
    topology, plan = planned_server()
    assert len(list(topology.functions())) == 500
    immovable = mobility(topology, Policy.ALWAYS).immovable
    assert {breach.rule for breach in new_breaches(topology, plan.placement, immovable=immovable)} == {"kept"}


@pytest.mark.parametrize("name", MACHINES)
def test_a_page_is_one_file_under_one_megabyte(name: str) -> None:
    assert len(page(name).encode()) < 1_000_000


@needs_browser
@pytest.mark.parametrize("name", MACHINES)
def test_no_labels_touch_and_none_leaves_its_box(name: str, tmp_path: Path) -> None:
    report = visit(page(name), COLLISIONS, tmp_path)
    assert report["texts"] > 100
    assert report["collisions"] == []
    assert report["outside"] == []


@needs_browser
@needs_corpus
@pytest.mark.parametrize("name", ["dell-xe9680-8x-oam", "supermicro-4029gp-trt2-8gpu"])
def test_a_real_machine_with_eight_gpus_is_readable_too(name: str, tmp_path: Path) -> None:
    topology = read_machine([str(CORPUS / "gpu-server" / name)]).topology
    plan = engine("movable-bars")(topology, Request(policy=Policy.ALWAYS)).plan  # moves nearly everything
    text = map_html(topology, mobility(topology), plan)
    assert len(text.encode()) < 1_000_000
    report = visit(text, COLLISIONS, tmp_path)
    assert report["texts"] > 1000
    assert report["collisions"] == []
    assert report["outside"] == []


@needs_browser
def test_the_look_at_labels_sees_labels_that_touch(tmp_path: Path) -> None:
    moved = page("laptop-thunderbolt").replace("</svg>", '<text x="14" y="30">on top of the title</text></svg>')
    assert visit(moved, COLLISIONS, tmp_path)["collisions"] != []


@needs_browser
@pytest.mark.parametrize("name", MACHINES)
def test_a_page_requests_nothing(name: str, tmp_path: Path) -> None:
    script = """
    report.requests = performance.getEntriesByType("resource").map(entry => entry.name);
    report.ready = document.documentElement.dataset.ready;
    """
    assert visit(page(name), script, tmp_path) == {"requests": [], "ready": "yes"}


WALK = """
const $ = id => document.getElementById(id);
const pressed = key => new KeyboardEvent("keydown", {key, bubbles: true, cancelable: true});
const press = (key, target) => target.dispatchEvent(pressed(key));
const shown = key => Array.from(document.querySelectorAll(`.item[data-k="${key}"]`))
  .filter(item => !item.querySelector("rect.waste") && !item.classList.contains("chip"))
  .map(item => [item.closest(".lane").classList[1], item.classList.contains("gone"), item.classList.contains("yet")]);
const drive = "0000:01:00.0 BAR 0";
report.both = shown(drive);
press("n", document.body);
report.today = [$("stage").value, shown(drive)];
press("n", document.body);
report.left = [$("stage").value, shown(drive)];
for (let i = 0; i < 20; i++) { $("forth").click(); }
report.plan = [$("stage").value === String($("stage").options.length - 2), shown(drive)];
$("back").click();
report.back = $("stage").value === String($("stage").options.length - 3);
press("Escape", document.body);
report.again = [$("stage").value, shown(drive)];

press("/", document.body);
report.searching = document.activeElement.id;
$("search").value = "nvme";
$("search").dispatchEvent(new Event("input"));
report.hits = $("hits").textContent;
report.found = Array.from(document.querySelectorAll(".item.found")).map(item => item.dataset.k);
press("Escape", document.body);
report.cleared = document.querySelectorAll(".found, .bare").length;

const item = document.querySelector(`.lane.today .item[data-k="${drive}"]`);
item.querySelector("rect").dispatchEvent(new MouseEvent("mouseover", {bubbles: true}));
report.details = $("details").textContent;
const free = document.querySelector('.lane.today .item[data-k^="largest aligned free block a"]');
free.querySelector("rect").dispatchEvent(new MouseEvent("mouseover", {bubbles: true}));
report.free = $("details").textContent;
item.dispatchEvent(new MouseEvent("click", {bubbles: true}));
report.focus = document.activeElement.closest(".lane").classList[1];
press("ArrowDown", document.activeElement);
report.down = [document.activeElement.dataset.k, document.activeElement.closest(".lane").classList[1]];
press("ArrowRight", document.activeElement);
report.right = document.activeElement.dataset.k !== drive;
report.stops = document.querySelectorAll('.item[tabindex="0"]').length;
"""


@needs_browser
def test_steps_search_details_and_keys(tmp_path: Path) -> None:
    report: dict[str, Any] = visit(page("laptop-thunderbolt"), WALK, tmp_path)
    here, there = ["today", False, False], ["plan", False, False]
    gone, yet = ["today", True, False], ["plan", False, True]
    assert report["both"] == [here, there]
    assert report["today"] == ["0", [here, yet]]
    assert report["left"] == ["1", [gone, there]]  # one group moves it whole
    assert report["plan"] == [True, [gone, there]]
    assert report["back"] is True
    assert report["again"] == ["-1", [here, there]]
    assert report["searching"] == "search"
    assert set(report["found"]) == {"0000:01:00.0 BAR 0"}
    assert report["hits"] == "2 places"
    assert report["cleared"] == 0
    for words in ("82200000", "16K", "nvme", "makes room for", "Non-Volatile memory controller"):
        assert words in report["details"]
    assert report["free"] == "whatlargest aligned free block a0000000-bfffffffsize512M"
    assert report["focus"] == "today"
    assert report["down"] == ["0000:01:00.0 BAR 0", "plan"]
    assert report["right"] is True
    assert report["stops"] == 1
