"""What a kind of device consists of, and short words to write one down."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from models.resources import KIB, MIB, FunctionAddress, Size, WindowKind, function_address, split_function_address
from models.topology import Bar, BarIndex, Bridge, BridgeWindow, Function, default_granularity


@dataclass(frozen=True, slots=True)
class Profile:
    """A kind of device one can plug in: one function, several, or a tree of bridges.

    Attributes
    ----------
    what
        What it is, for a person.
    functions
        What stands on the bus it is plugged into, with all behind it. Of an address only device and function number
        mean something; bridges have no bus numbers yet.
    source
        Where the sizes and kinds of its BARs were published.
    """

    name: str
    what: str
    functions: tuple[Function, ...]
    source: str

    def all_functions(self) -> Iterator[tuple[Function, int]]:
        """Every function with the number of bridges of the device above it."""
        yield from _walk(self.functions, 0)

    @property
    def bars(self) -> tuple[Bar, ...]:
        """The BARs of all its functions."""
        return tuple(bar for function, _ in self.all_functions() for bar in function.bars)


def _walk(functions: Sequence[Function], depth: int) -> Iterator[tuple[Function, int]]:
    for function in functions:
        yield function, depth
        if function.bridge is not None:
            yield from _walk(function.bridge.functions, depth + 1)


def card(name: str, what: str, id_: str | None, class_code: str, bars: Sequence[Bar], source: str) -> Profile:
    """A device with one function."""
    return Profile(name, what, (endpoint(id_, class_code, *bars),), source)


def endpoint(id_: str | None, class_code: str | None, *bars: Bar, at: tuple[int, int] = (0, 0)) -> Function:
    """A function with no driver and no addresses; ``at`` is device and function number."""
    return Function(function_address(0, 0, *at), id_, class_code, None, True, tuple(bars))


def port(
    id_: str | None,
    *functions: Function,
    bars: Sequence[Bar] = (),
    at: tuple[int, int] = (0, 0),
    hotplug: bool = False,
    windows: Sequence[WindowKind] = ("io", "mem", "pref"),
) -> Function:
    """A port of a switch, or another bridge, with what stands behind it."""
    made = tuple(
        BridgeWindow(kind, {"io": 16, "mem": 32, "pref": 64}[kind], None, default_granularity(kind)) for kind in windows
    )
    bridge = Bridge(hotplug=hotplug, windows=made, functions=functions)
    return Function(function_address(0, 0, *at), id_, "060400", None, True, tuple(bars), bridge)


def at_slot(function: Function, device: int, number: int = 0) -> Function:
    """The same function with another device and function number."""
    domain, bus, _, _ = split_function_address(function.address or FunctionAddress("0000:00:00.0"))
    return replace(function, address=function_address(domain, bus, device, number))


def mem32(index: BarIndex, size: Size) -> Bar:
    """A 32-bit non-prefetchable memory BAR of ``size`` bytes."""
    return Bar(index, "mem", size)


def mem64(index: BarIndex, size: Size) -> Bar:
    """A 64-bit non-prefetchable memory BAR of ``size`` bytes."""
    return Bar(index, "mem", size, width=64)


def pref(index: BarIndex, size: Size, sizes: Sequence[Size] = ()) -> Bar:
    """A 64-bit prefetchable memory BAR of ``size`` bytes; ``sizes`` are those a Resizable BAR supports."""
    return Bar(index, "mem", size, width=64, prefetchable=True, sizes=tuple(sizes))


def io(index: BarIndex, size: Size) -> Bar:
    """A BAR of ``size`` I/O ports."""
    return Bar(index, "io", size)


def rom(size: Size) -> Bar:
    """An expansion ROM of ``size`` bytes, which may stay without an address."""
    return Bar("rom", "mem", size, prefetchable=True, optional=True)


def vf(index: BarIndex, size: Size, copies: int) -> Bar:
    """A 64-bit prefetchable VF BAR: room for ``copies`` VFs of ``size`` bytes, which may stay without an address."""
    return Bar(index, "mem", size, width=64, prefetchable=True, copies=copies, optional=True)


def vf32(index: BarIndex, size: Size, copies: int) -> Bar:
    """A 32-bit non-prefetchable VF BAR: room for ``copies`` VFs of ``size`` bytes."""
    return Bar(index, "mem", size, copies=copies, optional=True)


def nvidia(largest: Size, sizes: Sequence[Size] = ()) -> tuple[Bar, ...]:
    """The three memory BARs of an NVIDIA GPU."""
    return mem32(0, 16 * MIB), pref(1, largest, sizes), pref(3, 32 * MIB)


NVME_BARS = (mem64(0, 16 * KIB),)
"""Registers and doorbells of an NVMe controller, as large as most have them."""
