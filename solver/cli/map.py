"""``barplan map``: the address map of a machine, before and after a plan."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from models.errors import InputError
from solver.cli import options
from solver.cli import output as out
from solver.cli.output import Exit

if TYPE_CHECKING:
    from models.plan import Plan
    from models.topology import Topology
    from solver.request import Request

SUFFIXES = (".svg", ".html", ".png")


@click.command(name="map")
@options.inputs
@options.edits
@options.policy
@options.scope
@options.search
@click.option("--plan", "plan_file", type=click.Path(dir_okay=False), metavar="FILE", help="Draw this plan document.")
@click.option(
    "--solve", "solves", is_flag=True, help="Solve, and draw the plan; implied by --plug, --resize and --engine."
)
@click.option(
    "--engine",
    type=options.Name("engine", options.engine_names),
    metavar="ENGINE",
    help="Draw what this engine makes of the machine (cp-sat, linux-6.1, ...).",
)
@click.option(
    "-o",
    "--output",
    type=click.Path(dir_okay=False, allow_dash=True),
    metavar="FILE",
    help="FILE.svg, FILE.html (search, hover, step through) or FILE.png; default: SVG on standard output.",
)
@options.shared
def map_verb(
    inputs: tuple[str, ...],
    given: options.SharedOptions,
    plan_file: str | None,
    solves: bool,
    engine: str | None,
    output: str | None,
) -> Exit:
    """Draw the address map, before and after a plan.

    Every root window is a band with bridge windows and BARs inside. Without a plan it is the machine as it is
    today. With --solve, --engine or --plug the machine is solved, and the placement afterwards stands below the
    one of today; with --plan it is that of a plan document, which may also be named among the INPUTs.

    A PNG needs Chromium or rsvg-convert.

    \b
    Examples:
      barplan map machine.json -o today.svg
      barplan map machine.json --plug gpu-80g@0000:00:1c.0 -o plan.html
      barplan map machine.json plan.json -o plan.png
      barplan map dmesg.txt lspci.txt --engine linux-6.1 -o kernel.svg
    """
    suffix = ".svg" if output in (None, "-") else Path(str(output)).suffix.lower()
    if suffix not in SUFFIXES:
        raise InputError(f"expected a name that ends in {', '.join(SUFFIXES)}, found {output!r}", source="--output")
    from solver.cli.inputs import for_engine, make_request, read_machine, refuse_scope
    from solver.map.drawing import map_html, map_svg
    from solver.map.png import find_renderer, write_png

    renderer = find_renderer() if suffix == ".png" else ""
    inputs, plan_file = _plan_among(inputs, plan_file)
    if plan_file is not None and (solves or engine is not None):
        raise InputError("is drawn as it is, without --solve or --engine", source="--plan")
    reading = read_machine(inputs, given)
    topology = reading.topology
    plan, code = None, Exit.DONE
    if plan_file is not None:
        from solver.cli.check import load_plan_for

        plan = load_plan_for(plan_file, topology)
        given = replace(given, policy=plan.policy)
    request = make_request(topology, given)
    if solves or engine is not None or ((given.plug or given.resize) and plan is None):
        refuse_scope(request, engine or "cp-sat")
        request = for_engine(request, engine or "cp-sat", given.option)
        plan, code = _solved(engine or "cp-sat", topology, request)
    movement = request.mobility(topology)
    if suffix == ".svg":
        out.write_document(map_svg(topology, movement, plan), output)
    elif suffix == ".html":
        out.write_document(map_html(topology, movement, plan), output)
    else:
        write_png(map_svg(topology, movement, plan, titles=False), Path(str(output)), renderer)
    return code


def _plan_among(inputs: tuple[str, ...], plan_file: str | None) -> tuple[tuple[str, ...], str | None]:
    """The inputs without the plan document that is among them, and that document."""
    plans = [name for name in inputs if _is_plan(Path(name))]
    if len(plans) + (plan_file is not None) > 1:
        raise InputError("one plan can be drawn at a time", source=plans[-1])
    rest = tuple(name for name in inputs if name not in plans)
    if plans and not rest:
        raise InputError("a plan names no windows of root buses; add the machine it was made for", source=plans[0])
    return rest, plans[0] if plans else plan_file


def _is_plan(path: Path) -> bool:
    if path.suffix != ".json" or not path.is_file():
        return False
    try:
        document = json.loads(path.read_bytes())
    except (ValueError, OSError):
        return False
    return isinstance(document, dict) and str(document.get("format", "")).startswith("barplan-plan/")


def _solved(engine: str, topology: Topology, request: Request) -> tuple[Plan, Exit]:
    from solver.cli.solve import exit_code
    from solver.engines import engine as find_engine

    with out.progress(f"{engine} is solving") as progress:
        result = find_engine(engine)(topology, request, progress)
    for breach in result.breaches:
        out.complain(f"the placement of {engine} breaks a rule: {breach}")
    return result.plan, exit_code(result, request)
