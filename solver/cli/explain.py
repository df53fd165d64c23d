"""``barplan explain``: why not everything fits, and what would help."""

from __future__ import annotations

import json
from dataclasses import replace

import click

from solver.cli import options
from solver.cli import output as out
from solver.cli.output import Exit


@click.command()
@options.inputs
@options.edits
@options.reserve
@options.policy
@options.scope
@click.option(
    "--time-limit",
    type=options.Duration(),
    default="30s",
    metavar="TIME",
    show_default=True,
    help="Wall time for all of it: 30, 30s, 5m, none.",
)
@options.minimize
@options.window_rule
@options.threads
@options.weight
@options.as_json
@options.verbose("every BAR by name, however many there are")
@options.shared
def explain(
    inputs: tuple[str, ...],
    given: options.SharedOptions,
    as_json: bool,
    verbose: int,
) -> Exit:
    """Explain why not everything fits, and what would help.

    First it is proved that something stays without an address. Then follow the smallest conflict (the BARs, those
    among them that have to stay and why, the window, and what it is short of), the ways out, cheapest first, and what
    policy always could do. With --json it is one document of the format barplan-explanation/1.

    It takes the options of barplan solve. What is to be minimised means nothing here, but that rebar leaves sizes of
    Resizable BARs open, which then count with the smallest; --vfs FUNCTION=fit asks for no VF that takes room from
    anything else.

    Exits with 0 where everything fits, with 3 where it is proved that it does not, with 4 where neither was proved in
    time.

    \b
    Examples:
      barplan explain dmesg.txt lspci.txt
      barplan explain machine.json --plug gpu-80g@0000:00:1c.0
      barplan explain machine.json --pin 0000:02:00.0 --json
      barplan explain machine.json --reserve 0000:00:1c.0=pref:64G
    """
    from models.bus_numbers import bus_shortages
    from models.document import topology_sha256
    from models.edit import parse_vfs, with_vfs
    from models.reserves import parse_reserves, stand_ins, with_stand_ins
    from models.resizing import resize
    from solver.cli.inputs import make_request, read_machine, refuse_open_sizes
    from solver.cli.room import room_of
    from solver.cli.solve import drivers_unknown
    from solver.explanation.explaining import explain as find
    from solver.explanation.findings import Verdict
    from solver.render.columns import bullets, section
    from solver.render.explanation import explanation_text
    from solver.render.explanation_document import explanation_document
    from solver.request import PRESETS

    given, room = room_of(given, "cp-sat")
    reading = read_machine(inputs, given)
    topology = reading.topology
    for text in room.fit:
        topology = with_vfs(topology, parse_vfs(topology, text)[0], 0)
    request = make_request(topology, given)
    refuse_open_sizes(request)
    # Here a BAR to be resized has its new size from the outset, and where that has no place, no address. What fits at
    # any size fits at the smallest.
    topology = resize(topology, {key: (min(sizes),) for key, sizes in request.sizes(topology).items()})
    request = replace(
        request,
        minimize=PRESETS["moves"],
        frees=request.frees | request.resizes.keys(),
        resizes={},
        whole_functions=False,
    )
    with out.progress("explaining") as progress:
        # A reserve is a device that is not there: what stands in its way is explained as for any other.
        reserves = parse_reserves(topology, room.reserve)
        absent = frozenset(key for key, _ in stand_ins(reserves))
        explanation = find(with_stand_ins(topology, reserves), request, progress, absent)
    shortages = [str(shortage) for shortage in bus_shortages(topology)]
    if as_json:
        document = explanation_document(explanation, topology_sha256(topology))
        document["bus_numbers"] = shortages
        out.write_document(json.dumps(document, indent=2), None)
    else:
        short_of_drivers = given.policy in ("safe", "refuse") and explanation.verdict is not Verdict.FITS
        warnings = drivers_unknown(topology) if short_of_drivers else []
        text = explanation_text(explanation, everything=verbose > 0)
        text += section("Warnings", bullets([*shortages, *warnings]))
        out.show(text + section("Notes", bullets(reading.notes)))
    if explanation.interrupted:
        return Exit.INTERRUPTED
    if explanation.verdict is Verdict.FITS:
        return Exit.DONE
    return Exit.DOES_NOT_FIT if explanation.verdict is Verdict.DOES_NOT_FIT else Exit.OUT_OF_TIME
