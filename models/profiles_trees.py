"""Devices with a switch of their own, each with the public source of its figures."""

from __future__ import annotations

from models.profiles_shapes import NVME_BARS, Profile, at_slot, endpoint, mem32, port
from models.resources import KIB

_TITAN_RIDGE = "8086:15ea"
_PLX_9797 = "10b5:9797"
_DRIVES = 24

_NVME = endpoint("1987:5016", "010802", *NVME_BARS)

TREES: tuple[Profile, ...] = (
    Profile(
        "tb-dock",
        "Thunderbolt dock: a switch with a USB controller and two hotplug ports (Intel Titan Ridge)",
        (
            port(
                _TITAN_RIDGE,
                at_slot(port(_TITAN_RIDGE, hotplug=True), 1),
                at_slot(port(_TITAN_RIDGE, endpoint("8086:15ec", "0c0330", mem32(0, 64 * KIB))), 2),
                at_slot(port(_TITAN_RIDGE, hotplug=True), 4),
            ),
        ),
        "https://lore.kernel.org/linux-pci/CAONYan9gQHD2bcO4jFECEP4XA7axkw0KBV33qvneoxzc7Oz39g@mail.gmail.com/ (ports "
        "and BARs of the chip), https://lore.kernel.org/linux-pci/91ddf3e3-6203-4851-8007-9e9a24841e61@bakke.com/ "
        "(docks behind one)",
    ),
    Profile(
        "jbof-24",
        "JBOF: 24 NVMe SSDs in hotplug slots behind a switch (PLX PEX 9797, Phison E16)",
        (
            port(
                _PLX_9797,
                *(at_slot(port(_PLX_9797, _NVME, hotplug=True), device) for device in range(_DRIVES)),
            ),
        ),
        "https://github.com/Young768/profiling (ports of the switch: three windows each, no BAR), "
        "https://github.com/edk2-porting/edk2-rk3588/issues/91 (BAR of the drive)",
    ),
)
"""A dock and a box of drives."""
