"""Bus addresses as one line of numbers per root bus."""

from __future__ import annotations

import pytest

from models.resources import FOUR_GIB, IO_REACH, Range
from models.topology import RootBus, RootWindow
from solver.coordinates import Coordinates
from tests.topologies import host


def two_windows(offset: int, other_offset: int) -> Coordinates:
    """Two memory windows of 1 MiB at 0x10_0000_0000 and 0x20_0000_0000."""
    windows = (
        RootWindow("mem", Range.of(0x10_0000_0000, 0x10_0000), offset=offset),
        RootWindow("mem", Range.of(0x20_0000_0000, 0x10_0000), offset=other_offset),
    )
    return Coordinates(RootBus(0, 0, windows))


def test_without_offset_a_coordinate_is_the_address() -> None:
    coordinates = Coordinates(host())
    assert coordinates.of("mem", 0x80001000) == 0x80001000
    assert coordinates.address("mem", 0x80001000) == 0x80001000


def test_the_offset_leads_to_bus_addresses() -> None:
    coordinates = Coordinates(host(mem=(0x90000000, 0x9FFFFFFF), pref=None, offset=0x10000000))
    assert coordinates.of("mem", 0x90001000) == 0x80001000
    assert coordinates.address("mem", 0x80001000) == 0x90001000
    assert coordinates.of_range("mem", Range.of(0x90001000, 4096)) == (0x80001000, 0x80002000)


def test_spaces_do_not_mix() -> None:
    coordinates = Coordinates(host(io=(0x0, 0xFFFF), io_offset=0x0, mem=(0x8000, 0xFFFFF), pref=None, offset=0x8000))
    assert coordinates.of("io", 0x9000) == 0x9000
    assert coordinates.of("mem", 0x9000) == 0x1000


def test_equal_bus_addresses_are_told_apart() -> None:
    coordinates = two_windows(0x10_0000_0000, 0x20_0000_0000)
    first, second = coordinates.of("mem", 0x10_0000_0000), coordinates.of("mem", 0x20_0000_0000)
    assert first != second
    assert (second - first) % (1 << 40) == 0
    assert coordinates.address("mem", first) == 0x10_0000_0000
    assert coordinates.address("mem", second) == 0x20_0000_0000


def test_a_lifted_window_keeps_its_reach() -> None:
    coordinates = two_windows(0x10_0000_0000, 0x20_0000_0000)
    for segment in coordinates.segments:
        assert segment.reach - segment.start == FOUR_GIB


def test_windows_of_one_offset_that_overlap_share_their_coordinates() -> None:
    windows = (
        RootWindow("mem", Range.of(0x80000000, 0x300000)),
        RootWindow("mem", Range.of(0x80200000, 0x200000), prefetchable=True),
    )
    coordinates = Coordinates(RootBus(0, 0, windows))
    assert [(segment.start, segment.end) for segment in coordinates.segments] == [
        (0x80000000, 0x80300000),
        (0x80200000, 0x80400000),
    ]


def test_a_range_over_windows_of_different_offsets_has_a_part_in_each() -> None:
    windows = (
        RootWindow("mem", Range.of(0x80000000, 0x100000)),
        RootWindow("mem", Range.of(0x90000000, 0x100000), offset=0x8000000),
    )
    coordinates = Coordinates(RootBus(0, 0, windows))
    assert coordinates.parts("mem", Range(0x80080000, 0x90080000)) == [
        (0x80080000, 0x80100000),
        (0x88000000, 0x88080000),
    ]
    assert coordinates.parts("mem", Range(0x80080000, 0x80180000)) == [(0x80080000, 0x80180000)]


def test_negative_bus_addresses_are_lifted() -> None:
    coordinates = two_windows(0x10_0010_0000, 0)
    assert coordinates.segments[0].start >= 0
    assert coordinates.address("mem", coordinates.of("mem", 0x10_0000_1000)) == 0x10_0000_1000


@pytest.mark.parametrize(
    ("start", "reach"), [(0x0, IO_REACH), (0x1000, IO_REACH), (0x10000, 0x20000), (0x30000, 0x40000)]
)
def test_short_io_reaches_64_kib_from_a_window_above(start: int, reach: int) -> None:
    coordinates = Coordinates(host(io=(start, start + 0xFFF), mem=None, pref=None))
    assert coordinates.segments[0].reach == reach


def test_what_lies_outside_is_in_the_way_of_nothing_inside() -> None:
    """A CPU address outside of all root windows may equal a bus address inside of one."""
    coordinates = Coordinates(host(mem=(0x90000000, 0x9FFFFFFF), pref=None, offset=0x10000000))
    inside = coordinates.of_range("mem", Range.of(0x90000000, 4096))
    outside = coordinates.of_range("mem", Range.of(0x80000000, 4096))
    assert outside[0] >= coordinates.segments[0].end
    assert inside != outside
    assert coordinates.address("mem", outside[0]) == 0x80000000


def test_a_range_that_reaches_into_a_window_is_told_by_it() -> None:
    coordinates = Coordinates(host(mem=(0x90000000, 0x9FFFFFFF), pref=None, offset=0x10000000))
    assert coordinates.of_range("mem", Range(0x8FF00000, 0x90100000)) == (0x7FF00000, 0x80100000)


def test_a_root_bus_without_windows_has_no_segments() -> None:
    coordinates = Coordinates(RootBus(0, 0))
    assert coordinates.segments == []
    assert coordinates.address("mem", coordinates.of("mem", 0xF0000000)) == 0xF0000000
