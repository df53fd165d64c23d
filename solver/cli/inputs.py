"""From the command line to a machine and a request: reading, editing, naming BARs."""

from __future__ import annotations

import math
import sys
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from models.errors import InputError

if TYPE_CHECKING:
    from models.drivers import DriverTable
    from models.sources.machine import Reading
    from models.topology import BarKey, Topology
    from solver.cli.options import SharedOptions
    from solver.request import Request


def read_machine(inputs: Sequence[str], given: SharedOptions) -> Reading:
    """Read the machine that ``inputs`` tell of and change it as asked.

    Raises
    ------
    InputError
        If a text cannot be read or an option names something that is not there.
    """
    from models.sources import machine

    reading = machine.read_machine(inputs, stdin=sys.stdin)
    return edit_machine(reading, given)


def edit_machine(reading: Reading, given: SharedOptions) -> Reading:
    """The machine with functions removed, devices added, VFs set and drivers named, in this order."""
    if not (given.plug or given.unplug or given.profiles or given.vfs or given.driver):
        return reading
    from models import edit
    from models.profiles_file import known_profiles

    topology = reading.topology
    for value in given.unplug:
        topology = edit.unplug(topology, value)
    profiles = known_profiles(None if given.profiles is None else Path(given.profiles))
    for value in given.plug:
        topology = edit.plug(topology, value, profiles)
    for value in given.vfs:
        topology = edit.set_vfs(topology, value)
    for value in given.driver:
        topology = edit.set_driver(topology, value)
    return replace(reading, topology=topology)


def make_request(topology: Topology, given: SharedOptions) -> Request:
    """The request that the options spell.

    Raises
    ------
    InputError
        If a BAR or an objective is unknown, or a BAR is both pinned and freed, or fixed and freed.
    """
    from models.mobility import Policy
    from models.scope import make_scope
    from models.weights import parse_weights
    from solver.request import PRESETS, Request, parse_minimize

    if given.policy not in list(Policy):
        raise InputError(f"unknown policy {given.policy!r}, expected one of {', '.join(Policy)}", source="--policy")
    pins, frees = find_bars(topology, given.pin, "--pin"), find_bars(topology, given.free, "--free")
    for name in given.free:
        refuse_fixed(topology, name)
    if pins & frees:
        raise InputError(f"{min(map(str, pins & frees))} is also named by --pin", source="--free")
    resizes = find_sizes(topology, given.resize)
    scope = make_scope(topology, domains=given.domain, under=given.under, keep_root_bus=given.keep_root_bus)
    outside = scope.bars_outside(topology) if scope.bounded else {}
    for option, keys in (("--free", frees), ("--resize", resizes.keys())):
        for key in sorted(keys & outside.keys(), key=str):
            raise InputError(f"{key} stays: {outside[key]}", source=option)
    if pins & resizes.keys():
        raise InputError(f"{min(map(str, pins & resizes.keys()))} is also named by --pin", source="--resize")
    return Request(
        policy=Policy(given.policy),
        minimize=parse_minimize(given.minimize, Policy(given.policy)),
        pins=pins,
        frees=frees,
        time_limit=None if given.time_limit is None or math.isinf(given.time_limit) else given.time_limit,
        workers=given.workers,
        seed=given.seed,
        weights=parse_weights(topology, given.weight),
        drivers=driver_table(given),
        resizes=resizes,
        window_rule=given.window_rule,
        whole_functions=given.minimize in PRESETS,
        scope=scope,
    )


def refuse_fixed(topology: Topology, name: str) -> None:
    """Stop where ``--free`` names nothing but what is fixed under every policy.

    Raises
    ------
    InputError
        If that is so.
    """
    keys, bars = find_bars(topology, [name], "--free"), dict(topology.bars())
    if all(bars[key].fixed for key in keys):
        raise InputError(f"{min(map(str, keys))} is fixed, under every policy", source="--free")


def find_sizes(topology: Topology, spelled: Iterable[str]) -> dict[BarKey, tuple[int, ...]]:
    """The BARs that the values of ``--resize`` name, with the sizes each may take; the last one counts."""
    from models.resizing import parse_resize

    found: dict[BarKey, tuple[int, ...]] = {}
    for spec in spelled:
        found |= parse_resize(topology, spec)
    return found


def with_sizes(reading: Reading, given: SharedOptions) -> Reading:
    """The machine with every BAR that ``--resize`` gives one size at that size, for verbs that solve nothing."""
    from models.resizing import resize

    if not given.resize:
        return reading
    return replace(reading, topology=resize(reading.topology, find_sizes(reading.topology, given.resize)))


def driver_table(given: SharedOptions) -> DriverTable:
    """The built-in table of drivers, with the rows of ``--drivers``."""
    from models.drivers import BUILT_IN

    if given.drivers is None:
        return BUILT_IN
    from models.driver_file import read_drivers

    return read_drivers(Path(given.drivers))


def refuse_open_sizes(request: Request) -> None:
    """Stop where ``--resize`` leaves a size open and no objective would choose it.

    Raises
    ------
    InputError
        If that is so.
    """
    from solver.request import CHOOSE_SIZES

    if any(len(sizes) > 1 for sizes in request.resizes.values()) and CHOOSE_SIZES.isdisjoint(request.minimize):
        raise InputError("=any leaves the size to the objective rebar; add --minimize rebar", source="--resize")


def for_engine(request: Request, engine: str, spelled: Sequence[str]) -> Request:
    """The request as one engine gets it: with its own options, and without a scope where it knows none."""
    from models.scope import EVERYTHING
    from solver.engines import EXACT

    scope = request.scope if engine in EXACT else EVERYTHING
    return replace(request, options=options_for(engine, spelled), scope=scope)


def refuse_other_engines(engine: str, spelled: Sequence[str]) -> None:
    """Stop where ``--option`` is for an engine that does not run, or for the one that has none.

    Raises
    ------
    InputError
        If that is so.
    """
    for text in spelled:
        name, colon, _ = text.partition("=")[0].rpartition(":")
        if engine == "cp-sat" and not colon:
            raise InputError(
                f"{text}: cp-sat has only cp-sat:without=LEVERS; name another engine with --engine", source="--option"
            )
        if colon and name != engine:
            raise InputError(f"{text} is for {name}, but {engine} runs; expected --engine {name}", source="--option")


def refuse_scope(request: Request, engine: str) -> None:
    """Stop where a plan of ``engine`` is asked for, within bounds that the engine does not know.

    Raises
    ------
    InputError
        If that is so.
    """
    from solver.engines import EXACT

    if request.scope.bounded and engine not in EXACT:
        known = ", ".join(sorted(EXACT))
        raise InputError(f"places the whole machine; only {known} keeps to {request.scope}", source=engine)


def options_for(engine: str, spelled: Sequence[str]) -> dict[str, str]:
    """What the values of ``--option`` say to one engine: those that name it, and those that name none.

    Raises
    ------
    InputError
        If a value is not of the form ``[ENGINE:]KEY=VALUE`` or names an unknown engine.
    """
    from solver.engines import ENGINES

    general: dict[str, str] = {}
    own: dict[str, str] = {}
    for text in spelled:
        left, equals, value = text.partition("=")
        name, colon, key = left.rpartition(":")
        if not equals or not key:
            raise InputError(f"expected [ENGINE:]KEY=VALUE, found {text!r}", source="--option")
        if colon and name not in ENGINES:
            raise InputError(f"unknown engine {name!r}, expected one of {', '.join(ENGINES)}", source="--option")
        if not colon and engine != "cp-sat":
            general[key] = value
        elif name == engine:
            own[key] = value
    return general | own


def find_bars(topology: Topology, names: Iterable[str], option: str) -> frozenset[BarKey]:
    """The BARs that the values of ``option`` name: one BAR, or all of a function."""
    from models import edit

    return frozenset().union(*(edit.find_bars(topology, name, option) for name in names))
