"""Resizable BARs a person names: which BAR, and which sizes it may take.

The option is named in errors as on the command line.
"""

from __future__ import annotations

from dataclasses import replace

from models.edit import find_bars
from models.errors import InputError
from models.legality import new_breaches
from models.placement import Placement
from models.resources import Size, format_size, parse_number
from models.topology import Bar, BarKey, Function, Topology

_OPTION = "--resize"


def parse_resize(topology: Topology, spec: str) -> dict[BarKey, tuple[Size, ...]]:
    """The BARs that ``FUNCTION:BAR=SIZE`` names, with the sizes each may take.

    ``=max`` is the largest size the BAR supports, ``=any`` leaves the size open. ``FUNCTION`` without a BAR names
    all of its Resizable BARs.

    Raises
    ------
    InputError
        If the text has another form, there is no such BAR, it is not known to be resizable, it is fixed, or it does
        not support the size.
    """
    name, equals, size = spec.partition("=")
    if not equals or not size.strip():
        raise InputError(
            f"expected FUNCTION:BAR=SIZE, =max or =any such as 0000:01:00.0:1=16G, found {spec!r}", source=_OPTION
        )
    keys = find_bars(topology, name, _OPTION)
    bars = {key: bar for key, bar in topology.bars() if key in keys}
    if len(bars) > 1:
        bars = {key: bar for key, bar in bars.items() if bar.sizes and not bar.fixed}
        if not bars:
            raise InputError(f"{name.strip()} has no BAR that is known to be resizable", source=_OPTION)
    return {key: _sizes(key, bar, size.strip()) for key, bar in bars.items()}


def resize(topology: Topology, sizes: dict[BarKey, tuple[Size, ...]]) -> Topology:
    """The machine with every BAR for which there is one size at that size.

    It stays at its address where it breaks no rule there at the new size; elsewhere it has none.
    """
    for key, (size, *others) in sizes.items():
        if not others:
            today = Placement.today(topology)
            grown = Placement(today.bars, today.windows, {key: size})
            stays = not any(str(key) in breach.parties for breach in new_breaches(topology, grown))
            topology = _with_size(topology, key, size, stays=stays)
    return topology


def release(topology: Topology, sizes: dict[BarKey, Size]) -> Topology:
    """The machine with these BARs at another size and without an address, as a kernel has it when it resizes them."""
    for key, size in sizes.items():
        topology = _with_size(topology, key, size, stays=False)
    return topology


def _with_size(topology: Topology, key: BarKey, size: Size, *, stays: bool) -> Topology:
    def changed(bar: Bar) -> Bar:
        return replace(bar, size=size, address=bar.address if stays else None)

    def change(function: Function) -> Function:
        if function.address != key.function:
            return function
        return replace(function, bars=tuple(changed(bar) if bar.index == key.index else bar for bar in function.bars))

    return topology.map_functions(change)


def _sizes(key: BarKey, bar: Bar, text: str) -> tuple[Size, ...]:
    if bar.fixed:
        raise InputError(f"{key} is fixed and cannot be resized", source=_OPTION)
    if not bar.sizes:
        raise InputError(f'{key} is not known to be resizable; a document says it with "sizes"', source=_OPTION)
    supported = ", ".join(format_size(size) for size in sorted(bar.sizes))
    if text in ("max", "any"):
        return (max(bar.sizes),) if text == "max" else tuple(sorted({bar.size, *bar.sizes}))
    try:
        size = parse_number(text)
    except ValueError:
        raise InputError(f"expected a size, max or any for {key}, found {text!r}", source=_OPTION) from None
    if size not in bar.sizes:
        raise InputError(f"{key} does not support {text}; it supports {supported}", source=_OPTION)
    return (size,)
