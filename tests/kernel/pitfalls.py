"""The pitfalls of greedy allocation as machines that QEMU builds.

A root bus of QEMU's has more room than a pitfall allows, so that mostly the window of a bridge, which firmware has
opened (the registers are preset) and which the kernel then keeps, plays the part of the root window. A conventional
bus stands for the root bus, since it takes many devices and bridges. All sizes are multiples of a unit, and the
BARs 64-bit prefetchable; the kernel sizes and places them by the same rules as others.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from models.resources import MIB, FunctionAddress, Range
from tests.kernel.guest import Machine, Plug, RegisterWrite
from tests.kernel.referee import BUS_NUMBERS, COMMAND, DECODE, DECODE_AND_MASTER, window_writes
from tests.kernel.topologies import Builder

UNIT = 16 * MIB
BASE = 0x2_0000_0000
BELOW_4G = 0x4000_0000
ROOT_BELOW_4G = 0xC000_0000
VGA_BAR = 0x10
"""Of a ``secondary-vga``: BAR 0, 32-bit and prefetchable, of 1 to 512 MiB; it needs a plain memory window."""
TESTDEV_BAR = 0x18
"""Of a ``pci-testdev``: BAR 2, 64-bit and prefetchable, of any size."""


@dataclass(frozen=True, slots=True)
class Device:
    """A BAR of ``size`` units, at ``at`` if firmware placed it."""

    size: int
    at: int | None = None


@dataclass(frozen=True, slots=True)
class Port:
    """A bridge, with its window from ``low`` to ``high`` if firmware opened it."""

    behind: tuple[Device | Port, ...] = ()
    window: tuple[int, int] | None = None


def port(*sizes: int) -> Port:
    """A bridge over one device for each size."""
    return Port(tuple(Device(size) for size in sizes))


class _Tree:
    """Walks ports and devices: collects QEMU's arguments and the registers that firmware wrote."""

    def __init__(self) -> None:
        self.builder = Builder()
        self.buses = 0

    def port(self, what: Port, bus: str, address: str, parent: int) -> list[RegisterWrite]:
        """Build a bridge and what is behind it; returns its registers, parents first."""
        self.buses += 1
        secondary = self.buses
        name = self.builder.name("bridge")
        slot = address.split(":")[2].split(".")[0]
        # Hotplug controllers of the bridges would be one more BAR.
        options = f"chassis_nr={self.builder.count},shpc=off"
        self.builder.devices.append(f"pci-bridge,id={name},bus={bus},addr=0x{slot},{options}")
        behind: list[RegisterWrite] = []
        for number, one in enumerate(what.behind, start=1):
            inner = f"0000:{secondary:02x}:{number:02x}.0"
            if isinstance(one, Port):
                behind += self.port(one, name, inner, secondary)
            else:
                behind += self.device(one, name, inner, number)
        own = [(address, BUS_NUMBERS, 4, parent | secondary << 8 | self.buses << 16)]
        if what.window is not None:
            own += window_writes(FunctionAddress(address), "pref", units(*what.window))
            own.append((address, COMMAND, 2, DECODE_AND_MASTER))
        return own + behind

    def device(self, what: Device, bus: str, address: str, number: int) -> Iterator[RegisterWrite]:
        self.builder.device(f"pci-testdev,membar={what.size * UNIT // MIB}M", bus, f",addr={number:#x}")
        if what.at is not None:
            at = BASE + what.at * UNIT
            yield address, TESTDEV_BAR, 4, at & 0xFFFF_FFFF
            yield address, TESTDEV_BAR + 4, 4, at >> 32
            yield address, COMMAND, 2, DECODE


def units(low: int, high: int) -> Range:
    """The addresses from ``low`` to ``high``."""
    return Range(BASE + low * UNIT, BASE + high * UNIT)


def slug(name: str) -> str:
    """The name of a pitfall's machine: ``pitfall-p7-realloc-deeper``."""
    return "pitfall-" + name.lower().replace(",", "").replace(" ", "-")


def within(low: int, high: int, *behind: Device | Port) -> Machine:
    """A machine with an open window from ``low`` to ``high`` for what is behind a bridge."""
    tree = _Tree()
    writes = tree.port(Port(behind, (low, high)), "pcie.0", "0000:00:01.0", 0)
    return tree.builder.machine("", preset=tuple(writes))


def retries(*more: Port) -> Machine:
    """P7 in the 1004 MiB below 4 GiB: windows [0,896) with 64@0, and [896,960) with a new 256."""
    return _two_ports((0, 896), (64,), (896, 960), (None, 256), *more)


def realloc_makes_it_worse() -> Machine:
    """P15 in the 1004 MiB below 4 GiB: windows [0,640) with 64@0, and [704,769) with 64@704 and a new 256."""
    return _two_ports((0, 640), (64,), (704, 769), (64, 256))


def _two_ports(
    first: tuple[int, int],
    behind_first: tuple[int, ...],
    second: tuple[int, int],
    behind_second: tuple[int | None, ...],
    *more: Port,
) -> Machine:
    """Two bridges on the root bus with open memory windows, in MiB; the first BAR of each stands at its start."""
    tree = _Tree()
    writes: list[RegisterWrite] = []
    for number, (window, behind) in enumerate(((first, behind_first), (second, behind_second)), start=1):
        address = f"0000:00:{number:02x}.0"
        writes += tree.port(Port(), "pcie.0", address, 0)
        held = Range(ROOT_BELOW_4G + window[0] * MIB, ROOT_BELOW_4G + window[1] * MIB)
        writes += window_writes(FunctionAddress(address), "mem", held)
        writes.append((address, COMMAND, 2, DECODE_AND_MASTER))
        name = f"bridge{tree.builder.count}"
        for slot, size in enumerate(behind, start=1):
            if size is None:
                continue
            tree.builder.device(f"secondary-vga,vgamem_mb={size}", name, f",addr={slot:#x}")
            if slot == 1:
                device = f"0000:{number:02x}:01.0"
                writes += [(device, VGA_BAR, 4, held.start), (device, COMMAND, 2, DECODE)]
    for number, one in enumerate(more, start=3):
        writes += tree.port(one, "pcie.0", f"0000:00:{number:02x}.0", 0)
    # Of the root window in front of ECAM, 1 MiB is left.
    return tree.builder.machine("", memory="2815M", preset=tuple(writes))


def type_rule() -> Machine:
    """P9, smaller: 16 MiB of 32-bit prefetchable memory and 1 MiB of plain memory behind a bridge, below another one
    with 8 MiB of plain and 32 MiB of prefetchable window below 4 GiB."""
    tree = _Tree()
    writes = tree.port(Port((Port(),)), "pcie.0", "0000:00:01.0", 0)
    builder = tree.builder
    builder.device("secondary-vga,vgamem_mb=16", "bridge2", ",addr=0x1")
    builder.device("edu", "bridge2", ",addr=0x2")
    writes += window_writes(FunctionAddress("0000:00:01.0"), "mem", Range.of(BELOW_4G, 8 * MIB))
    writes += window_writes(FunctionAddress("0000:00:01.0"), "pref", Range.of(BELOW_4G + 128 * MIB, 32 * MIB))
    writes.append(("0000:00:01.0", COMMAND, 2, DECODE_AND_MASTER))
    return builder.machine("", preset=tuple(writes))


def several_root_windows() -> Machine:
    """P10: root windows of 1280 and 1004 MiB; four BARs of 256 MiB behind a bridge, and one of 512 MiB."""
    tree = _Tree()
    tree.port(Port(), "pcie.0", "0000:00:01.0", 0)
    for number in range(1, 5):
        tree.builder.device("secondary-vga,vgamem_mb=256", "bridge1", f",addr={number:#x}")
    tree.builder.device("secondary-vga,vgamem_mb=512", "pcie.0")
    return tree.builder.machine("", memory="1536M")


def _switch(ports: int, window: Range, kind: str) -> tuple[Builder, list[str], list[RegisterWrite]]:
    """A switch behind a root port, both with the same open window."""
    builder = Builder()
    names = builder.switch(builder.root_port(), ports)
    writes: list[RegisterWrite] = []
    above = (("0000:00:01.0", 0, 1), ("0000:01:00.0", 1, 2))
    for address, primary, secondary in above:
        writes.append((address, BUS_NUMBERS, 4, primary | secondary << 8 | (2 + ports) << 16))
        writes += window_writes(FunctionAddress(address), "mem" if kind == "mem" else "pref", window)
        writes.append((address, COMMAND, 2, DECODE_AND_MASTER))
    for number in range(ports):
        writes.append((f"0000:02:{number:02x}.0", BUS_NUMBERS, 4, 2 | (3 + number) << 8 | (3 + number) << 16))
    return builder, names, writes


def all_or_nothing() -> Machine:
    """P11, smaller: three hotplug ports in 9 MiB need 1 each and want 4; behind the third, 127 VFs want 2 more."""
    builder, ports, writes = _switch(3, Range.of(BELOW_4G, 9 * MIB), "mem")
    builder.device("edu", ports[0])
    builder.device("edu", ports[1])
    builder.nvme_with_vfs(ports[2], 127)
    return builder.machine("", preset=tuple(writes), parameters="pci=realloc=off,hpmmiosize=4M,hpmmioprefsize=0")


def io_aliases() -> Machine:
    """P12: five I/O BARs of 256 bytes behind a bridge."""
    tree = _Tree()
    tree.port(Port(), "pcie.0", "0000:00:01.0", 0)
    for number in range(1, 6):
        tree.builder.device("pci-testdev", "bridge1", f",addr={number:#x}")
    return tree.builder.machine("")


def io_aliases_of_small_bars() -> Machine:
    """P12 with 33 USB controllers, of 32 bytes of I/O each."""
    tree = _Tree()
    tree.port(Port(), "pcie.0", "0000:00:01.0", 0)
    for number in range(33):
        function = f",addr={1 + number // 8:#x}.{number % 8}" + ("" if number % 8 else ",multifunction=on")
        tree.builder.device("piix3-usb-uhci", "bridge1", function)
    return tree.builder.machine("")


def equal_split() -> Machine:
    """P13: of a switch's window, two empty ports have 31 units each; a device of 32 is plugged into the first."""
    builder, ports, writes = _switch(3, units(0, 64), "pref")
    builder.device(f"pci-testdev,membar={UNIT // MIB}M", ports[0])
    for number, window in enumerate(((0, 1), (1, 32), (32, 63))):
        address = f"0000:02:{number:02x}.0"
        writes += window_writes(FunctionAddress(address), "pref", units(*window))
        writes.append((address, COMMAND, 2, DECODE_AND_MASTER))
    device = "0000:03:00.0"
    writes += [(device, TESTDEV_BAR, 4, BASE & 0xFFFF_FFFF), (device, TESTDEV_BAR + 4, 4, BASE >> 32)]
    writes.append((device, COMMAND, 2, DECODE))
    plug = Plug(f"pci-testdev,id=new,bus={ports[1]},membar={32 * UNIT // MIB}M")
    return builder.machine("", preset=tuple(writes), plugs=(plug,))


_REALLOC = "pci=realloc"
SHAPES: dict[str, Machine] = {
    "P1": within(0, 10, port(1, 8)),
    "P2": within(0, 36, port(4, 16), Device(16)),
    "P2b": within(0, 18, port(8, 2), port(8)),
    "P3": within(1, 10, port(2, 4, 2)),
    "P4": within(2, 19, Device(4), Device(1), port(8, 1)),
    "P5": within(0, 9, port(4, 1), Device(2), Device(2)),
    "P6": within(0, 16, Device(1, 4), Device(1, 12), Device(8)),
    "P7": retries(),
    "P7 realloc": retries().but(parameters=_REALLOC),
    "P7 realloc, deeper": retries(Port((Port(),))).but(parameters=_REALLOC),
    "P9": type_rule(),
    "P10": several_root_windows(),
    "P11": all_or_nothing(),
    "P12": io_aliases(),
    "P12 small": io_aliases_of_small_bars(),
    "P13": equal_split(),
    "P14": within(4, 50, Device(16), port(8, 8, 8)),
    "P15": realloc_makes_it_worse(),
    "P15 realloc": realloc_makes_it_worse().but(parameters=_REALLOC),
    # A graphics card's 16 and hopeless 128, and a disk's 4, behind one bridge.
    "P16": within(0, 30, Port((port(16, 128), port(4)))),
    "P17": within(0, 64, Port((port(16, 1), port(8)))),
    "P17 twice": within(0, 128, Port((port(16, 1), port(16, 1)))),
    "P17 beside": within(0, 64, Port((Device(4), port(2, 16)))),
}
"""What QEMU builds of each pitfall, by the name in :data:`tests.pitfalls.PITFALLS`."""
MACHINES = {slug(name): machine.but(name=slug(name)) for name, machine in SHAPES.items()}
"""The machine of each pitfall that QEMU can build, by the name of the machine."""
