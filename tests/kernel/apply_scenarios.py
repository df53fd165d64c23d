"""Hot-adds that a stock kernel has no space for although a legal placement exists, one after another."""

from __future__ import annotations

from dataclasses import dataclass

from tests.kernel.guest import Machine, Plug
from tests.kernel.scenarios import BOOT_NO_SPACE, EXTRA_ROOT_BUS, memory, root_ports


def switch(ports: int = 4, name: str = "up", bus: str = "root0", first_slot: int = 10, chassis: int = 2) -> list[str]:
    """A switch behind a port; its downstream ports are ``NAME0`` and so on, with slots from ``first_slot`` on."""
    downstream = f"xio3130-downstream,bus={name},chassis={chassis}"
    return [
        f"x3130-upstream,id={name},bus={bus}",
        *(f"{downstream},id={name}{n},slot={first_slot + n}" for n in range(ports)),
    ]


PORT = "pcie-root-port,id=root0,slot=1,chassis=1"


def disk(name: str, bus: str, more: str = "") -> str:
    """An NVMe drive with memory behind it."""
    return f"nvme,id={name},serial={name},drive={name},bus={bus}{more}"


@dataclass(frozen=True, slots=True)
class Scenario:
    """A machine, what is plugged into it, and what to look at.

    Attributes
    ----------
    what
        One line for the record.
    top
        The bridge that the comparison removes and rescans.
    policy
        Of the plan.
    """

    machine: Machine
    what: str
    top: tuple[str, ...] = ("0000:00:01.0",)
    policy: str = "safe"

    @property
    def name(self) -> str:
        return self.machine.name


def _scenario(
    name: str,
    what: str,
    devices: list[str],
    plugs: list[Plug],
    *,
    memories: dict[str, str] | None = None,
    disks: tuple[str, ...] = (),
    firmware: str = "seabios",
    parameters: str = "",
    size: str = "512M",
    top: tuple[str, ...] = ("0000:00:01.0",),
    policy: str = "safe",
    pciehp: bool = True,
) -> Scenario:
    machine = Machine(
        name,
        tuple(devices),
        tuple(memory(key, value) for key, value in (memories or {}).items()),
        firmware,
        size,
        f"iomem=relaxed {parameters}".strip(),
        pciehp=pciehp,
        plugs=tuple(plugs),
        disks=disks,
    )
    return Scenario(machine, what, top, policy)


def _shared(name: str, bus: str, backing: str) -> str:
    return f"ivshmem-plain,id={name},memdev={backing},bus={bus}"


_FOUR = {f"m{n}": "64M" for n in range(4)}
_PLAIN_SWITCH = [PORT, *switch()]
_PORTS_ONLY = "disable-legacy=off,disable-modern=on,romfile="
_VFS = "sriov_max_vfs=4,sriov_vq_flexible=8,sriov_vi_flexible=4,max_ioqpairs=16,msix_qsize=20"

SCENARIOS = {
    scenario.name: scenario
    for scenario in (
        _scenario(
            "01-switch-grow",
            "256 MiB into a switch sized for 64 MiB, 32 GiB free at the root",
            [*_PLAIN_SWITCH, disk("d0", "up0", ",cmb_size_mb=64"), disk("d1", "up1")],
            [Plug(_shared("new", "up3", "m1"))],
            memories={"m1": "256M"},
            disks=("d0", "d1"),
        ),
        _scenario(
            "02-switch-frag",
            "four times 64 MiB, the first and the third unplugged, 128 MiB added",
            [*_PLAIN_SWITCH, *(_shared(f"v{n}", f"up{n}", f"m{n}") for n in range(4))],
            [Plug(remove="v0", slot=10), Plug(remove="v2", slot=12), Plug(_shared("new", "up0", "m9"))],
            memories={**_FOUR, "m9": "128M"},
        ),
        _scenario(
            "03-switch-multifn-nvme",
            "a card of three functions, one of them an NVMe, into a port of 2 MiB",
            [*_PLAIN_SWITCH, disk("d1", "up1")],
            [
                Plug("edu,id=f2,bus=up3,addr=0.2"),
                Plug("edu,id=f1,bus=up3,addr=0.1"),
                Plug(disk("d0", "up3", ",addr=0.0,multifunction=on")),
            ],
            disks=("d0", "d1"),
        ),
        _scenario(
            "04-switch-io",
            "a second card with I/O ports into a switch with one window of 4 KiB for them, hotplug through ACPI",
            [*_PLAIN_SWITCH, f"virtio-net-pci,id=n0,bus=up0,{_PORTS_ONLY}"],
            [Plug(f"virtio-net-pci,id=new,bus=up3,{_PORTS_ONLY}")],
            pciehp=False,
        ),
        _scenario(
            "05-root-frag-below-4G",
            "seven times 128 MiB of 32-bit memory, two not side by side unplugged, 256 MiB added",
            [*root_ports(7), *(f"secondary-vga,id=v{n},bus=port{n},vgamem_mb=128" for n in range(7))],
            [
                Plug(remove="v1", slot=2),
                Plug(remove="v4", slot=5),
                Plug("secondary-vga,id=new,bus=port1,vgamem_mb=256"),
            ],
            size="2815M",
            top=tuple(f"0000:00:{n:02x}.0" for n in range(1, 8)),
        ),
        _scenario(
            "06-pxb-frag",
            "an extra root bus with exact windows, two of four 64 MiB BARs unplugged, 128 MiB added",
            [
                EXTRA_ROOT_BUS,
                *root_ports(4, "extra"),
                *(_shared(f"v{n}", f"port{n}", f"m{n}") for n in range(4)),
            ],
            [Plug(remove="v0", slot=1), Plug(remove="v2", slot=3), Plug(_shared("new", "port0", "m9"))],
            memories={**_FOUR, "m9": "128M"},
            top=tuple(f"0000:40:0{n}.0" for n in range(4)),
        ),
        _scenario(
            "07-nested-switch",
            "128 MiB below the second of two switches",
            [
                PORT,
                *switch(3),
                *switch(3, "deep", "up1", 20, 3),
                disk("d0", "up0", ",cmb_size_mb=16"),
                disk("d1", "deep0"),
                _shared("v1", "deep1", "m1"),
            ],
            [Plug(_shared("new", "deep2", "m2"))],
            memories={"m1": "32M", "m2": "128M"},
            disks=("d0", "d1"),
        ),
        _scenario(
            "08-switch-align",
            "256 MiB with one 64 MiB BAR in the middle, 128 MiB needed",
            [*_PLAIN_SWITCH, *(_shared(f"v{n}", f"up{n}", f"m{n}") for n in range(3))],
            [Plug(remove="v0", slot=10), Plug(remove="v1", slot=11), Plug(_shared("new", "up0", "m9"))],
            memories={"m0": "64M", "m1": "64M", "m2": "64M", "m9": "128M"},
        ),
        _scenario(
            "09-scratch-32bit",
            "at boot: seven times 128 MiB of 32-bit memory, two are left out",
            list(BOOT_NO_SPACE.devices),
            [],
            firmware="qboot",
            size=BOOT_NO_SPACE.memory,
            top=tuple(f"0000:00:{n:02x}.0" for n in range(1, 8)),
        ),
        _scenario(
            "10-switch-sriov",
            "an NVMe with 4 VFs into a switch with nothing reserved; the kernel takes the running NVMe's window",
            [*_PLAIN_SWITCH, disk("d1", "up1"), "nvme-subsys,id=sub0"],
            [Plug(f"nvme,id=new,serial=new,bus=up3,subsys=sub0,{_VFS}")],
            disks=("d1",),
            firmware="qboot",
            parameters="pci=hpmemsize=0",
        ),
        _scenario(
            "11-hotadd-kills-sibling",
            "a second NVMe into a switch with nothing reserved; the kernel takes the running NVMe's window",
            [*_PLAIN_SWITCH, disk("d1", "up1")],
            [Plug(disk("d0", "up3"))],
            disks=("d0", "d1"),
            firmware="qboot",
            parameters="pci=hpmemsize=0",
        ),
        _scenario(
            "13-ovmf-grow",
            "2 GiB into a switch under UEFI firmware, which keeps 512 MiB for every port",
            [*_PLAIN_SWITCH, disk("d0", "up0", ",cmb_size_mb=64"), disk("d1", "up1")],
            [Plug(_shared("new", "up3", "m2"))],
            memories={"m2": "2G,reserve=off"},
            disks=("d0", "d1"),
            firmware="ovmf",
        ),
        _scenario(
            "14-pxb-nvme-moves",
            "an extra root bus with exact windows, two of four 64 MiB drives unplugged, 128 MiB added: a drive moves",
            [
                EXTRA_ROOT_BUS,
                *root_ports(4, "extra"),
                *(disk(f"d{n}", f"port{n}", ",cmb_size_mb=64") for n in range(4)),
            ],
            [
                Plug(remove="d0", slot=1),
                Plug(remove="d2", slot=3),
                Plug("nvme,id=new,serial=new,drive=d9,bus=port0,cmb_size_mb=128"),
            ],
            disks=("d0", "d1", "d2", "d3", "d9"),
            top=tuple(f"0000:40:0{n}.0" for n in range(4)),
        ),
    )
}
"""By name; the numbers are those of the records in ``tests/data/kernel``."""
