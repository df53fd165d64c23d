from __future__ import annotations

from models.resources import MIB, FunctionAddress, Range
from models.sources.merge import merge
from models.sources.observation import Observation, SeenBar, SeenRange, SeenRootBus, SeenRootWindow, SeenWindow

PORT = FunctionAddress("0000:00:01.0")
CARD = FunctionAddress("0000:01:00.0")


def log() -> Observation:
    observation = Observation("kernel log", "dmesg.txt")
    root = observation.root_buses[(0, 0)] = SeenRootBus(0, 0)
    root.windows.append(SeenRootWindow("mem", Range(0x80000000, 0xC0000000)))
    port = observation.function(PORT)
    port.header, port.secondary, port.subordinate, port.hotplug = 1, 1, 1, True
    port.windows["mem"] = SeenWindow("mem", Range(0x80000000, 0x80200000))
    card = observation.function(CARD)
    card.bars[0] = SeenBar(0, "mem", MIB, 32, False, 0x80000000, assigned=True)
    card.bars[3] = SeenBar(3, "mem", 16384, 64, False, 0x80100000, assigned=True)
    return observation


def listing() -> Observation:
    observation = Observation("lspci", "lspci.txt", names_drivers=True)
    for address in (PORT, CARD):
        function = observation.function(address)
        function.driver_known, function.driver = True, "nvme" if address == CARD else None
    observation.function(PORT).secondary = 1
    return observation


def test_a_listing_adds_drivers_and_keeps_the_logs_state() -> None:
    merged = merge([listing(), log()]).observation
    card = merged.functions[CARD]
    assert (card.driver, card.driver_known) == ("nvme", True)
    assert card.bars[0].address == 0x80000000
    assert merged.functions[PORT].hotplug is True
    assert merged.names_drivers


def test_addresses_of_a_listing_with_sizes_win_and_differences_are_counted() -> None:
    other = listing()
    other.function(CARD).bars[0] = SeenBar(0, "mem", MIB, None, None, 0x90000000, assigned=True)
    other.function(CARD).bars[3] = SeenBar(3, "mem", 16384, None, None, 0x80100000, assigned=True)
    merged = merge([log(), other])
    assert merged.observation.functions[CARD].bars[0].address == 0x90000000
    assert merged.observation.functions[CARD].bars[0].width == 32
    assert (merged.moved, merged.compared) == (1, 2)
    assert any("1 of 2 addresses differ" in note and "lspci.txt" in note for note in merged.observation.notes)


def test_bare_config_space_never_overrides_a_log() -> None:
    other = listing()
    other.function(CARD).bars[0] = SeenBar(0, "mem", None, 32, False, 0x70000000)
    assert merge([other, log()]).observation.functions[CARD].bars[0].address == 0x80000000


def test_an_unassigned_bar_of_the_better_source_stays_unassigned() -> None:
    other = listing()
    other.function(CARD).bars[0] = SeenBar(0, "mem", MIB, assigned=False)
    bar = merge([log(), other]).observation.functions[CARD].bars[0]
    assert (bar.address, bar.assigned) == (None, False)


def test_counted_indices_give_way_to_exact_ones() -> None:
    other = listing()
    other.function(CARD).bars[0] = SeenBar(0, "mem", MIB, address=0x80000000, assigned=True)
    other.function(CARD).bars[1] = SeenBar(1, "mem", 16384, address=0x80100000, assigned=True)
    assert sorted(map(str, merge([log(), other]).observation.functions[CARD].bars)) == ["0", "3"]


def test_a_resized_bar_keeps_its_index() -> None:
    other = listing()
    other.function(CARD).bars[0] = SeenBar(0, "mem", 8 * MIB, address=0x90000000, assigned=True)
    bars = merge([log(), other]).observation.functions[CARD].bars
    assert bars[0].size == 8 * MIB
    assert bars[3].size == 16384


def whole_machine() -> tuple[Observation, Observation]:
    """A log and a whole listing of the same machine: a host bridge, more devices, the port and the card."""
    first, other = log(), listing()
    for observation in (first, other):
        for device in (0, 2, 3, 4, 5, 6, 7):
            observation.function(FunctionAddress(f"0000:00:{device:02x}.0"))
    return first, other


def test_what_a_whole_listing_lacks_behind_a_bridge_was_unplugged() -> None:
    first, other = whole_machine()
    del other.functions[CARD]
    merged = merge([first, other])
    assert merged.vanished == [CARD]
    assert any("unplugged" in note and CARD in note for note in merged.observation.notes)


def test_what_a_whole_listing_lacks_on_a_root_bus_is_hidden_and_fixed() -> None:
    first, other = whole_machine()
    hidden = FunctionAddress("0000:00:1f.1")
    first.function(hidden).bars[0] = SeenBar(0, "mem", 16 * MIB, 64, False, 0xFD000000, True)
    merged = merge([first, other])
    assert merged.vanished == []
    assert merged.observation.functions[hidden].bars[0].fixed
    assert merged.observation.functions[hidden].driver_known
    assert any("hidden" in note for note in merged.observation.notes)


def test_a_bridge_the_listing_lacks_stays_where_listed_functions_stand_behind_it() -> None:
    first, other = whole_machine()
    first.function(PORT)
    del other.functions[PORT]
    assert PORT in merge([first, other]).observation.functions


def test_a_selection_leaves_nothing_out() -> None:
    first, _ = whole_machine()
    assert merge([first, listing()]).vanished == []


def test_a_listing_of_other_bus_numbers_replaces_what_the_log_said_of_the_address() -> None:
    first, other = log(), listing()
    first.function(CARD).id, other.function(CARD).id = "1234:0001", "1234:0002"
    other.function(CARD).bars[5] = SeenBar(5, "mem", MIB, address=0x90000000, assigned=True)
    assert list(merge([first, other]).observation.functions[CARD].bars) == [5]


def test_a_bridge_of_other_bus_numbers_does_not_stay_beside_the_listed_one() -> None:
    first, other = whole_machine()
    stale = FunctionAddress("0000:01:01.0")
    first.function(stale).secondary = 2
    first.function(PORT)
    for address, secondary in (("0000:01:02.0", 2), ("0000:02:00.0", None)):
        other.function(FunctionAddress(address)).secondary = secondary
    assert merge([first, other]).vanished == [stale]


def test_range_of_a_vf_bar_holds_all_copies() -> None:
    other = listing()
    other.function(CARD).bars["vf0"] = SeenBar("vf0", "mem", None, 64, True, 0x70000000, True, copies=8)
    memory = Observation("iomem", "iomem")
    memory.ranges.append(SeenRange("mem", Range(0x70000000, 0x70080000), CARD, 0))
    assert merge([other, memory]).observation.functions[CARD].bars["vf0"].size == 0x10000


def test_sizes_come_from_ranges_named_after_the_function() -> None:
    other = listing()
    other.function(CARD).bars[0] = SeenBar(0, "mem", None, 32, False, 0x70000000)
    memory = Observation("iomem", "iomem")
    memory.ranges.append(SeenRange("mem", Range(0x70000000, 0x70010000), CARD, 0))
    assert merge([other, memory]).observation.functions[CARD].bars[0].size == 0x10000


def test_inputs_are_left_as_they_were() -> None:
    first, other = log(), listing()
    other.function(CARD).bars[0] = SeenBar(0, "mem", MIB, address=0x90000000, assigned=True)
    merge([first, other])
    assert first.functions[CARD].bars[0].address == 0x80000000
    assert first.functions[CARD].driver_known is False
