"""``barplan compare``: engines side by side on one machine."""

from __future__ import annotations

import json
from typing import Any

import click

from solver.cli import options
from solver.cli import output as out


@click.command()
@options.inputs
@options.edits
@options.policy
@options.scope
@options.search
@click.option(
    "--engines",
    type=options.Name("engine", options.engine_names, several=True),
    default="cp-sat,linux-6.1",
    metavar="ENGINES",
    show_default=True,
    help="Engines to compare, separated by commas.",
)
@options.as_json
@options.verbose("the logs of the engines")
@options.shared
def compare(
    inputs: tuple[str, ...],
    given: options.SharedOptions,
    engines: str,
    as_json: bool,
    verbose: int,
) -> None:
    """Compare engines on one machine.

    What stays without an address, what moves, what is lost and what is wasted, one row each; the first row is the
    machine as it is today. With --json it is one document of the format barplan-compare/1, which has the free space
    of every root window besides, and with -v the logs too.

    \b
    Examples:
      barplan compare dmesg.txt lspci.txt
      barplan compare machine.json --plug gpu-80g@0000:00:1c.0 --policy always
      barplan compare machine.json --engines cp-sat,linux-7,movable-bars,coreboot -v
    """
    from models.document import topology_sha256
    from solver.cli.inputs import for_engine, make_request, read_machine
    from solver.engines import EXACT
    from solver.engines import engine as find_engine
    from solver.render.columns import bullets, section
    from solver.render.comparison import comparison_table, engine_row, today_row

    names = list(dict.fromkeys(name.strip() for name in engines.split(",")))
    reading = read_machine(inputs, given)
    topology = reading.topology
    request = make_request(topology, given)
    rows, logs = [today_row(topology)], {}
    for name in names:
        with out.progress(f"{name} is solving") as progress:
            result = find_engine(name)(topology, for_engine(request, name, given.option), progress)
        rows.append(engine_row(name, result))
        logs[name] = result.log
    notes = list(reading.notes)
    if request.scope.bounded and (ignoring := [name for name in names if name not in EXACT]):
        place = "places" if len(ignoring) == 1 else "place"
        notes.append(
            f"{', '.join(ignoring)} {place} the whole machine; {request.scope} bounds only what cp-sat changes"
        )
    if as_json:
        document: dict[str, Any] = {
            "format": "barplan-compare/1",
            "topology_sha256": topology_sha256(topology),
            "policy": given.policy,
            "minimize": list(request.minimize),
            "notes": notes,
            "today": rows[0].document(),
            "engines": [row.document() | ({"log": list(logs[row.engine])} if verbose else {}) for row in rows[1:]],
        }
        out.write_document(json.dumps(document, indent=2), None)
        return
    text = comparison_table(rows)
    for row in rows:
        text += section(f"Rules that {row.engine} breaks ({len(row.breaches)})", bullets(row.breaches))
    if verbose:
        for name, log in logs.items():
            text += section(f"Log of {name}", bullets(log))
    out.show(text + section("Notes", bullets(notes)))
