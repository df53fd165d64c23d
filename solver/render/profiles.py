"""Kinds of devices one can plug in, for a person and as JSON."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from models.bus_numbers import bridges_in
from models.profiles_shapes import Profile
from models.resources import format_size
from models.topology import Bar, Function, RootBus, Topology, bar_name
from models.topology_document import topology_document
from solver.render.columns import columns
from solver.render.words import bar_kind, bar_size, count

PROFILES_FORMAT = "barplan-profiles/1"


def profiles_text(profiles: Mapping[str, Profile], *, whole: bool) -> str:
    """Every device with its BARs, one line each; with ``whole`` every BAR on a line of its own."""
    if not whole:
        return columns((profile.name, _short(profile), profile.what) for profile in profiles.values())
    return "\n".join("\n".join(_block(profile)) + "\n" for profile in profiles.values())


def profiles_document(profiles: Mapping[str, Profile]) -> dict[str, Any]:
    """The same as a document; functions are written as in a topology document."""
    return {
        "format": PROFILES_FORMAT,
        "profiles": [
            {
                "name": profile.name,
                "what": profile.what,
                "source": profile.source,
                "functions": topology_document(Topology((RootBus(0, 0, (), profile.functions),)))["root_buses"][0][
                    "functions"
                ],
            }
            for profile in profiles.values()
        ],
    }


def _short(profile: Profile) -> str:
    """``16M, 128G, 32M``: the sizes of its BARs, equal ones counted, and how many bridges there are."""
    sizes = [_size(bar) for bar in profile.bars]
    text = ", ".join(
        f"{number} x {size}" if number > 1 else size
        for size, group in itertools.groupby(sizes)
        for number in [len(list(group))]
    )
    bridges = bridges_in(profile.functions)
    return f"{text}, {count(bridges, 'bridge')}" if bridges else text


def _size(bar: Bar) -> str:
    text = format_size(bar.size) + (" I/O" if bar.space == "io" else "")
    if bar.index == "rom":
        return f"ROM {text}"
    return f"VF {text} x {bar.copies}" if isinstance(bar.index, str) else text


def _block(profile: Profile) -> Iterator[str]:
    yield f"{profile.name}: {profile.what}"
    yield from _functions(profile.functions, "  ")
    yield f"  source: {profile.source}"


def _functions(functions: Sequence[Function], indent: str) -> Iterator[str]:
    """Functions that differ in nothing but their device number stand there once."""
    for _, group in itertools.groupby(functions, _shape):
        alike = list(group)
        first = alike[0]
        many = f"{len(alike)} x " if len(alike) > 1 else ""
        kind = "function"
        if first.bridge is not None:
            kind = "bridge, hotplug port" if first.bridge.hotplug else "bridge"
        yield f"{indent}{many}{kind}{f' [{first.id}]' if first.id else ''}"
        yield from _bars(first.bars, indent + "  ")
        if first.bridge is not None:
            yield from _functions(first.bridge.functions, indent + "  ")


def _bars(bars: Iterable[Bar], indent: str) -> Iterator[str]:
    rows = [
        (bar_name(bar.index), "I/O" if bar.space == "io" else bar_kind(bar), bar_size(bar) + _sizes(bar))
        for bar in bars
    ]
    yield from columns(rows, indent=indent).splitlines()


def _sizes(bar: Bar) -> str:
    return f", resizable from {format_size(bar.sizes[0])} to {format_size(bar.sizes[-1])}" if bar.sizes else ""


def _shape(function: Function) -> object:
    return function.id, function.class_code, function.bars, function.bridge
