"""``barplan solve``: a plan, as a summary and a difference from today."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import click

from solver.cli import options
from solver.cli import output as out
from solver.cli.output import Exit

if TYPE_CHECKING:
    from models.mobility import Mobility
    from models.sources.machine import Reading
    from models.topology import BarKey, Topology
    from solver.request import Request
    from solver.result import Result

DRIVERS_UNKNOWN = (
    "no input names drivers, so every driver counts as unable to survive a move; add the text of lspci -k, "
    "or use --driver FUNCTION=NAME, --free BAR or --policy always"
)
SOME_UNKNOWN = "the driver of {} is unknown and counts as unable to survive a move; --driver FUNCTION=NAME says it"


@click.command()
@options.inputs
@options.edits
@options.reserve
@options.policy
@options.scope
@options.search
@click.option(
    "--engine",
    type=options.Name("engine", options.engine_names),
    default="cp-sat",
    metavar="ENGINE",
    show_default=True,
    help="What finds the plan: cp-sat, or a kernel's greedy assignment, such as linux-6.1.",
)
@options.as_json
@options.output("the plan document")
@options.verbose("every BAR with its place, and the log of the engine")
@options.shared
def solve(
    inputs: tuple[str, ...],
    given: options.SharedOptions,
    engine: str,
    as_json: bool,
    output: str | None,
    verbose: int,
) -> Exit:
    """Find the best placement, prove it, and print what changes.

    --vfs FUNCTION=fit finds how many virtual functions of a function fit, with proof, and plans for these.

    Exits with 3 where it is proved that not everything that needs an address, and not every --reserve, fits, with 4
    where time ran out without a plan. Interrupted, it prints the best plan found so far, and exits with 130.

    \b
    Examples:
      barplan solve dmesg.txt lspci.txt
      barplan solve machine.json --plug gpu-80g@0000:00:1c.0 -o plan.json
      barplan solve machine.json --policy always --minimize waste --json
      barplan solve machine.json --vfs 0000:03:00.0=fit
      barplan solve machine.json --reserve hotplug=mem:32M,pref:1G
    """
    from models.document import dump_plan
    from solver.cli.inputs import (
        for_engine,
        make_request,
        read_machine,
        refuse_open_sizes,
        refuse_other_engines,
        refuse_scope,
    )
    from solver.cli.room import room_of, solve_with_room
    from solver.engines import EXACT
    from solver.engines import engine as find_engine

    run = find_engine(engine)
    given, room = room_of(given, engine)
    reading = read_machine(inputs, given)
    request = make_request(reading.topology, given)
    refuse_open_sizes(request)
    refuse_scope(request, engine)
    refuse_other_engines(engine, given.option)
    request = for_engine(request, engine, given.option)
    with out.progress(f"{engine} is solving") as progress:
        if room.asked:
            result, short = solve_with_room(reading.topology, request, room, run, progress)
        else:
            result, short = run(reading.topology, request, progress), False
    if result.breaches:
        return _refuse(result)
    document = dump_plan(result.plan)
    if output is not None:
        out.write_document(document, output)
    if as_json and output != "-":
        out.write_document(document, None)
    elif not as_json and output != "-":
        out.show(_text(reading, request, result, verbose=verbose))
    code = exit_code(result, request)
    if short and code is Exit.DONE:
        code = Exit.DOES_NOT_FIT
    if code is Exit.DONE and engine not in EXACT and result.measures.unplaced:
        out.complain(f"{engine} leaves out what may fit; --engine cp-sat finds a place for it or proves there is none")
    if code is Exit.DOES_NOT_FIT:
        out.complain("not everything fits; barplan explain, with the same inputs and options, says why and what helps")
    return code


def exit_code(result: Result, request: Request) -> Exit:
    """What the result means for whoever called: see :class:`solver.cli.output.Exit`.

    What is outside of the scope and has no address is not asked for, so it does not count.
    """
    from models.plan import Status

    plan = result.plan
    if result.interrupted:
        return Exit.INTERRUPTED
    if plan.status is Status.INFEASIBLE:
        return Exit.DOES_NOT_FIT
    if plan.status is Status.UNKNOWN:
        return Exit.OUT_OF_TIME
    ignored = left_outside(result.topology, request)
    allowed = {"unplaced": len(ignored), "unplaced_functions": len({key.function for key in ignored})}
    missing = any((objective.bound or 0) > allowed.get(objective.name, math.inf) for objective in plan.objectives)
    return Exit.DOES_NOT_FIT if missing else Exit.DONE


def left_outside(topology: Topology, request: Request) -> list[BarKey]:
    """The BARs outside of the scope that need an address, have none and get none."""
    if not request.scope.bounded:
        return []
    outside = request.scope.bars_outside(topology)
    return [
        key
        for key, bar in topology.bars()
        if key in outside and bar.address is None and not (bar.optional or bar.fixed)
    ]


def _refuse(result: Result) -> Exit:
    for breach in result.breaches:
        out.complain(str(breach))
    out.complain(f"the plan of {result.plan.engine} is refused: it breaks what the lines above name")
    return Exit.FAILURE


def drivers_unknown(topology: Topology) -> list[str]:
    """A warning where BARs stay only because nobody said which driver is bound."""
    functions = [
        function for function, _ in topology.functions() if any(bar.address is not None for bar in function.bars)
    ]
    unknown = [function.address for function in functions if not function.driver_known]
    if len(unknown) == len(functions):
        return [DRIVERS_UNKNOWN] if unknown else []
    if not unknown:
        return []
    more = f" and {len(unknown) - 1} more functions" if len(unknown) > 1 else ""
    return [SOME_UNKNOWN.format(unknown[0] + more)]


def refusal(movement: Mobility) -> list[str]:
    """A warning that names the driver for which policy ``refuse`` lets nothing move."""
    start = "policy refuse ("
    reason = next((reason for reason in movement.reasons.values() if reason and reason.startswith(start)), "")
    return [f"policy refuse lets nothing move: {reason.removeprefix(start).removesuffix(')')}"] if reason else []


def _text(reading: Reading, request: Request, result: Result, *, verbose: int) -> str:
    from models.plan import Status
    from solver.render import plan as words
    from solver.render.reserves import reserves_text
    from solver.render.words import count

    topology, plan, movement = result.topology, result.plan, request.mobility(result.topology)
    text = words.plan_summary(plan, result.seconds)
    if plan.status in (Status.OPTIMAL, Status.FEASIBLE):
        text += words.plan_difference(topology, plan, movement, request.resizes)
        text += words.optional_left_out(topology, plan)
        text += reserves_text(plan)
        if "headroom" in request.minimize:
            from solver.render.headroom import headroom_text

            text += headroom_text(topology, plan.placement)
        if verbose:
            text += words.every_bar(topology, plan)
    warnings = list(plan.warnings)
    if request.policy in ("safe", "refuse"):
        warnings += drivers_unknown(topology)
    warnings += refusal(movement)
    if left := left_outside(topology, request):
        have = "has no address and gets none" if len(left) == 1 else "have no address and get none"
        warnings.append(f"{count(len(left), 'BAR')} outside of {request.scope} {have}")
    text += words.broken_today(topology, plan)
    text += words.warnings_text(warnings)
    text += words.warnings_text(reading.notes, "Notes")
    if verbose:
        text += words.warnings_text(result.log, "Log of the engine")
    return text
