"""From a machine and a plan to a drawn map: what the command line, notebooks and tests all call."""

from __future__ import annotations

import re

from models.mobility import Mobility
from models.plan import Plan, Status
from models.topology import Topology
from solver.map.html import page
from solver.map.layout import lay_out
from solver.map.scene import Scene, make_scene
from solver.map.stages import stages
from solver.map.svg import draw
from solver.map.words import Words
from solver.render.plan import STATUS_WORDS, objective_text
from solver.result import Result

_FIRST_SENTENCE = re.compile(r"(.{40,}?\.) (.+)", re.DOTALL)
"""A sentence and what follows it; names of makers with a full stop are shorter."""


def heading(topology: Topology, plan: Plan | None) -> list[str]:
    """The lines above a map: the machine, and what the plan is worth."""
    found = _FIRST_SENTENCE.fullmatch(topology.machine)
    title = [topology.machine or "A machine"] if found is None else list(found.groups())
    if plan is None:
        return [*title, "The placement of today."]
    text = f"Today and the plan of {plan.engine} (policy {plan.policy}): {STATUS_WORDS[plan.status]}."
    worth = "; ".join(f"{objective.name} {objective_text(objective)}" for objective in plan.objectives)
    return [*title, text, worth] if worth else [*title, text]


def has_placement(plan: Plan | None) -> bool:
    """Whether a plan says where anything is."""
    return plan is not None and plan.status in (Status.OPTIMAL, Status.FEASIBLE)


def map_svg(topology: Topology, movement: Mobility, plan: Plan | None = None, *, titles: bool = True) -> str:
    """The address map as one SVG document: today, and the plan below it wherever it differs.

    Parameters
    ----------
    titles
        Whether boxes carry what is known of them, which viewers show on hovering.
    """
    scene = _scene(topology, movement, plan)
    return draw(lay_out(scene, heading(topology, plan)), Words(scene), titles=titles)


def map_html(topology: Topology, movement: Mobility, plan: Plan | None = None) -> str:
    """The address map as one HTML page, with what is known of each box, a search and the steps of the plan."""
    scene = _scene(topology, movement, plan)
    way = [] if scene.planned is None else stages(topology, scene.planned)
    return page(lay_out(scene, heading(topology, plan)), Words(scene), way)


def result_svg(result: Result) -> str:
    """The address map of an engine's result, today and after; what stays for a reason is hatched."""
    stays = {bar.key: None if bar.moved else bar.why for bar in result.plan.bars}
    return map_svg(result.topology, Mobility(stays, {}), result.plan)


def _scene(topology: Topology, movement: Mobility, plan: Plan | None) -> Scene:
    if plan is None or not has_placement(plan):
        return make_scene(topology, movement)
    return make_scene(
        topology, movement, plan.placement, {bar.key: bar.why for bar in plan.bars if bar.why is not None}
    )
