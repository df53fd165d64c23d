"""One function of an lspci listing: every form of title, driver, region, window and capability."""

from __future__ import annotations

import textwrap

import pytest

from models.resources import GIB, KIB, MIB, FunctionAddress, Range
from models.sources.lspci import read_lspci
from models.sources.observation import Observation, SeenBar, SeenFunction, SeenWindow

ENDPOINT = """\
07:00.0 VGA compatible controller [0300]: Example Corp. Frame Store [1ab4:0c01] (rev a1) (prog-if 00 [VGA controller])
	Subsystem: Example Corp. Device [1ab4:0001]
	Control: I/O+ Mem+ BusMaster+ SpecCycle- MemWINV- VGASnoop- ParErr- Stepping- SERR- FastB2B- DisINTx+
	Region 0: Memory at e9000000 (32-bit, non-prefetchable) [size=16M]
	Region 1: Memory at 5100000000 (64-bit, prefetchable) [disabled] [size=256M]
	Region 3: Memory at <unassigned> (64-bit, prefetchable)
	Region 5: I/O ports at d100 [size=128]
	Expansion ROM at ea000000 [disabled] [size=512K]
	Capabilities: [b40 v1] Physical Resizable BAR
		BAR 1: current size: 256MB, supported: 64MB 128MB 256MB 8GB
	Kernel driver in use: framestore
	Kernel modules: framestore, otherdrv
"""

BRIDGE = """\
00:1c.0 PCI bridge [0604]: Example Corp. Root Port [1ab4:1c00] (rev f1) (prog-if 00 [Normal decode])
	Flags: bus master, fast devsel, latency 0
	Bus: primary=00, secondary=07, subordinate=09, sec-latency=0
	{windows}
	Capabilities: [40] Express (v2) Root Port (Slot+), MSI 00
		{slot}
"""


def read(text: str) -> Observation:
    return read_lspci(textwrap.dedent(text), "posted.txt")


def function(text: str, address: str) -> SeenFunction:
    return read(text).functions[FunctionAddress(address)]


def bar(line: str, index: int | str = 0) -> SeenBar:
    """The BAR that one region line below a function's header makes."""
    text = f"07:00.0 Ethernet controller: Example Corp. NIC\n\tFlags: fast devsel\n\t{line}\n"
    return function(text, "0000:07:00.0").bars[index]


def bridge(windows: str = "", slot: str = "") -> SeenFunction:
    return function(BRIDGE.format(windows=windows, slot=slot), "0000:00:1c.0")


def window(line: str) -> SeenWindow:
    (seen,) = bridge(line).windows.values()
    return seen


class TestIdentity:
    def test_names_and_numbers(self) -> None:
        seen = function(ENDPOINT, "0000:07:00.0")
        assert (seen.id, seen.class_code, seen.header) == ("1ab4:0c01", "030000", 0)

    @pytest.mark.parametrize(
        ("title", "identity"),
        [
            ("0604: 1ab4:1c00 (rev 02) (prog-if 01 [Subtractive decode])", ("1ab4:1c00", "060401")),
            ("Class 0200: 1ab4:2000", ("1ab4:2000", "0200")),
            ("Class ffff: Device 1ab4:2001 (rev 01)", ("1ab4:2001", "ffff")),
            ("Class [0280]: Device [1ab4:2002]", ("1ab4:2002", "0280")),
            ("PCI bridge: Example Corp. [Old Name] Port (rev 02)", (None, "0604")),
            ("Generic system peripheral [0807]: Example Corp. [EX] Device 14a6", (None, "0807")),
            ("Ethernet controller: Example Corp. NIC", (None, None)),
        ],
    )
    def test_brief_listing_tells_what_its_title_tells(self, title: str, identity: tuple[str, str]) -> None:
        seen = function(f"03:00.0 {title}\n", "0000:03:00.0")
        assert (seen.id, seen.class_code) == identity
        assert seen.header is None
        assert not seen.driver_known

    def test_long_domain(self) -> None:
        assert list(read("10000:e1:00.0 0108: 1ab4:0a54\n").functions) == ["10000:e1:00.0"]

    def test_subtractive_decode(self) -> None:
        text = BRIDGE.format(windows="", slot="").replace("(prog-if 00 [Normal decode])", "(prog-if 01)")
        assert function(text, "0000:00:1c.0").subtractive is True
        assert bridge().subtractive is False


class TestDrivers:
    def test_named_driver(self) -> None:
        seen = function(ENDPOINT, "0000:07:00.0")
        assert (seen.driver, seen.driver_known) == ("framestore", True)

    def test_a_verbose_function_without_the_line_has_no_driver(self) -> None:
        observation = read(ENDPOINT + "\n" + BRIDGE.format(windows="", slot=""))
        seen = observation.functions[FunctionAddress("0000:00:1c.0")]
        assert observation.names_drivers
        assert (seen.driver, seen.driver_known) == (None, True)

    def test_nothing_is_known_where_no_driver_is_named(self) -> None:
        observation = read(BRIDGE.format(windows="", slot=""))
        assert not observation.names_drivers
        assert not observation.functions[FunctionAddress("0000:00:1c.0")].driver_known

    def test_listing_with_k_alone_covers_its_bare_functions(self) -> None:
        text = """\
            03:00.0 Ethernet controller: Example Corp. NIC
            \tKernel driver in use: examplenic
            04:00.0 SATA controller: Example Corp. Disk
            """
        seen = function(text, "0000:04:00.0")
        assert (seen.driver, seen.driver_known, seen.header) == (None, True, None)


class TestRegions:
    def test_every_part_of_a_region(self) -> None:
        bars = function(ENDPOINT, "0000:07:00.0").bars
        assert list(bars) == [0, 1, 3, 5, "rom"]
        assert bars[0] == SeenBar(0, "mem", 16 * MIB, 32, False, 0xE9000000, True, enabled=True)
        assert (bars[1].width, bars[1].prefetchable, bars[1].assigned, bars[1].enabled) == (64, True, True, False)
        assert (bars[3].address, bars[3].assigned, bars[3].size) == (None, False, None)
        assert (bars[5].space, bars[5].address, bars[5].size) == ("io", 0xD100, 128)

    @pytest.mark.parametrize(
        "line",
        [
            "Region 0: Memory at <ignored> (32-bit, non-prefetchable) [disabled]",
            "Region 0: Memory at <broken-64-bit-slot> (64-bit, prefetchable)",
            "Region 0: Memory at 00000000 (32-bit, non-prefetchable) [size=4K]",
            "Region 0: I/O ports at 0000",
            "Region 0: I/O ports at <unassigned> [size=32]",
        ],
    )
    def test_unassigned(self, line: str) -> None:
        seen = bar(line)
        assert (seen.address, seen.assigned) == (None, False)

    def test_enhanced_allocation_is_fixed(self) -> None:
        assert bar("Region 0: Memory at 840000000000 (64-bit, non-prefetchable) [enhanced] [size=2M]").fixed
        assert not bar("Region 0: Memory at 840000000000 (64-bit, non-prefetchable) [size=2M]").fixed

    @pytest.mark.parametrize(
        ("line", "address", "size"),
        [
            ("Region 1: [virtual] Memory at 000003f0 (type 3, non-prefetchable)", 0x3F6, 1),
            ("Region 1: Memory at 00000370 (type 3, non-prefetchable) [virtual]", 0x376, 1),
            ("Region 1: I/O ports at 03f4", 0x3F6, 1),
            ("Region 1: [virtual] Memory at 00000170 (32-bit, non-prefetchable) [size=8]", 0x170, 8),
        ],
    )
    def test_ide_compatibility_ports_are_io(self, line: str, address: int, size: int) -> None:
        seen = bar(line, 1)
        assert (seen.space, seen.address, seen.size) == ("io", address, size)

    def test_regions_without_index_are_counted_and_noted(self) -> None:
        observation = read("""\
            0a:00.0 3D controller: Example Corp. Engine
            \tFlags: bus master, fast devsel, latency 0
            \tMemory at 93000000 (32-bit, non-prefetchable) [size=8M]
            \tMemory at 6000000000 (64-bit, prefetchable) [size=256M]
            \tMemory at 6010000000 (64-bit, prefetchable) [size=32M]
            \tI/O ports at e000 [size=128]
            """)
        assert list(observation.functions[FunctionAddress("0000:0a:00.0")].bars) == [0, 1, 3, 5]
        assert any("without BAR indices" in note for note in observation.notes)

    def test_the_hex_dump_tells_indices_that_a_v_listing_does_not(self) -> None:
        observation = read("""\
            00:1f.3 SMBus: Example Corp. SMBus
            \tFlags: medium devsel
            \tMemory at f7510000 (64-bit, non-prefetchable) [size=256]
            \tI/O ports at 0580 [size=32]
            00: b4 1a 30 9d 03 00 80 02 04 00 05 0c 00 00 00 00
            10: 04 00 51 f7 00 00 00 00 00 00 00 00 00 00 00 00
            20: 81 05 00 00 00 00 00 00 00 00 00 00 b4 1a 01 00
            30: 00 00 00 00 00 00 00 00 00 00 00 00 0b 03 00 00
            """)
        seen = observation.functions[FunctionAddress("0000:00:1f.3")]
        assert {index: found.size for index, found in seen.bars.items()} == {0: 256, 4: 32}
        assert (seen.id, seen.class_code) == ("1ab4:9d30", "0c0500")
        assert not observation.notes


class TestRom:
    def test_disabled_rom_keeps_its_address(self) -> None:
        rom = function(ENDPOINT, "0000:07:00.0").bars["rom"]
        assert (rom.address, rom.size, rom.enabled, rom.assigned) == (0xEA000000, 512 * KIB, False, True)

    def test_enabled_rom(self) -> None:
        assert bar("Expansion ROM at ea000000 [size=512K]", "rom").enabled is True

    @pytest.mark.parametrize(
        "line",
        [
            "[virtual] Expansion ROM at 000c0000 [disabled] [size=128K]",
            "Expansion ROM at 000c0000 [virtual] [disabled] [size=128K]",
        ],
    )
    def test_shadow_copy_is_no_rom(self, line: str) -> None:
        rom = bar(line, "rom")
        assert (rom.address, rom.assigned, rom.size) == (None, False, None)

    def test_rom_the_kernel_placed_and_never_wrote(self) -> None:
        rom = bar("Expansion ROM at 91100000 [virtual] [disabled] [size=64K]", "rom")
        assert (rom.address, rom.assigned) == (0x91100000, True)


class TestBridges:
    def test_bus_numbers_and_header(self) -> None:
        seen = bridge()
        assert (seen.header, seen.secondary, seen.subordinate) == (1, 7, 9)

    @pytest.mark.parametrize(
        ("line", "range_", "width"),
        [
            ("I/O behind bridge: 0000d000-0000efff", Range(0xD000, 0xF000), None),
            ("I/O behind bridge: d000-efff [size=8K] [16-bit]", Range(0xD000, 0xF000), 16),
            ("Memory behind bridge: e9000000-ea0fffff [size=17M] [32-bit]", Range(0xE9000000, 0xEA100000), 32),
            (
                "Prefetchable memory behind bridge: 0000005100000000-000000511fffffff [size=512M]",
                Range(0x5100000000, 0x5120000000),
                64,
            ),
            ("Prefetchable memory behind bridge: c0000000-c00fffff", Range(0xC0000000, 0xC0100000), 32),
            (
                "Prefetchable memory behind bridge: 5100000000-511fffffff [size=512M] [32-bit]",
                Range(0x5100000000, 0x5120000000),
                64,
            ),
            (
                "Prefetchable memory behind bridge: 00000000d0000000-00000000d0000000",
                Range(0xD0000000, 0xD0100000),
                64,
            ),
        ],
    )
    def test_open_window(self, line: str, range_: Range, width: int | None) -> None:
        seen = window(line)
        assert (seen.range, seen.closed, seen.width) == (range_, False, width)

    @pytest.mark.parametrize(
        "line",
        [
            "I/O behind bridge: 0000f000-00000fff [disabled]",
            "I/O behind bridge: None",
            "I/O behind bridge: [disabled] [16-bit]",
            "I/O behind bridge: 00000000-00000fff [size=4K]",
            "Memory behind bridge: fff00000-000fffff [empty]",
            "Prefetchable memory behind bridge: 00000000fff00000-00000000000fffff [disabled] [64-bit]",
            "Prefetchable memory behind bridge: 00000000-000fffff [size=1M]",
        ],
    )
    def test_closed_window(self, line: str) -> None:
        seen = window(line)
        assert (seen.range, seen.closed) == (None, True)

    def test_a_window_not_printed_is_unknown(self) -> None:
        assert list(bridge("Memory behind bridge: e9000000-ea0fffff").windows) == ["mem"]

    @pytest.mark.parametrize(("sign", "hotplug"), [("+", True), ("-", False)])
    def test_hotplug_slot(self, sign: str, hotplug: bool) -> None:
        slot = f"SltCap:	AttnBtn+ PwrCtrl- MRL- AttnInd- PwrInd- HotPlug{sign} Surprise-"
        assert bridge(slot=slot).hotplug is hotplug

    def test_port_without_slot(self) -> None:
        text = BRIDGE.format(windows="", slot="")
        assert function(text.replace("Slot+", "Slot-"), "0000:00:1c.0").hotplug is False
        assert function(text, "0000:00:1c.0").hotplug is None

    def test_cardbus(self) -> None:
        seen = function(
            """\
            02:04.0 CardBus bridge: Example Corp. Socket
            \tFlags: bus master, medium devsel, latency 168, IRQ 17
            \tMemory at d0004000 (32-bit, non-prefetchable) [size=4K]
            \tBus: primary=02, secondary=03, subordinate=06, sec-latency=176
            \tMemory window 0: 88000000-8bfff000 (prefetchable)
            \tMemory window 1: 00000000-00000000
            \tI/O window 0: 00002400-000024ff
            \tI/O window 1: 00002800-00002bfc
            """,
            "0000:02:04.0",
        )
        assert seen.header == 2
        assert seen.bars[0].size == 4 * KIB
        assert seen.cardbus == [
            ("mem", Range(0x88000000, 0x8C000000), True),
            ("io", Range(0x2400, 0x2500), False),
            ("io", Range(0x2800, 0x2C00), False),
        ]


class TestBusAddresses:
    TEXT = """\
        0002:00:00.0 PCI bridge: Example Corp. Port (prog-if 00 [Normal decode])
        \tFlags: bus master, fast devsel, latency 0
        \tBus: primary=00, secondary=01, subordinate=01, sec-latency=0
        \tMemory behind bridge: 90000000-900fffff
        \tPrefetchable memory behind bridge: {pref}
        0002:01:00.0 Ethernet controller: Example Corp. NIC
        \tFlags: bus master, fast devsel, latency 0
        \tMemory at {bar} (64-bit, non-prefetchable) [size=64K]
        """

    def windows(self, bar: str, pref: str = "None") -> tuple[Observation, dict[str, Range | None]]:
        observation = read(textwrap.dedent(self.TEXT).format(bar=bar, pref=pref))
        found = observation.functions[FunctionAddress("0002:00:00.0")].windows
        return observation, {kind: seen.range for kind, seen in found.items()}

    def test_windows_printed_as_bus_addresses_are_moved_to_the_bars_behind_them(self) -> None:
        observation, windows = self.windows("620c090000000")
        assert windows["mem"] == Range(0x620C090000000, 0x620C090100000)
        assert any("0x620c000000000 higher" in note for note in observation.notes)

    def test_a_bar_inside_says_that_they_are_cpu_addresses(self) -> None:
        assert self.windows("90020000")[1]["mem"] == Range(0x90000000, 0x90100000)

    def test_a_stray_bar_below_4_gib_says_nothing(self) -> None:
        assert self.windows("a0020000")[1]["mem"] == Range(0x90000000, 0x90100000)

    def test_a_bar_in_the_other_window_says_nothing(self) -> None:
        _, windows = self.windows("5100000000", "0000005100000000-00000051000fffff")
        assert windows["mem"] == Range(0x90000000, 0x90100000)


class TestCapabilities:
    def test_resizable_bar(self) -> None:
        seen = function(ENDPOINT, "0000:07:00.0").bars[1]
        assert seen.sizes == (64 * MIB, 128 * MIB, 256 * MIB, 8 * GIB)

    SRIOV = """\
        12:00.0 Ethernet controller: Example Corp. NIC
        \tControl: I/O- Mem+ BusMaster+
        \tRegion 0: Memory at dc000000 (64-bit, prefetchable) [size=32M]
        \tCapabilities: [180 v1] Single Root I/O Virtualization (SR-IOV)
        \t\tIOVCtl:	Enable+ Migration- Interrupt- MSE+ ARIHierarchy+
        \t\tInitial VFs: 8, Total VFs: 8, Number of VFs: 2, Function Dependency Link: 00
        \t\tVF offset: 2, stride: 1, Device ID: 1018
        \t\tRegion 0: Memory at 0000004011800000 (64-bit, prefetchable)
        \t\tVF Migration: offset: 00000000, BIR: 0
        """

    def test_vf_bar_without_vfs_has_no_size(self) -> None:
        observation = read(self.SRIOV)
        bars = observation.functions[FunctionAddress("0000:12:00.0")].bars
        assert list(bars) == [0, "vf0"]
        assert (bars["vf0"].address, bars["vf0"].copies, bars["vf0"].size) == (0x4011800000, 8, None)
        assert bars[0].address == 0xDC000000
        assert any("VF BARs have no known size" in note for note in observation.notes)

    def test_a_listed_vf_gives_the_size_and_is_virtual(self) -> None:
        observation = read(
            textwrap.dedent(self.SRIOV)
            + "\n12:00.3 Ethernet controller: Example Corp. NIC\n\tControl: I/O- Mem-\n"
            + "\tRegion 0: [virtual] Memory at 4011900000 (64-bit, prefetchable) [size=1M]\n"
        )
        assert observation.functions[FunctionAddress("0000:12:00.0")].bars["vf0"].size == MIB
        assert observation.functions[FunctionAddress("0000:12:00.3")].virtual is True
        assert observation.functions[FunctionAddress("0000:12:00.0")].virtual is None

    @pytest.mark.parametrize(("mark", "virtual"), [(" [virtual]", True), ("", None)])
    def test_a_vf_by_name_is_virtual_on_its_host_and_real_in_a_guest(self, mark: str, virtual: bool | None) -> None:
        seen = function(
            f"""\
            05:10.0 Ethernet controller: Example Corp. NIC Virtual Function (rev 01)
            \tFlags: fast devsel
            \tMemory at 4011900000 (64-bit, prefetchable){mark} [size=16K]
            """,
            "0000:05:10.0",
        )
        assert seen.virtual is virtual

    def test_virtual_resizable_bar_gives_the_vf_size(self) -> None:
        text = textwrap.dedent(self.SRIOV) + (
            "\tCapabilities: [220 v1] Virtual Resizable BAR\n\t\tBAR 0: current size: 8MB, supported: 1MB 8MB\n"
        )
        seen = function(text, "0000:12:00.0").bars["vf0"]
        assert (seen.size, seen.sizes) == (8 * MIB, (MIB, 8 * MIB))

    def test_sriov_in_a_v_listing_is_noted(self) -> None:
        observation = read("""\
            12:00.0 Ethernet controller: Example Corp. NIC
            \tFlags: fast devsel
            \tCapabilities: [180] Single Root I/O Virtualization (SR-IOV)
            """)
        assert any("VF BARs with -vv only" in note for note in observation.notes)

    def test_enhanced_allocation_entries(self) -> None:
        seen = function(
            """\
            0001:00:00.0 Ethernet controller: Example Corp. On-chip NIC
            \tControl: I/O- Mem+ BusMaster+
            \tCapabilities: [9c] Enhanced Allocation (EA): NumEntries=2
            \t\tEntry 0: Enable+ Writable- EntrySize=3
            \t\t\t BAR Equivalent Indicator: BAR 0
            \t\t\t PrimaryProperties: memory space, non-prefetchable
            \t\t\t SecondaryProperties: entry unavailable for use, PrimaryProperties should be used
            \t\t\t Base: 2f0000000
            \t\t\t MaxOffset: 0003ffff
            \t\tEntry 1: Enable+ Writable- EntrySize=3
            \t\t\t BAR Equivalent Indicator: VF-BAR 2
            \t\t\t PrimaryProperties: VF memory space, prefetchable
            \t\t\t Base: 2f8000000
            \t\t\t MaxOffset: 0000ffff
            """,
            "0001:00:00.0",
        )
        assert seen.bars[0] == SeenBar(0, "mem", 256 * KIB, 64, False, 0x2F0000000, True, fixed=True)
        assert seen.bars["vf2"].fixed
        assert seen.bars["vf2"].size == 64 * KIB

    @pytest.mark.parametrize(("bit", "isa"), [("NoISA+", True), ("NoISA-", False)])
    def test_isa_enable_of_a_bridge(self, bit: str, isa: bool) -> None:
        seen = function(
            f"""\
            00:1e.0 PCI bridge: Example Corp. PCI Bridge
            \tBus: primary=00, secondary=01, subordinate=01, sec-latency=32
            \tBridgeCtl: Parity- SERR+ {bit} VGA+ VGA16- MAbort- >Reset- FastB2B-
            """,
            "0000:00:1e.0",
        )
        assert seen.isa is isa

    @pytest.mark.parametrize(("bits", "vga"), [("VGA-", 0), ("VGA+", 10), ("VGA+ VGA16-", 10), ("VGA+ VGA16+", 16)])
    def test_vga_enable_of_a_bridge(self, bits: str, vga: int) -> None:
        """Older versions of lspci do not name VGA 16-bit decode, and bridges of their time do not have it."""
        seen = function(
            f"""\
            00:1e.0 PCI bridge: Example Corp. PCI Bridge
            \tBus: primary=00, secondary=01, subordinate=01, sec-latency=32
            \tBridgeCtl: Parity- SERR+ NoISA- {bits} MAbort- >Reset- FastB2B-
            """,
            "0000:00:1e.0",
        )
        assert seen.vga == vga

    def test_denied_capabilities_are_noted(self) -> None:
        observation = read(
            "04:00.0 SATA controller: Example Corp.\n\tFlags: fast devsel\n\tCapabilities: <access denied>\n"
        )
        assert any("run lspci as root" in note for note in observation.notes)
