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
@click.option(
    "--workers",
    type=click.IntRange(min=0),
    default=0,
    show_default=True,
    metavar="N",
    help="Solver threads; 0: one per core.",
)
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
    from models.reserves import parse_reserves, stand_ins, with_stand_ins
    from solver.cli.inputs import make_request, read_machine, with_sizes
    from solver.cli.solve import drivers_unknown
    from solver.explanation.explaining import explain as find
    from solver.explanation.findings import Verdict
    from solver.render.columns import bullets, section
    from solver.render.explanation import explanation_text
    from solver.render.explanation_document import explanation_document

    reading = read_machine(inputs, given)
    request = make_request(reading.topology, given)
    # Here a BAR to be resized has its new size from the outset, and where that has no place, no address.
    reading = with_sizes(reading, given)
    request = replace(request, frees=request.frees | request.resizes.keys(), resizes={}, whole_functions=False)
    with out.progress("explaining") as progress:
        # A reserve is a device that is not there: what stands in its way is explained as for any other.
        reserves = parse_reserves(reading.topology, given.reserve)
        absent = frozenset(key for key, _ in stand_ins(reserves))
        explanation = find(with_stand_ins(reading.topology, reserves), request, progress, absent)
    shortages = [str(shortage) for shortage in bus_shortages(reading.topology)]
    if as_json:
        document = explanation_document(explanation, topology_sha256(reading.topology))
        document["bus_numbers"] = shortages
        out.write_document(json.dumps(document, indent=2), None)
    else:
        short_of_drivers = given.policy in ("safe", "refuse") and explanation.verdict is not Verdict.FITS
        warnings = drivers_unknown(reading.topology) if short_of_drivers else []
        text = explanation_text(explanation, everything=verbose > 0)
        text += section("Warnings", bullets([*shortages, *warnings]))
        out.show(text + section("Notes", bullets(reading.notes)))
    if explanation.interrupted:
        return Exit.INTERRUPTED
    if explanation.verdict is Verdict.FITS:
        return Exit.DONE
    return Exit.DOES_NOT_FIT if explanation.verdict is Verdict.DOES_NOT_FIT else Exit.OUT_OF_TIME
