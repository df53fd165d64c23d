"""``pci=resource_alignment=``: devices whose memory is not left where the firmware put it.

After the kernel's description of the parameter: a BAR of a named device that is smaller than the alignment grows to it
and gets a new place, one that is as large already stays; the memory windows of a named bridge are sized anew, and
with them goes whatever stood in them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from models.errors import InputError
from models.resources import KIB, FunctionAddress, Size, parse_function_address
from models.topology import Topology
from solver.kernel.resource import ROM

if TYPE_CHECKING:
    from solver.kernel.tree import Device, Tree

PAGE: Size = 4 * KIB
"""The alignment of a device that is named without one."""

_LARGEST_ORDER = 62

Alignments = tuple[tuple[FunctionAddress, Size], ...]


def parse_alignments(value: str, topology: Topology, source: str) -> Alignments:
    """The devices of ``[ORDER@]FUNCTION;...`` with their alignments; the first that names a device counts.

    Raises
    ------
    InputError
        If a device is no function of the machine, or an order no number of bits.
    """
    found: dict[FunctionAddress, Size] = {}
    for part in value.split(";"):
        order, at, name = part.strip().rpartition("@")
        if at and not (order.isdecimal() and int(order) <= _LARGEST_ORDER):
            raise InputError(
                f"expected an order such as 20 for 1M, found {order!r}", source=source, where="resource_alignment"
            )
        try:
            address = parse_function_address(name)
        except ValueError as error:
            raise InputError(str(error), source=source, where="resource_alignment") from None
        if topology.function(address) is None:
            raise InputError(
                f"expected a function of the machine, found {name!r}", source=source, where="resource_alignment"
            )
        found.setdefault(address, 1 << int(order) if at else PAGE)
    return tuple(found.items())


def realign(tree: Tree, alignments: Alignments) -> None:
    """Take the firmware's addresses from what the parameter names, before anything is claimed."""
    for address, alignment in alignments:
        device = tree.device(address)
        if device.child is not None and not device.cardbus:
            for window in device.windows.values():
                if not window.io:
                    window.before = None
        elif not device.untouched:
            _grow(device, alignment)


def _grow(device: Device, alignment: Size) -> None:
    for bar in device.resources:
        if bar.index <= ROM and not (bar.io or bar.fixed) and 0 < bar.size < alignment:
            bar.size = bar.natural = alignment
            bar.before = None
