"""Kinds of devices one can plug in, by their BARs, each with the public source of its figures."""

from __future__ import annotations

from dataclasses import dataclass

from models.resources import GIB, KIB, MIB, Size
from models.topology import Bar, BarIndex


@dataclass(frozen=True, slots=True)
class Profile:
    """A device with one function.

    Attributes
    ----------
    what
        What it is, for a person.
    id, class_code
        As lspci writes them; ``id`` is that of the device in ``source``.
    source
        Where the sizes and kinds of its BARs were published.
    """

    name: str
    what: str
    id: str | None
    class_code: str
    bars: tuple[Bar, ...]
    source: str


def _mem32(index: BarIndex, size: Size) -> Bar:
    return Bar(index, "mem", size)


def _mem64(index: BarIndex, size: Size) -> Bar:
    return Bar(index, "mem", size, width=64)


def _pref(index: BarIndex, size: Size) -> Bar:
    return Bar(index, "mem", size, width=64, prefetchable=True)


def _io(index: BarIndex, size: Size) -> Bar:
    return Bar(index, "io", size)


def _rom(size: Size) -> Bar:
    return Bar("rom", "mem", size, prefetchable=True, optional=True)


def _vf(index: BarIndex, size: Size, copies: int) -> Bar:
    return Bar(index, "mem", size, width=64, prefetchable=True, copies=copies, optional=True)


def _nvidia(largest: Size) -> tuple[Bar, ...]:
    return _mem32(0, 16 * MIB), _pref(1, largest), _pref(3, 32 * MIB)


PROFILES: dict[str, Profile] = {
    profile.name: profile
    for profile in (
        Profile(
            "nvme",
            "NVMe SSD (Phison E16)",
            "1987:5016",
            "010802",
            (_mem64(0, 16 * KIB),),
            "https://github.com/edk2-porting/edk2-rk3588/issues/91",
        ),
        Profile(
            "usb3",
            "USB 3.0 controller (Renesas uPD720201)",
            "1912:0014",
            "0c0330",
            (_mem64(0, 8 * KIB),),
            "https://github.com/morrownr/mt76/issues/29",
        ),
        Profile(
            "sas",
            "SAS host bus adapter (Broadcom SAS3008)",
            "1000:0097",
            "010700",
            (_io(0, 256), _mem64(1, 64 * KIB), _mem64(3, 256 * KIB), _rom(MIB)),
            "https://github.com/Seagate/openSeaChest/issues/118",
        ),
        Profile(
            "nic-1g",
            "1 Gbit/s Ethernet controller (Intel I210)",
            "8086:1533",
            "020000",
            (_mem32(0, MIB), _io(2, 32), _mem32(3, 16 * KIB), _rom(MIB)),
            "https://github.com/coreos/fedora-coreos-tracker/issues/549",
        ),
        Profile(
            "nic-sriov",
            "10 Gbit/s Ethernet controller with 64 VFs (Intel X710)",
            "8086:1572",
            "020000",
            (
                _pref(0, 8 * MIB),
                _pref(3, 32 * KIB),
                _rom(512 * KIB),
                _vf("vf0", 64 * KIB, 64),
                _vf("vf3", 16 * KIB, 64),
            ),
            "https://github.com/OpenVPN/ovpn-dco/issues/46",
        ),
        Profile(
            "gpu-256m",
            "GPU with a 256 MiB aperture (NVIDIA Quadro RTX 8000)",
            "10de:1e30",
            "030000",
            (*_nvidia(256 * MIB), _io(5, 128), _rom(512 * KIB)),
            "https://github.com/geerlingguy/raspberry-pi-pcie-devices/issues/480, "
            "I/O size of the same vendor's https://github.com/pciutils/pciutils/issues/151",
        ),
        Profile(
            "gpu-8g",
            "GPU with 8 GiB (AMD Radeon Pro WX 8100)",
            None,
            "030000",
            (_pref(0, 8 * GIB), _pref(2, 2 * MIB), _io(4, 256), _mem32(5, 512 * KIB), _rom(128 * KIB)),
            "https://github.com/ROCm/legacy-rocm-build/issues/787",
        ),
        Profile(
            "gpu-16g",
            "GPU with 16 GiB and 31 VFs (Intel Data Center GPU Flex)",
            "8086:56c0",
            "038000",
            (
                _pref(0, 16 * MIB),
                _pref(2, 16 * GIB),
                _rom(2 * MIB),
                _vf("vf0", 16 * MIB, 31),
                _vf("vf2", 8 * GIB, 31),
            ),
            "https://lore.kernel.org/linux-pci/Y4SYBtaP1hTWGsYn@black.fi.intel.com/",
        ),
        Profile(
            "gpu-40g",
            "GPU with 40 GiB (NVIDIA A100 PCIe 40GB)",
            "10de:20f1",
            "030200",
            _nvidia(64 * GIB),
            "https://github.com/kata-containers/kata-containers/pull/4358",
        ),
        Profile(
            "gpu-48g",
            "GPU with 48 GiB (NVIDIA RTX 6000 Ada)",
            "10de:26b1",
            "030000",
            (*_nvidia(64 * GIB), _io(5, 128), _rom(512 * KIB)),
            "https://github.com/NVIDIA/gds-nvidia-fs/issues/60",
        ),
        Profile(
            "gpu-80g",
            "GPU with 80 GiB (NVIDIA H100)",
            None,
            "030200",
            (_pref(0, 16 * MIB), _pref(2, 128 * GIB), _pref(4, 32 * MIB)),
            "https://github.com/fastfetch-cli/fastfetch/issues/1658",
        ),
    )
}
"""Profiles by name."""
