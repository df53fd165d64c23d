"""What a kernel log tells in order: the machine before the boot's assignment, each later event, and how each ended.

The states are those of :mod:`models.sources.kernel_log`; a stage holds the machine as the kernel met it, and where
the kernel put everything.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import Literal

from models.errors import InputError
from models.placement import Placement
from models.resources import WINDOW_KINDS, FunctionAddress, Range, Size, Space, split_function_address
from models.sources.assemble import Assembled, assemble
from models.sources.kernel_log import last_complete, read_boots
from models.sources.kernel_log_boot import Boot
from models.sources.kernel_log_buses import complete
from models.sources.kernel_log_lines import is_difference
from models.sources.kernel_log_stages import Decision, SeenStage, Stages, copy_function, root_of, snapshot
from models.sources.log_evidence import architecture, claims_firmware, is_untouched, reserves_room
from models.sources.observation import Failure, Observation, SeenBar, SeenFunction
from models.topology import BarKey, Topology
from models.words import agree, count

_NEWER_LOG = re.compile(r"^\+\+\+ \S*?(?P<version>\d+\.\d+(?:[.-]\S*)?)(?=\s|$)", re.MULTILINE)

StageKind = Literal["boot", "hot-add", "rescan", "resize", "reassign", "removal"]


@dataclass(frozen=True, slots=True)
class Stage:
    """One time that the kernel assigned.

    Attributes
    ----------
    kind
        ``hot-add`` = below a port whose slot spoke, ``rescan`` = found again without, ``resize`` = a driver released
        a BAR first, ``reassign`` = anything else that assigned, ``removal`` = functions only left.
    line
        Line of the log at which it begins.
    under
        The bridge below which functions were found; ``None`` = on a root bus, or nothing was found.
    before
        The machine as the kernel met it: what was found has the addresses of firmware where the kernel takes them,
        and none otherwise; a BAR to be resized has its new size and no address.
    resized
        The BARs that were released to be resized, with where they were.
    outcome
        Where the kernel had everything in the end.
    decisions
        What the log says was decided, in order.
    gaps
        What the log does not tell and an allocator would need.
    """

    kind: StageKind
    line: int
    under: FunctionAddress | None
    before: Topology
    outcome: Placement
    added: tuple[FunctionAddress, ...] = ()
    removed: tuple[FunctionAddress, ...] = ()
    resized: tuple[tuple[BarKey, Range | None], ...] = ()
    failures: tuple[Failure, ...] = ()
    decisions: tuple[Decision, ...] = ()
    gaps: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class History:
    """One boot of a kernel log.

    Attributes
    ----------
    boot, boots
        Which boot of the text it is, from 1, and how many there are.
    kernel
        The version as the log prints it.
    parameters
        What follows ``pci=`` on the kernel's command line, joined by commas.
    names_resources
        The kernel words outcomes as it does since 6.9.
    arch
        ``x86``, ``mips``, ``powerpc``, or ``generic`` for all others.
    reallocates
        Whether the kernel moves windows of firmware by itself; ``None`` = the log does not say.
    stages
        The boot first.
    """

    source: str
    boot: int
    boots: int
    kernel: str | None
    machine: str | None
    parameters: str
    names_resources: bool
    arch: str
    reallocates: bool | None
    stages: tuple[Stage, ...]
    notes: tuple[str, ...] = field(default=())


def read_history(text: str, source: str, *, boot: int | None = None) -> History:
    """The stages of one boot of a kernel log.

    Parameters
    ----------
    boot
        Which boot, from 1; the last complete one by default.

    Raises
    ------
    InputError
        If there is no such boot, or no PCI function in it.
    """
    watched = _Watched()
    boots = [one for one in read_boots(text, watched.new) if one.functions or one.root_buses]
    if not boots:
        raise InputError("no PCI function in it; expected a kernel log with PCI lines", source=source)
    if boot is not None and not 1 <= boot <= len(boots):
        raise InputError(f"holds {len(boots)} boots; expected 1 to {len(boots)}, found {boot}", source=source)
    chosen = last_complete(boots) if boot is None else boots[boot - 1]
    if not chosen.functions:
        raise InputError("no PCI function in this boot", source=source)
    chosen.kernel = chosen.kernel or next((one.kernel for one in boots if one.kernel), None) or _compared_kernel(text)
    follower = watched.of(chosen)
    return History(
        source=source,
        boot=boots.index(chosen) + 1,
        boots=len(boots),
        kernel=chosen.kernel,
        machine=chosen.machine or next((other.machine for other in boots if other.machine), None),
        parameters=_pci_parameters(chosen.command_line or ""),
        names_resources=chosen.names_resources,
        arch=architecture(chosen),
        reallocates=chosen.reallocates,
        stages=tuple(_stages(chosen, follower.stages, source)),
    )


def _compared_kernel(text: str) -> str | None:
    """The version in the name of the newer of two logs: ``+++ dmesg_6.18-rc5``."""
    named = _NEWER_LOG.search(text) if is_difference(text) else None
    return None if named is None else named["version"]


class _Watched:
    """What follows each boot."""

    def __init__(self) -> None:
        self._followers: list[Stages] = []

    def new(self) -> Stages:
        self._followers.append(Stages())
        return self._followers[-1]

    def of(self, boot: Boot) -> Stages:
        return next(follower for follower in self._followers if follower is boot.watch)


def _pci_parameters(command_line: str) -> str:
    words = (word for word in command_line.split() if word.startswith("pci="))
    return ",".join(word.removeprefix("pci=") for word in words)


def _stages(boot: Boot, seen: list[SeenStage], source: str) -> list[Stage]:
    final = snapshot(boot)
    stages = []
    for stage in seen:
        kept = _stage(boot, stage, stage.end if stage.end is not None else final, first=stage is seen[0])
        if kept is not None:
            stages.append(kept)
    return stages


def _stage(boot: Boot, seen: SeenStage, end: dict[FunctionAddress, SeenFunction], *, first: bool) -> Stage | None:
    """The stage, or ``None`` where nothing happened to any BAR or window."""
    asked = _resized(seen)
    if not first:
        seen = _without_looks(seen, end)
    functions = {address: _met(boot, seen, address, function, asked, first=first) for address, function in end.items()}
    before = _assembled(boot, functions)
    after = _assembled(boot, {address: copy_function(function) for address, function in end.items()})
    known = {key for key, _ in before.topology.bars()}
    today = Placement.today(after.topology)
    outcome = Placement(
        {key: today.bars.get(key) for key in known},
        {key: today.windows.get(key) for key, _ in before.topology.windows()},
    )
    added = tuple(address for address in seen.found if address in end)
    removed = tuple(address for address in seen.removed if address not in end)
    resized = tuple((key, _range(seen.start[key.function].bars.get(key.index))) for key in asked if key in known)
    kind = _kind(seen, added, resized, removed, end, first=first)
    if kind is None:
        return None
    return Stage(
        kind=kind,
        line=seen.line if not first else boot.first_line,
        under=None if first else _under(before.topology, added),
        before=before.topology,
        outcome=outcome,
        added=() if first else added,
        removed=removed,
        resized=resized,
        failures=tuple(boot.failures[seen.first_failure : seen.last_failure]),
        decisions=tuple(seen.decisions),
        gaps=tuple(_gaps(before, end)),
    )


def _without_looks(seen: SeenStage, end: dict[FunctionAddress, SeenFunction]) -> SeenStage:
    """Without functions that something only looked at: a hidden one is found for a moment, and nothing is assigned."""
    spoken = {split_function_address(decision.function)[:2] for decision in seen.decisions}
    for decision in seen.decisions:
        bridge = end.get(decision.function)
        if bridge is not None and bridge.secondary:
            domain = split_function_address(bridge.address)[0]
            last = max(bridge.subordinate or 0, bridge.secondary)
            spoken |= {(domain, bus) for bus in range(bridge.secondary, last + 1)}
    looks = {
        address: function
        for address in seen.found
        if (function := end.get(address)) is not None
        and function.header == 0
        and any(bar.initial for bar in function.bars.values())
        and split_function_address(address)[:2] not in spoken
    }
    found = {address: line for address, line in seen.found.items() if address not in looks}
    return replace(seen, found=found, start={**seen.start, **looks})


def _kind(
    seen: SeenStage,
    added: tuple[FunctionAddress, ...],
    resized: tuple[tuple[BarKey, Range | None], ...],
    removed: tuple[FunctionAddress, ...],
    end: dict[FunctionAddress, SeenFunction],
    *,
    first: bool,
) -> StageKind | None:
    if first:
        return "boot"
    assigns = any(decision.kind in ("assigned", "failed") for decision in seen.decisions)
    if assigns and any(end[address].bars or end[address].header == 1 for address in added):
        return "hot-add" if seen.port is not None else "rescan"
    if assigns:
        return "resize" if resized else "reassign"
    return "removal" if removed else None


def _under(topology: Topology, added: tuple[FunctionAddress, ...]) -> FunctionAddress | None:
    """The bridge above the topmost of the functions that were found."""
    buses = [bus for function, bus in topology.functions() if function.address in added]
    top = min(buses, key=lambda bus: bus.depth, default=None)
    return None if top is None or top.bridge is None else top.bridge.address


def _resized(seen: SeenStage) -> dict[BarKey, Size | None]:
    """The BARs that were released although their function was there before, and the sizes asked for next."""
    asked: dict[BarKey, Size | None] = {}
    for decision in seen.decisions:
        if decision.function in seen.found or decision.slot in WINDOW_KINDS or decision.function not in seen.start:
            continue
        key = BarKey(decision.function, decision.slot)
        if decision.kind == "released":
            asked.setdefault(key, None)
        elif key in asked and asked[key] is None and decision.kind in ("assigned", "failed"):
            asked[key] = decision.size
    return asked


def _met(
    boot: Boot,
    seen: SeenStage,
    address: FunctionAddress,
    end: SeenFunction,
    asked: dict[BarKey, Size | None],
    *,
    first: bool,
) -> SeenFunction:
    """A function as the kernel met it when it began to assign."""
    if address not in seen.found and address in seen.start:
        function = copy_function(seen.start[address])
        for index, bar in end.bars.items():
            function.bars.setdefault(index, _nowhere(bar))
        for key, size in asked.items():
            if key.function == address and key.index in function.bars:
                function.bars[key.index] = replace(
                    _nowhere(function.bars[key.index]), size=size or end.bars[key.index].size
                )
    else:
        taken = claims_firmware(boot, seen, root_of(boot, address))
        function = copy_function(end)
        for index, bar in end.bars.items():
            refused = (address, index) in boot.foreign
            stays = bar.fixed or is_untouched(end) or (taken and not refused)
            function.bars[index] = _as_found(bar) if stays else _nowhere(bar)
        for kind, window in function.windows.items():
            window.range = window.initial if taken and (address, kind) not in boot.foreign else None
            window.closed = window.range is None
    if address in boot.shadowed and "rom" in function.bars:
        function.bars["rom"] = replace(_nowhere(function.bars["rom"]), fixed=True)
    function.header, function.class_code, function.subtractive = end.header, end.class_code, end.subtractive
    function.secondary, function.subordinate = end.secondary, end.subordinate
    final = boot.functions.get(address, end)
    function.hotplug = end.hotplug or final.hotplug or reserves_room(boot, seen, final)
    if first or address in seen.found:
        function.driver, function.driver_known = None, True  # nothing is bound before it is assigned
    return function


def _range(bar: SeenBar | None) -> Range | None:
    if bar is None or bar.address is None or not bar.size:
        return None
    return Range.of(bar.address, bar.size * (bar.copies or 1))


def _as_found(bar: SeenBar) -> SeenBar:
    return replace(bar, address=bar.initial, assigned=bar.initial is not None)


def _nowhere(bar: SeenBar) -> SeenBar:
    return replace(bar, address=None, assigned=False)


def _assembled(boot: Boot, functions: dict[FunctionAddress, SeenFunction]) -> Assembled:
    state = replace(
        boot,
        functions=functions,
        root_buses={key: replace(root, windows=list(root.windows)) for key, root in boot.root_buses.items()},
        watch=Boot().watch,
    )
    complete(state)
    kept: list[tuple[Space, Range, str]] = [
        ("mem", range_, "firmware memory map") for range_ in boot.firmware_map or ()
    ]
    return assemble(
        Observation(
            kind="kernel log",
            source="",
            machine=boot.machine,
            functions=functions,
            root_buses=state.root_buses,
            reserved=list(dict.fromkeys([*boot.reserved, *filter(None, boot.foreign.values()), *kept])),
        )
    )


def _gaps(before: Assembled, functions: dict[FunctionAddress, SeenFunction]) -> list[str]:
    """What an allocator would need and the log does not tell."""
    gaps = []
    nameless = [address for address, function in functions.items() if function.id is None]
    if nameless:
        those = f"{count(len(nameless), 'function')} {agree(len(nameless), 'is', 'are')}"
        gaps.append(f"{those} named by later lines alone ({nameless[0]} first)")
    if before.estimated:
        domain, bus = before.estimated[0]
        gaps.append(f"windows of {len(before.estimated)} root buses are not told ({domain:04x}:{bus:02x} first)")
    return gaps
