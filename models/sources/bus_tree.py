"""Which function stands behind which bridge, from flat facts.

A bridge leads to the bus with its secondary number. Where a source shows the tree itself
(sysfs, the path view of lspci) that decides. A bus that no bridge leads to stands behind the nearest bridge
whose bus range covers it (SR-IOV puts virtual functions on such buses), else it is a root bus.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field

from models.resources import FunctionAddress, split_function_address
from models.sources.observation import Observation, SeenFunction

BusKey = tuple[int, int]
"""Domain and bus number."""


@dataclass(slots=True)
class BusTree:
    """The tree of one machine.

    Attributes
    ----------
    roots
        Functions on each root bus; empty for a root bus with none.
    behind
        Functions behind each bridge that leads anywhere.
    leads_to
        The secondary bus of each such bridge.
    """

    roots: dict[BusKey, list[FunctionAddress]] = field(default_factory=dict)
    behind: dict[FunctionAddress, list[FunctionAddress]] = field(default_factory=dict)
    leads_to: dict[FunctionAddress, BusKey] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


def is_bridge(function: SeenFunction) -> bool:
    """A PCI-to-PCI or CardBus bridge: by header type, else by class, else by what only bridges have."""
    if function.header is not None:
        return function.header in (1, 2)
    if (function.class_code or "").startswith(("0604", "0607", "0609")):
        return True
    return bool(function.windows or function.cardbus) or function.secondary is not None


def is_cardbus(function: SeenFunction) -> bool:
    """A CardBus bridge."""
    return function.header == 2 or (function.header is None and (function.class_code or "").startswith("0607"))


def bus_of(address: FunctionAddress) -> BusKey:
    """Domain and bus of a function."""
    return split_function_address(address)[:2]


def build_tree(observation: Observation) -> BusTree:
    """Put every function behind its bridge or on its root bus; cycles and bad bus numbers become notes."""
    tree = BusTree()
    functions = observation.functions
    leading = _leading_bridges(observation, tree.notes)
    members: dict[BusKey, list[FunctionAddress]] = defaultdict(list)
    for address in functions:
        members[bus_of(address)].append(address)
    _break_cycles(leading, members, tree.notes)
    for key in observation.root_buses:
        if key not in leading:
            tree.roots[key] = []
    tree.leads_to = {bridge: key for key, bridge in leading.items()}
    tree.behind = {bridge: [] for bridge in tree.leads_to}
    for key, addresses in sorted(members.items()):
        if key in tree.roots:
            tree.roots[key] += addresses
        elif key in leading:
            tree.behind[leading[key]] += addresses
        else:
            _place_orphan_bus(tree, observation, key, addresses)
    for group in (*tree.roots.values(), *tree.behind.values()):
        group.sort(key=split_function_address)
    tree.roots = dict(sorted(tree.roots.items()))
    return tree


def _leading_bridges(observation: Observation, notes: list[str]) -> dict[BusKey, FunctionAddress]:
    """The bridge that leads to each bus."""
    claims: dict[BusKey, list[FunctionAddress]] = defaultdict(list)
    unconfigured = []
    for address, function in sorted(observation.functions.items()):
        if not is_bridge(function):
            continue
        domain, bus = bus_of(address)
        if not function.secondary or function.secondary == bus:
            unconfigured.append(address)
        else:
            claims[(domain, function.secondary)].append(address)
    shown = _shown_parents(observation)
    leading: dict[BusKey, FunctionAddress] = {}
    for key, bridges in claims.items():
        chosen = shown.get(key, bridges[0])
        if key in observation.root_buses and key not in shown:
            notes.append(
                f"bridges {', '.join(bridges)} claim root bus {key[0]:04x}:{key[1]:02x}: taken as unconfigured"
            )
            continue
        if len(bridges) > 1:
            others = ", ".join(bridge for bridge in bridges if bridge != chosen)
            notes.append(f"bus {key[0]:04x}:{key[1]:02x} is claimed by {others} too: it stands behind {chosen}")
        leading[key] = chosen
    for key, bridge in shown.items():
        if key not in leading and bridge not in leading.values():
            leading[key] = bridge
    left_out = [bridge for bridge in unconfigured if bridge not in leading.values()]
    if left_out:
        notes.append(f"bridges without bus numbers, nothing behind them: {', '.join(left_out)}")
    return leading


def _shown_parents(observation: Observation) -> dict[BusKey, FunctionAddress]:
    """The bridge above each bus, where a source shows the tree; a bus with the bridge's own number first."""
    shown: dict[BusKey, FunctionAddress] = {}
    for address, function in sorted(observation.functions.items()):
        parent = function.parent
        if parent is None or parent not in observation.functions or not is_bridge(observation.functions[parent]):
            continue
        key = bus_of(address)
        secondary = observation.functions[parent].secondary
        if secondary in (None, 0, key[1]):
            shown.setdefault(key, parent)
    return shown


def _break_cycles(
    leading: dict[BusKey, FunctionAddress], members: dict[BusKey, list[FunctionAddress]], notes: list[str]
) -> None:
    """Let bridges that lead back to their own bus lead nowhere."""
    for key in sorted(leading):
        seen: set[BusKey] = set()
        here = key
        while here in leading and here not in seen:
            seen.add(here)
            here = bus_of(leading[here])
        if here in seen:
            bridge = leading.pop(here)
            notes.append(
                f"{bridge} leads to bus {here[0]:04x}:{here[1]:02x}, which it stands behind: nothing behind it"
            )


def _place_orphan_bus(tree: BusTree, observation: Observation, key: BusKey, addresses: list[FunctionAddress]) -> None:
    domain, bus = key
    covering = [
        (observation.functions[bridge].secondary or 0, bridge)
        for bridge, (bridge_domain, _) in tree.leads_to.items()
        if bridge_domain == domain
        and (observation.functions[bridge].secondary or 0) < bus <= (observation.functions[bridge].subordinate or 0)
        and bus_of(bridge) != key
    ]
    name = f"bus {domain:04x}:{bus:02x}"
    if covering:
        bridge = max(covering)[1]
        tree.behind[bridge] += addresses
        if not all(observation.functions[address].virtual for address in addresses):
            tree.notes.append(f"{name}: no bridge leads to it; taken as part of what stands behind {bridge}")
    else:
        tree.roots[key] = list(addresses)
        if observation.root_buses:
            tree.notes.append(f"{name}: no bridge and no host bridge leads to it; taken as a root bus")
