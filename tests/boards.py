"""Machines from public kernel logs: facts of messages to public lists, named in each docstring."""

from __future__ import annotations

from models.resources import Range
from models.topology import Function, RootWindow, Topology
from tests.topologies import bar, bridge, function, host, machine


def riscv_board() -> Topology:
    """A RISC-V board, a switch, four hotplug ports (linux-riscv, dd0af314-0f0b-8c10-2c68-a2cbd1bb0f03@arm.com)."""
    ports = [
        bridge("02:00.0", function("03:00.0", bar(0, "4K", width=64)), secondary=3, hotplug=True),
        bridge(
            "02:01.0",
            function(
                "04:00.0",
                bar(0, "256M", width=64, pref=True),
                bar(2, "128K", width=64),
                bar(4, 256, io=True),
                bar("rom", "128K"),
            ),
            function("04:00.1", bar(0, "16K", width=64)),
            secondary=4,
            hotplug=True,
        ),
        bridge("02:02.0", secondary=5, hotplug=True),
        bridge(
            "02:03.0",
            function(
                "06:00.0",
                *(bar(index, size, io=True) for index, size in enumerate((8, 4, 8, 4, 16))),
                bar(5, "2K"),
                bar("rom", "64K"),
            ),
            secondary=6,
            hotplug=True,
        ),
    ]
    upstream = bridge("01:00.0", *ports, secondary=2)
    root_port = bridge("00:00.0", upstream, secondary=1, bars=[bar(0, "2G", width=64, pref=True)])
    return machine(host(root_port, mem=(0x40000000, 0x5FFFFFFF), pref=None, io=None))


def nemo() -> Topology:
    """Hotplug root ports, two with windows (linuxppc-dev, c95c9b58-347e-d159-3a82-bf5f9dbf91ac@xenosoft.de)."""
    ports: list[Function] = [
        bridge("00:10.0", io=None, mem=(0x90000000, 0xA00FFFFF), secondary=1, hotplug=True),
        bridge("00:11.0", io=(0x10000, 0x13FFF), mem=(0xA0100000, 0xA03FFFFF), secondary=2, hotplug=True),
        bridge("00:11.1", secondary=3, hotplug=True),
        bridge("00:11.2", secondary=4, hotplug=True),
        bridge("00:11.3", secondary=5, hotplug=True),
    ]
    root = host(
        *ports,
        mem=(0x80000000, 0xE00FFFFF),
        io=(0x10000, 0x80FFFF),
        pref=None,
        windows=[
            root_window(0xFD800000, 0xFD800FFF),
            root_window(0x80000000000, 0xBFFFFFFFFFF),
        ],
    )
    return machine(root)


def root_window(first: int, last: int) -> RootWindow:
    return RootWindow("mem", Range.inclusive(first, last))


def rockpro64() -> Topology:
    """A GeForce behind a switch (linux-pci, CAMdYzYqn3L7x-vc+_K6jG0EVTiPGbz8pQ-N1Q1mRbcVXE822Yg@mail.gmail.com)."""
    graphics = function(
        "04:00.0",
        bar(0, "16M"),
        bar(1, "128M", width=64, pref=True),
        bar(3, "32M", width=64, pref=True),
        bar(5, 128, io=True),
        bar("rom", "512K"),
    )
    disks = [
        function(
            address,
            *(bar(index, size, io=True) for index, size in enumerate((8, 4, 8, 4, 16))),
            bar(5, memory),
            bar("rom", "64K"),
        )
        for address, memory in (("06:00.0", "2K"), ("06:00.1", 16))
    ]
    ports = [
        bridge("02:01.0", secondary=3),
        bridge("02:03.0", graphics, function("04:00.1", bar(0, "16K")), secondary=4),
        bridge("02:05.0", secondary=5),
        bridge("02:07.0", *disks, secondary=6),
    ]
    root_port = bridge("00:00.0", bridge("01:00.0", *ports, secondary=2), secondary=1, io=None, pref=None)
    return machine(host(root_port, mem=(0xFA000000, 0xFBDFFFFF), io=(0x0, 0xFFFFF), pref=None))


def battlemage() -> Topology:
    """A graphics card with a switch on it (linux-usb, CACaw+ewwM_5eqyGW5=+THwHsYPs7u3NT096AFQdt6x4E6HcWtA@...)."""
    graphics = function("04:00.0", bar(0, "16M", width=64), bar(2, "32G", width=64, pref=True), bar("rom", "2M"))
    switch = bridge(
        "02:00.0",
        bridge("03:01.0", graphics, secondary=4),
        bridge("03:02.0", function("05:00.0", bar(0, "16K", width=64)), secondary=5),
        bars=[bar(0, "8M", width=64, pref=True)],
        secondary=3,
    )
    root_port = bridge(
        "00:06.0", switch, secondary=2, mem=(0x8D000000, 0x8E0FFFFF), pref=(0xA000000000, 0xA8007FFFFF), io=None
    )
    return machine(host(root_port, mem=(0x80000000, 0xDFFFFFFF), pref=(0xA000000000, 0xBFFFFFFFFF)))
