"""Makes one observation of several that describe the same machine.

Identity and sizes come from whichever source knows; the current state (addresses,
windows, bus numbers) from the best source: sysfs, then an lspci listing with sizes, then the
kernel log, then bare config space, which may be of another day and holds bus addresses. The log
is older than a listing: what it shows beside a whole listing was unplugged or hidden since.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from models.resources import FunctionAddress, split_function_address
from models.sources.iomem import is_function_name
from models.sources.observation import Observation, SeenBar, SeenFunction, SeenRootBus, SeenWindow
from models.topology import BarIndex
from models.words import agree, count

_RANKS = {"sysfs": 4, "lspci": 3, "kernel log": 2}
_BARE_CONFIG = 1
_WHOLE_SHARE = 0.6
"""A listing with a smaller share of all known functions is a selection (``lspci -d`` or ``-s``), no whole machine."""


@dataclass(slots=True)
class Merged:
    """One machine: the merged observation, and the listings it was checked against.

    Attributes
    ----------
    vanished
        Functions that only a log knows although a whole listing is there; they were left out.
    moved
        BARs and windows whose addresses differ between the kept state and another source's.
    """

    observation: Observation
    vanished: list[FunctionAddress] = field(default_factory=list)
    moved: int = 0
    compared: int = 0


def merge(observations: Sequence[Observation]) -> Merged:
    """Merge observations of one machine; notes of all are kept, in order."""
    merged = Merged(Observation(kind="merged", source="+".join(dict.fromkeys(o.source for o in observations))))
    result = merged.observation
    ranked = sorted(observations, key=_rank)
    for observation in ranked:
        for function in observation.functions.values():
            known = result.functions.get(function.address)
            if known is None or _another_device(known, function):
                result.functions[function.address] = _copy(function)
            else:
                _fold(known, function, merged)
        _fold_root_buses(result, observation)
        result.machine = observation.machine or result.machine
        result.kernel = observation.kernel or result.kernel
        result.names_drivers = result.names_drivers or observation.names_drivers
    for observation in observations:
        result.reserved.extend(entry for entry in observation.reserved if entry not in result.reserved)
        result.ranges.extend(observation.ranges)
        result.failures.extend(observation.failures)
        result.notes.extend(observation.notes)
    _sizes_from_ranges(result)
    _drop_vanished(merged, ranked)
    if merged.moved:
        kept = next(o for o in reversed(ranked) if o.functions)
        result.notes.append(
            f"{merged.moved} of {merged.compared} addresses differ between the sources (another boot, or moved since): "
            f"those of {kept.source} were taken where it has them"
        )
    return merged


def _rank(observation: Observation) -> int:
    if observation.kind.startswith("lspci") and not _has_sizes(observation):
        return _BARE_CONFIG
    return next((rank for kind, rank in _RANKS.items() if observation.kind.startswith(kind)), 0)


def _has_sizes(observation: Observation) -> bool:
    return any(bar.size is not None for function in observation.functions.values() for bar in function.bars.values())


def _copy(function: SeenFunction) -> SeenFunction:
    return replace(
        function,
        bars={index: replace(bar) for index, bar in function.bars.items()},
        windows={kind: replace(window) for kind, window in function.windows.items()},
        cardbus=list(function.cardbus),
    )


def _another_device(known: SeenFunction, better: SeenFunction) -> bool:
    """The address belongs to two devices: bus numbers changed between the sources, so the lesser one says nothing."""
    if known.id is not None and better.id is not None:
        return known.id != better.id
    return known.header is not None and better.header is not None and known.header != better.header


def _fold(known: SeenFunction, better: SeenFunction, merged: Merged) -> None:
    """Lay a better source over what is known of a function."""
    if better.driver_known:
        known.driver, known.driver_known = better.driver, True
    elif better.driver is not None and not known.driver_known:
        known.driver = better.driver
    for name in ("id", "class_code", "header", "parent", "hotplug", "subtractive", "isa", "vga", "virtual"):
        value = getattr(better, name)
        if value is not None and not (name == "class_code" and len(value) < len(known.class_code or "")):
            setattr(known, name, value)
    if better.secondary is not None:
        known.secondary, known.subordinate = better.secondary, better.subordinate
    known.cardbus = list(better.cardbus) or known.cardbus
    for index, bar in _known_indices(known.bars, better.bars).items():
        old = known.bars.get(index)
        known.bars[index] = replace(bar) if old is None else _better_bar(old, bar, merged)
    for kind, window in better.windows.items():
        old_window = known.windows.get(kind)
        known.windows[kind] = replace(window) if old_window is None else _better_window(old_window, window, merged)


def _known_indices(known: dict[BarIndex, SeenBar], better: dict[BarIndex, SeenBar]) -> dict[BarIndex, SeenBar]:
    """The better source's BARs under the indices the other source knows.

    ``lspci -v`` prints no index, so its reader has to count; a log's indices are exact. BARs of the same space,
    size and address, then of the same space and size, are the same BAR.
    """
    left = {index: bar for index, bar in known.items() if isinstance(index, int)}
    result: dict[BarIndex, SeenBar] = {}
    pending = {index: bar for index, bar in better.items() if isinstance(index, int)}
    for same_address in (True, False):
        for index, bar in list(pending.items()):
            candidates = [
                old_index
                for old_index, old in left.items()
                if (old.space, old.size) == (bar.space, bar.size)
                and bar.size is not None
                and (not same_address or old.address == bar.address)
            ]
            if candidates:
                chosen = index if index in candidates else candidates[0]
                result[chosen] = replace(bar, index=chosen)
                del left[chosen], pending[index]
    for any_index, bar in better.items():
        if isinstance(any_index, str) or (any_index in pending and any_index not in result):
            result[any_index] = bar
    return result


def _better_bar(old: SeenBar, bar: SeenBar, merged: Merged) -> SeenBar:
    """The better source's BAR, with what it does not say filled in from the other one."""
    says_state = bar.assigned is not None or bar.address is not None
    if old.address is not None and bar.address is not None:
        merged.compared += 1
        merged.moved += old.address != bar.address
    return replace(
        bar,
        size=bar.size or old.size,
        width=bar.width or old.width,
        prefetchable=old.prefetchable if bar.prefetchable is None else bar.prefetchable,
        address=bar.address if says_state else old.address,
        assigned=bar.assigned if says_state else old.assigned,
        initial=old.initial if bar.initial is None else bar.initial,
        copies=bar.copies or old.copies,
        sizes=bar.sizes or old.sizes,
        fixed=bar.fixed or old.fixed,
        enabled=old.enabled if bar.enabled is None else bar.enabled,
    )


def _better_window(old: SeenWindow, window: SeenWindow, merged: Merged) -> SeenWindow:
    """The better source's window, with what it does not say filled in from the other one."""
    says_state = window.closed is not None or window.range is not None
    if old.range is not None and window.range is not None:
        merged.compared += 1
        merged.moved += old.range != window.range
    return replace(
        window,
        range=window.range if says_state else old.range,
        closed=window.closed if says_state else old.closed,
        width=window.width or old.width,
        granularity=window.granularity or old.granularity,
        initial=old.initial if window.initial is None else window.initial,
    )


def _fold_root_buses(result: Observation, observation: Observation) -> None:
    """Root buses of logs and sysfs; /proc/iomem only has candidates, which are judged when the tree is known."""
    if observation.kind.startswith(("iomem", "ioports")):
        return
    for key, seen in observation.root_buses.items():
        known = result.root_buses.setdefault(key, SeenRootBus(*key))
        known.last_bus = known.last_bus if seen.last_bus is None else seen.last_bus
        known.windows = list(seen.windows) or known.windows


def _sizes_from_ranges(result: Observation) -> None:
    """A BAR with an address and no size has the size of the range of its function that begins there.

    A range holds all copies of a VF BAR.
    """
    sizes = {
        (seen.name, seen.space, seen.range.start): seen.range.size
        for seen in result.ranges
        if is_function_name(seen.name)
    }
    for function in result.functions.values():
        for bar in function.bars.values():
            if bar.size is None and bar.address is not None:
                size = sizes.get((function.address, bar.space, bar.address))
                copies = bar.copies or 1
                if size is not None and size % copies == 0:
                    bar.size = size // copies


def _drop_vanished(merged: Merged, observations: Sequence[Observation]) -> None:
    """Leave out functions that a log saw and a whole listing of the machine does not show.

    What stands on a root bus cannot be unplugged: firmware hides it, and its BARs still decode. It is kept, fixed.
    """
    listed: set[FunctionAddress] = set()
    logged: set[FunctionAddress] = set()
    for observation in observations:
        (logged if observation.kind == "kernel log" else listed).update(observation.functions)
    functions = merged.observation.functions
    if not logged or not _is_whole(listed, logged, merged.observation):
        return
    roots = set(merged.observation.root_buses)
    lead = _led_to(merged.observation)
    needed = {split_function_address(address)[:2] for address in listed} - {
        (split_function_address(address)[0], functions[address].secondary) for address in listed
    }
    hidden = []
    for address in sorted(logged - listed):
        function = functions[address]
        bus = split_function_address(address)[:2]
        behind = (bus[0], function.secondary)
        if behind in needed:
            continue
        if bus in roots or bus not in lead:
            hidden.append(address)
            function.driver_known = function.driver_known or merged.observation.names_drivers  # no device, no driver
            for bar in function.bars.values():
                bar.fixed = True
        else:
            merged.vanished.append(address)
            del functions[address]
    _note(merged, hidden, "on a root bus", "in the log and not in the listing (hidden by firmware): kept, fixed")
    _note(merged, merged.vanished, "of the log", "not in the listing (unplugged since): left out")


def _is_whole(listed: set[FunctionAddress], logged: set[FunctionAddress], merged: Observation) -> bool:
    """A listing of the whole machine has most of what is known, and device 0 of a bus that no bridge leads to."""
    if len(listed) < _WHOLE_SHARE * len(listed | logged):
        return False
    lead = _led_to(merged)
    return any(
        split_function_address(address)[2:] == (0, 0) and split_function_address(address)[:2] not in lead
        for address in listed
    )


def _led_to(observation: Observation) -> set[tuple[int, int]]:
    """Domain and number of every bus that a bridge leads to."""
    return {
        (split_function_address(address)[0], function.secondary)
        for address, function in observation.functions.items()
        if function.secondary
    }


def _note(merged: Merged, addresses: list[FunctionAddress], which: str, text: str) -> None:
    if addresses:
        names = ", ".join(addresses[:6]) + (", ..." if len(addresses) > 6 else "")
        merged.observation.notes.append(
            f"{count(len(addresses), 'function')} {which} {agree(len(addresses), 'is', 'are')} {text}: {names}"
        )
