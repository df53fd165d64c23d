"""Runs engines on the stages of a kernel log and compares each with what the kernel did."""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from models.errors import InputError
from models.placement import Measures, Placement, measure
from models.plan import Status
from models.resources import Address, FunctionAddress, Range, WindowKind
from models.sources.history import History, Stage
from models.topology import BarKey, Bus, Topology, WindowKey
from solver.engines import engine as find_engine
from solver.kernel.decisions import Decision
from solver.kernel.driver import allocate
from solver.kernel.parameters import parse_parameters
from solver.kernel.rules import RULES
from solver.request import Request

ENGINE_SINCE: tuple[tuple[tuple[int, ...], str], ...] = (
    ((0,), "linux-6.1"),
    ((6, 10), "linux-6.12"),
    ((6, 15), "linux-6.15"),
    ((6, 18), "linux-6.18.0"),
    ((6, 18, 16), "linux-6.18"),
    ((7, 0), "linux-7"),
)
"""The engine of a kernel is that of the last version here that it has reached."""

ENGINE_OF_UNKNOWN = {False: "linux-6.1", True: "linux-6.12"}
"""For a log that does not name its kernel, by whether it uses the wording of newer ones."""

_TAKEN = ("realloc", "hpiosize", "hpmmiosize", "hpmmioprefsize", "hpmemsize", "cbiosize", "cbmemsize")
"""The words after ``pci=`` that the kernel engines know."""

Key = BarKey | WindowKey
Place = Address | Range | None


@dataclass(frozen=True, slots=True)
class Difference:
    """One BAR or window that the engine puts elsewhere.

    Attributes
    ----------
    decision
        The engine's last decision about it; ``None`` where it took none.
    """

    key: Key
    kernel: Place
    engine: Place
    decision: Decision | None = None


@dataclass(frozen=True, slots=True)
class Run:
    """One engine on one stage.

    Attributes
    ----------
    status
        Of the engine's plan.
    compared, equal
        BARs and windows with an address in either outcome, or that need one, and those at the same place.
    decided, decided_equal
        The same of those that either had to place, not just keep.
    differences
        In the order of the engine's decisions: what it decided first comes first.
    decisions
        Every decision of a kernel engine; none of another.
    """

    engine: str
    status: Status
    placement: Placement
    measures: Measures
    compared: int
    equal: int
    decided: int
    decided_equal: int
    differences: tuple[Difference, ...]
    decisions: tuple[Decision, ...]
    seconds: float

    @property
    def placed(self) -> bool:
        """Whether it has a placement at all."""
        return self.status in (Status.OPTIMAL, Status.FEASIBLE)


@dataclass(frozen=True, slots=True)
class Replayed:
    """One stage with the kernel's outcome and every engine's; no runs where nothing was to be assigned."""

    stage: Stage
    kernel: Measures
    runs: tuple[Run, ...]


def kernel_engine(version: str | None, *, names_resources: bool = False) -> str:
    """The engine that stands for a kernel of this version; the wording decides where the log names none."""
    numbers = re.match(r"(\d+)\.(\d+)(?:\.(\d+))?", version or "")
    if numbers is None:
        return ENGINE_OF_UNKNOWN[names_resources]
    reached = tuple(int(number or 0) for number in numbers.groups())
    return next(name for since, name in reversed(ENGINE_SINCE) if since <= reached)


def kernel_options(history: History, stage: Stage) -> dict[str, str]:
    """The options of a kernel engine for one stage: platform, ``pci=`` parameters and what happened."""
    options = {"arch": history.arch, "event": _event(stage)}
    if history.reallocates is False:
        options["realloc"] = "off"
    for word in history.parameters.split(","):
        name, _, value = word.partition("=")
        if name in _TAKEN:
            options[name] = value or "on"
    return options


def ignored_parameters(history: History) -> list[str]:
    """The words after ``pci=`` that no engine knows."""
    words = [word for word in history.parameters.split(",") if word]
    return [word for word in words if word.partition("=")[0] not in _TAKEN]


def _event(stage: Stage) -> str:
    if stage.kind == "boot":
        return "boot"
    if stage.kind in ("hot-add", "resize") and stage.under is not None:
        return f"hotplug:{stage.under}"
    return "rescan"


def run_stage(history: History, stage: Stage, engines: Iterable[str], request: Request) -> Replayed:
    """One stage of ``history``, run through ``engines``.

    Raises
    ------
    InputError
        If there is no such engine.
    """
    runs: tuple[Run, ...] = ()
    if stage.kind != "removal":
        runs = tuple(run(history, stage, name, request) for name in engines)
    return Replayed(stage, measure(stage.before, stage.outcome), runs)


def run(history: History, stage: Stage, name: str, request: Request) -> Run:
    """Run one engine on one stage and compare.

    Raises
    ------
    InputError
        If there is no such engine.
    """
    started = time.monotonic()
    decisions: tuple[Decision, ...] = ()
    status = Status.FEASIBLE
    if name in RULES:
        prepared = _released_around(stage) if stage.kind == "resize" else stage
        options = kernel_options(history, prepared)
        try:
            outcome = allocate(prepared.before, RULES[name], parse_parameters(options, prepared.before))
        except InputError as error:
            raise InputError(error.message, source=history.source, where="command line") from error
        placement, decisions = outcome.placement, outcome.decisions
        if stage.kind == "resize":
            placement = _rolled_back(stage, placement)
    else:
        plan = find_engine(name)(stage.before, request).plan
        placement, status = plan.placement, plan.status
    seconds = time.monotonic() - started
    return _compared(stage, name, status, placement, decisions, seconds)


def _compared(
    stage: Stage, name: str, status: Status, placement: Placement, decisions: tuple[Decision, ...], seconds: float
) -> Run:
    last = {decision.key: (at, decision) for at, decision in enumerate(decisions)}
    today = Placement.today(stage.before)
    compared = equal = decided = decided_equal = 0
    differences = []
    for key in _keys(stage, placement):
        before, kernel, engine = (place_of(where, key) for where in (today, stage.outcome, placement))
        same = kernel == engine
        had_to = before is None or kernel != before or engine != before
        compared += 1
        equal += same
        decided += had_to
        decided_equal += same and had_to
        if not same:
            differences.append(Difference(key, kernel, engine, last[key][1] if key in last else None))
    never = len(decisions)
    differences.sort(key=lambda difference: last[difference.key][0] if difference.key in last else never)
    return Run(
        engine=name,
        status=status,
        placement=placement,
        measures=measure(stage.before, placement),
        compared=compared,
        equal=equal,
        decided=decided,
        decided_equal=decided_equal,
        differences=tuple(differences),
        decisions=decisions,
        seconds=seconds,
    )


def _keys(stage: Stage, placement: Placement) -> Iterator[Key]:
    """Every BAR that is not fixed, and every window that is open before or after, for the kernel or the engine."""
    for key, bar in stage.before.bars():
        if not bar.fixed:
            yield key
    for window_key, window in stage.before.windows():
        ranges = (window.range, stage.outcome.windows.get(window_key), placement.windows.get(window_key))
        if any(range_ is not None for range_ in ranges):
            yield window_key


def place_of(placement: Placement, key: Key) -> Place:
    """Where a BAR or a window is."""
    return placement.bars.get(key) if isinstance(key, BarKey) else placement.windows.get(key)


def _released_around(stage: Stage) -> Stage:
    """What the kernel releases for a resize: each window around the BARs, from the inside out, that is empty now.

    The stage is under the topmost bridge of which it releases a window.
    """
    topology, top = stage.before, None
    for key, _ in stage.resized:
        for bus in _buses_above(topology, key.function):
            released = _without_window(topology, bus, key)
            if released is None:
                break
            topology, top = released, bus.bridge
    return replace(stage, before=topology, under=top.address if top is not None else None)


def _buses_above(topology: Topology, address: FunctionAddress) -> list[Bus]:
    bus: Bus | None = next(bus for function, bus in topology.functions() if function.address == address)
    buses = []
    while bus is not None and bus.bridge is not None:
        buses.append(bus)
        bus = bus.parent
    return buses


def _without_window(topology: Topology, bus: Bus, key: BarKey) -> Topology | None:
    """``topology`` with the window that leads to the BAR closed; ``None`` where something else stands in it."""
    assert bus.bridge is not None
    bar = dict(topology.bars())[key]
    kind: WindowKind = "io" if bar.space == "io" else "pref" if bar.prefetchable else "mem"
    bridge = topology.function(bus.bridge.address)
    assert bridge is not None
    assert bridge.bridge is not None
    window = bridge.bridge.window(kind)
    if window is None or window.range is None:
        return topology
    standing = [(other.space, other.range) for function in bridge.bridge.functions for other in function.bars]
    standing += [
        (other.space, other.range)
        for function in bridge.bridge.functions
        if function.bridge is not None
        for other in function.bridge.windows
    ]
    if any(space == bar.space and range_ is not None and window.range.contains(range_) for space, range_ in standing):
        return None
    windows = tuple(replace(one, range=None) if one is window else one for one in bridge.bridge.windows)
    changed = replace(bridge, bridge=replace(bridge.bridge, windows=windows))
    return topology.map_functions(lambda function: changed if function.address == changed.address else function)


def _rolled_back(stage: Stage, placement: Placement) -> Placement:
    """A resize that fails leaves everything where it was."""
    if all(placement.bars.get(key) is not None for key, _ in stage.resized):
        return placement
    today = Placement.today(stage.before)
    old = {key: None if range_ is None else range_.start for key, range_ in stage.resized}
    return Placement({**today.bars, **old}, today.windows)
