"""``barplan drivers``: what is known of drivers, and which a machine has."""

from __future__ import annotations

import json

import click

from solver.cli import options
from solver.cli import output as out


@click.command()
@options.inputs
@options.edits
@options.policy
@options.scope
@options.as_json
@options.shared
def drivers(inputs: tuple[str, ...], given: options.SharedOptions, as_json: bool) -> None:
    """Show which drivers survive a BAR move.

    The table: for each driver whether it has hooks to pause and resume, whether it is verified to survive a BAR
    move, and where that is reported. Only the second makes BARs movable under policy safe. With an INPUT (- is
    standard input) the drivers of that machine follow, with their functions, and which of their BARs may move and
    why the others stay. With --json it is one document of the format barplan-drivers/1.

    --drivers FILE.toml adds rows, or replaces those of the same name:

    \b
      [drivers.mlx5_core]
      verified = true
      hooks = false
      source = "moved ten times in the test rack"

    \b
    Examples:
      barplan drivers
      barplan drivers dmesg.txt lspci.txt
      barplan drivers machine.json --drivers mine.toml --json
    """
    from solver.cli.inputs import driver_table, make_request, read_machine
    from solver.render import drivers as render
    from solver.render.columns import bullets, section

    table = driver_table(given)
    found, notes = None, list[str]()
    if inputs:
        reading = read_machine(inputs, given)
        found = render.holders(reading.topology, make_request(reading.topology, given).mobility(reading.topology))
        notes = list(reading.notes)
    if as_json:
        out.write_document(json.dumps(render.drivers_document(table, found), indent=2), None)
        return
    text = render.table_text(table)
    if found is not None:
        text += render.holders_text(found, table)
    out.show(text + section("Notes", bullets(notes)))
