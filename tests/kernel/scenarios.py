"""Machines with a name: those in which the kernel gives up although a legal placement exists, and the samples."""

from __future__ import annotations

from tests.kernel.guest import Machine, Plug


def root_ports(count: int, bus: str = "pcie.0", prefix: str = "port", first_slot: int = 1) -> list[str]:
    """PCIe root ports with hotplug slots on a root bus."""
    return [
        f"pcie-root-port,id={prefix}{n},bus={bus},slot={first_slot + n},chassis={1 + (bus != 'pcie.0')}"
        for n in range(count)
    ]


def memory(name: str, size: str) -> str:
    """Memory behind an ``ivshmem-plain``: a 64-bit prefetchable BAR of this size."""
    return f"memory-backend-ram,id={name},size={size}"


EXTRA_ROOT_BUS = "pxb-pcie,id=extra,bus_nr=64,bus=pcie.0"

HOTPLUG_NO_SPACE = Machine(
    "qemu-hotplug-nospace",
    (
        EXTRA_ROOT_BUS,
        *root_ports(4, "extra"),
        *(f"nvme,id=disk{n},serial=disk{n},bus=port{n},cmb_size_mb=64" for n in range(3)),
        "ivshmem-plain,memdev=shared,bus=port3",
    ),
    (memory("shared", "64M"),),
    firmware="seabios",
    # The shared memory is in use by a driver that would not survive a move.
    prepare="""
        cd /sys/bus/pci
        echo uio_pci_generic >devices/0000:44:00.0/driver_override
        echo 0000:44:00.0 >drivers/uio_pci_generic/bind
    """,
    plugs=(
        Plug(remove="disk0", slot=1),
        Plug(remove="disk2", slot=3),
        Plug("nvme,id=new,serial=new,bus=port0,cmb_size_mb=128"),
    ),
)
"""An extra root bus holds four ports of 64 MiB, two get free, and the 128 MiB of a new NVMe need both halves."""

BOOT_NO_SPACE = Machine(
    "qemu-boot",
    (*root_ports(7), *(f"secondary-vga,bus=port{n},vgamem_mb=128" for n in range(7))),
    memory="2815M",
)
"""Seven adapters with 128 MiB of 32-bit memory: what the kernel rounds up leaves two of them without."""

SAMPLES = {machine.name: machine for machine in (HOTPLUG_NO_SPACE, BOOT_NO_SPACE)}
