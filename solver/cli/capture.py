"""``barplan capture``: a machine as one topology document."""

from __future__ import annotations

from pathlib import Path

import click

from models.errors import InputError
from solver.cli import options
from solver.cli.output import complain, write_document


@click.command()
@options.inputs
@options.edits
@click.option(
    "--root",
    type=click.Path(),
    metavar="FOLDER",
    help="Read a copied tree (FOLDER/sys/bus/pci/devices, FOLDER/proc/iomem) in place of the running machine.",
)
@options.output("the document")
@options.shared
def capture(
    inputs: tuple[str, ...],
    given: options.SharedOptions,
    root: str | None,
    output: str | None,
) -> None:
    """Write a machine as one topology document.

    With no INPUT it is the running machine. The kernel shows addresses to root only: without them the
    placement of today cannot be read.

    \b
    Examples:
      sudo barplan capture -o machine.json
      barplan capture dmesg.txt lspci.txt -o machine.json
      barplan capture machine.json --plug nvme@0000:00:1c.0 -o planned.json
    """
    from models.document import dump_topology
    from solver.cli.inputs import edit_machine, read_machine, with_sizes

    if root is not None and inputs:
        raise InputError("takes no INPUT beside it", source="--root")
    if root is not None:
        from models.sources.machine import capture as capture_tree

        reading = edit_machine(capture_tree(Path(root)), given)
    else:
        reading = read_machine(inputs, given)
    reading = with_sizes(reading, given)
    for note in reading.notes:
        complain(f"note: {note}")
    write_document(dump_topology(reading.topology), output)
