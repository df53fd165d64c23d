from __future__ import annotations

import pytest

from models.resources import Range
from models.sources.kernel_log import looks_like_kernel_log
from tests.kernel_logs import BOOT, GIB, after, bar, function, read, window

# -- what a plain boot says


def test_boot_names_kernel_machine_and_root_bus() -> None:
    observation = read(BOOT)
    assert (observation.kind, observation.names_drivers) == ("kernel log", False)
    assert (observation.kernel, observation.machine) == ("6.3.9-invented", "Nobody Model 7/Board X")
    root = observation.root_buses[(0, 0)]
    assert root.last_bus == 0x7E
    assert [(w.space, str(w.range), w.prefetchable) for w in root.windows] == [
        ("io", "00000000-00000bff", False),
        ("mem", "90000000-dfffffff", False),
        ("mem", "2000000000-2fffffffff", True),
    ]
    assert observation.notes == []


def test_functions_have_identity_and_header_type() -> None:
    observation = read(BOOT)
    bridge = function(observation, "0000:00:1c.0")
    assert (bridge.id, bridge.class_code, bridge.header) == ("8086:aa10", "060400", 1)
    assert (bridge.secondary, bridge.subordinate, bridge.hotplug) == (1, 2, None)
    assert function(observation, "0000:01:00.0").header == 0


def test_bars_have_size_width_and_firmware_address() -> None:
    observation = read(BOOT)
    large = bar(observation, "0000:01:00.0", 1)
    assert (large.size, large.width, large.prefetchable) == (GIB // 4, 64, True)
    assert (large.address, large.initial, large.assigned) == (0x2000000000, 0x2000000000, True)
    ports = bar(observation, "0000:00:1f.2", 0)
    assert (ports.space, ports.size, ports.address) == ("io", 8, 0x3080)


def test_address_zero_in_the_first_scan_is_unassigned() -> None:
    rom = bar(read(BOOT), "0000:01:00.0", "rom")
    assert (rom.size, rom.address, rom.initial, rom.assigned) == (1 << 18, None, None, False)


def test_first_list_of_windows_is_whole() -> None:
    observation = read(BOOT)
    memory = window(observation, "0000:00:1c.0", "mem")
    assert memory.range == memory.initial == Range(0x90000000, 0x91000000)
    assert window(observation, "0000:00:1c.0", "pref").width == 64
    assert window(observation, "0000:00:1c.0", "io").closed is True


def test_bridge_printed_without_windows_says_nothing_of_them() -> None:
    observation = after(
        "pci 0000:00:1d.0: [8086:aa12] type 01 class 0x060400", "pci 0000:00:1d.0: PCI bridge to [bus 05]"
    )
    assert function(observation, "0000:00:1d.0").windows == {}
    assert function(observation, "0000:00:1d.0").subordinate == 5


# -- several root buses, boots and domains


def test_domains_and_bus_offsets() -> None:
    observation = after(
        "vmd 0000:00:0e.0: PCI host bridge to bus 10000:00",
        "pci_bus 10000:00: root bus resource [bus 00-1f]",
        "pci_bus 10000:00: root bus resource [mem 0x700000000-0x70fffffff] (bus address [0xd0000000-0xdfffffff])",
        "pci_bus 10000:00: root bus resource [mem 0x1000000-0x1ffffff] (bus address [0x81000000-0x81ffffff])",
        "pci 10000:00:00.0: [8086:aa30] type 01 class 0x060400",
    )
    root = observation.root_buses[(0x10000, 0)]
    assert [w.offset for w in root.windows] == [0x700000000 - 0xD0000000, 0x1000000 - 0x81000000]
    assert function(observation, "10000:00:00.0").header == 1
    assert set(observation.root_buses) == {(0, 0), (0x10000, 0)}


def test_bus_address_zero_behind_an_offset_is_unassigned() -> None:
    observation = after(
        "PCI host bridge to bus 0004:00",
        "pci_bus 0004:00: root bus resource [io  0x100000-0x10ffff] (bus address [0x0000-0xffff])",
        "pci 0004:00:01.0: [abcd:0001] type 00 class 0x020000",
        "pci 0004:00:01.0: reg 0x10: [io  0x100000-0x1000ff]",
        "pci 0004:00:01.0: reg 0x14: [io  0x100400-0x1004ff]",
    )
    assert bar(observation, "0004:00:01.0", 0).assigned is False
    assert bar(observation, "0004:00:01.0", 1).address == 0x100400


def test_host_bridge_windows_of_old_kernels() -> None:
    observation = read(
        "ACPI: PCI Root Bridge [PCI0] (domain 0000 [bus 00-3f])\n"
        "pci_root PNP0A08:00: host bridge window [io  0x0000-0x0bff]\n"
        "pci_root PNP0A08:00: host bridge window [mem 0xc0000000-0xdfffffff]\n"
        "pci_root PNP0A08:00: host bridge window [mem 0x000c0000-0x000dffff] (ignored)\n"
        "pci 0000:00:00.0: [8086:aa00] type 0 class 0x000600\n"
    )
    root = observation.root_buses[(0, 0)]
    assert root.last_bus == 0x3F
    assert [str(w.range) for w in root.windows] == ["00000000-00000bff", "c0000000-dfffffff"]


def test_lost_root_window_comes_from_the_list_of_the_bus() -> None:
    observation = after("pci_bus 0000:00: resource 7 [mem 0xfb300000-0xfb6fffff window]")
    assert [str(w.range) for w in observation.root_buses[(0, 0)].windows][-1] == "fb300000-fb6fffff"
    cut = read("pci_bus 0000:40: resource 4 [mem 0xe0000000-0xefffffff window]\n")
    assert [str(w.range) for w in cut.root_buses[(0, 0x40)].windows] == ["e0000000-efffffff"]


def test_last_complete_boot_counts() -> None:
    failing = BOOT + "[    1.0000] pci 0000:01:00.0: BAR 0: no space for [mem size 0x01000000]\n"
    second = BOOT.replace("6.3.9", "6.3.10").replace("0x91200000-0x912007ff", "0x93200000-0x932007ff")
    cut = BOOT[: BOOT.index("[    0.320200]")]
    observation = read(failing + second + cut)
    assert observation.kernel == "6.3.10-invented"
    assert bar(observation, "0000:00:1f.2", 5).address == 0x93200000
    assert observation.failures == []
    assert any("3 boots" in note and "left out: 1" in note for note in observation.notes)


def test_boots_without_a_version_line_are_told_apart_by_time() -> None:
    body = BOOT[BOOT.index("[    0.310000]") :]
    moved = body.replace("0x91200000-0x912007ff", "0x93200000-0x932007ff")
    assert bar(read(body + moved), "0000:00:1f.2", 5).address == 0x93200000
    assert any("2 boots" in note for note in read(body + moved).notes)


def test_host_bridge_added_again_is_no_boot() -> None:
    again = "".join(
        f"[   90.{number:06d}] {line}\n"
        for number, line in enumerate(
            (
                "PCI host bridge to bus 0001:00",
                "pci_bus 0001:00: root bus resource [bus 00-1f]",
                "pci 0001:00:00.0: [1b36:aa01] type 00 class 0x020000",
            )
        )
    )
    observation = read(BOOT + again.replace("[   90", "[   50") + again)
    assert set(observation.root_buses) == {(0, 0), (1, 0)}
    assert "0000:00:1f.2" in observation.functions
    assert observation.notes == []


def test_lines_printed_twice_change_nothing() -> None:
    doubled = "".join(line * 2 for line in BOOT.splitlines(keepends=True))
    assert read(doubled).functions == read(BOOT).functions
    assert read(doubled).root_buses == read(BOOT).root_buses


# -- around the kernel's words


def without_times() -> str:
    return "".join(line.split("] ", 1)[1] for line in BOOT.splitlines(keepends=True))


@pytest.mark.parametrize(
    "text",
    [
        without_times(),
        "".join(f"Mar  3 04:05:06 host kernel: {line}" for line in BOOT.splitlines(keepends=True)),
        "".join(f"2023-03-03T04:05:06+00:00 host kernel: {line}" for line in BOOT.splitlines(keepends=True)),
        "".join(f"<6>{line}" for line in BOOT.splitlines(keepends=True)),
        "".join(f">> > {line}" for line in BOOT.splitlines(keepends=True)),
        "".join(f"[Tue Mar  3 04:05:06 2023] {line}" for line in without_times().splitlines(keepends=True)),
        BOOT.replace("] pci", "] [    T1] pci"),
        BOOT.replace("\n", "\r\n"),
        BOOT.replace(":   bridge", ":\u00a0 \u00a0bridge"),
    ],
)
def test_prefixes_do_not_matter(text: str) -> None:
    assert looks_like_kernel_log(text)
    observation = read(text)
    assert observation.functions == read(BOOT).functions
    assert observation.root_buses == read(BOOT).root_buses
    assert (observation.kernel, observation.machine) == ("6.3.9-invented", "Nobody Model 7/Board X")


@pytest.mark.parametrize(
    ("cut", "rest"),
    [
        ("[mem 0x2000000000-0x200fffffff", "64bit pref]"),
        ("[mem 0x2000000000-0x200fffffff 64bit", "pref]"),
        ("[mem 0x2000000000-0x20", "0fffffff 64bit pref]"),
        ("[mem", "0x2000000000-0x200fffffff 64bit pref]"),
    ],
)
def test_wrapped_lines_are_joined(cut: str, rest: str) -> None:
    whole = "[mem 0x2000000000-0x200fffffff 64bit pref]"
    wrapped = BOOT.replace(whole, f"{cut}\n{rest}")
    assert read(wrapped).functions == read(BOOT).functions
    quoted = "".join(f"> {line}" for line in wrapped.splitlines(keepends=True))
    assert read(quoted).functions == read(BOOT).functions


def test_line_wrapped_before_its_resource() -> None:
    observation = read(BOOT + "[    1.0] pci 0000:01:00.0: BAR 0: no space for\n    [mem size 0x01000000]\n")
    assert [(f.index, f.line) for f in observation.failures] == [(0, BOOT.count("\n") + 1)]


def test_damaged_line_holds_the_words_of_two() -> None:
    text = (
        "pci 0000:00:02.0: [8086:aa40] type 01 class 0x060400\n"
        "pci 0000:00:02.0: PCI bridge to [bus 09]\n"
        "pci 0000:00:02.0:   bridge window [mem 0x9[    7.1] pci 0000:00:02.0:   bridge window [io  0x6000-0x6fff]\n"
    )
    assert window(read(text), "0000:00:02.0", "io").range == Range(0x6000, 0x7000)


@pytest.mark.parametrize("heading", ["--- dmesg_a\n+++ dmesg_b\n", "@@ -1,4 +1,4 @@\n"])
def test_difference_of_two_logs_gives_the_newer_one(heading: str) -> None:
    text = (
        f"{heading}"
        " pci 0000:01:00.0: [1234:5678] type 00 class 0x030000\n"
        "-pci 0000:01:00.0: BAR 0 [mem 0x90000000-0x90ffffff]: assigned\n"
        "+pci 0000:01:00.0: BAR 0 [mem 0x94000000-0x94ffffff]: assigned\n"
    )
    observation = read(text)
    assert bar(observation, "0000:01:00.0", 0).address == 0x94000000
    assert any("difference" in note for note in observation.notes)


def test_text_cut_anywhere_is_read() -> None:
    whole = read(BOOT)
    for position in range(0, len(BOOT), 7):
        head, tail = read(BOOT[:position]), read(BOOT[position:])
        assert set(head.functions) <= set(whole.functions)
        assert set(tail.functions) <= set(whole.functions)
        for address, found in head.functions.items():
            for index, seen in found.bars.items():
                assert seen.size == whole.functions[address].bars[index].size


def test_reserved_ranges_are_only_the_certain_ones() -> None:
    observation = after(
        "system 00:04: [mem 0xfed12000-0xfed13fff] has been reserved",
        "pnp 00:05: [io  0x0a00-0x0a0f] has been reserved",
        "system 00:04: [mem 0xfed20000-0xfed3ffff] could not be reserved",
        "pci 0000:00:1f.0: quirk: [io  0x0400-0x047f] claimed by some GPIO",
        "PCI: MMCONFIG at [mem 0xe8000000-0xe8ffffff] reserved in E820",
        "PCI: not using MMCONFIG",
        "IOAPIC[0]: apic_id 2, version 32, address 0xfec00000, GSI 0-23",
    )
    assert observation.reserved == [
        ("mem", Range(0xFED12000, 0xFED14000), "pnp 00:04"),
        ("io", Range(0xA00, 0xA10), "pnp 00:05"),
        ("io", Range(0x400, 0x480), "some GPIO"),
        ("mem", Range(0xE8000000, 0xE9000000), "PCI MMCONFIG"),
        ("mem", Range(0xFEC00000, 0xFEC00400), "IOAPIC 0"),
    ]


def test_windows_of_the_oldest_kernels() -> None:
    observation = read(
        "pci 0000:00:1c.0: found [8086:aa10] class 000604 header type 01\n"
        "pci 0000:00:1e.0: transparent bridge\n"
        "pci 0000:00:1c.0: bridge 64bit mmio pref: [0xa0000000-0xa01fffff]\n"
        "pci 0000:00:1c.0: PCI bridge, secondary bus 0000:03\n"
        "pci 0000:00:1c.0:   IO window: disabled\n"
        "pci 0000:00:1c.0:   MEM window: 0xb0000000-0xb01fffff\n"
        "pci 0000:00:1c.0:   PREFETCH window: 0x000000a0000000-0x000000a01fffff\n"
    )
    assert function(observation, "0000:00:1c.0").secondary == 3
    assert function(observation, "0000:00:1e.0").subtractive is True
    assert window(observation, "0000:00:1c.0", "io").closed is True
    assert window(observation, "0000:00:1c.0", "mem").range == Range(0xB0000000, 0xB0200000)
    assert window(observation, "0000:00:1c.0", "pref").range == Range(0xA0000000, 0xA0200000)


@pytest.mark.parametrize(
    "text",
    [
        "00:1c.0 PCI bridge: Maker Root Port (prog-if 00 [Normal decode])\n\tMemory behind bridge: 90000000-90ffffff\n",
        "90000000-dfffffff : PCI Bus 0000:00\n  90000000-90ffffff : 0000:01:00.0\n",
        "pcib0: <ACPI Host-PCI bridge> port 0xcf8-0xcff on acpi0\npci0: <ACPI PCI bus> on pcib0\n"
        "found->\tvendor=0x1234, dev=0x5678, revid=0x01\n\tmap[10]: type Memory, range 32, base 0x90000000, size 24\n",
        "A mail about PCI bridge windows and BAR 0 at [mem 0x90000000].\n",
        "",
    ],
)
def test_other_texts_are_no_kernel_logs(text: str) -> None:
    assert not looks_like_kernel_log(text)
    assert read(text).functions == {}


@pytest.mark.parametrize(
    "line",
    [
        "pci 0000:00:1f.3: [8086:aa50] type 00 class 0x0c0500",
        "> pci 0000:00:1f.3: found [8086:aa50] class 000c05 header type 00",
        "PCI host bridge to bus 10000:00",
        "pci_bus 0000:00: resource 4 [io  0x0000-0x0bff window]",
        "gpu 0000:03:00.0: BAR 0: releasing [mem 0x2000000000-0x200fffffff 64bit pref]",
        "[   15.4] gpu 000d:03:00.0: BAR 0 [mem 0x350000000000-0x35000fffffff 64bit pref]: assigned",
    ],
)
def test_one_line_is_enough_to_recognise_a_log(line: str) -> None:
    assert looks_like_kernel_log(f"Hello,\n\n{line}\n")
