"""Kinds of devices that generated machines are made of; sizes as in :mod:`models.profiles`, where it has the device."""

from __future__ import annotations

from dataclasses import dataclass

from models.resources import GIB, KIB, MIB, Size
from models.topology import Bar, BarIndex


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of device.

    Attributes
    ----------
    driver
        Its usual driver.
    bars
        Without addresses.
    """

    class_code: str
    driver: str
    bars: tuple[Bar, ...]


def mem(index: BarIndex, size: Size, width: int = 32) -> Bar:
    """Memory that is not prefetchable."""
    return Bar(index, "mem", size, width)


def pref(index: BarIndex, size: Size) -> Bar:
    """64-bit prefetchable memory."""
    return Bar(index, "mem", size, 64, prefetchable=True)


def io(index: BarIndex, size: Size) -> Bar:
    """I/O ports."""
    return Bar(index, "io", size)


def rom(size: Size) -> Bar:
    """An expansion ROM, which needs no address."""
    return Bar("rom", "mem", size, prefetchable=True, optional=True)


def vf(index: BarIndex, size: Size, copies: int, *, optional: bool = True) -> Bar:
    """A 64-bit prefetchable BAR of virtual functions."""
    return Bar(index, "mem", size, 64, prefetchable=True, copies=copies, optional=optional)


def gpu(largest: Size) -> Kind:
    """A data center GPU whose largest BAR has this size (Resizable BAR, at full size)."""
    return Kind("030200", "nvidia", (pref(0, 16 * MIB), pref(2, largest), pref(4, 32 * MIB)))


NVME = Kind("010802", "nvme", (mem(0, 16 * KIB, 64),))
NVME_CMB = Kind("010802", "nvme", (mem(0, 16 * KIB, 64), pref(4, 64 * MIB)))
"""With a controller memory buffer."""
NIC_1G = Kind("020000", "igb", (mem(0, MIB), io(2, 32), mem(3, 16 * KIB)))
NIC_10G = Kind("020000", "i40e", (pref(0, 8 * MIB), pref(3, 32 * KIB)))
NIC_100G = Kind("020000", "mlx5_core", (pref(0, 32 * MIB),))
DPU = Kind("020000", "mlx5_core", (pref(0, 32 * MIB), pref(2, 8 * MIB), mem(4, 2 * MIB)))
HBA = Kind("010700", "mpt3sas", (io(0, 256), mem(1, 64 * KIB, 64), mem(3, 256 * KIB, 64)))
USB = Kind("0c0330", "xhci_hcd", (mem(0, 8 * KIB, 64),))
SATA = Kind("010601", "ahci", (io(4, 32), mem(5, 8 * KIB)))
SOUND = Kind("040300", "snd_hda_intel", (mem(0, 16 * KIB, 64),))
BMC = Kind("030000", "ast", (mem(0, 16 * MIB), mem(1, 128 * KIB), io(2, 128)))
GRAPHICS = Kind("030000", "amdgpu", (pref(0, 256 * MIB), pref(2, 2 * MIB), io(4, 256), mem(5, 512 * KIB)))
GRAPHICS_8G = Kind("030000", "amdgpu", (pref(0, 8 * GIB), pref(2, 2 * MIB), io(4, 256), mem(5, 512 * KIB)))
ACCELERATOR = Kind("120000", "amdgpu", (pref(0, 256 * MIB), pref(2, 2 * MIB), mem(5, 512 * KIB)))
FPGA = Kind("120000", "xdma", (mem(0, 4 * MIB), mem(1, 64 * KIB), pref(2, 64 * MIB)))
CAPTURE = Kind("048000", "saa7164", (mem(0, 16 * MIB), mem(2, 4 * MIB), mem(4, 64 * KIB)))
"""32-bit BARs alone: an adapter of the older kind."""
