"""What a kernel log says of buses and of the platform: root windows, bus lists, reserved ranges, names."""

from __future__ import annotations

import re
from collections.abc import Callable

from models.resources import WINDOW_KINDS, Range, function_address, split_function_address
from models.sources.kernel_log_boot import Boot, BusKey, Change, Family
from models.sources.kernel_log_lines import Line
from models.sources.kernel_log_resource import LoggedResource, find_resource
from models.sources.observation import SeenRootBus, SeenRootWindow, SeenWindow

_BUS_RANGE = re.compile(r"\[bus (?P<first>[0-9a-f]+)(?:-(?P<last>[0-9a-f]+))?\]")
_BUS_ADDRESS = re.compile(r"\(bus address \[0x(?P<start>[0-9a-f]+)")
_BUS_LIST = re.compile(r"resource (?P<index>\d+) ")
_END_UPDATED = re.compile(r"busn_res: \[bus (?P<first>[0-9a-f]+)\S* end is updated to (?P<last>[0-9a-f]+)")
_HOST_BRIDGE = re.compile(r"PCI host bridge to bus (?P<domain>[0-9a-f]{4,8}):(?P<bus>[0-9a-f]{2})")
_ACPI_ROOT = re.compile(
    r"ACPI: PCI Root Bridge \[\w+\] \((?:domain )?(?P<domain>[0-9a-f]{4,8})[: ](?:\[bus )?(?P<bus>[0-9a-f]{2})"
    r"(?:-(?P<last>[0-9a-f]{2}))?"
)
_RESERVED = re.compile(r"(?:system|pnp) (?P<what>[0-9a-f]{2}:[0-9a-f]{2}): \[[^\]]*\] has been reserved")
_CONFIGURATION = re.compile(r"PCI: (?:MMCONFIG|ECAM)(?: at)? \[mem [^\]]*\] reserved (?:in|as) ")
_INTERRUPT_CONTROLLER = re.compile(r"IOAPIC\[(?P<number>\d+)\]: .*address 0x(?P<address>[0-9a-f]+)")
_KERNEL = re.compile(r"Linux version (?P<version>\d+\.\d+\S*) \(")
_MACHINE = re.compile(
    r"(?:^|\] |kernel: )(?:DMI:|(?:OF: fdt: ?)?Machine model:|Hardware name:|MIPS: machine is) +(?P<name>\S.*)"
)
_X86 = re.compile(r"BIOS-e820|\be820:|x86/|\bsmpboot:|PCI: Using configuration type|DMAR: ")
_PLATFORM = re.compile(
    rf"{_X86.pattern}|\bOF: |Machine model:|\bpsci: |Booting Linux on physical CPU|\bGICv|\bSBI |PROMLIB|MIPS: "
    r"|\bOPAL\b|firmware_features"
)
"""Words that only an x86 kernel prints, and with them those of other platforms."""
_FAMILIES: tuple[tuple[str, Family], ...] = (
    ("CPU0 revision is: ", "mips"),
    ("MIPS: machine is ", "mips"),
    ("ppc64_pft_size", "powerpc"),
    (" machine description", "powerpc"),
)
"""Words by which a kernel shows for which family of processors it is built."""
_FIRMWARE_MAP = re.compile(r"BIOS-e820: \[mem 0x(?P<start>[0-9a-f]+)-0x(?P<end>[0-9a-f]+)\] (?!usable)")
_COMMAND_LINE = re.compile(r"(?:^|\] |kernel: )(?:Kernel c|C)ommand line: *(?P<words>\S.*)")
_NAMES = ("DMI: ", "Machine model: ", "Hardware name: ", "machine is ")

_IOAPIC_SIZE = 1 << 10
_FIRST_OTHER = 4
"""From this index on, a bus lists resources that are no bridge windows of its own."""


def host_bridge(text: str) -> BusKey | None:
    """The root bus of ``PCI host bridge to bus 0000:80``."""
    match = _HOST_BRIDGE.search(text) if "PCI host bridge to bus" in text else None
    return (int(match["domain"], 16), int(match["bus"], 16)) if match else None


def kernel_version(text: str) -> str | None:
    """The version of ``Linux version 6.1.0-20-amd64 (...``."""
    match = _KERNEL.search(text) if "Linux version " in text else None
    return match["version"] if match else None


def take_bus_line(boot: Boot, line: Line) -> None:
    """Apply what a line says of a bus."""
    key = (line.domain, line.bus)
    for prefix, handler in _BUS_HANDLERS:
        if line.body.startswith(prefix):
            handler(boot, key, line)
            return


def _root_resource(boot: Boot, key: BusKey, line: Line) -> None:
    """``root bus resource [mem 0x700000000-0x70fffffff] (bus address [0xd0000000-0xdfffffff])``, ``[bus 00-fe]``."""
    root = boot.root_buses.setdefault(key, SeenRootBus(*key))
    numbers = _BUS_RANGE.search(line.body)
    resource = find_resource(line.body)
    if numbers is not None:
        root.last_bus = int(numbers["last"] or numbers["first"], 16)
    elif resource is not None and resource.range is not None:
        match = _BUS_ADDRESS.search(line.body)
        offset = resource.range.start - int(match["start"], 16) if match else 0
        _add_root_window(root, resource, offset)


def _add_root_window(root: SeenRootBus, resource: LoggedResource, offset: int = 0) -> None:
    if resource.range is None:
        return
    window = SeenRootWindow(resource.space, resource.range, resource.prefetchable, offset)
    if window not in root.windows:
        root.windows.append(window)


def _whole_bus_range(boot: Boot, key: BusKey, line: Line) -> None:
    """``No busn resource found for root bus, will use [bus 00-ff]``."""
    numbers = _BUS_RANGE.search(line.body)
    if numbers is not None:
        root = boot.root_buses.setdefault(key, SeenRootBus(*key))
        root.last_bus = int(numbers["last"] or numbers["first"], 16)


def _bus_list(boot: Boot, key: BusKey, line: Line) -> None:
    """``resource 1 [mem 0x...]``: index 0 is the I/O, 1 the memory, 2 the prefetchable window of the bridge above.

    The list is the last word on these windows: what is not in it is closed.
    """
    match = _BUS_LIST.match(line.body)
    resource = find_resource(line.body)
    if match is None or resource is None:
        return
    boot.watch(boot, Change("listed", None, key, line=line.number))
    index = int(match["index"])
    bridge = boot.bridge_to(key)
    if bridge is None:
        listed = boot.bus_lists.setdefault(key, [])
        if resource not in listed and (index >= _FIRST_OTHER or key in boot.root_buses):
            listed.append(resource)
        return
    if bridge.header == 2 or index >= len(WINDOW_KINDS):
        return
    if boot.listing is None or boot.listing[0] != key or index <= boot.listing[1]:
        for kind in WINDOW_KINDS:
            window = bridge.windows.setdefault(kind, SeenWindow(kind))
            window.range, window.closed = None, True
    boot.listing = (key, index)
    window = bridge.windows[WINDOW_KINDS[index]]
    window.range = resource.range
    window.closed = window.range is None
    if WINDOW_KINDS[index] == "pref" and window.width is None:
        window.width = 64 if resource.wide else 32


def _bus_numbers(boot: Boot, key: BusKey, line: Line) -> None:
    """``busn_res: [bus 01-ff] end is updated to 3f``; ``busn_res: [bus 06] is released`` when a bus is removed."""
    updated = _END_UPDATED.match(line.body)
    if updated is not None:
        last = int(updated["last"], 16)
        bridge = boot.bridge_to(key)
        if bridge is not None:
            bridge.subordinate = last
        elif key in boot.root_buses:
            boot.root_buses[key].last_bus = last
    elif line.body.endswith("is released"):
        bridge = boot.bridge_to(key)
        if bridge is not None:
            boot.remove(bridge.address)
        boot.remove_buses(*key, key[1])
        boot.remove_root_bus(key)


def _realloc(boot: Boot, key: BusKey, line: Line) -> None:
    """Whether the kernel is built to move windows of firmware by itself shows only in its advice."""
    if line.body.startswith(("Automatically enabled pci realloc", "No. ")):
        boot.reallocates = True
    elif boot.reallocates is None and "unassigned, try booting with pci=realloc" in line.body:
        boot.reallocates = False


_BUS_HANDLERS: tuple[tuple[str, Callable[[Boot, BusKey, Line], None]], ...] = (
    ("root bus resource ", _root_resource),
    ("resource ", _bus_list),
    ("busn_res: ", _bus_numbers),
    ("No busn resource found", _whole_bus_range),
    ("Automatically enabled", _realloc),
    ("No. ", _realloc),
    ("Some PCI device resources are unassigned", _realloc),
)


def take_platform_line(boot: Boot, text: str) -> None:
    """Apply a line that names no function and no bus."""
    if boot.family is None and not boot.x86:
        boot.family = next((family for words, family in _FAMILIES if words in text), None)
    if "ACPI: PCI Root Bridge" in text:
        _acpi_root(boot, text)
    elif "host bridge window [" in text:
        _host_window(boot, text)
    elif "BIOS-e820: " in text or "E820 reservations" in text:
        _firmware_map(boot, text)
    elif " reserved" in text or "IOAPIC[" in text:
        _reserved(boot, text)
    elif "ommand line: " in text:
        _command_line(boot, text)
    elif "try to assign unassigned res" in text:
        boot.reallocates = True
    elif boot.x86 is None and _PLATFORM.search(text):
        boot.x86 = _X86.search(text) is not None
    elif boot.machine is None and any(name in text for name in _NAMES):
        _machine(boot, text)


def _acpi_root(boot: Boot, text: str) -> None:
    """``ACPI: PCI Root Bridge [PCI0] (domain 0000 [bus 00-7f])``."""
    match = _ACPI_ROOT.search(text)
    if match is not None:
        key = (int(match["domain"], 16), int(match["bus"], 16))
        last = int(match["last"] or match["bus"], 16) if "[bus" in match[0] else None
        boot.announced[key] = SeenRootBus(*key, last)


def _host_window(boot: Boot, text: str) -> None:
    """``pci_root PNP0A08:00: host bridge window [mem 0x...]`` of kernels before 3.5, for the root bridge just named."""
    resource = find_resource(text)
    if resource is not None and boot.announced and "ignored" not in text:
        _add_root_window(list(boot.announced.values())[-1], resource)


def _reserved(boot: Boot, text: str) -> None:
    """Ranges that the kernel itself claimed; what ``could not be reserved`` is not certain."""
    named = _RESERVED.search(text)
    configuration = _CONFIGURATION.search(text)
    controller = _INTERRUPT_CONTROLLER.search(text)
    if controller is not None:
        range_ = Range.of(int(controller["address"], 16), _IOAPIC_SIZE)
        boot.reserved.append(("mem", range_, f"IOAPIC {controller['number']}"))
        return
    match = named or configuration
    resource = find_resource(match[0]) if match is not None else None
    if match is not None and resource is not None and resource.range is not None:
        what = f"pnp {match['what']}" if named is not None else "PCI MMCONFIG"
        boot.reserved.append((resource.space, resource.range, what))


def _machine(boot: Boot, text: str) -> None:
    """``DMI: Maker Model/Board, BIOS 1.2 01/02/2020``, ``Machine model: ...``."""
    match = _MACHINE.search(text)
    if match is not None and not match["name"].startswith("Memory slots"):
        boot.machine = match["name"].split(", BIOS ")[0].strip()


def _firmware_map(boot: Boot, text: str) -> None:
    """``BIOS-e820: [mem 0x...] reserved``, ``PCI: Ignoring E820 reservations for host bridge windows``."""
    boot.x86 = True
    match = _FIRMWARE_MAP.search(text)
    if "Ignoring E820 reservations" in text:
        boot.firmware_map = None
    elif match is not None and boot.firmware_map is not None:
        boot.firmware_map.append(Range.inclusive(int(match["start"], 16), int(match["end"], 16)))


def _command_line(boot: Boot, text: str) -> None:
    """``Command line: BOOT_IMAGE=/vmlinuz root=/dev/sda1 pci=realloc``."""
    match = _COMMAND_LINE.search(text)
    if match is not None:
        boot.command_line = match["words"]


def complete(boot: Boot) -> None:
    """Draw the conclusions that need the whole boot."""
    _close_unlisted(boot)
    _connect_only_bridge(boot)
    _root_buses(boot)


def _close_unlisted(boot: Boot) -> None:
    """A bridge whose open windows were printed when it was found has no others."""
    for address in boot.listed & boot.functions.keys():
        for kind in WINDOW_KINDS:
            boot.functions[address].windows.setdefault(kind, SeenWindow(kind, closed=True))


def _connect_only_bridge(boot: Boot) -> None:
    """A bus that no bridge was said to lead to stands behind the only bridge without bus numbers, if there is one."""
    buses = {split_function_address(address)[:2] for address in boot.functions}
    led = {(split_function_address(address)[0], function.secondary) for address, function in boot.functions.items()}
    for domain, bus in sorted(buses - led - boot.root_buses.keys()):
        candidates = [
            function
            for address, function in boot.functions.items()
            if (function.header == 1 or (function.header is None and function.windows))
            and function.secondary is None
            and address.startswith(f"{domain:04x}:")
            and address < function_address(domain, bus, 0, 0)
        ]
        if len(candidates) == 1:
            boot.connect(candidates[0], bus, None)


def _root_buses(boot: Boot) -> None:
    """Windows that the lists of the buses add, and root buses that only ACPI named."""
    for key, resources in boot.bus_lists.items():
        if boot.bridge_to(key) is None:
            root = boot.root_buses.setdefault(key, SeenRootBus(*key))
            for resource in resources:
                range_ = resource.range
                known = [window.range for window in root.windows if window.space == resource.space]
                if range_ is not None and not any(range_.overlaps(other) for other in known):
                    _add_root_window(root, resource)
    named = not boot.root_buses
    for key, announced in boot.announced.items():
        if named and announced.windows:
            boot.root_buses[key] = announced
        elif key in boot.root_buses:
            known_root = boot.root_buses[key]
            known_root.last_bus = announced.last_bus if known_root.last_bus is None else known_root.last_bus
            known_root.windows = known_root.windows or announced.windows
