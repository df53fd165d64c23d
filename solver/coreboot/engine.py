"""The engine ``coreboot``."""

from __future__ import annotations

import time

from models.placement import Placement
from models.plan import Status
from models.topology import BarKey, RootBus, Topology
from solver.coreboot.domain import Domain
from solver.coreboot.fixed import find_fixed
from solver.coreboot.options import Options, parse_options
from solver.coreboot.packing import Packer
from solver.engines import Progress
from solver.request import Request
from solver.result import Result, make_result

NAME = "coreboot"


def solve(topology: Topology, request: Request, progress: Progress | None = None) -> Result:
    """What coreboot's resource allocator (version 4) would do with the machine, starting from nothing.

    Each root bus is a domain. What is behind a bridge is packed from offset 0 by descending alignment, then size; a
    window is aligned to its largest child and rounded to its granularity. Then windows and BARs of the root bus, memory
    of both kinds together, take the first range that holds them; what does not fit is skipped with all below it, and
    what had an address may be lost. Objectives and time limit of the request mean nothing to it.

    Immovable BARs stay, and so does each window with one inside, with all that stands in it
    (:mod:`solver.coreboot.fixed`); new BARs behind such a window are left out. Further differences from coreboot:
    prefetchable root windows, which it does not have, take prefetchable BARs only; a prefetchable BAR goes into the
    plain window of a bridge without a prefetchable one; a subtractive bridge is a bridge like any other.

    Options: :mod:`solver.coreboot.options`. Source: coreboot f0f911824b82, src/device/resource_allocator_v4.c and
    src/device/Kconfig, described in words; the lines of its log are worded here.

    Raises
    ------
    InputError
        If an option is unknown, or its value is none that it takes.
    """
    started = time.monotonic()
    options = parse_options(request.options)
    immovable = request.mobility(topology).immovable
    today = Placement.today(topology)
    placement = Placement({}, {})
    log: list[str] = []
    why: dict[BarKey, str] = {}
    for root in topology.root_buses:
        packer = _place(topology, root, immovable, options, placement)
        log += [f"domain {root.name}: {line}" for line in packer.log]
        why.update(packer.left_out)
        if progress is not None:
            progress(f"domain {root.name}: {len(packer.left_out)} BARs left out")
    return make_result(
        topology,
        request,
        NAME,
        placement,
        status=Status.FEASIBLE,
        seconds=time.monotonic() - started,
        warnings=tuple(
            f"{key} had the address {address:#x} and lost it: {why.get(key, 'skipped')}"
            for key, address in today.bars.items()
            if address is not None and placement.bars.get(key) is None
        ),
        why=why,
        log=tuple(log),
    )


def place(topology: Topology, immovable: frozenset[BarKey]) -> Placement:
    """The placement with no options, and nothing else."""
    placement, options = Placement({}, {}), parse_options({})
    for root in topology.root_buses:
        _place(topology, root, immovable, options, placement)
    return placement


def _place(
    topology: Topology, root: RootBus, immovable: frozenset[BarKey], options: Options, placement: Placement
) -> Packer:
    """Place what is below one root bus."""
    fixed = find_fixed(root, immovable)
    if fixed.bars or fixed.windows:
        today = Placement.today(topology)
        placement.bars.update({key: today.bars[key] for key in fixed.bars})
        placement.windows.update({key: today.windows[key] for key in fixed.windows})
    for reserved in topology.reserved:
        fixed.holes[reserved.space].append(reserved.range)
    packer = Packer(fixed, options)
    entries = packer.on_bus(root.functions)
    domain = Domain(root, fixed.holes, options)
    packer.log += domain.lines()
    domain.allocate(entries, packer, placement)
    return packer
