"""Numbers, ranges and function addresses, read and written."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.resources import (
    ADDRESS_LIMIT,
    Range,
    align_down,
    align_up,
    format_range,
    format_size,
    function_address,
    is_power_of_two,
    parse_function_address,
    parse_number,
    split_function_address,
)


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("0xfe000000", 0xFE000000),
        ("0XFE000000", 0xFE000000),
        ("-0x100000", -0x100000),
        ("-1M", -0x100000),
        ("4096", 4096),
        ("4k", 4096),
        ("256M", 256 << 20),
        ("256 MiB", 256 << 20),
        ("16GB", 16 << 30),
        ("2T", 2 << 40),
        (" 8E ", 8 << 60),
        (12, 12),
        (-12, -12),
    ],
)
def test_parse_number(text: str | int, number: int) -> None:
    assert parse_number(text) == number


@pytest.mark.parametrize("text", ["", "0x", "fe000000", "1.5G", "1KK", "--1", "0x-1", "M", True])
def test_what_is_no_number(text: str | int) -> None:
    with pytest.raises(ValueError, match="expected a number"):
        parse_number(text)


@given(st.integers(0, ADDRESS_LIMIT))
def test_a_size_reads_as_it_is_written(size: int) -> None:
    assert parse_number(format_size(size)) == size


@pytest.mark.parametrize(
    ("size", "text"), [(0, "0"), (128, "128"), (1024, "1K"), (1536 << 10, "1536K"), (32 << 20, "32M"), (1 << 60, "1E")]
)
def test_format_size(size: int, text: str) -> None:
    assert format_size(size) == text


@given(st.integers(-(1 << 70), 1 << 70), st.integers(0, 60).map(lambda bits: 1 << bits))
def test_alignment_rounds_to_the_nearest_multiple(value: int, alignment: int) -> None:
    up, down = align_up(value, alignment), align_down(value, alignment)
    assert up % alignment == down % alignment == 0
    assert value - alignment < down <= value <= up < value + alignment


@pytest.mark.parametrize(("value", "expected"), [(0, False), (-4, False), (1, True), (6, False), (1 << 63, True)])
def test_is_power_of_two(value: int, expected: bool) -> None:
    assert is_power_of_two(value) is expected


class TestRange:
    def test_ends(self) -> None:
        range_ = Range.inclusive(0x1000, 0x1FFF)
        assert range_ == Range.of(0x1000, 0x1000) == Range(0x1000, 0x2000)
        assert (range_.size, range_.last) == (0x1000, 0x1FFF)

    @pytest.mark.parametrize(("start", "end"), [(1, 1), (2, 1), (-1, 1), (0, ADDRESS_LIMIT + 1)])
    def test_what_is_no_range(self, start: int, end: int) -> None:
        with pytest.raises(ValueError, match="a range needs"):
            Range(start, end)

    def test_the_whole_space_is_a_range(self) -> None:
        assert Range(0, ADDRESS_LIMIT).last == ADDRESS_LIMIT - 1

    def test_touching_ranges_do_not_overlap(self) -> None:
        one, other = Range(0, 4), Range(4, 8)
        assert not one.overlaps(other)
        assert one.clip(other) is None
        assert one.overlaps(Range(3, 5))
        assert one.clip(Range(3, 5)) == Range(3, 4)

    def test_contains(self) -> None:
        assert Range(0, 4).contains(Range(0, 4))
        assert not Range(0, 4).contains(Range(3, 5))
        assert 3 in Range(0, 4)
        assert 4 not in Range(0, 4)

    @given(*[st.integers(0, 20)] * 4)
    def test_overlap_is_a_common_address(self, a: int, b: int, c: int, d: int) -> None:
        one, other = Range.of(a, b + 1), Range.of(c, d + 1)
        common = [address for address in range(50) if address in one and address in other]
        assert one.overlaps(other) == bool(common)
        clipped = one.clip(other)
        assert ([] if clipped is None else list(range(clipped.start, clipped.end))) == common
        assert one.contains(other) == (len(common) == other.size)

    def test_text(self) -> None:
        assert str(Range(0xF6000000, 0xF8000000)) == "f6000000-f7ffffff"
        assert format_range(Range(0, 0x100)) == "00000000-000000ff"
        assert format_range(None) == "closed"


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("0000:01:00.0", "0000:01:00.0"),
        ("01:00.0", "0000:01:00.0"),
        ("1:2.3", "0000:01:02.3"),
        ("ABCD:EF:1F.7", "abcd:ef:1f.7"),
        ("10000:e1:00.0", "10000:e1:00.0"),
        (" 00:1c.0 ", "0000:00:1c.0"),
    ],
)
def test_parse_function_address(text: str, address: str) -> None:
    assert parse_function_address(text) == address


@pytest.mark.parametrize("text", ["", "00:00", "00:00.8", "0:0:0.0.0", "00.0", "000:00.0", "zz:00.0", "0000:00:00.0:1"])
def test_what_is_no_function_address(text: str) -> None:
    with pytest.raises(ValueError, match="expected a function address"):
        parse_function_address(text)


def test_device_numbers_end_at_1f() -> None:
    with pytest.raises(ValueError, match="device number 0x20"):
        parse_function_address("00:20.0")


@given(st.integers(0, 0xFFFFFFFF), st.integers(0, 0xFF), st.integers(0, 0x1F), st.integers(0, 7))
def test_function_addresses_fall_apart_into_their_numbers(domain: int, bus: int, device: int, number: int) -> None:
    address = function_address(domain, bus, device, number)
    assert split_function_address(address) == (domain, bus, device, number)
    assert parse_function_address(address) == address
