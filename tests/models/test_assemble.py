from __future__ import annotations

from models.document import dump_topology, load_topology
from models.resources import GIB, KIB, MIB, FunctionAddress, Range
from models.sources.assemble import assemble
from models.sources.observation import Observation, SeenBar, SeenRange, SeenRootBus, SeenRootWindow, SeenWindow
from models.topology import Bar, Function, Topology


def machine() -> Observation:
    return Observation("merged", "test")


def bridge(observation: Observation, address: str, secondary: int | None, last: int | None = None) -> None:
    function = observation.function(FunctionAddress(address))
    function.header, function.secondary = 1, secondary
    function.subordinate = last if last is not None else secondary


def card(observation: Observation, address: str, start: int = 0xB0000000, size: int = MIB) -> SeenBar:
    bar = SeenBar(0, "mem", size, 32, False, start, assigned=True)
    observation.function(FunctionAddress(address)).bars[0] = bar
    return bar


def root(observation: Observation, *windows: tuple[int, int], domain: int = 0, bus: int = 0) -> None:
    seen = observation.root_buses[(domain, bus)] = SeenRootBus(domain, bus)
    seen.windows.extend(SeenRootWindow("mem", Range(start, end)) for start, end in windows)


def function(topology: Topology, address: str) -> Function:
    found = topology.function(FunctionAddress(address))
    assert found is not None
    return found


def parents(topology: Topology) -> dict[str, str]:
    return {f.address: bus.name for f, bus in topology.functions()}


def windows(topology: Topology, index: int = 0) -> list[tuple[str, str]]:
    return [(w.space, str(w.range)) for w in topology.root_buses[index].windows]


def test_functions_stand_behind_the_bridge_with_their_bus_in_order() -> None:
    seen = machine()
    root(seen, (0xB0000000, 0xC0000000))
    for address in ("0000:01:00.1", "0000:01:00.0", "0000:00:1f.0"):
        seen.function(FunctionAddress(address))
    bridge(seen, "0000:00:01.0", 1)
    topology = assemble(seen).topology
    assert [f.address for f in topology.root_buses[0].functions] == ["0000:00:01.0", "0000:00:1f.0"]
    behind = function(topology, "0000:00:01.0").bridge
    assert behind is not None
    assert [f.address for f in behind.functions] == ["0000:01:00.0", "0000:01:00.1"]


def test_virtual_functions_stand_behind_the_bridge_whose_range_covers_their_bus() -> None:
    seen = machine()
    root(seen, (0xB0000000, 0xC0000000))
    bridge(seen, "0000:00:01.0", 1, 3)
    physical = seen.function(FunctionAddress("0000:01:00.0"))
    physical.bars["vf0"] = SeenBar("vf0", "mem", 64 * KIB, 64, True, 0xB0100000, True, copies=8)
    card(seen, "0000:02:00.0", 0xB0110000, 64 * KIB)
    assembled = assemble(seen)
    assert parents(assembled.topology)["0000:02:00.0"] == "bus behind 0000:00:01.0"
    assert function(assembled.topology, "0000:02:00.0").bars == ()


def test_bus_without_bridge_is_a_root_bus_with_a_note() -> None:
    seen = machine()
    root(seen, (0xB0000000, 0xC0000000))
    card(seen, "0000:40:00.0")
    assembled = assemble(seen)
    assert [r.name for r in assembled.topology.root_buses] == ["0000:00", "0000:40"]
    assert any("0000:40" in note for note in assembled.notes)


def test_unconfigured_duplicate_and_circular_bridges_lead_nowhere() -> None:
    seen = machine()
    root(seen)
    bridge(seen, "0000:00:01.0", 0)
    bridge(seen, "0000:00:02.0", 5)
    bridge(seen, "0000:00:03.0", 5)
    bridge(seen, "0000:08:00.0", 9)
    bridge(seen, "0000:09:00.0", 8)
    assembled = assemble(seen)
    topology = assembled.topology
    secondaries = {str(f.address): f.bridge.secondary for f, _ in topology.functions() if f.bridge is not None}
    assert secondaries["0000:00:01.0"] is None
    assert [secondaries["0000:00:02.0"], secondaries["0000:00:03.0"]] == [5, None]
    assert sorted([secondaries["0000:08:00.0"] or 0, secondaries["0000:09:00.0"] or 0])[0] == 0
    assert len(list(topology.functions())) == 5
    assert len(assembled.notes) >= 3


def test_shown_parent_decides_where_bus_numbers_do_not() -> None:
    seen = machine()
    bridge(seen, "0000:00:01.0", None)
    card(seen, "0000:01:00.0")
    seen.functions[FunctionAddress("0000:01:00.0")].parent = FunctionAddress("0000:00:01.0")
    topology = assemble(seen).topology
    above = function(topology, "0000:00:01.0").bridge
    assert above is not None
    assert above.secondary == 1
    assert parents(topology)["0000:01:00.0"] == "bus behind 0000:00:01.0"


def test_windows_no_source_tells_are_closed_and_wide_io_is_seen() -> None:
    seen = machine()
    seen.root_buses[(0, 0)] = SeenRootBus(
        0, 0, windows=[SeenRootWindow("io", Range(0, 0x30000)), SeenRootWindow("mem", Range(0xB0000000, 0xC0000000))]
    )
    bridge(seen, "0000:00:01.0", 1)
    seen.function(FunctionAddress("0000:00:01.0")).windows["io"] = SeenWindow("io", Range(0x20000, 0x21000))
    bridge(seen, "0000:00:02.0", 2)
    wide, closed = (function(assemble(seen).topology, f"0000:00:0{n}.0").bridge for n in (1, 2))
    assert wide is not None
    assert closed is not None
    assert [(w.kind, w.width) for w in wide.windows] == [("io", 32), ("mem", 32), ("pref", 64)]
    assert [(w.kind, w.width, w.range) for w in closed.windows] == [
        ("io", 16, None),
        ("mem", 32, None),
        ("pref", 64, None),
    ]


def test_io_reach_is_counted_from_a_window_above_64_kib() -> None:
    seen = machine()
    seen.root_buses[(1, 0)] = SeenRootBus(1, 0, windows=[SeenRootWindow("io", Range(0x10000, 0x20000))])
    bridge(seen, "0001:00:01.0", 1)
    seen.function(FunctionAddress("0001:00:01.0")).windows["io"] = SeenWindow("io", Range(0x1E000, 0x1F000))
    above = function(assemble(seen).topology, "0001:00:01.0").bridge
    assert above is not None
    assert above.windows[0].width == 16


def bars(*seen_bars: SeenBar) -> tuple[list[str], tuple[Bar, ...]]:
    seen = machine()
    root(seen, (0xB0000000, 0xC0000000))
    for bar in seen_bars:
        seen.function(FunctionAddress("0000:00:02.0")).bars[bar.index] = bar
    assembled = assemble(seen)
    return assembled.notes, function(assembled.topology, "0000:00:02.0").bars


def test_bar_without_size_is_left_out_and_counted() -> None:
    notes, found = bars(SeenBar(0, "mem", None, 32, False, 0xB0000000))
    assert found == ()
    assert "1 BARs" in notes[0]
    assert "0000:00:02.0 BAR 0" in notes[0]


def test_odd_size_is_fixed() -> None:
    notes, (bar,) = bars(SeenBar(0, "mem", 0x7020, 32, False, 0xB0000000, True))
    assert bar.fixed
    assert "no power of two" in notes[0]


def test_legacy_ide_ports_are_fixed_and_others_not() -> None:
    _, (legacy, other) = bars(SeenBar(0, "io", 8, address=0x1F0), SeenBar(4, "io", 16, address=0xC000))
    assert legacy.fixed
    assert not other.fixed


def test_width_is_inferred_from_the_address_and_rom_is_optional() -> None:
    _, (low, high, rom) = bars(
        SeenBar(0, "mem", MIB, address=0xB0000000),
        SeenBar(2, "mem", MIB, address=64 * GIB),
        SeenBar("rom", "mem", 64 * KIB),
    )
    assert (low.width, high.width) == (32, 64)
    assert (rom.optional, rom.prefetchable, rom.address) == (True, True, None)


def test_shadow_rom_and_address_zero_are_unassigned() -> None:
    _, found = bars(SeenBar(0, "io", 8, address=0), SeenBar("rom", "mem", 128 * KIB, address=0xC0000, assigned=True))
    assert [bar.address for bar in found] == [None, None]


def test_bar_beyond_64_bits_is_unassigned() -> None:
    notes, (bar,) = bars(SeenBar(0, "mem", MIB, 64, True, (1 << 64) - KIB, True))
    assert bar.address is None
    assert "beyond 64 bits" in notes[0]


def test_bar_that_holds_another_domain_is_fixed() -> None:
    seen = machine()
    root(seen, (0xB0000000, 0xE0000000))
    root(seen, (0xC0000000, 0xC2000000), domain=0x10000, bus=0xE1)
    card(seen, "0000:00:0e.0", 0xC0000000, 32 * MIB)
    card(seen, "10000:e1:00.0", 0xC0100000)
    assembled = assemble(seen)
    assert function(assembled.topology, "0000:00:0e.0").bars[0].fixed
    assert not function(assembled.topology, "10000:e1:00.0").bars[0].fixed
    assert windows(assembled.topology, 1) == [("mem", "c0000000-c1ffffff")]
    assert windows(assembled.topology, 0) == [("mem", "b0000000-dfffffff")]
    assert load_topology(dump_topology(assembled.topology), "x") == assembled.topology


def test_estimate_holds_everything_and_skips_holes_for_configuration_space() -> None:
    seen = machine()
    card(seen, "0000:00:02.0", 0xB0000000, 256 * MIB)
    card(seen, "0000:00:03.0", 0xF7D00000)
    card(seen, "0000:00:04.0", 0xF7F01000, 4 * KIB)
    card(seen, "0000:00:1f.0", 0xFED10000, 4 * KIB)
    seen.function(FunctionAddress("0000:00:02.0")).bars[2] = SeenBar(2, "mem", GIB, 64, True, 64 * GIB, True)
    seen.function(FunctionAddress("0000:00:02.0")).bars[4] = SeenBar(4, "io", 64, 32, False, 0xF000, True)
    assembled = assemble(seen)
    assert windows(assembled.topology) == [
        ("io", "00000000-0000ffff"),
        ("mem", "fed10000-fed10fff"),
        ("mem", "b0000000-bfffffff"),
        ("mem", "f7d00000-f7ffffff"),
        ("mem", "1000000000-103fffffff"),
    ]
    assert assembled.estimated == [(0, 0)]
    assert any("estimated" in note for note in assembled.notes)


def test_32_bit_items_above_4_gib_give_the_estimate_an_offset() -> None:
    seen = machine()
    card(seen, "0002:00:00.0", 0x23_8000_0000)
    (window,) = assemble(seen).topology.root_buses[0].windows
    assert window.offset == 0x23_0000_0000


def test_an_estimate_holds_what_stands_behind_a_bridge_whose_windows_are_unknown() -> None:
    seen = machine()
    bridge(seen, "0000:00:01.0", 1)
    card(seen, "0000:01:00.0")
    assert ("mem", "b0000000-b00fffff") in windows(assemble(seen).topology)


def test_whole_space_windows_are_narrowed() -> None:
    seen = machine()
    root(seen, (0, 1 << 36))
    card(seen, "0000:00:02.0")
    assembled = assemble(seen)
    assert windows(assembled.topology) == [("mem", "b0000000-b00fffff")]
    assert any("RAM included" in note for note in assembled.notes)


def test_bridges_outside_of_every_listed_window_mean_a_lost_line_and_single_bars_do_not() -> None:
    seen = machine()
    root(seen, (0xA0000, 0xC0000))
    card(seen, "0000:00:1f.1", 0xFD000000, 16 * MIB)
    assert windows(assemble(seen).topology) == [("mem", "000a0000-000bffff")]
    bridge(seen, "0000:00:01.0", 1)
    seen.function(FunctionAddress("0000:00:01.0")).windows["mem"] = SeenWindow("mem", Range(0xF4000000, 0xF4100000))
    assembled = assemble(seen)
    assert windows(assembled.topology)[1:] == [("mem", "f4000000-f40fffff"), ("mem", "fd000000-fdffffff")]
    assert any("outside of every window" in note for note in assembled.notes)


def test_an_offset_that_is_no_whole_page_is_rounded() -> None:
    seen = machine()
    window = SeenRootWindow("mem", Range(0x1100110000, 0x1180110000), offset=0x1080110100)
    seen.root_buses[(0, 0)] = SeenRootBus(0, 0, windows=[window])
    assembled = assemble(seen)
    assert assembled.topology.root_buses[0].windows[0].offset == 0x1080110000
    assert any("rounded" in note for note in assembled.notes)


def test_overlapping_root_windows_are_divided_by_what_stands_there() -> None:
    seen = machine()
    root(seen, (0xB0000000, 0xD0000000))
    root(seen, (0xB0000000, 0xD0000000), bus=0x40)
    card(seen, "0000:00:02.0", 0xB0000000)
    card(seen, "0000:40:00.0", 0xC0000000)
    assembled = assemble(seen)
    assert windows(assembled.topology, 0) == [("mem", "b0000000-bfffffff")]
    assert windows(assembled.topology, 1) == [("mem", "c0000000-cfffffff")]
    assert any("both claim" in note for note in assembled.notes)


def test_a_bridge_window_over_another_domains_window_is_no_nested_domain() -> None:
    seen = machine()
    root(seen, (0xB0000000, 0xC0000000))
    root(seen, (0xB0000000, 0xC0000000), domain=1)
    bridge(seen, "0000:00:01.0", 1)
    seen.function(FunctionAddress("0000:00:01.0")).windows["mem"] = SeenWindow("mem", Range(0xB0000000, 0xC0000000))
    topology = assemble(seen).topology
    assert windows(topology, 0) == [("mem", "b0000000-bfffffff")]
    assert windows(topology, 1) == []


def test_touching_root_windows_are_joined() -> None:
    seen = machine()
    root(seen, (0xB0000000, 0xB8000000), (0xB8000000, 0xC0000000))
    assert windows(assemble(seen).topology) == [("mem", "b0000000-bfffffff")]


def ranges(*entries: tuple[int, int, str, int]) -> list[SeenRange]:
    return [SeenRange("mem", Range.inclusive(start, end), name, depth) for start, end, name, depth in entries]


def test_root_windows_of_iomem_serve_where_the_log_is_missing() -> None:
    seen = machine()
    bridge(seen, "0000:00:01.0", 1)
    card(seen, "0000:01:00.0")
    card(seen, "0001:00:00.0", 0x40000000)
    seen.ranges = ranges(
        (0x40000000, 0x4FFFFFFF, "pcie@3f000000", 0),
        (0x40000000, 0x400FFFFF, "0001:00:00.0", 1),
        (0xB0000000, 0xBFFFFFFF, "PCI Bus 0000:00", 0),
        (0xB0000000, 0xB00FFFFF, "PCI Bus 0000:01", 1),
    )
    assembled = assemble(seen)
    assert windows(assembled.topology, 0) == [("mem", "b0000000-bfffffff")]
    assert windows(assembled.topology, 1) == [("mem", "40000000-4fffffff")]
    assert assembled.estimated == []


def test_platform_ranges_inside_root_windows_are_reserved_around_what_stands_there() -> None:
    seen = machine()
    root(seen, (0xB0000000, 0xFF000000))
    card(seen, "0000:00:02.0", 0xFE010000, 4 * KIB)
    seen.ranges = ranges(
        (0x00100000, 0x7FFFFFFF, "System RAM", 0),
        (0xB0000000, 0xFEFFFFFF, "PCI Bus 0000:00", 0),
        (0xFE000000, 0xFE01FFFF, "Reserved", 1),
        (0xFE010000, 0xFE010FFF, "0000:00:02.0", 2),
        (0xFE010000, 0xFE010FFF, "intel-spi", 3),
        (0xFEC00000, 0xFEC003FF, "IOAPIC 0", 1),
        (0xFED00000, 0xFED003FF, "pnp 00:04", 1),
    )
    found = [(str(r.range), r.what) for r in assemble(seen).topology.reserved]
    assert found == [("fec00000-fec003ff", "IOAPIC 0"), ("fed00000-fed003ff", "pnp 00:04")]


def test_legacy_ranges_are_reserved_inside_root_windows_only() -> None:
    seen = machine()
    seen.root_buses[(0, 0)] = SeenRootBus(
        0,
        0,
        windows=[
            SeenRootWindow("io", Range(0, 0x10000)),
            SeenRootWindow("mem", Range(0xA0000, 0xC0000)),
            SeenRootWindow("mem", Range(0xB0000000, 0xC0000000)),
        ],
    )
    found = [(r.space, str(r.range)) for r in assemble(seen).topology.reserved]
    assert found == [("io", "00000000-00000fff"), ("mem", "000a0000-000bffff")]


def displaced(class_code: str) -> list[tuple[str, str]]:
    """What is reserved, beside the PC's own, where bus addresses lie 16 MiB (I/O: 64 KiB) lower than the CPU's."""
    seen = machine()
    seen.root_buses[(0, 0)] = SeenRootBus(
        0,
        0,
        windows=[
            SeenRootWindow("io", Range(0x10000, 0x20000), offset=0x10000),
            SeenRootWindow("mem", Range(0x1000000, 0x2000000), offset=0x1000000),
        ],
    )
    seen.function(FunctionAddress("0000:00:02.0")).class_code = class_code
    return [(str(reserved.range), reserved.what) for reserved in assemble(seen).topology.reserved]


def test_what_vga_decodes_without_a_bar_is_reserved_at_its_bus_addresses() -> None:
    assert displaced("030000") == [
        ("000103b0-000103bb", "VGA ports of 0000:00:02.0"),
        ("000103c0-000103df", "VGA ports of 0000:00:02.0"),
        ("010a0000-010bffff", "VGA memory of 0000:00:02.0"),
    ]
    assert displaced("038000") == []


def test_the_ports_of_ide_channels_in_compatibility_mode_are_reserved() -> None:
    primary = ["000101f0-000101f7", "000103f4-000103f7"]
    secondary = ["00010170-00010177", "00010374-00010377"]
    for mode, ports in (("80", primary + secondary), ("81", secondary), ("84", primary), ("85", [])):
        assert sorted(ports) == [range_ for range_, _ in displaced(f"0101{mode}")]
    assert displaced("0101") == []


def test_a_bridge_that_keeps_isa_ports_back_is_marked() -> None:
    seen = machine()
    root(seen, (0xB0000000, 0xC0000000))
    bridge(seen, "0000:00:01.0", 1)
    bridge(seen, "0000:00:02.0", 2)
    seen.function(FunctionAddress("0000:00:01.0")).isa = True
    topology = assemble(seen).topology
    assert [function.bridge.isa for function, _ in topology.functions() if function.bridge] == [True, False]


def test_a_range_claimed_for_a_function_without_such_a_bar_is_reserved() -> None:
    seen = machine()
    root(seen, (0xB0000000, 0xC0000000))
    card(seen, "0000:00:1f.0", 0xB0000000, 4 * KIB)
    seen.ranges = ranges(
        (0xB0000000, 0xBFFFFFFF, "PCI Bus 0000:00", 0),
        (0xB0000000, 0xB0000FFF, "0000:00:1f.0", 1),
        (0xB1000000, 0xB100007F, "0000:00:1f.0", 1),
    )
    found = [(str(r.range), r.what) for r in assemble(seen).topology.reserved]
    assert found == [("b1000000-b100007f", "0000:00:1f.0, no BAR")]
