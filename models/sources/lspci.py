"""Reads lspci listings: brief or verbose, with names or numbers, with or without a hex dump.

Addresses of BARs are CPU addresses, as current versions of lspci print them. What the text does not tell is taken
from the hex dump, where there is one; a listing that is hex only tells addresses and no sizes.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace

from models.resources import FunctionAddress, function_address, split_function_address
from models.sources.bus_addresses import translate_windows
from models.sources.config_space import ConfigSpace, fill_from_registers
from models.sources.lspci_function import Listed, read_record
from models.sources.lspci_records import Record, looks_like_lspci, records_of
from models.sources.observation import Observation, SeenBar, SeenFunction
from models.topology import BAR_INDICES
from models.words import count

__all__ = ["looks_like_lspci", "read_lspci"]

_VIRTUAL_NAME = re.compile(r"\bVirtual Function\b|\bVF\b")


def read_lspci(text: str, source: str) -> Observation:
    """Everything the lspci listings in a text say of the machine."""
    observation = Observation("lspci", source)
    listed: dict[FunctionAddress, list[Listed]] = {}
    for address, parent, record in _addressed(records_of(text), observation.notes):
        listed.setdefault(address, []).append(read_record(record, address, parent))
    everything = [one for group in listed.values() for one in group]
    observation.names_drivers = any(one.names_driver for one in everything)
    naming = {one.record.listing for one in everything if one.names_driver}
    for one in everything:
        one.function.driver_known = observation.names_drivers and (one.verbose or one.record.listing in naming)
    chosen = [_fullest(group) for group in listed.values()]
    for one in chosen:
        function = _finished(one)
        function.bars = {index: function.bars[index] for index in BAR_INDICES if index in function.bars}
        observation.functions[function.address] = function
    _mark_virtual(chosen, observation.functions)
    _virtual_sizes(observation.functions.values())
    translate_windows(observation)
    observation.notes += _notes(chosen, listed)
    return observation


def _addressed(
    records: Iterable[Record], notes: list[str]
) -> Iterable[tuple[FunctionAddress, FunctionAddress | None, Record]]:
    """Records with their function's address and, in the path view, that of the bridge above.

    The path view without bus numbers (``lspci -P``) is resolved with the bus numbers that bridges print.
    """
    buses: dict[tuple[int, tuple[tuple[int, int], ...]], int] = {}
    unresolved = 0
    for record in records:
        slots = tuple((device, function) for _, device, function in record.bus_path)
        bus, parent = record.shown_bus, None
        if len(slots) > 1:
            above = [shown for shown, _, _ in record.bus_path[:-1]]
            parent_bus = buses.get((record.domain, slots[:-2])) if above[-1] is None else above[-1]
            if bus is None:
                bus = buses.get((record.domain, slots[:-1]))
            if parent_bus is not None:
                parent = replace(record, bus_path=record.bus_path[:-1]).address(parent_bus)
        if bus is None:
            unresolved += 1
            continue
        secondary = _secondary(record)
        if secondary is not None:
            buses[(record.domain, slots)] = secondary
        yield record.address(bus), parent, record
    if unresolved:
        notes.append(f"{count(unresolved, 'function')} left out: lspci -P prints no bus numbers; use lspci -PP -v")


def _secondary(record: Record) -> int | None:
    for line in record.lines:
        match = re.match(r"Bus: primary=[0-9a-f]{2}, secondary=([0-9a-f]{2})\b", line)
        if match is not None:
            return int(match[1], 16)
    return None


def _fullest(group: list[Listed]) -> Listed:
    """The fullest of several listings of one function (the later one of equals), with what others add."""
    best = max(enumerate(group), key=lambda pair: (*pair[1].fullness, pair[0]))[1]
    for other in group:
        function, more = best.function, other.function
        function.id = function.id or more.id
        if len(more.class_code or "") > len(function.class_code or ""):
            function.class_code = more.class_code
        if more.driver_known and not function.driver_known:
            function.driver, function.driver_known = more.driver, True
        function.parent = function.parent or more.parent
        if not best.record.config:
            best.record.config = other.record.config
    return best


def _finished(one: Listed) -> SeenFunction:
    """The function with its BARs in place and what the hex dump adds."""
    config = ConfigSpace(bytes(one.record.config)) if one.record.config else None
    if config is None or not config.responds or one.gone:
        one.place_regions({})
        return one.function
    registers = config.bars()
    one.place_regions(registers)
    if not one.verbose:
        one.function.bars.update(registers)
        sriov = config.sriov()
        if sriov is not None:
            one.function.bars.update({bar.index: replace(bar, copies=sriov.total) for bar in sriov.bars.values()})
    fill_from_registers(one.function, config)
    return one.function


def _mark_virtual(chosen: list[Listed], functions: dict[FunctionAddress, SeenFunction]) -> None:
    """Mark SR-IOV virtual functions: by their physical function's capability, else by name.

    Only ``[virtual]`` regions tell a VF on its host; in a guest, a VF's BARs are real ones.
    """
    numbered = {address: True for one in chosen for address in _enabled_vfs(one)}
    for one in chosen:
        function = one.function
        if not one.verbose and function.address not in numbered:
            continue
        own = one.function.bars.values()
        named = _VIRTUAL_NAME.search(one.record.title) is not None and bool(own)
        if function.address in numbered or (named and one.all_virtual):
            functions[function.address].virtual = True


def _enabled_vfs(one: Listed) -> list[FunctionAddress]:
    """Addresses of the virtual functions a physical function has enabled."""
    if one.vf_stride is None:
        return []
    offset, stride = one.vf_stride
    domain, bus, device, function = split_function_address(one.function.address)
    first = (bus << 8 | device << 3 | function) + offset
    numbers = (first + index * stride for index in range(one.enabled_vfs))
    return [function_address(domain, n >> 8, n >> 3 & 0x1F, n & 7) for n in numbers if n < 1 << 16]


def _virtual_sizes(functions: Iterable[SeenFunction]) -> None:
    """Give VF BARs the size that a virtual function's own region shows."""
    functions = list(functions)
    regions = [bar for function in functions if function.virtual for bar in function.bars.values() if bar.size]
    for function in functions:
        for bar in function.bars.values():
            if str(bar.index).startswith("vf") and bar.size is None and bar.address is not None:
                bar.size = next((region.size for region in regions if _is_slice(region, bar)), None)


def _is_slice(region: SeenBar, block: SeenBar) -> bool:
    if region.address is None or block.address is None or not region.size or f"vf{region.index}" != block.index:
        return False
    distance = region.address - block.address
    return distance % region.size == 0 and 0 <= distance < region.size * (block.copies or 1)


def _notes(chosen: list[Listed], listed: dict[FunctionAddress, list[Listed]]) -> list[str]:
    functions = [one.function for one in chosen]
    unsized = sum(
        bar.size is None for function in functions for bar in function.bars.values() if str(bar.index).startswith("vf")
    )
    twice = sum(len(group) > 1 for group in listed.values())
    counts = (
        (twice, "functions are listed more than once: the fullest listing of each was taken"),
        (sum(one.counted for one in chosen), "functions listed without BAR indices (lspci -v): counted in order"),
        (
            sum(one.gone for one in chosen),
            "functions read as all ones (powered down or gone): their BARs are not known",
        ),
        (unsized, "VF BARs have no known size: lspci prints none for them"),
        (sum(one.hides_vfs for one in chosen), "functions have SR-IOV, but lspci shows VF BARs with -vv only"),
        (sum(one.denied for one in chosen), "functions hide their capabilities: run lspci as root"),
    )
    return [f"{count} {text}" for count, text in counts if count]
