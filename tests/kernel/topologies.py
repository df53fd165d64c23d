"""Machines to boot: a builder of bus trees out of QEMU's ports, switches, bridges and devices, and random ones."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field

from tests.kernel.guest import Machine, Plug

MIB_SIZES = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512)


@dataclass(slots=True)
class Builder:
    """Collects ``-device`` and ``-object`` values; names are made up as needed."""

    devices: list[str] = field(default_factory=list)
    objects: list[str] = field(default_factory=list)
    count: int = 0

    def name(self, kind: str) -> str:
        self.count += 1
        return f"{kind}{self.count}"

    def extra_root_bus(self, number: int) -> str:
        """A second host bridge with root bus ``number``; returns the name of its bus."""
        name = self.name("extra")
        self.devices.append(f"pxb-pcie,id={name},bus_nr={number},bus=pcie.0")
        return name

    def root_port(self, bus: str = "pcie.0") -> str:
        """A PCIe root port with a hotplug slot; returns the name of the bus behind it."""
        name = self.name("port")
        self.devices.append(f"pcie-root-port,id={name},bus={bus},slot={self.count},chassis=1")
        return name

    def switch(self, bus: str, ports: int) -> list[str]:
        """A PCIe switch; returns the names of the buses behind its downstream ports."""
        upstream = self.name("up")
        self.devices.append(f"x3130-upstream,id={upstream},bus={bus}")
        names = []
        for _ in range(ports):
            name = self.name("down")
            self.devices.append(f"xio3130-downstream,id={name},bus={upstream},slot={self.count},chassis=2")
            names.append(name)
        return names

    def conventional_bus(self, bus: str) -> str:
        """A conventional PCI bus behind a PCIe-to-PCI bridge, below a PCIe port."""
        name = self.name("pci")
        self.devices.append(f"pcie-pci-bridge,id={name},bus={bus}")
        return name

    def conventional_bridge(self, bus: str, device: int) -> str:
        """A PCI-to-PCI bridge on a conventional bus."""
        name = self.name("bridge")
        self.devices.append(f"pci-bridge,id={name},bus={bus},addr={device:#x},chassis_nr={self.count}")
        return name

    def device(self, text: str, bus: str, function: str = "") -> str:
        """Any device; returns its id."""
        name = self.name("dev")
        self.devices.append(f"{text},id={name},bus={bus}{function}")
        return name

    def memory(self, mebibytes: int, bus: str, function: str = "") -> str:
        """An ``ivshmem-plain``: a 64-bit prefetchable BAR 2 of this size and a small 32-bit BAR 0."""
        memory = self.name("mem")
        self.objects.append(f"memory-backend-ram,id={memory},size={mebibytes}M,reserve=off")
        return self.device(f"ivshmem-plain,memdev={memory}", bus, function)

    def nvme(self, bus: str, buffer_mebibytes: int = 0, function: str = "") -> str:
        """An NVMe drive, if wanted with a controller memory buffer: a 64-bit prefetchable BAR 2."""
        buffer = f",cmb_size_mb={buffer_mebibytes}" if buffer_mebibytes else ""
        return self.device(f"nvme,serial=s{self.count}{buffer}", bus, function)

    def nvme_with_vfs(self, bus: str, functions: int) -> str:
        """An NVMe drive with SR-IOV: VF BAR 0 of 16 KiB for each virtual function."""
        subsystem = self.name("sub")
        self.devices.append(f"nvme-subsys,id={subsystem}")
        queues = f"sriov_vq_flexible={2 * functions},sriov_vi_flexible={functions}"
        room = f"max_ioqpairs={2 * functions + 4},msix_qsize={functions + 8}"
        return self.device(
            f"nvme,serial=s{self.count},subsys={subsystem},sriov_max_vfs={functions},{queues},{room}", bus
        )

    def machine(self, name: str, **rest: object) -> Machine:
        """The machine built so far."""
        return Machine(name, tuple(self.devices), tuple(self.objects), **rest)  # type: ignore[arg-type]


def random_machine(seed: int) -> Machine:
    """A machine with one to four root ports, nested switches and conventional buses, and devices of random sizes."""
    dice = random.Random(seed)
    builder = Builder()
    tight = dice.random() < 0.4
    for _ in range(dice.randint(1, 4)):
        _fill(builder, builder.root_port(), dice, depth=0)
    if dice.random() < 0.3:
        builder.device("e1000e", "pcie.0")
    # 2815 MiB of memory leave 1004 MiB below 4 GiB for PCI.
    return builder.machine(f"random-{seed}", memory="2815M" if tight else "512M")


def random_plug(seed: int) -> Machine:
    """A random machine with an empty port somewhere, into which a random device is plugged."""
    dice = random.Random(seed)
    builder = Builder()
    firmware = dice.choice(("qboot", "seabios"))
    port = builder.root_port()
    if dice.random() < 0.7:
        port, *others = builder.switch(port, dice.randint(2, 4))
        for other in others:
            if dice.random() < 0.8:
                _endpoint(builder, other, dice)
    for _ in range(dice.randint(0, 2)):
        _fill(builder, builder.root_port(), dice, depth=1)
    machine = builder.machine(
        f"plug-{seed}",
        firmware=firmware,
        # QEMU 7.2 crashes where ACPI hotplug meets conventional bridges.
        pciehp=dice.random() < 0.6 or any("pci-bridge" in device for device in builder.devices),
        parameters=dice.choice(("", "", "pci=hpmemsize=0", "pci=hpmmioprefsize=64M", "pci=realloc")),
    )
    size = dice.choice(MIB_SIZES)
    device = dice.choice(
        (f"nvme,serial=new,cmb_size_mb={size}", "nvme,serial=new", f"pci-testdev,membar={size}M", "e1000e", "edu")
    )
    return machine.but(plugs=(Plug(f"{device},id=new,bus={port}"),))


def _fill(builder: Builder, bus: str, dice: random.Random, depth: int) -> None:
    """Something behind a port: nothing, devices, a switch or a conventional bus."""
    roll = dice.random()
    if roll < 0.35 and depth < 3:
        for port in builder.switch(bus, dice.randint(1, 4)):
            _fill(builder, port, dice, depth + 1)
    elif roll < 0.45:
        _conventional(builder, builder.conventional_bus(bus), dice, depth)
    elif roll < 0.6 and depth:
        return
    elif roll < 0.7:
        # A device with several functions; function 0 comes last, as it announces the others.
        for function in range(dice.randint(1, 3), 0, -1):
            _endpoint(builder, bus, dice, f",addr=0.{function}")
        _endpoint(builder, bus, dice, ",addr=0.0,multifunction=on")
    else:
        _endpoint(builder, bus, dice)


def _conventional(builder: Builder, bus: str, dice: random.Random, depth: int) -> None:
    for number in range(1, dice.randint(2, 5)):
        if depth < 3 and dice.random() < 0.25:
            _conventional(builder, builder.conventional_bridge(bus, number), dice, depth + 1)
        else:
            builder.device(
                dice.choice(("rtl8139", "ne2k_pci", "lsi53c895a", "edu", "e1000")), bus, f",addr={number:#x}"
            )


def _endpoint(builder: Builder, bus: str, dice: random.Random, function: str = "") -> None:
    size = dice.choice(MIB_SIZES)
    choices: list[Callable[[], object]] = [
        lambda: builder.nvme(bus, function=function),
        lambda: builder.nvme(bus, size, function=function),
        lambda: builder.memory(size, bus, function),
        lambda: builder.device(f"pci-testdev,membar={size}M", bus, function),
        lambda: builder.device("edu", bus, function),
        lambda: builder.device("e1000e", bus, function),
        lambda: builder.device("virtio-net-pci", bus, function),
        lambda: builder.device("qemu-xhci", bus, function),
        lambda: builder.device(f"secondary-vga,vgamem_mb={min(size, 256)}", bus, function),
    ]
    if not function:
        choices.append(lambda: builder.nvme_with_vfs(bus, dice.choice((2, 4, 8))))
    dice.choice(choices)()
