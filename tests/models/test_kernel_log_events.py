from __future__ import annotations

import pytest

from models.resources import Range
from tests.kernel_logs import BOOT, GIB, after, bar, function, read, window

# -- the wordings of many kernels


@pytest.mark.parametrize(
    "line",
    [
        "pci 0000:03:00.0: reg 0x18: [mem 0xa0000000-0xa3ffffff 64bit pref]",
        "pci 0000:03:00.0: reg 18: [mem 0xa0000000-0xa3ffffff 64bit pref]",
        "pci 0000:03:00.0: reg 18 64bit mmio pref: [0xa0000000-0xa3ffffff]",
        "pci 0000:03:00.0: BAR 2 [mem 0xa0000000-0xa3ffffff 64bit pref]",
    ],
)
def test_bar_wordings(line: str) -> None:
    found = bar(after(line), "0000:03:00.0", 2)
    assert (found.space, found.size, found.width, found.prefetchable) == ("mem", 64 << 20, 64, True)
    assert (found.address, found.initial, found.assigned) == (0xA0000000, 0xA0000000, True)


@pytest.mark.parametrize(
    "line",
    [
        "pci 0000:03:00.0: reg 0x14: [io  0x4000-0x40ff]",
        "pci 0000:03:00.0: reg 14 io port: [0x4000-0x40ff]",
        "pci 0000:03:00.0: BAR 1 [io  0x4000-0x40ff]",
    ],
)
def test_port_wordings(line: str) -> None:
    found = bar(after(line), "0000:03:00.0", 1)
    assert (found.space, found.size, found.address, found.prefetchable) == ("io", 256, 0x4000, False)


@pytest.mark.parametrize(
    ("line", "class_code", "header"),
    [
        ("[abcd:0102] type 01 class 0x060400 PCIe Root Port", "060400", 1),
        ("[abcd:0102] type 02 class 0x060700", "060700", 2),
        ("[abcd:0102] type 00 class 0x0c0330 PCIe Endpoint", "0c0330", 0),
        ("[abcd:0102] type 1 class 0x000604", "0604", 1),
        ("found [abcd:0102] class 000604 header type 01", "0604", 1),
    ],
)
def test_identity_wordings(line: str, class_code: str, header: int) -> None:
    found = function(after(f"pci 0000:00:05.0: {line}"), "0000:00:05.0")
    assert (found.id, found.class_code, found.header) == ("abcd:0102", class_code, header)


@pytest.mark.parametrize("name", ["ROM", "BAR 6:"])
def test_rom_wordings(name: str) -> None:
    resource = "[mem 0x91000000-0x9107ffff pref]"
    line = f"{name} {resource}: assigned" if name == "ROM" else f"{name} assigned {resource}"
    rom = bar(after(f"pci 0000:01:00.0: {line}"), "0000:01:00.0", "rom")
    assert (rom.address, rom.initial, rom.assigned) == (0x91000000, None, True)


def test_rom_register_depends_on_the_header() -> None:
    observation = after("pci 0000:00:1c.0: reg 0x38: [mem 0x92000000-0x9200ffff pref]")
    assert bar(observation, "0000:00:1c.0", "rom").address == 0x92000000


@pytest.mark.parametrize(
    ("line", "kind"),
    [
        ("pci 0000:00:1c.0: BAR 13: assigned [io  0x5000-0x5fff]", "io"),
        ("pci 0000:00:1c.0: BAR 7: assigned [io  0x5000-0x5fff]", "io"),
        ("pci 0000:00:1c.0: BAR 14: assigned [mem 0x5000000-0x50fffff]", "mem"),
        ("pci 0000:00:1c.0: BAR 8: assigned [mem 0x5000000-0x50fffff]", "mem"),
        ("pci 0000:00:1c.0: BAR 15: assigned [mem 0x5000000-0x50fffff 64bit pref]", "pref"),
        ("pci 0000:00:1c.0: bridge window [mem 0x5000000-0x50fffff 64bit pref]: assigned", "pref"),
        ("pcieport 0000:00:1c.0: bridge window [io  0x5000-0x5fff]: assigned", "io"),
    ],
)
def test_window_wordings(line: str, kind: str) -> None:
    found = window(after(line), "0000:00:1c.0", kind)
    assert found.closed is False
    assert found.range is not None
    assert found.range.start in (0x5000, 0x5000000)


def test_port_without_header_type_has_windows_and_endpoint_has_vf_bars() -> None:
    observation = after(
        "pcieport 0000:20:01.0: BAR 8: assigned [mem 0xc0000000-0xc00fffff]",
        "pci 0000:01:00.0: BAR 8: assigned [mem 0xc0200000-0xc03fffff]",
    )
    assert window(observation, "0000:20:01.0", "mem").range == Range(0xC0000000, 0xC0100000)
    assert bar(observation, "0000:01:00.0", "vf1").address == 0xC0200000


def test_platform_ranges_of_an_isa_bridge_are_no_windows() -> None:
    observation = after(
        "pci 0000:00:1f.0: [8086:aa20] type 00 class 0x060100",
        "pci 0000:00:1f.0: can't claim BAR 13 [io  0x0900-0x097f]: address conflict with PCI Bus 0000:00",
    )
    assert function(observation, "0000:00:1f.0").windows == {}
    assert function(observation, "0000:00:1f.0").bars == {}
    assert [(f.index, f.what) for f in observation.failures] == [(13, "can't claim")]


# -- virtual functions


@pytest.mark.parametrize(
    "lines",
    [
        (
            "reg 0x184: [mem 0x2100000000-0x2100003fff 64bit pref]",
            "VF(n) BAR0 space: [mem 0x2100000000-0x210007ffff 64bit pref] (contains BAR0 for 32 VFs)",
        ),
        (
            "VF BAR 0 [mem 0x2100000000-0x2100003fff 64bit pref]",
            "VF BAR 0 [mem 0x2100000000-0x210007ffff 64bit pref]: contains BAR 0 for 32 VFs",
        ),
    ],
)
def test_vf_bars_have_the_size_of_one_instance(lines: tuple[str, str]) -> None:
    observation = after(*(f"pci 0000:01:00.0: {line}" for line in lines))
    block = bar(observation, "0000:01:00.0", "vf0")
    assert (block.size, block.copies, block.address, block.width) == (0x4000, 32, 0x2100000000, 64)


def test_vf_block_is_assigned_as_a_whole() -> None:
    observation = after(
        "pci 0000:01:00.0: VF(n) BAR2 space: [mem 0x00000000-0x0000ffff 64bit] (contains BAR2 for 4 VFs)",
        "pci 0000:01:00.0: BAR 9: no space for [mem size 0x00010000 64bit]",
        "pci 0000:01:00.0: VF BAR 2 [mem 0x91000000-0x9100ffff 64bit]: assigned",
    )
    block = bar(observation, "0000:01:00.0", "vf2")
    assert (block.size, block.copies, block.address, block.initial) == (0x4000, 4, 0x91000000, None)
    assert [(f.index, f.size) for f in observation.failures] == [("vf2", 0x10000)]


# -- what happens later


@pytest.mark.parametrize(
    ("line", "what"),
    [
        ("BAR 1: no space for [mem size 0x10000000 64bit pref]", "no space"),
        ("BAR 1 [mem size 0x10000000 64bit pref]: can't assign; no space", "no space"),
        ("BAR 1: failed to assign [mem size 0x10000000 64bit pref]", "failed to assign"),
        ("BAR 1 [mem 0x30000000-0x3fffffff 64bit pref]: failed to assign", "failed to assign"),
        ("BAR 1: can't assign mem pref (size 0x10000000)", "can't assign"),
        ("BAR 1: [mem size 0x10000000 64bit pref] has bogus alignment", "bogus alignment"),
        ("can't claim BAR 1 [mem 0x2000000000-0x200fffffff 64bit pref]: no compatible bridge window", "can't claim"),
        ("BAR 1 [mem 0x2000000000-0x200fffffff 64bit pref]: can't claim; no compatible bridge window", "can't claim"),
        ("no compatible bridge window for [mem 0x2000000000-0x200fffffff 64bit pref]", "can't claim"),
        ("can't enable device: BAR 1 [mem 0x2000000000-0x200fffffff 64bit pref] not claimed", "not claimed"),
    ],
)
def test_failures_are_noted_and_leave_the_bar_unassigned(line: str, what: str) -> None:
    observation = after(f"pci 0000:01:00.0: {line}")
    [failure] = observation.failures
    assert (failure.function, failure.index, failure.what) == ("0000:01:00.0", 1, what)
    assert (failure.space, failure.size, failure.line) == ("mem", GIB // 4, BOOT.count("\n") + 1)
    found = bar(observation, "0000:01:00.0", 1)
    assert (found.address, found.assigned, found.initial, found.size) == (None, False, 0x2000000000, GIB // 4)


def test_last_event_counts() -> None:
    observation = after(
        "pci 0000:01:00.0: BAR 0: no space for [mem size 0x01000000]",
        "pci 0000:01:00.0: BAR 0: failed to assign [mem size 0x01000000]",
        "pci 0000:01:00.0: BAR 0: assigned [mem 0x95000000-0x95ffffff]",
    )
    found = bar(observation, "0000:01:00.0", 0)
    assert (found.address, found.initial, found.assigned) == (0x95000000, 0x90000000, True)
    assert len(observation.failures) == 2


def test_words_that_change_nothing() -> None:
    observation = after(
        "pci 0000:01:00.0: BAR 1: assigned to efifb",
        "pci 0000:01:00.0: BAR 1: reserving [mem 0x2000000000-0x200fffffff flags 0x14220c] (d=0, p=0)",
        "pci 0000:01:00.0: BAR 1 [mem size 0x10000000]: requesting alignment to 0x10000000",
        "pci 0000:01:00.0: BAR 6: [??? 0x00000000 flags 0x2] has bogus alignment",
        "pcieport 0000:00:1c.0: bridge window [io  0x1000-0x0fff] to [bus 01] add_size 1000",
        "pcieport 0000:00:1c.0: bridge window [mem 0x00100000-0x000fffff] to [bus 01] add_size 200000 add_align 100000",
        "port 0000:00:1c.0: Assigned bridge window [mem 0x90000000-0x90ffffff] to [bus 01] free space at [mem]",
    )
    assert observation.functions == read(BOOT).functions
    assert observation.failures == []


def test_resize_gives_a_bar_its_new_size() -> None:
    observation = after(
        "gpu 0000:01:00.0: BAR 1 [mem 0x2000000000-0x200fffffff 64bit pref]: releasing",
        "pcieport 0000:00:1c.0: bridge window [mem 0x2000000000-0x200fffffff 64bit pref]: releasing",
        "pcieport 0000:00:1c.0: bridge window [mem 0x2400000000-0x27ffffffff 64bit pref]: assigned",
        "gpu 0000:01:00.0: BAR 1 [mem 0x2400000000-0x27ffffffff 64bit pref]: assigned",
    )
    found = bar(observation, "0000:01:00.0", 1)
    assert (found.address, found.size, found.initial) == (0x2400000000, 16 * GIB, 0x2000000000)
    prefetchable = window(observation, "0000:00:1c.0", "pref")
    assert prefetchable.range == Range(0x2400000000, 0x2800000000)
    assert prefetchable.initial == Range(0x2000000000, 0x2010000000)


def test_released_and_never_assigned_is_unassigned() -> None:
    observation = after(
        "gpu 0000:01:00.0: BAR 1: releasing [mem 0x2000000000-0x200fffffff 64bit pref]",
        "pci 0000:00:1c.0: resource 15 [mem 0x2000000000-0x200fffffff 64bit pref] released",
        "pci 0000:00:1c.0: disabling bridge window [mem 0x90000000-0x90ffffff] to [bus 01-02] (unused)",
    )
    assert bar(observation, "0000:01:00.0", 1).assigned is False
    assert window(observation, "0000:00:1c.0", "pref").closed is True
    assert window(observation, "0000:00:1c.0", "mem").closed is True
    assert observation.failures == []


def test_rejected_window_is_closed_until_it_is_assigned() -> None:
    claim = "pci 0000:00:1c.0: bridge window [mem 0x90000000-0x90ffffff]: can't claim; no compatible bridge window"
    rejected = window(after(claim), "0000:00:1c.0", "mem")
    assert (rejected.closed, rejected.range, rejected.initial) == (True, None, Range(0x90000000, 0x91000000))
    again = after(claim, "pci 0000:00:1c.0: bridge window [mem 0x96000000-0x96ffffff]: assigned")
    assert window(again, "0000:00:1c.0", "mem").range == Range(0x96000000, 0x97000000)


def test_failed_expansion_is_a_failure_and_keeps_the_window() -> None:
    old = "pci 0000:00:1c.0: BAR 14: [mem 0x90000000-0x90ffffff] (failed to expand by 0x300000)"
    new = "pci 0000:00:1c.0: bridge window [mem 0x90000000-0x90ffffff]: failed to expand by 0x300000"
    for line in (old, new):
        observation = after(line)
        assert [(f.index, f.size, f.what) for f in observation.failures] == [("mem", 0x300000, "failed to expand")]
        assert window(observation, "0000:00:1c.0", "mem").closed is False


def test_window_with_only_a_size_is_closed() -> None:
    observation = after(
        "pci 0000:00:1c.0: PCI bridge to [bus 01-02]", "pci 0000:00:1c.0:   bridge window [mem size 0x300000]"
    )
    assert window(observation, "0000:00:1c.0", "mem").closed is True


@pytest.mark.parametrize("line", ["bridge window [io  disabled]", "bridge window [io  0x1000-0x1fff disabled]"])
def test_disabled_window_is_closed(line: str) -> None:
    observation = after("pci 0000:00:1c.0: PCI bridge to [bus 01-02]", f"pci 0000:00:1c.0:   {line}")
    assert window(observation, "0000:00:1c.0", "io").closed is True


def test_window_at_zero_needs_an_assignment() -> None:
    bridge = (
        "pci 0000:00:1d.0: [8086:aa12] type 01 class 0x060400",
        "pci 0000:00:1d.0: PCI bridge to [bus 05]",
        "pci 0000:00:1d.0:   bridge window [io  0x0000-0x0fff]",
        "pci 0000:00:1d.0:   bridge window [mem 0x00000000-0x000fffff]",
    )
    observation = after(*bridge)
    assert window(observation, "0000:00:1d.0", "io").closed is True
    assert window(observation, "0000:00:1d.0", "mem").initial is None
    assigned = after(*bridge, "pci 0000:00:1d.0: BAR 13: assigned [io  0x0000-0x0fff]", *bridge[1:3])
    assert window(assigned, "0000:00:1d.0", "io").range == Range(0, 0x1000)


def test_list_of_the_bus_is_the_last_word() -> None:
    observation = after(
        "pci_bus 0000:00: resource 4 [io  0x0000-0x0bff window]",
        "pci_bus 0000:01: resource 0 [io  0x9000-0x97ff]",
        "pci_bus 0000:01: resource 2 [mem 0x2000000000-0x201fffffff 64bit pref]",
    )
    assert window(observation, "0000:00:1c.0", "io").range == Range(0x9000, 0x9800)
    assert window(observation, "0000:00:1c.0", "mem").closed is True
    assert window(observation, "0000:00:1c.0", "pref").range == Range(0x2000000000, 0x2020000000)
    assert len(observation.root_buses[(0, 0)].windows) == 3


def test_second_list_of_a_bus_starts_anew() -> None:
    first = (
        "pci_bus 0000:01: resource 1 [mem 0x90000000-0x91ffffff]",
        "pci_bus 0000:01: resource 2 [mem 0x93000000-0x930fffff pref]",
    )
    observation = after(*first, first[0])
    assert window(observation, "0000:00:1c.0", "mem").range == Range(0x90000000, 0x92000000)
    assert window(observation, "0000:00:1c.0", "pref").closed is True


# -- kinds of bridges and fixed resources


def test_subtractive_bridge_lists_its_parents_windows_too() -> None:
    observation = after(
        "pci 0000:00:1e.0: [8086:aa13] type 01 class 0x060401",
        "pci 0000:00:1e.0: PCI bridge to [bus 46] (subtractive decode)",
        "pci 0000:00:1e.0:   bridge window [mem 0x91000000-0x910fffff]",
        "pci 0000:00:1e.0:   bridge window [mem 0x90000000-0xdfffffff window] (subtractive decode)",
        "pci_bus 0000:46: resource 1 [mem 0x91000000-0x910fffff]",
        "pci_bus 0000:46: resource 4 [mem 0x90000000-0xdfffffff window]",
    )
    assert function(observation, "0000:00:1e.0").subtractive is True
    assert window(observation, "0000:00:1e.0", "mem").range == Range(0x91000000, 0x91100000)
    assert set(observation.root_buses) == {(0, 0)}


def test_cardbus_bridge_keeps_its_last_windows() -> None:
    listing = (
        "pci 0000:00:0a.0: CardBus bridge to [bus 07-0a]",
        "pci 0000:00:0a.0:   bridge window [io  0x7000-0x70ff]",
        "pci 0000:00:0a.0:   bridge window [mem 0x98000000-0x9bffffff pref]",
    )
    observation = after(
        "pci 0000:00:0a.0: [1180:aa14] type 02 class 0x060700",
        "pci 0000:00:0a.0: reg 0x10: [mem 0x97000000-0x97000fff]",
        *listing,
        *listing,
    )
    bridge = function(observation, "0000:00:0a.0")
    assert bridge.cardbus == [("io", Range(0x7000, 0x7100), False), ("mem", Range(0x98000000, 0x9C000000), True)]
    assert (bridge.windows, list(bridge.bars), bridge.secondary) == ({}, [0], 7)


@pytest.mark.parametrize(
    ("line", "size"),
    [
        ("legacy IDE quirk: reg 0x10: [io  0x01f0-0x01f7]", 8),
        ("BAR 0 [io  0x01f0-0x01f7]: legacy IDE quirk", 8),
        ("legacy IDE quirk: reg 0x10: [io  0x03f6]", 1),
        ("BAR 0: [mem 0x3000000-0x3000fff 64bit] (from Enhanced Allocation, properties 0x0)", 4096),
        ("BAR 0 [mem 0x3000000-0x3000fff 64bit]: from Enhanced Allocation, properties 0x0", 4096),
    ],
)
def test_ranges_without_a_bar_are_fixed(line: str, size: int) -> None:
    found = bar(after(f"pci 0000:00:05.0: {line}"), "0000:00:05.0", 0)
    assert (found.fixed, found.assigned, found.size) == (True, True, size)


def test_hotplug_needs_the_service() -> None:
    slot = "pciehp: Slot #3 AttnBtn- PwrCtrl- MRL- AttnInd- PwrInd- HotPlug+ Surprise+ Interlock- NoCompl+ LLActRep+"
    assert function(after(f"pcieport 0000:00:1c.0: {slot}"), "0000:00:1c.0").hotplug is True
    old = after("pciehp 0000:00:1c.0:pcie004: service driver pciehp loaded")
    assert function(old, "0000:00:1c.0").hotplug is True
    hint = after("pcieport 0000:00:1c.0: bridge window [io  0x1000-0x0fff] to [bus 01] add_size 1000")
    assert function(hint, "0000:00:1c.0").hotplug is None


# -- functions come and go


def test_hot_added_function_is_scanned_afresh() -> None:
    observation = after(
        "pcieport 0000:00:1c.0: pciehp: Slot(3): Card present",
        "pci 0000:02:00.0: [1234:9999] type 00 class 0x010802 PCIe Endpoint",
        "pci 0000:02:00.0: BAR 0 [mem 0x00000000-0x00003fff 64bit]",
        "pci 0000:02:00.0: BAR 0 [mem 0x90800000-0x90803fff 64bit]: assigned",
    )
    found = bar(observation, "0000:02:00.0", 0)
    assert (found.address, found.initial, found.size) == (0x90800000, None, 0x4000)


def test_function_found_again_forgets_its_first_scan() -> None:
    observation = after(
        "pci 0000:01:00.0: [1234:5678] type 00 class 0x030000",
        "pci 0000:01:00.0: BAR 0 [mem 0x00000000-0x00ffffff]",
    )
    assert list(function(observation, "0000:01:00.0").bars) == [0]
    assert bar(observation, "0000:01:00.0", 0).initial is None


@pytest.mark.parametrize(
    "line",
    [
        "pcieport 0000:00:1c.0: pciehp: Slot(3): Card not present",
        "pcieport 0000:00:1c.0: pciehp: Slot(3): Link Down",
        "pci 0000:01:00.0: device released",
        "pci 0000:01:00.0: Removing from iommu group 4",
        "pci 0000:01:00.0: unknown header type 7f, ignoring device",
        "pci_bus 0000:01: busn_res: [bus 01-02] is released",
    ],
)
def test_removed_function_is_gone(line: str) -> None:
    observation = after(line)
    assert "0000:01:00.0" not in observation.functions
    assert "0000:00:1f.2" in observation.functions
    assert any("removed again" in note for note in observation.notes)


def test_link_that_recovers_removes_nothing() -> None:
    observation = after("pcieport 0000:00:1c.0: pciehp: Slot(3): Link Down/Up ignored (recovered by DPC)")
    assert "0000:01:00.0" in observation.functions


def test_bus_numbers_are_updated() -> None:
    observation = after(
        "pci 0000:00:1c.0: bridge configuration invalid ([bus 00-00]), reconfiguring",
        "pci 0000:00:1c.0: PCI bridge to [bus 04-ff]",
        "pci_bus 0000:04: busn_res: [bus 04-ff] end is updated to 06",
        "pci_bus 0000:00: busn_res: [bus 00-7e] end is updated to 06",
    )
    bridge = function(observation, "0000:00:1c.0")
    assert (bridge.secondary, bridge.subordinate) == (4, 6)
    assert observation.root_buses[(0, 0)].last_bus == 6


def test_bus_behind_the_only_unnumbered_bridge() -> None:
    observation = read(
        "pcieport 0000:00:00.0: BAR 15: no space for [mem size 0x58000000 64bit pref]\n"
        "pci 0000:01:00.0: [177d:aa01] type 00 class 0x028000\n"
    )
    assert function(observation, "0000:00:00.0").secondary == 1
