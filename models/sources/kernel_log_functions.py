"""What a kernel log says of a function: one handler for each kind of line, found by its first word."""

from __future__ import annotations

import re
from collections.abc import Callable

from models.resources import FunctionAddress, WindowKind, function_address
from models.sources.kernel_log_boot import Boot, Enlarged, Slot
from models.sources.kernel_log_events import Outcome, outcome_of
from models.sources.kernel_log_lines import Line
from models.sources.kernel_log_resource import LoggedResource, find_resource
from models.sources.observation import SeenFunction

_FOUND = re.compile(
    r"(?:found )?\[(?P<id>[0-9a-f]{4}:[0-9a-f]{4})\](?: type (?P<type>[0-9a-f]+))? class (?:0x)?(?P<class>[0-9a-f]{6})"
    r"(?: header type (?P<header>[0-9a-f]+))?"
)
_NAME = re.compile(r"(?:(?P<vf>VF )?BAR ?(?P<number>\d+)|(?P<rom>ROM)|(?P<window>bridge window))(?P<rest>.*)")
_REGISTER = re.compile(r"reg (?:0x)?(?P<offset>[0-9a-f]+)")
_BLOCK = re.compile(r"VF\(n\) BAR ?(?P<number>\d) space: .*contains BAR ?\d for (?P<copies>\d+) VFs")
_ENLARGED = re.compile(r"0x(?P<start>[0-9a-f]+)-0x(?P<end>[0-9a-f]+).* to \[bus [^\]]*\] add_size (?P<size>[0-9a-f]+)")
_CONFLICT = re.compile(r"address conflict with (?P<name>[^\[]*?) *(?P<where>\[(?:mem|io) .*)")
_OF_BUS = re.compile(r"PCI Bus (?P<domain>[0-9a-f]{4,8}):(?P<bus>[0-9a-f]{2})")
_OF_PCI = re.compile(r"PCI (?:Bus|bridge)|\(bus \d|[0-9a-f]{4,8}:[0-9a-f]{2}:")
_COPIES = re.compile(r"contains BAR ?\d for (?P<copies>\d+) VFs")
_BUS_NUMBERS = re.compile(r"\[bus (?P<first>[0-9a-f]+)(?:-(?P<last>[0-9a-f]+))?\]")
_OLD_SECONDARY = re.compile(r"secondary bus (?:[0-9a-f]+:)?(?P<bus>[0-9a-f]+)")
_DRIVER_NAME = re.compile(r"[a-z][a-z0-9_-]*")
_UNUSABLE = re.compile(r"can't (?P<what>claim|enable device:) (?P<named>BAR \d+.*)")

_FIRST_BAR, _ROM, _BRIDGE_ROM = 0x10, 0x30, 0x38
_BAR_REGISTERS = {0: 6, 1: 2, 2: 1}
"""BARs by header type (PCI Local Bus Specification 3.0, 6.1; PCI-to-PCI Bridge 1.2, 3.2; PC Card)."""

_WINDOWS: tuple[WindowKind, ...] = ("io", "mem", "pref")
_ROM_NUMBER = 6
_FIRST_VF = 7
_FIRST_WINDOW = 13
"""The kernel counts six BARs, the ROM, six VF BARs, then the windows; without SR-IOV the windows begin at 7."""


def take_function_line(boot: Boot, line: Line) -> None:
    """Apply what a line says of a function."""
    assert line.device is not None
    word = line.body.split(" ", 1)[0]
    handler = _found if word.startswith("[") else _HANDLERS.get(word) or _DRIVERS.get(line.who)
    address = function_address(line.domain, line.bus, *line.device)
    if handler is not None:
        handler(boot, address, line)
    elif _DRIVER_NAME.fullmatch(line.who) and line.who != "pci":
        boot.tell("bound", address)


def _found(boot: Boot, address: FunctionAddress, line: Line) -> None:
    """``[8086:1901] type 01 class 0x060400``: a function is found, or found again after a rescan.

    Before 3.3 the type has one digit and the class is printed without its lowest byte.
    """
    match = _FOUND.match(line.body)
    if match is None:
        return
    boot.tell("found", address)
    boot.remove(address)
    function = boot.function(address)
    function.id = match["id"]
    class_code = match["class"]
    old = match["type"] is None or len(match["type"]) == 1
    if class_code != "ffffff":
        function.class_code = class_code[2:] if old and class_code.startswith("00") else class_code
    header = int(match["type"] or match["header"] or "7f", 16) & 0x7F
    function.header = header if header in _BAR_REGISTERS else None


def _gone(boot: Boot, address: FunctionAddress, line: Line) -> None:
    """``device released``, ``Removing from iommu group 7``, ``unknown header type 7f, ignoring device``."""
    if line.body.startswith(("device released", "Removing from iommu group", "unknown header type")):
        boot.remove(address)


def _hotplug_port(boot: Boot, address: FunctionAddress, line: Line) -> None:
    """``pciehp: Slot #3 AttnBtn- ... HotPlug+``; ``pciehp: Slot(3): Card not present`` empties the slot."""
    function = boot.function(address)
    function.hotplug = True
    function.header = 1 if function.header is None else function.header
    if "Card not present" in line.body or line.body.endswith("Link Down"):
        boot.remove_behind(function)
    elif "Slot(" in line.body and "owering off" not in line.body:
        boot.tell("slot", address)  # a card is announced


def _standard_hotplug(boot: Boot, address: FunctionAddress, line: Line) -> None:
    if line.body.startswith("HPC vendor_id"):
        boot.function(address).hotplug = True


def _register(boot: Boot, address: FunctionAddress, line: Line) -> None:
    """``reg 0x10: [mem 0xf0000000-0xf0ffffff 64bit pref]``; VF BARs come with a line of their own."""
    match = _REGISTER.match(line.body)
    resource = find_resource(line.body)
    if match is None or resource is None:
        return
    function = boot.function(address)
    offset = int(match["offset"], 16)
    if offset == (_BRIDGE_ROM if function.header == 1 else _ROM):
        boot.read_bar(function, "rom", resource)
    elif _FIRST_BAR <= offset < _FIRST_BAR + 4 * _BAR_REGISTERS[function.header or 0] and offset % 4 == 0:
        boot.read_bar(function, (offset - _FIRST_BAR) // 4, resource)


def _vf_block(boot: Boot, address: FunctionAddress, line: Line) -> None:
    """``VF(n) BAR0 space: [mem ...] (contains BAR0 for 64 VFs)``."""
    match = _BLOCK.match(line.body)
    resource = find_resource(line.body)
    if match is not None and resource is not None:
        boot.read_vf_block(boot.function(address), f"vf{match['number']}", resource, int(match["copies"]))


def _legacy_ide(boot: Boot, address: FunctionAddress, line: Line) -> None:
    """``legacy IDE quirk: reg 0x10: [io  0x01f0-0x01f7]``: there is no BAR, the ports are fixed."""
    match = _REGISTER.search(line.body)
    resource = find_resource(line.body)
    if match is not None and resource is not None:
        index = (int(match["offset"], 16) - _FIRST_BAR) // 4
        boot.read_bar(boot.function(address), index, resource).fixed = True


def _named(boot: Boot, address: FunctionAddress, line: Line) -> None:
    """``BAR 0 ...``, ``VF BAR 0 ...``, ``ROM ...``, ``bridge window ...`` in the old and the new wording."""
    match = _NAME.match(line.body)
    resource = find_resource(line.body)
    outcome = outcome_of(match["rest"]) if match is not None else None
    enlarged = _ENLARGED.search(line.body)
    if resource is not None and enlarged is not None:
        empty = int(enlarged["end"], 16) < int(enlarged["start"], 16)
        wanted = Enlarged(int(enlarged["size"], 16), empty, line.number)
        boot.enlarged.setdefault((address, resource.window_kind), wanted)
    if match is None or resource is None or outcome is None:
        return
    function = boot.function(address)
    if outcome.kind == "read" and match["window"]:
        if "(subtractive decode)" not in match["rest"]:  # the parent's window
            boot.list_window(function, resource)
        return
    slot = _slot(function, match, line.who, resource)
    if outcome.kind == "read":
        if isinstance(slot, str) or slot < _ROM_NUMBER:
            boot.read_bar(function, slot, resource)
    elif outcome.kind == "copies":
        copies = _COPIES.search(match["rest"])
        boot.read_vf_block(function, slot, resource, int(copies["copies"]) if copies else 0)
    else:
        boot.names_resources = boot.names_resources or match["rest"].startswith(" [")
        boot.apply(function, slot, resource, outcome, line.number)
        _foreign(boot, address, slot, line)


def _foreign(boot: Boot, address: FunctionAddress, slot: Slot, line: Line) -> None:
    """``can't claim ...: address conflict with ACPI TMR [mem ...]``: something other than PCI is there."""
    conflict = _CONFLICT.search(line.body)
    other = find_resource(conflict["where"]) if conflict is not None else None
    if conflict is None or other is None or other.range is None:
        return
    bus = _OF_BUS.search(conflict["name"])
    if bus is not None and (int(bus["domain"], 16), int(bus["bus"], 16)) in boot.root_buses:
        boot.foreign[(address, slot)] = None  # windows of host bridges overlap
    elif not _OF_PCI.search(conflict["name"]):
        boot.foreign[(address, slot)] = (other.space, other.range, conflict["name"])


def _shadowed(boot: Boot, address: FunctionAddress, line: Line) -> None:
    """``Video device with shadowed ROM at [mem 0x000c0000-0x000dffff]``: the ROM is a copy in RAM."""
    if "shadowed ROM" in line.body:
        boot.shadowed.add(address)


def _slot(function: SeenFunction, match: re.Match[str], who: str, resource: LoggedResource) -> Slot:
    """What the name means on this function."""
    if match["window"]:
        return resource.window_kind
    if match["rom"]:
        return "rom"
    number = int(match["number"])
    return f"vf{number}" if match["vf"] else _numbered(function, number, who)


def _numbered(function: SeenFunction, number: int, who: str) -> Slot:
    """``BAR 14`` is a bridge window on a bridge, ``BAR 8`` one too or a VF BAR: the header type decides.

    The number itself where it is none of these (a platform's own range, a CardBus window).
    """
    if number < _ROM_NUMBER:
        return number
    if number == _ROM_NUMBER:
        return "rom"
    has_windows = bool(function.windows or function.secondary) or who == "pcieport" or number >= _FIRST_WINDOW
    if function.header == 1 or (function.header is None and has_windows):
        kind = number - (_FIRST_WINDOW if number >= _FIRST_WINDOW else _FIRST_VF)
        return _WINDOWS[kind] if kind < len(_WINDOWS) else number
    return f"vf{number - _FIRST_VF}" if function.header != 2 and number < _FIRST_WINDOW else number


def _unusable(boot: Boot, address: FunctionAddress, line: Line) -> None:
    """``can't claim BAR 14 [mem ...]: ...`` (before 6.7), ``can't enable device: BAR 0 [mem ...] not claimed``."""
    unusable = _UNUSABLE.match(line.body)
    resource = find_resource(line.body)
    match = _NAME.match(unusable["named"]) if unusable is not None else None
    if unusable is None or match is None or resource is None:
        return
    outcome = Outcome("rejected", "can't claim") if unusable["what"] == "claim" else outcome_of(match["rest"])
    if outcome is not None and outcome.failure is not None:
        function = boot.function(address)
        slot = _slot(function, match, line.who, resource)
        boot.apply(function, slot, resource, outcome, line.number)
        _foreign(boot, address, slot, line)


def _collision(boot: Boot, address: FunctionAddress, line: Line) -> None:
    """``address space collision: [mem ...] ...``, ``no compatible bridge window for [mem ...]``: found by range."""
    resource = find_resource(line.body)
    function = boot.functions.get(address)
    if resource is None or resource.range is None or function is None:
        return
    slots: list[Slot] = [index for index, bar in function.bars.items() if bar.address == resource.start]
    slots += [kind for kind, window in function.windows.items() if window.range == resource.range]
    if slots:
        boot.apply(function, slots[0], resource, Outcome("rejected", "can't claim"), line.number)


def _released(boot: Boot, address: FunctionAddress, line: Line) -> None:
    """``resource 14 [mem ...] released``, of bridge windows."""
    number = line.body.split(" ", 2)[1]
    resource = find_resource(line.body)
    if number.isdigit() and resource is not None and line.body.endswith("released"):
        function = boot.function(address)
        slot = _numbered(function, int(number), "pcieport")
        boot.apply(function, slot, resource, Outcome("released"), line.number)


def _bridge_to(boot: Boot, address: FunctionAddress, line: Line) -> None:
    """``PCI bridge to [bus 03-61]``, ``CardBus bridge to [bus 04-07]``, ``PCI bridge, secondary bus 0000:03``."""
    body = line.body
    numbers = _BUS_NUMBERS.search(body) if "bridge to [bus" in body else None
    old = _OLD_SECONDARY.search(body)
    if numbers is None and old is None:
        return
    function = boot.function(address)
    if function.header is None:
        function.header = 2 if body.startswith("CardBus") else 1
    if "(subtractive decode)" in body:
        function.subtractive = True
    boot.begin_listing(function)
    if numbers is not None:
        boot.connect(function, int(numbers["first"], 16), int(numbers["last"] or numbers["first"], 16))
    elif old is not None:
        boot.connect(function, int(old["bus"], 16), None)


def _bridge(boot: Boot, address: FunctionAddress, line: Line) -> None:
    """``bridge window ...``, ``bridge configuration invalid ...``, before 2.6.33 ``bridge io port: [0x...]``."""
    body = line.body
    resource = find_resource(body)
    if body.startswith("bridge window"):
        _named(boot, address, line)
    elif body.startswith("bridge configuration invalid"):
        function = boot.function(address)
        function.secondary = function.subordinate = None
    elif resource is not None and body.startswith(("bridge io", "bridge 32bit", "bridge 64bit")):
        boot.list_window(boot.function(address), resource)


def _transparent(boot: Boot, address: FunctionAddress, line: Line) -> None:
    if line.body.startswith("transparent bridge"):
        boot.function(address).subtractive = True


def _spelled_window(boot: Boot, address: FunctionAddress, line: Line) -> None:
    """``IO window: 0x2000-0x2fff``, ``MEM window: disabled`` of kernels before 2.6.33."""
    name, _, text = line.body.partition(" window: ")
    match = re.match(r"(?:0x)?([0-9a-f]+)-(?:0x)?([0-9a-f]+)|disabled", text)
    if match is None:
        return
    first, last = (int(match[1], 16), int(match[2], 16)) if match[1] else (0, -1)
    resource = LoggedResource(
        space="io" if name == "IO" else "mem",
        start=first,
        size=max(last + 1 - first, 0),
        prefetchable=name == "PREFETCH",
        disabled=last < first,
    )
    boot.list_window(boot.function(address), resource)


def _disabled_window(boot: Boot, address: FunctionAddress, line: Line) -> None:
    """``disabling bridge window [mem ...] to [bus 02] (unused)``."""
    resource = find_resource(line.body)
    if resource is not None and line.body.startswith("disabling bridge window"):
        boot.apply(boot.function(address), resource.window_kind, resource, Outcome("released"), line.number)


def _quirk(boot: Boot, address: FunctionAddress, line: Line) -> None:
    """``quirk: [io  0x0400-0x047f] claimed by ICH6 ACPI/GPIO/TCO``."""
    resource = find_resource(line.body)
    if resource is not None and resource.range is not None and " claimed by " in line.body:
        boot.reserved.append((resource.space, resource.range, line.body.split(" claimed by ", 1)[1]))


Handler = Callable[[Boot, FunctionAddress, Line], None]

_HANDLERS: dict[str, Handler] = {
    "found": _found,
    "device": _gone,
    "Removing": _gone,
    "unknown": _gone,
    "pciehp:": _hotplug_port,
    "reg": _register,
    "BAR": _named,
    "VF": _named,
    "ROM": _named,
    "VF(n)": _vf_block,
    "legacy": _legacy_ide,
    "can't": _unusable,
    "address": _collision,
    "no": _collision,
    "resource": _released,
    "PCI": _bridge_to,
    "CardBus": _bridge_to,
    "bridge": _bridge,
    "transparent": _transparent,
    "disabling": _disabled_window,
    "IO": _spelled_window,
    "MEM": _spelled_window,
    "PREFETCH": _spelled_window,
    "quirk:": _quirk,
    "Video": _shadowed,
}
"""By the first word of the line."""

_DRIVERS: dict[str, Handler] = {"pciehp": _hotplug_port, "shpchp": _standard_hotplug}
"""By who prints it, for lines that begin with any word."""
