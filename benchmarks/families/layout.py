"""Addresses for a machine that is being made: the way firmware gives them, and what is left after years of hotplug.

Nothing here is shared with an engine, so that instances stay the same whatever becomes of those.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from benchmarks.families.tree import Device, Host, Port, Slot
from models.resources import IO_REACH, WINDOW_KINDS, Range, Size, WindowKind, align_up
from models.topology import default_granularity

LOW, HIGH, PORTS = 0x4000_0000, 1 << 40, 0x1000
"""Bus addresses at which the root windows of a host begin: below 4 GiB, above it, I/O."""


@dataclass(eq=False, slots=True)
class Block:
    """A BAR, or a window with what it holds, to be placed in one piece."""

    what: Slot | Port
    kind: WindowKind
    size: Size
    alignment: Size
    at: int = 0


def place(hosts: list[Host], *, reserve_ports: bool = True) -> None:
    """Give everything that is not optional an address, as firmware does, and each host windows that just hold it.

    Windows are sized from the leaves up; what stands on a bus is sorted by alignment, the largest first, and put one
    behind the other.
    """
    for host in hosts:
        for kind in WINDOW_KINDS:
            start = {"io": PORTS, "mem": LOW, "pref": HIGH}[kind]
            blocks = _blocks(host.children, kind, reserve_ports)
            if not blocks:
                continue
            end = _line_up(blocks, start)
            for block in blocks:
                _settle(block, reserve_ports)
            host.windows[kind] = Range(start, align_up(end, default_granularity(kind)))
            if kind == "io" and end > IO_REACH:
                raise ValueError("more I/O than 64 KiB")
            if kind == "mem" and end > 0xFEC0_0000:
                raise ValueError(f"more than 3 GiB below 4 GiB: {end:#x}")


def window_of(device: Device, slot: Slot, port: Port | None) -> WindowKind | None:
    """The kind of window a BAR goes into; none for what is left without an address."""
    if slot.bar.optional:
        return None
    kinds = WINDOW_KINDS if port is None else port.kinds
    if slot.bar.space == "io":
        return "io" if "io" in kinds else None
    return "pref" if slot.bar.prefetchable and slot.bar.width == 64 and "pref" in kinds else "mem"


def _blocks(nodes: list[Device | Port], kind: WindowKind, reserve: bool, port: Port | None = None) -> list[Block]:
    blocks = []
    for node in nodes:
        if isinstance(node, Device):
            blocks += [
                Block(slot, kind, slot.bar.span, slot.bar.size)
                for slot in node.slots
                if window_of(node, slot, port) == kind
            ]
        elif kind in node.kinds:
            block = _window(node, kind, reserve)
            if block is not None:
                blocks.append(block)
    return blocks


def _window(port: Port, kind: WindowKind, reserve: bool) -> Block | None:
    grain = default_granularity(kind)
    inner = _blocks(port.children, kind, reserve, port)
    least = port.reserve.get(kind, 0) if reserve else 0
    if not inner and not least:
        return None
    size = align_up(max(_line_up(inner, 0), least), grain)
    return Block(port, kind, size, max([grain, *(block.alignment for block in inner)]))


def _line_up(blocks: list[Block], start: int) -> int:
    """Put blocks one behind the other; where the last one ends."""
    blocks.sort(key=lambda block: (-block.alignment, -block.size))
    position = start
    for block in blocks:
        block.at = align_up(position, block.alignment)
        position = block.at + block.size
    return position


def _settle(block: Block, reserve: bool) -> None:
    """Carry the address of a block over to what is in it."""
    if isinstance(block.what, Slot):
        block.what.at = block.at
        return
    port = block.what
    port.windows[block.kind] = Range.of(block.at, block.size)
    inner = _blocks(port.children, block.kind, reserve, port)
    _line_up(inner, block.at)
    for one in inner:
        _settle(one, reserve)


def remove_new(hosts: list[Host]) -> None:
    """Take the addresses of new devices away, and let what may move close the gaps towards the start of each window.

    What may not move stays, so putting everything back where it was is a legal plan with every new device in it.
    """
    for host in hosts:
        for device in host.devices():
            if device.new:
                for slot in device.slots:
                    slot.at = None
        for kind in WINDOW_KINDS:
            if kind in host.windows:
                for child in host.children:
                    if isinstance(child, Port):
                        _close_gaps(child, kind)
                _slide(host.children, kind, host.windows[kind].start)


def _close_gaps(port: Port, kind: WindowKind) -> None:
    """Slide what stands in a window, from the leaves up, and draw the window in."""
    if kind not in port.windows:
        return
    for child in port.children:
        if isinstance(child, Port):
            _close_gaps(child, kind)
    end = _slide(port.children, kind, port.windows[kind].start)
    start = min((block.at for block in _standing(port.children, kind)), default=0)
    grain = default_granularity(kind)
    if end is None:
        del port.windows[kind]
    else:
        port.windows[kind] = Range(start // grain * grain, align_up(end, grain))


def _standing(nodes: list[Device | Port], kind: WindowKind) -> Iterator[Block]:
    """What stands on a bus in one kind of window, where it is now."""
    for node in nodes:
        if isinstance(node, Device):
            for slot in node.slots:
                if slot.at is not None and _kind_at(slot) == kind:
                    yield Block(slot, kind, slot.bar.span, slot.bar.size, slot.at)
        elif kind in node.windows:
            range_ = node.windows[kind]
            yield Block(node, kind, range_.size, _alignment(node, kind), range_.start)


def _kind_at(slot: Slot) -> WindowKind:
    if slot.bar.space == "io":
        return "io"
    return "pref" if slot.at is not None and slot.at >= 1 << 32 else "mem"


def _alignment(port: Port, kind: WindowKind) -> Size:
    inner = (block.alignment for block in _standing(port.children, kind))
    return max([default_granularity(kind), *inner])


def _slide(nodes: list[Device | Port], kind: WindowKind, start: int) -> int | None:
    """Move everything movable to the lowest free place before its own; where the last thing ends."""
    blocks = sorted(_standing(nodes, kind), key=lambda block: block.at)
    pinned = {id(block) for block in blocks if _is_pinned(block.what, nodes)}
    for block in blocks:
        if id(block) in pinned:
            continue
        others = sorted((other.at, other.at + other.size) for other in blocks if other is not block)
        # A window's start may be no multiple of its alignment: it moves in steps of that.
        position = start + (block.at - start) % block.alignment
        for low, high in others:
            if position + block.size <= low:
                break
            if high > position:
                position = high + (block.at - high) % block.alignment
        if position < block.at:
            _shift(block.what, kind, position - block.at)
            block.at = position
    return max((block.at + block.size for block in blocks), default=None)


def _is_pinned(what: Slot | Port, nodes: list[Device | Port]) -> bool:
    if isinstance(what, Slot):
        return any(isinstance(node, Device) and node.pinned and what in node.slots for node in nodes)
    return any(
        child.pinned if isinstance(child, Device) else _is_pinned(child, child.children) for child in what.children
    )


def _shift(what: Slot | Port, kind: WindowKind, distance: int) -> None:
    if isinstance(what, Slot):
        assert what.at is not None
        what.at += distance
        return
    for block in list(_standing(what.children, kind)):
        _shift(block.what, kind, distance)
    what.windows[kind] = Range.of(what.windows[kind].start + distance, what.windows[kind].size)
