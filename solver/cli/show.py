"""``barplan show``: the tree of a machine, with what may move and what is wrong today."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

from solver.cli import options
from solver.cli import output as out

if TYPE_CHECKING:
    from models.mobility import Mobility
    from models.sources.machine import Reading


@click.command()
@options.inputs
@options.edits
@options.policy
@options.scope
@click.option("--map", "as_map", is_flag=True, help="Show a narrow address map, low to high, in place of the tree.")
@options.as_json
@options.verbose("each of many functions in a row that have no BARs, and closed windows one by one")
@options.shared
def show(
    inputs: tuple[str, ...],
    given: options.SharedOptions,
    as_map: bool,
    as_json: bool,
    verbose: int,
) -> None:
    """Show windows, BARs, what may move and why not, free space.

    Below the tree stand the rules that today's placement breaks, what the kernel failed to place (from its log),
    and what had to be estimated. With --json it is the topology document with the further keys free_space,
    headroom, immovable, breaches, failures, bus_numbers and notes; every verb reads it.

    \b
    Examples:
      barplan show
      barplan show dmesg.txt lspci.txt
      barplan show machine.json --map
      lspci -vv | barplan show -
    """
    from solver.cli.inputs import make_request, read_machine, with_sizes

    reading = with_sizes(read_machine(inputs, given), given)
    movement = make_request(reading.topology, given).mobility(reading.topology)
    if as_json:
        out.write_document(json.dumps(_document(reading, movement), indent=2), None)
    elif as_map:
        from solver.map.scene import make_scene
        from solver.map.terminal import BLOCKS, PLAIN, narrow_map

        glyphs = BLOCKS if out.unicode_guides() else PLAIN
        out.show(narrow_map(make_scene(reading.topology, movement), glyphs, out.terminal_width()))
    else:
        out.show(_text(reading, movement, everything=verbose > 0))


def _text(reading: Reading, movement: Mobility, *, everything: bool) -> str:
    from models.bus_numbers import bus_shortages
    from models.legality import today_breaches
    from models.placement import Placement, free_space
    from solver.render.columns import bullets, section
    from solver.render.headroom import headroom_text
    from solver.render.machine import failure_lines, machine_summary
    from solver.render.tree import ASCII, BOX, machine_tree

    topology = reading.topology
    breaches = today_breaches(topology)
    text = machine_tree(
        topology,
        movement,
        free_space(topology, Placement.today(topology)),
        guides=BOX if out.unicode_guides() else ASCII,
        everything=everything,
    )
    text += "\n" + machine_summary(topology, movement)
    text += headroom_text(topology)
    text += section(f"Rules broken today ({len(breaches)})", bullets(str(breach) for breach in breaches))
    failures = failure_lines(reading.failures)
    text += section(f"What the kernel failed to place ({len(failures)})", bullets(failures))
    shortages = [str(shortage) for shortage in bus_shortages(topology)]
    text += section(f"Too few bus numbers ({len(shortages)})", bullets(shortages))
    return text + section("Notes", bullets(reading.notes))


def _document(reading: Reading, movement: Mobility) -> dict[str, Any]:
    from models.bus_numbers import bus_shortages
    from models.document import topology_document
    from models.legality import today_breaches
    from models.placement import Placement, free_space
    from solver.render.headroom import headroom_document

    topology = reading.topology
    document: dict[str, Any] = topology_document(topology)
    document["free_space"] = [
        {
            "root_bus": space.root,
            "space": space.window.space,
            "start": hex(space.window.range.start),
            "end": hex(space.window.range.last),
            "prefetchable": space.window.prefetchable,
            "free": hex(space.free),
            "largest_block": hex(space.largest_block),
        }
        for space in free_space(topology, Placement.today(topology))
    ]
    document["headroom"] = headroom_document(topology)
    document["immovable"] = [
        {"function": key.function, "index": key.index, "why": reason}
        for key, reason in movement.reasons.items()
        if reason is not None
    ]
    document["breaches"] = [
        {"rule": breach.rule, "parties": list(breach.parties), "message": breach.message}
        for breach in today_breaches(topology)
    ]
    document["failures"] = [
        {
            "function": failure.function,
            "index": failure.index,
            "space": failure.space,
            "size": None if failure.size is None else hex(failure.size),
            "what": failure.what,
            "line": failure.line,
        }
        for failure in reading.failures
    ]
    document["bus_numbers"] = [str(shortage) for shortage in bus_shortages(topology)]
    document["notes"] = list(reading.notes)
    return document
