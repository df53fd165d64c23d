"""``barplan steps``: a plan as ordered steps, as a script, as a document or as kernel parameters."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, cast

import click

from models.errors import InputError
from solver.cli import options
from solver.cli import output as out
from solver.cli.output import Exit

if TYPE_CHECKING:
    from models.plan import Plan
    from models.topology import Topology
    from solver.steps.step import Route

FORMS = ("text", "sh", "json", "cmdline")
ROUTES = ("live", "kexec", "firmware")


@click.command()
@click.argument("plan_file", metavar="PLAN", type=click.Path(dir_okay=False))
@options.inputs
@options.edits
@click.option(
    "--route",
    type=options.Name("route", lambda: list(ROUTES)),
    default="live",
    metavar="ROUTE",
    show_default=True,
    help="live: on the running kernel, by barplan's kernel module; kexec: registers written by setpci, then the same "
    "kernel anew; firmware: register writes before the first instruction, for hypervisors.",
)
@click.option(
    "--as",
    "form",
    type=options.Name("form", lambda: list(FORMS)),
    default="text",
    metavar="FORM",
    show_default=True,
    help="text: a list to read; sh: a script that stops at the first surprise; json: for programs; cmdline: kernel "
    "parameters that reach the same at the next boot, where there are any.",
)
@click.option(
    "--time-limit",
    type=options.Duration(),
    default="30s",
    metavar="TIME",
    show_default=True,
    help="Wall time for the search for kernel parameters.",
)
@options.as_json
@options.output("what is printed")
@options.shared
def steps(
    plan_file: str,
    inputs: tuple[str, ...],
    given: options.SharedOptions,
    route: str,
    form: str,
    as_json: bool,
    output: str | None,
) -> Exit:
    """Print what has to be done, in which order, to carry PLAN out.

    The way leads over legal placements, in groups that take down as few functions as possible at once: between two
    groups everything works, and at no moment do two decoding ranges overlap or does a function that is not down lose
    its address. INPUT is the machine that the plan was made for; repeat --plug and its like.

    With --as cmdline the parameters alone are on standard output, and it exits with 1 where none are found.

    \b
    Examples:
      barplan steps plan.json machine.json
      barplan steps plan.json --as sh -o plan.sh
      barplan steps plan.json machine.json --route kexec
      barplan steps plan.json machine.json --as cmdline
    """
    from solver.cli.check import load_plan_for
    from solver.cli.inputs import read_machine
    from solver.steps.planning import steps_for

    topology = read_machine(inputs, given).topology
    plan = load_plan_for(plan_file, topology)
    form = "json" if as_json else form
    if form == "cmdline":
        return _cmdline(topology, plan, given.time_limit, output)
    found = steps_for(topology, plan, cast("Route", route), source=plan_file)
    if form == "text":
        from solver.steps.text import steps_text

        text = steps_text(found)
        if output is None:
            out.show(text)
            return Exit.DONE
    elif form == "sh":
        from solver.steps.script import steps_script

        text = steps_script(found, topology)
    else:
        from solver.steps.document import steps_document

        text = json.dumps(steps_document(found), indent=2)
    out.write_document(text, output)
    return Exit.DONE


def _cmdline(topology: Topology, plan: Plan, seconds: float | None, output: str | None) -> Exit:
    from models.plan import Status
    from solver.render.words import count
    from solver.steps.cmdline import boot_parameters

    if plan.status not in (Status.OPTIMAL, Status.FEASIBLE):
        raise InputError(f"holds no plan to carry out: its status is {plan.status}", source="PLAN", where="status")
    found = boot_parameters(topology, plan.placement, seconds or 30.0)
    if found is None:
        out.complain("no kernel parameters that barplan simulates give every BAR of the plan an address")
        return Exit.FAILURE
    kernels = ", ".join(found.kernels)
    if found.parameters:
        out.write_document(found.line, output)
    else:
        out.complain("no parameter is needed")
    where = f", {count(found.elsewhere, 'BAR')} of them elsewhere than in the plan" if found.elsewhere else ""
    out.complain(f"gives every BAR of the plan an address{where}, by the rules of {kernels}")
    return Exit.DONE
