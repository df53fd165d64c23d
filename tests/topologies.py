"""Machines in a line or two, for everybody's tests.

Ranges are pairs with both ends included, as in the documents; sizes may be written ``"16M"``; addresses of
functions may leave the domain out. A bridge has all three windows, closed, unless told otherwise::

    machine(bridge("00:01.0", function("01:00.0", bar(0, "16M", at=0x80000000)), mem=(0x80000000, 0x80FFFFFF)))
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from models.placement import Placement
from models.resources import (
    Address,
    FunctionAddress,
    Range,
    Size,
    Space,
    WindowKind,
    parse_function_address,
    parse_number,
    split_function_address,
)
from models.topology import (
    Bar,
    BarIndex,
    BarKey,
    Bridge,
    BridgeWindow,
    CardbusWindow,
    Function,
    Reserved,
    RootBus,
    RootWindow,
    Topology,
    WindowKey,
    default_granularity,
    default_optional,
)

Pair = tuple[int, int]
"""First and last address."""

CLOSED: tuple[()] = ()
"""A window that the bridge implements and that is closed; ``None`` = not implemented."""

UNKNOWN = "?"
"""A driver nobody knows the name of; ``None`` = no driver is bound."""

MEM: Pair = (0x80000000, 0xFEBFFFFF)
PREF: Pair = (0x4000000000, 0x7FFFFFFFFF)
IO: Pair = (0x0, 0xFFFF)
"""The root windows a machine gets unless told otherwise."""


def bar(
    index: BarIndex = 0,
    size: Size | str = "1M",
    *,
    width: int = 32,
    pref: bool = False,
    at: Address | None = None,
    io: bool = False,
    copies: int = 1,
    sizes: Iterable[Size | str] = (),
    fixed: bool = False,
    optional: bool | None = None,
) -> Bar:
    """One BAR; unassigned unless ``at`` says where."""
    return Bar(
        index,
        "io" if io else "mem",
        parse_number(size),
        width,
        pref,
        at,
        copies,
        tuple(parse_number(other) for other in sizes),
        fixed,
        default_optional(index) if optional is None else optional,
    )


def function(address: str, *bars: Bar, driver: str | None = None, class_code: str | None = None) -> Function:
    """A function with these BARs; no driver is bound unless named."""
    known = driver != UNKNOWN
    return Function(parse_function_address(address), None, class_code, driver if known else None, known, bars)


def bridge(
    address: str,
    *functions: Function,
    io: Pair | tuple[()] | None = CLOSED,
    mem: Pair | tuple[()] | None = CLOSED,
    pref: Pair | tuple[()] | None = CLOSED,
    io_width: int = 16,
    io_granularity: Size | str | None = None,
    pref_width: int = 64,
    secondary: int | None = None,
    subordinate: int | None = None,
    subtractive: bool = False,
    hotplug: bool = False,
    bars: Iterable[Bar] = (),
    cardbus: Iterable[tuple[Space, Pair, bool]] = (),
    driver: str | None = "pcieport",
    isa: bool = False,
    vga: int = 0,
) -> Function:
    """A bridge with these functions behind it, whose bus number it takes; it passes on those of bridges behind it."""
    if secondary is None and functions:
        secondary = split_function_address(functions[0].address)[1]
    behind = [function.bridge.subordinate or 0 for function in functions if function.bridge is not None]
    subordinate = subordinate or (None if secondary is None else max(secondary, *behind, 0))
    given: tuple[tuple[WindowKind, Pair | tuple[()] | None, int], ...] = (
        ("io", io, io_width),
        ("mem", mem, 32),
        ("pref", pref, pref_width),
    )
    windows = tuple(
        BridgeWindow(
            kind,
            width,
            Range.inclusive(*pair) if pair else None,
            parse_number(io_granularity) if kind == "io" and io_granularity else default_granularity(kind),
        )
        for kind, pair, width in given
        if pair is not None
    )
    return Function(
        parse_function_address(address),
        None,
        "060400",
        driver,
        True,
        tuple(bars),
        Bridge(
            secondary,
            subordinate,
            hotplug,
            subtractive,
            windows,
            functions,
            tuple(CardbusWindow(space, Range.inclusive(*pair), prefetchable) for space, pair, prefetchable in cardbus),
            isa,
            vga,
        ),
    )


def host(
    *functions: Function,
    mem: Pair | None = MEM,
    pref: Pair | None = PREF,
    io: Pair | None = IO,
    offset: int = 0,
    io_offset: int = 0,
    windows: Iterable[RootWindow] = (),
    domain: int = 0,
    bus: int = 0,
) -> RootBus:
    """A root bus with up to one window of each kind, and further ``windows``."""
    made = []
    if io is not None:
        made.append(RootWindow("io", Range.inclusive(*io), offset=io_offset))
    if mem is not None:
        made.append(RootWindow("mem", Range.inclusive(*mem), offset=offset))
    if pref is not None:
        made.append(RootWindow("mem", Range.inclusive(*pref), prefetchable=True, offset=offset))
    return RootBus(domain, bus, (*made, *windows), functions)


def machine(*parts: RootBus | Function, reserved: Iterable[tuple[Space, Pair]] = ()) -> Topology:
    """Root buses as given; functions stand together on root bus 0000:00 with the usual windows."""
    loose = tuple(part for part in parts if isinstance(part, Function))
    roots = tuple(part for part in parts if isinstance(part, RootBus))
    return Topology(
        (*((host(*loose),) if loose else ()), *roots),
        "a test",
        tuple(Reserved(space, Range.inclusive(*pair), "test") for space, pair in reserved),
    )


def key(address: str, index: BarIndex = 0) -> BarKey:
    """The key of a BAR."""
    return BarKey(parse_function_address(address), index)


def window_key(address: str, kind: WindowKind) -> WindowKey:
    """The key of a bridge window."""
    return WindowKey(parse_function_address(address), kind)


def changed(
    topology: Topology,
    bars: Mapping[BarKey, Address | None] | None = None,
    windows: Mapping[WindowKey, Pair | None] | None = None,
) -> Placement:
    """Today's placement with some BARs and windows elsewhere."""
    today = Placement.today(topology)
    new = {key: None if pair is None else Range.inclusive(*pair) for key, pair in (windows or {}).items()}
    return Placement({**today.bars, **(bars or {})}, {**today.windows, **new})


def address(text: str) -> FunctionAddress:
    """The canonical address of a function."""
    return parse_function_address(text)
