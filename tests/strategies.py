"""Random machines for property tests: any topology a document can hold, sensible or not."""

from __future__ import annotations

from hypothesis import strategies as st

from models.resources import ADDRESS_LIMIT, FunctionAddress, Range, Space, function_address
from models.topology import (
    BAR_INDICES,
    Bar,
    Bridge,
    BridgeWindow,
    CardbusWindow,
    Function,
    Reserved,
    RootBus,
    RootWindow,
    Topology,
)

spaces: st.SearchStrategy[Space] = st.sampled_from(("io", "mem"))
texts = st.text(st.characters(codec="utf-8"), max_size=8)
names = st.none() | texts.filter(lambda text: text.splitlines() in ([], [text]))
"""Of drivers: a document refuses those of several lines."""
bus_numbers = st.none() | st.integers(1, 255)


@st.composite
def ranges(draw: st.DrawFn, limit: int = ADDRESS_LIMIT) -> Range:
    start = draw(st.integers(0, limit - 1))
    return Range(start, draw(st.integers(start + 1, limit)))


@st.composite
def bars(draw: st.DrawFn, index: int | str) -> Bar:
    fixed = draw(st.booleans())
    size = draw(st.integers(1, 1 << 40) if fixed else st.integers(0, 40).map(lambda bits: 1 << bits))
    copies = draw(st.integers(1, 64))
    return Bar(
        index,
        draw(spaces),
        size,
        draw(st.sampled_from((32, 64))),
        draw(st.booleans()),
        draw(st.none() | st.integers(0, ADDRESS_LIMIT - size * copies)),
        copies,
        tuple(draw(st.lists(st.integers(0, 63).map(lambda bits: 1 << bits), max_size=3))),
        fixed,
        draw(st.booleans()),
    )


@st.composite
def bridges(draw: st.DrawFn, functions: tuple[Function, ...]) -> Bridge:
    windows = []
    if draw(st.booleans()):
        width, granularity = draw(st.sampled_from((16, 32))), draw(st.sampled_from((1024, 4096)))
        windows.append(BridgeWindow("io", width, draw(st.none() | ranges()), granularity))
    cardbus = [CardbusWindow(draw(spaces), draw(ranges()), draw(st.booleans())) for _ in range(draw(st.integers(0, 2)))]
    if draw(st.booleans()):
        windows.append(BridgeWindow("mem", 32, draw(st.none() | ranges())))
    if draw(st.booleans()):
        windows.append(BridgeWindow("pref", draw(st.sampled_from((32, 64))), draw(st.none() | ranges())))
    return Bridge(
        None,
        draw(bus_numbers),
        draw(st.booleans()),
        draw(st.booleans()),
        tuple(windows),
        functions,
        tuple(cardbus),
        draw(st.booleans()),
        draw(st.sampled_from((0, 10, 16))),
    )


@st.composite
def topologies(draw: st.DrawFn) -> Topology:
    """A machine of up to a dozen functions on up to three root buses."""
    count = 0

    def function(depth: int) -> Function:
        nonlocal count
        count += 1
        address = FunctionAddress(function_address(draw(st.sampled_from((0, 0x10000))), count, 0, 0))
        known = draw(st.booleans())
        indices = draw(st.lists(st.sampled_from(BAR_INDICES), unique=True, max_size=3))
        bridge = None
        if depth < 3 and draw(st.booleans()):
            bridge = draw(bridges(tuple(function(depth + 1) for _ in range(draw(st.integers(0, 2))))))
        return Function(
            address,
            draw(names),
            draw(names),
            draw(names) if known else None,
            known,
            tuple(draw(bars(index)) for index in indices),
            bridge,
        )

    roots = []
    for domain in range(draw(st.integers(0, 3))):
        windows = draw(st.lists(root_windows(domain), max_size=2))
        functions = tuple(function(0) for _ in range(draw(st.integers(0, 2))))
        roots.append(RootBus(domain, draw(st.integers(0, 255)), tuple(windows), functions))
    reserved = [Reserved(draw(spaces), draw(ranges()), draw(texts)) for _ in range(draw(st.integers(0, 2)))]
    return Topology(tuple(roots), draw(texts), tuple(reserved))


@st.composite
def root_windows(draw: st.DrawFn, domain: int) -> RootWindow:
    """A window in a part of the address space that belongs to this domain alone."""
    base = (domain + 1) << 60
    inside = draw(ranges(1 << 60))
    offset = draw(st.integers(-(1 << 30), 1 << 30)) << 20
    space: Space = draw(spaces)
    return RootWindow(space, Range(base + inside.start, base + inside.end), draw(st.booleans()), offset)
