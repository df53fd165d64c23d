"""The harness itself, as far as it needs no guest."""

from __future__ import annotations

import shutil
import subprocess

import pytest

from models.placement import Placement
from models.resources import MIB, Range
from models.topology import Topology, WindowKey
from tests.kernel.guest import device_arguments
from tests.kernel.initramfs import newc_archive
from tests.kernel.referee import register_writes
from tests.kernel.state import State, differences, refusals
from tests.kernel.topologies import random_machine, random_plug
from tests.topologies import address, bar, bridge, function, key, machine

LOG = """\
[    0.1] pci_bus 0000:00: root bus resource [mem 0x80000000-0xfebfffff window]
[    0.1] pci 0000:00:01.0: [1b36:000c] type 01 class 0x060400
[    0.1] pci 0000:00:01.0: BAR 0 [mem 0x00000000-0x00000fff]
[    0.1] pci 0000:01:00.0: [1b36:0010] type 00 class 0x010802
[    0.1] pci 0000:01:00.0: BAR 0 [mem 0x00000000-0x00003fff 64bit]
[    0.1] pci 0000:01:00.0: VF BAR 0 [mem 0x00000000-0x00003fff 64bit]
[    0.1] pci 0000:01:00.0: VF BAR 0 [mem 0x00000000-0x0001ffff 64bit]: contains BAR 0 for 8 VFs
[    0.1] pci 0000:00:01.0: PCI bridge to [bus 01]
[    0.1] pci 0000:00:01.0:   bridge window [mem 0x80000000-0x800fffff]
[    0.2] pci 0000:00:01.0: BAR 0 [mem 0x80200000-0x80200fff]: assigned
[    0.2] pci 0000:00:01.0:   bridge window [mem 0x80000000-0x801fffff]
"""
FUNCTIONS = """\
[0000:00:01.0]
path=/sys/devices/pci0000:00/0000:00:01.0
vendor=0x1b36
device=0x000c
class=0x060400
driver=pcieport
0 0x0000000080200000 0x0000000080200fff 0x0000000000040200
14 0x0000000080000000 0x00000000801fffff 0x0000000000000200
[0000:01:00.0]
path=/sys/devices/pci0000:00/0000:00:01.0/0000:01:00.0
vendor=0x1b36
device=0x0010
class=0x010802
0 0x0000000080000000 0x0000000080003fff 0x0000000000140204
7 0x0000000000000000 0x0000000000000000 0x0000000000000000
"""


def test_the_state_before_assignment_is_that_of_the_registers() -> None:
    topology = State.read(LOG, FUNCTIONS).topology_before_assignment()
    assert [(str(name), one.size, one.copies, one.address) for name, one in topology.bars()] == [
        ("0000:00:01.0 BAR 0", 0x1000, 1, None),
        ("0000:01:00.0 BAR 0", 0x4000, 1, None),
        ("0000:01:00.0 VF BAR 0", 0x4000, 8, None),
    ]
    assert Placement.today(topology).windows[WindowKey(address("0000:00:01.0"), "mem")] == Range.of(0x80000000, MIB)


def test_the_state_now_is_that_of_sysfs() -> None:
    placement = State.read(LOG, FUNCTIONS).placement()
    assert placement.bars == {
        key("0000:00:01.0"): 0x80200000,
        key("0000:01:00.0"): 0x80000000,
        key("0000:01:00.0", "vf0"): None,
    }
    assert placement.windows[WindowKey(address("0000:00:01.0"), "mem")] == Range.of(0x80000000, 2 * MIB)


def test_differences_name_both_places() -> None:
    state = State.read(LOG, FUNCTIONS)
    before = Placement.today(state.topology_before_assignment())
    assert differences(before, state.placement()) == [
        "0000:00:01.0 BAR 0: unassigned != 0x80200000",
        "0000:01:00.0 BAR 0: unassigned != 0x80000000",
        "0000:00:01.0 mem window: 80000000-800fffff != 80000000-801fffff",
    ]


def test_a_refusal_is_seen_and_a_chipset_quirk_is_none() -> None:
    line = "pci 0000:01:00.0: BAR 0 [mem 0x1000-0x1fff]: can't claim; address conflict with 0000:02:00.0"
    quirk = "pci 0000:00:1f.0: quirk: [io 0x0600-0x067f]: can't claim; claimed by ICH6 ACPI"
    assert refusals([line, quirk, "pci 0000:01:00.0: BAR 0 [mem 0x1000-0x1fff]: assigned"]) == [line]


def _one_bridge() -> Topology:
    behind = function("0000:01:00.0", bar(2, "64M", width=64, pref=True, at=0x1_0000_0000))
    return machine(bridge("0000:00:01.0", behind, secondary=1, pref=(0x1_0000_0000, 0x1_03FF_FFFF)))


def test_registers_hold_the_placement() -> None:
    topology = _one_bridge()
    written = {
        (where, offset): value for where, offset, _, value in register_writes(topology, Placement.today(topology))
    }
    port, device = "0000:00:01.0", "0000:01:00.0"
    assert written[port, 0x18] == 0x010100
    # Base 0x1_0000_0000 and limit 0x1_03ff_ffff, in steps of 1 MiB.
    assert (written[port, 0x24], written[port, 0x28], written[port, 0x2C]) == (0x03F0_0000, 1, 1)
    # A closed window's base lies above its limit.
    assert written[port, 0x20] == 0x0000_FFF0
    assert (written[device, 0x18], written[device, 0x1C]) == (0, 1)
    assert (written[port, 4], written[device, 4]) == (7, 3)


def test_a_seed_always_makes_the_same_machine() -> None:
    assert random_machine(7) == random_machine(7)
    assert random_machine(7).devices != random_machine(8).devices
    assert random_plug(7) == random_plug(7)


def test_device_syntax_becomes_typed_arguments() -> None:
    assert device_arguments("nvme,id=a,addr=0.0,cmb_size_mb=64,multifunction=on,disable-legacy=off") == {
        "driver": "nvme",
        "id": "a",
        "addr": "0.0",
        "cmb_size_mb": 64,
        "multifunction": True,
        "disable-legacy": "off",
    }


@pytest.mark.skipif(shutil.which("cpio") is None, reason="cpio is not installed: nothing read the archive")
def test_cpio_reads_the_archive() -> None:
    archive = newc_archive({"bin/tool": (b"four", 0o755), "etc/list": (b"x" * 5, 0o644)})
    listed = subprocess.run(["cpio", "-tv", "--quiet"], input=archive, capture_output=True, check=True).stdout.decode()
    fields = [line.split() for line in listed.splitlines()]
    assert [(one[0], one[4], one[-1]) for one in fields] == [
        ("drwxr-xr-x", "0", "bin"),
        ("drwxr-xr-x", "0", "etc"),
        ("-rwxr-xr-x", "4", "bin/tool"),
        ("-rw-r--r--", "5", "etc/list"),
    ]
