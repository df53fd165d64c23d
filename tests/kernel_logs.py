"""A kernel log of an invented machine, and short ways to read logs and look into what was read."""

from __future__ import annotations

from models.resources import FunctionAddress
from models.sources.kernel_log import read_kernel_log
from models.sources.observation import Observation, SeenBar, SeenFunction, SeenWindow

GIB = 1 << 30

BOOT = """\
[    0.000000] Linux version 6.3.9-invented (builder@nowhere) (gcc (GCC) 12.2.0, GNU ld 2.40) #1 SMP
[    0.000000] DMI: Nobody Model 7/Board X, BIOS 1.2.3 04/05/2023
[    0.300000] ACPI: PCI Root Bridge [PCI0] (domain 0000 [bus 00-7f])
[    0.310000] PCI host bridge to bus 0000:00
[    0.310100] pci_bus 0000:00: root bus resource [io  0x0000-0x0bff window]
[    0.310200] pci_bus 0000:00: root bus resource [mem 0x90000000-0xdfffffff window]
[    0.310300] pci_bus 0000:00: root bus resource [mem 0x2000000000-0x2fffffffff pref window]
[    0.310400] pci_bus 0000:00: root bus resource [bus 00-7e]
[    0.320000] pci 0000:00:1c.0: [8086:aa10] type 01 class 0x060400
[    0.320100] pci 0000:00:1c.0: PME# supported from D0 D3hot D3cold
[    0.320200] pci 0000:00:1f.2: [8086:aa11] type 00 class 0x010601
[    0.320300] pci 0000:00:1f.2: reg 0x10: [io  0x3080-0x3087]
[    0.320400] pci 0000:00:1f.2: reg 0x24: [mem 0x91200000-0x912007ff]
[    0.330000] pci 0000:01:00.0: [1234:5678] type 00 class 0x030000
[    0.330100] pci 0000:01:00.0: reg 0x10: [mem 0x90000000-0x90ffffff]
[    0.330200] pci 0000:01:00.0: reg 0x14: [mem 0x2000000000-0x200fffffff 64bit pref]
[    0.330300] pci 0000:01:00.0: reg 0x30: [mem 0x00000000-0x0003ffff pref]
[    0.340000] pci 0000:00:1c.0: PCI bridge to [bus 01-02]
[    0.340100] pci 0000:00:1c.0:   bridge window [mem 0x90000000-0x90ffffff]
[    0.340200] pci 0000:00:1c.0:   bridge window [mem 0x2000000000-0x200fffffff 64bit pref]
"""


def read(text: str) -> Observation:
    return read_kernel_log(text, "log")


def function(observation: Observation, address: str) -> SeenFunction:
    return observation.functions[FunctionAddress(address)]


def bar(observation: Observation, address: str, index: int | str) -> SeenBar:
    return function(observation, address).bars[index]


def window(observation: Observation, address: str, kind: str) -> SeenWindow:
    return next(w for k, w in function(observation, address).windows.items() if k == kind)


def after(*lines: str) -> Observation:
    """The observation of the boot followed by these lines."""
    return read(BOOT + "".join(f"[    1.{number:06d}] {line}\n" for number, line in enumerate(lines)))
