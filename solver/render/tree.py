"""A machine as a tree: root buses with their windows, bridges, functions and BARs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby

from models.mobility import Mobility
from models.placement import FreeSpace
from models.resources import Range, Space, format_size
from models.topology import Bar, BarKey, Bridge, Function, RootBus, Topology, bar_name
from solver.render.classes import class_name
from solver.render.words import (
    WINDOW_WORDS,
    bar_text,
    count,
    range_text,
    root_window_kind,
    short_size,
    window_text,
)


@dataclass(frozen=True, slots=True)
class Guides:
    """The lines a tree is drawn with."""

    tee: str
    corner: str
    line: str
    space: str = "   "


ASCII = Guides("+- ", "\\- ", "|  ")
"""As lspci -t draws."""

BOX = Guides("├─ ", "└─ ", "│  ")
"""For terminals whose encoding has box characters."""

_LONG, _SHORT = " is not verified to survive a BAR move", " not verified"
"""The reason that stands in most lines, short; the summary below the tree spells it out."""

QUIET_RUN = 4
"""So many functions without BARs in a row are shown as one line, unless everything is wanted."""


def machine_tree(
    topology: Topology,
    movement: Mobility,
    free: Iterable[FreeSpace] = (),
    *,
    guides: Guides = ASCII,
    everything: bool = False,
) -> str:
    """The tree of a machine, one line for each window, function and BAR.

    Parameters
    ----------
    free
        Free space of the root windows, as :func:`models.placement.free_space` lists it.
    everything
        Also show each of many functions in a row that have no BARs.
    """
    tree = _Tree(movement, guides, everything)
    spaces = {(space.root, space.window.space, space.window.range): space for space in free}
    lines = [topology.machine] if topology.machine else []
    for root in topology.root_buses:
        lines.extend(tree.root_bus(root, spaces))
    lines.extend(_reserved(topology))
    return "".join(f"{line.rstrip()}\n" for line in lines)


@dataclass(frozen=True, slots=True)
class _Tree:
    movement: Mobility
    guides: Guides
    everything: bool

    def root_bus(self, root: RootBus, free: dict[tuple[str, Space, Range], FreeSpace]) -> Iterator[str]:
        yield f"root bus {root.name}"
        inner = self.guides.line if root.functions else self.guides.space
        for window in root.windows:
            text = f"{inner}{root_window_kind(window)} window {range_text(window.range, window.space)}"
            text += f" [size={format_size(window.range.size)}]"
            if window.offset:
                sign = "-" if window.offset < 0 else ""
                text += f" (bus address is {sign}{abs(window.offset):#x} lower)"
            space = free.get((root.name, window.space, window.range))
            if space is not None:
                text += f", {short_size(space.free)} free"
                if space.free:
                    text += f", largest aligned block {format_size(space.largest_block)}"
            yield text
        yield from self.functions(root.functions, "")

    def functions(self, functions: tuple[Function, ...], prefix: str) -> Iterator[str]:
        items = list(self._items(functions))
        for number, item in enumerate(items):
            last = number == len(items) - 1
            head = prefix + (self.guides.corner if last else self.guides.tee)
            below = prefix + (self.guides.space if last else self.guides.line)
            if isinstance(item, str):
                yield head + item
            else:
                yield head + function_line(item)
                yield from self.details(item, below)

    def details(self, function: Function, prefix: str) -> Iterator[str]:
        children = function.bridge.functions if function.bridge else ()
        inner = prefix + (self.guides.line if children else self.guides.space)
        if function.bridge:
            yield from (f"{inner}{line}" for line in _window_lines(function.bridge, everything=self.everything))
        for bar in function.bars:
            yield inner + self.bar_line(function, bar)
        yield from self.functions(children, prefix)

    def bar_line(self, function: Function, bar: Bar) -> str:
        words = bar_text(bar)
        if bar.index != "rom":
            words = f"{bar_name(bar.index)}: {words}"
        return f"{words}, {bar_freedom(bar, self.movement.reasons.get(BarKey(function.address, bar.index)))}"

    def _items(self, functions: tuple[Function, ...]) -> Iterator[Function | str]:
        """The functions, with long runs that have nothing to show folded into one line."""
        for quiet, run in groupby(functions, key=lambda function: not function.bars and function.bridge is None):
            members = list(run)
            if quiet and len(members) >= QUIET_RUN and not self.everything:
                yield f"{members[0].address} to {members[-1].address}: {count(len(members), 'function')} without BARs"
            else:
                yield from members


def function_line(function: Function) -> str:
    """Address, class, id, driver and bus numbers of a function, in one line."""
    words = [f"{function.address}"]
    name = class_name(function.class_code) or ("PCI bridge" if function.bridge else "")
    if name:
        words.append(f"{name} [{function.class_code[:4]}]" if function.class_code else name)
    if function.id:
        words.append(f"[{function.id}]")
    line = " ".join(words)
    if function.driver:
        line += f", driver {function.driver}"
    elif function.bars or function.bridge:
        line += ", no driver" if function.driver_known else ", driver unknown"
    bridge = function.bridge
    if bridge is not None:
        if bridge.secondary is not None:
            line += f", bus {bridge.secondary:02x}"
            if bridge.subordinate is not None and bridge.subordinate != bridge.secondary:
                line += f"-{bridge.subordinate:02x}"
        line += ", hotplug" if bridge.hotplug else ""
        line += ", subtractive" if bridge.subtractive else ""
        line += ", ISA enable" if bridge.isa else ""
        line += f", VGA enable ({bridge.vga} bits)" if bridge.vga else ""
    return line


def bar_freedom(bar: Bar, reason: str | None) -> str:
    """Whether a BAR may move, and why not; for one without an address whether it needs one."""
    if bar.address is None:
        if bar.fixed:
            return "stays: fixed"
        return "optional" if bar.optional else "needs an address"
    return "may move" if reason is None else f"stays: {reason.replace(_LONG, _SHORT)}"


def _window_lines(bridge: Bridge, *, everything: bool) -> Iterator[str]:
    """One line for each window; one for all of them where all are closed."""
    if bridge.windows and not everything and all(window.range is None for window in bridge.windows):
        kinds = [WINDOW_WORDS[window.kind].removesuffix(" behind bridge") for window in bridge.windows]
        yield f"{', '.join(kinds)} behind bridge: [disabled]"
    else:
        yield from (window_text(window) for window in bridge.windows)
    for cardbus in bridge.cardbus:
        kind = "I/O" if cardbus.space == "io" else "prefetchable memory" if cardbus.prefetchable else "memory"
        size = format_size(cardbus.range.size)
        yield f"CardBus {kind} window: {range_text(cardbus.range, cardbus.space)} [size={size}]"


def _reserved(topology: Topology) -> Iterator[str]:
    if topology.reserved:
        yield "reserved"
    for reserved in topology.reserved:
        kind = "I/O" if reserved.space == "io" else "memory"
        yield f"   {kind} {range_text(reserved.range, reserved.space)} {reserved.what}"
