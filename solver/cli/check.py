"""``barplan check``: every rule that a machine, or a plan for it, breaks."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from models.errors import InputError
from solver.cli import options
from solver.cli import output as out
from solver.cli.output import Exit

if TYPE_CHECKING:
    from models.legality import Breach
    from models.plan import Plan
    from models.topology import Topology


@click.command()
@options.inputs
@options.edits
@click.option("--plan", "plan_file", type=click.Path(dir_okay=False), metavar="FILE", help="Check this plan document.")
@click.option("--pin", metavar="BAR", multiple=True, help="Repeat the --pin that the plan was made with.")
@click.option("--free", metavar="BAR", multiple=True, help="Repeat the --free that the plan was made with.")
@options.weight
@options.drivers
@options.scope
@options.as_json
@options.shared
def check(
    inputs: tuple[str, ...],
    given: options.SharedOptions,
    plan_file: str | None,
    as_json: bool,
) -> Exit:
    """Name every rule that a machine or a plan breaks.

    Each breach names both parties and their addresses. A plan may go on breaking what is broken today, nothing
    else, and its own claims (objective values, today's addresses and windows) are recomputed. Exits with 5 where
    rules are broken. With --json it is one document of the format barplan-check/1.

    \b
    Examples:
      barplan check dmesg.txt lspci.txt
      barplan check machine.json --plan plan.json
    """
    from models.document import topology_sha256
    from models.legality import today_breaches
    from models.plan import Status
    from solver.cli.inputs import read_machine
    from solver.render.columns import bullets, section

    reading = read_machine(inputs, given)
    topology = reading.topology
    today = today_breaches(topology)
    kept: list[Breach] = []
    claims: list[str] = []
    if plan_file is None:
        breaches = today
    else:
        plan = load_plan_for(plan_file, topology)
        breaches, kept, claims = _check_plan(plan, topology, given)
    broken = len(breaches) + len(claims)
    if as_json:
        document = {
            "format": "barplan-check/1",
            "topology_sha256": topology_sha256(topology),
            "plan": plan_file,
            "breaches": [_breach(breach) for breach in breaches],
            "tolerated": [_breach(breach) for breach in kept],
            "false_claims": claims,
        }
        out.write_document(json.dumps(document, indent=2), None)
        return Exit.RULES_BROKEN if broken else Exit.DONE
    if plan_file is not None and plan.status not in (Status.OPTIMAL, Status.FEASIBLE):
        out.show(f"The document holds no plan to check: its status is {plan.status}.\n")
        return Exit.DONE
    what = "The plan" if plan_file is not None else "Today's placement"
    if broken:
        text = f"{what} breaks {broken} {'rule' if broken == 1 else 'rules'}.\n"
    else:
        text = f"{what} breaks no rule{' that is not broken today' if kept else ''}.\n"
    text += section("Broken", bullets(str(breach) for breach in breaches))
    text += section("Claims of the plan that are wrong", bullets(claims))
    text += section("Broken today already, and therefore tolerated", bullets(str(breach) for breach in kept))
    out.show(text + section("Notes", bullets(reading.notes)))
    return Exit.RULES_BROKEN if broken else Exit.DONE


def _breach(breach: Breach) -> dict[str, Any]:
    return {"rule": breach.rule, "parties": list(breach.parties), "message": breach.message}


def load_plan_for(file: str, topology: Topology) -> Plan:
    """The plan document in ``file``, which has to be for ``topology``.

    Raises
    ------
    InputError
        If it cannot be read, was made for another topology or under an unknown policy.
    """
    from models.document import load_plan, topology_sha256
    from models.files import read_text
    from models.mobility import Policy

    plan = load_plan(read_text(Path(file)), source=file)
    if plan.topology_sha256 != topology_sha256(topology):
        raise InputError(
            "was made for another topology; if it was made with --plug, --unplug, --vfs or --driver, repeat them",
            source=file,
            where="topology_sha256",
        )
    if plan.policy not in list(Policy):
        raise InputError(
            f"unknown policy {plan.policy!r}, expected one of {', '.join(Policy)}", source=file, where="policy"
        )
    return plan


def _check_plan(
    plan: Plan, topology: Topology, given: options.SharedOptions
) -> tuple[list[Breach], list[Breach], list[str]]:
    """New breaches, tolerated ones, and claims of the document that are not so."""
    from models.legality import check as check_placement
    from models.legality import new_breaches
    from models.plan import Status
    from solver.claims import false_claims
    from solver.cli.inputs import make_request

    if plan.status not in (Status.OPTIMAL, Status.FEASIBLE):
        return [], [], []
    request = make_request(topology, replace(given, policy=plan.policy))
    movement = request.mobility(topology)
    stays, windows = movement.immovable, movement.windows
    new = list(new_breaches(topology, plan.placement, immovable=stays, windows=windows))
    found = check_placement(topology, plan.placement, immovable=stays, windows=windows)
    kept = [breach for breach in found if breach not in new]
    return new, kept, list(false_claims(plan, topology, request.weights, request.drivers))
