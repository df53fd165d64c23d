"""An address map as one HTML file that needs nothing else: hover, focus, search by function, step through the plan."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from models.topology import BarKey, WindowKey
from solver.map.picture import Picture
from solver.map.sheets import sheets
from solver.map.stages import Stage
from solver.map.svg import draw, escape
from solver.map.words import Words

POLICY = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'"
"""Content security policy of the page: nothing is ever fetched."""

HINT = (
    "<p>Point at a box, or use the keys. <kbd>Tab</kbd> enters the map, <kbd>&larr;</kbd> <kbd>&rarr;</kbd> go from "
    "box to box, <kbd>&uarr;</kbd> <kbd>&darr;</kbd> between its places before and after, <kbd>n</kbd> <kbd>p</kbd> "
    "step through the plan, <kbd>b</kbd> shows both at once, <kbd>/</kbd> searches, <kbd>Esc</kbd> starts anew.</p>"
)


def page(picture: Picture, words: Words, way: Sequence[Stage]) -> str:
    """The HTML page around a drawn map.

    Parameters
    ----------
    way
        The stages between today and the plan; empty where there is no plan.
    """
    title = escape(" ".join(label.text for label in picture.title))
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{POLICY}">
<meta name="viewport" content="width=device-width">
<title>{title}</title>
<style>
{_read("page.css")}</style>
</head>
<body>
{_controls(way)}<main>
{draw(picture, words, titles=False)}</main>
<div class="panel" id="details" role="status" aria-live="polite">{HINT}</div>
<script type="application/json" id="facts">{_facts(picture, words, way)}</script>
<script>
{_read("page.js")}</script>
<script>
{_read("print.js")}</script>
</body>
</html>
"""


def _read(name: str) -> str:
    return Path(__file__).with_name(name).read_text(encoding="utf-8")


def _controls(way: Sequence[Stage]) -> str:
    options = ['<option value="-1">today and the plan at once</option>', '<option value="0">today</option>']
    for number, stage in enumerate(way, 1):
        done = " (this is the plan)" if number == len(way) else ""
        options.append(f'<option value="{number}">{number}. {escape(stage.title)}{done}</option>')
    hidden = "" if way else " hidden"
    return f"""<form>
<label{hidden}>Show <select id="stage">{"".join(options)}</select></label>
<button type="button" id="back"{hidden}>Step back</button>
<button type="button" id="forth"{hidden}>Next step</button>
<label>Search <input id="search" type="search" placeholder="01:00.0, nvme, network"></label>
<output id="hits" for="search"></output>
</form>
"""


def _facts(picture: Picture, words: Words, way: Sequence[Stage]) -> str:
    """What the script tells of each thing, the stages and the sheets, as JSON for the inside of a script element."""
    scene = words.scene
    things: dict[str, Any] = {}
    owners: dict[str, list[tuple[str, str]]] = {}
    for band in scene.bands:
        for lane in band.lanes:
            for item in lane.items:
                owner = _owner(item.key)
                if owner:
                    owners[owner] = words.owner(owner)
                lines = [pair for pair in words.details(item) if pair not in owners.get(owner, ())]
                known = things.setdefault(item.name, {"lines": lines, "owner": owner})
                known["lines"] += [pair for pair in lines if pair not in known["lines"]]
            free = [words.free_details(gap, largest=False) for gap in lane.free]
            if lane.largest is not None:
                free.append(words.free_details(lane.largest, largest=True))
            things.update({lines[0][1]: {"lines": lines, "owner": ""} for lines in free})
    for waiting in scene.waiting:
        owner = str(waiting.key.function)
        owners[owner] = words.owner(owner)
        lines = [pair for pair in words.bar_details(waiting.key, None) if pair not in owners[owner]]
        things.setdefault(str(waiting.key), {"lines": lines, "owner": owner})
    stages = [{"title": stage.title, "leave": stage.leave, "arrive": stage.arrive} for stage in way]
    cuts = [[top, bottom - top] for top, bottom in sheets(picture)]
    facts = {"things": things, "owners": owners, "stages": stages, "sheets": cuts}
    text = json.dumps(facts, separators=(",", ":"))
    return text.replace("<", "\\u003c")


def _owner(key: BarKey | WindowKey | None) -> str:
    if key is None:
        return ""
    return str(key.function if isinstance(key, BarKey) else key.bridge)
