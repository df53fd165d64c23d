"""The allocator against four public kernel logs: sizes, addresses and the order of failures.

What is expected are facts of messages to public lists; :mod:`tests.boards` names them.
"""

from __future__ import annotations

from models.resources import GIB, MIB, WindowKind
from models.topology import Topology
from solver.kernel.context import WindowSize
from solver.kernel.driver import Outcome, allocate
from solver.kernel.parameters import parse_parameters
from solver.kernel.rules import RULES
from tests.boards import battlemage, nemo, riscv_board, rockpro64
from tests.topologies import key, window_key

KIB = 1 << 10


def run(generation: str, topology: Topology, **options: str) -> Outcome:
    return allocate(topology, RULES[generation], parse_parameters(options, topology))


def window(outcome: Outcome, address: str, kind: WindowKind) -> tuple[int, int] | None:
    """First and last address of a bridge window."""
    range_ = outcome.placement.windows[window_key(address, kind)]
    return None if range_ is None else (range_.start, range_.last)


def names(outcome: Outcome) -> list[str]:
    """What failed, in order, as ``02:00.0 io window``."""
    return [str(failed).removeprefix("0000:") for failed in outcome.failures]


def size(outcome: Outcome, address: str, kind: WindowKind) -> WindowSize:
    return outcome.sizes[window_key(address, kind)]


def mebibytes(must: int, extra: int, alignment: int) -> tuple[int, int, int]:
    return must * MIB, extra * MIB, alignment * MIB


def asked(size: WindowSize) -> tuple[int, int, int]:
    return size.must, size.optional - size.must, size.alignment


def test_riscv_board_sizes() -> None:
    outcome = run("linux-6.1", riscv_board(), arch="generic")
    expected: dict[tuple[str, WindowKind], tuple[int, int, int]] = {
        ("02:00.0", "pref"): (0, 2, 1),
        ("02:00.0", "mem"): (1, 1, 1),
        ("02:01.0", "pref"): (256, 0, 256),
        ("02:01.0", "mem"): (1, 1, 1),
        ("02:02.0", "pref"): (0, 2, 1),
        ("02:02.0", "mem"): (0, 2, 1),
        ("02:03.0", "pref"): (0, 2, 1),
        ("02:03.0", "mem"): (1, 1, 1),
        ("01:00.0", "pref"): (384, 0, 128),
        ("00:00.0", "pref"): (384, 0, 128),
    }
    assert {at: asked(size(outcome, *at)) for at in expected} == {
        at: mebibytes(*values) for at, values in expected.items()
    }
    for bridge_ in ("00:00.0", "01:00.0"):
        assert asked(size(outcome, bridge_, "mem"))[:2] == (4 * MIB, 5 * MIB)
        assert asked(size(outcome, bridge_, "io"))[:2] == (8 * KIB, 8 * KIB)
    assert asked(size(outcome, "02:00.0", "io"))[:2] == (0, 4 * KIB)
    assert asked(size(outcome, "02:01.0", "io"))[:2] == (4 * KIB, 0)


def test_riscv_board_addresses() -> None:
    outcome = run("linux-6.1", riscv_board(), arch="generic")
    for bridge_ in ("00:00.0", "01:00.0"):
        assert window(outcome, bridge_, "pref") == (0x40000000, 0x57FFFFFF)
        assert window(outcome, bridge_, "mem") == (0x58000000, 0x588FFFFF)
    expected: dict[tuple[str, WindowKind], tuple[int, int]] = {
        ("02:01.0", "pref"): (0x40000000, 0x4FFFFFFF),
        ("02:00.0", "mem"): (0x58000000, 0x581FFFFF),
        ("02:00.0", "pref"): (0x50000000, 0x501FFFFF),
        ("02:01.0", "mem"): (0x58200000, 0x583FFFFF),
        ("02:02.0", "mem"): (0x58400000, 0x585FFFFF),
        ("02:02.0", "pref"): (0x50200000, 0x503FFFFF),
        ("02:03.0", "mem"): (0x58600000, 0x587FFFFF),
        ("02:03.0", "pref"): (0x50400000, 0x505FFFFF),
    }
    assert {at: window(outcome, *at) for at in expected} == expected
    bars = outcome.placement.bars
    assert bars[key("03:00.0")] == 0x58000000
    assert bars[key("04:00.0")] == 0x40000000
    assert bars[key("04:00.0", 2)] == 0x58200000
    assert bars[key("04:00.0", "rom")] == 0x58220000
    assert bars[key("04:00.1")] == 0x58240000
    assert bars[key("06:00.0", "rom")] == 0x58600000
    assert bars[key("06:00.0", 5)] == 0x58610000
    assert bars[key("00:00.0")] is None


def test_riscv_board_io_failures_in_order() -> None:
    outcome = run("linux-6.1", riscv_board(), arch="generic")
    on_bus_2 = [name for name in names(outcome) if name.startswith("02:")]
    with_optional = ["02:00.0", "02:01.0", "02:02.0", "02:03.0"]
    required, optional = ["02:01.0", "02:03.0"], ["02:02.0", "02:00.0"]
    assert on_bus_2 == [f"{port} io window" for port in with_optional + required + optional]


def test_riscv_board_words_of_6_1() -> None:
    log = run("linux-6.1", riscv_board(), arch="generic").log
    assert "pci 0000:00:00.0: BAR 0: no space for [mem size 0x80000000 64bit pref]" in log
    assert "pci 0000:00:00.0: BAR 0: failed to assign [mem size 0x80000000 64bit pref]" in log
    assert "pci 0000:00:00.0: BAR 15: assigned [mem 0x40000000-0x57ffffff 64bit pref]" in log
    assert "pci 0000:00:00.0: BAR 14: reassigned [mem 0x58000000-0x588fffff] (expanded by 0x500000)" in log


def test_nemo() -> None:
    outcome = run("linux-6.1", nemo(), arch="generic")
    ports = ["00:10.0", "00:11.0", "00:11.1", "00:11.2", "00:11.3"]
    high = 0x80000000000
    for at, port in enumerate(ports):
        assert window(outcome, port, "pref") == (high + at * 2 * MIB, high + (at + 1) * 2 * MIB - 1)
    for at, port in enumerate(ports[2:]):
        assert window(outcome, port, "mem") == (0x80000000 + at * 2 * MIB, 0x80000000 + (at + 1) * 2 * MIB - 1)
        assert window(outcome, port, "io") == (0x14000 + at * 0x1000, 0x14FFF + at * 0x1000)
    assert window(outcome, "00:10.0", "mem") == (0x90000000, 0xA00FFFFF)
    assert [str(attempt.key) for attempt in outcome.attempts] == [
        "0000:00:10.0 pref window",
        "0000:00:11.0 pref window",
        *(f"0000:{port} {kind} window" for port in ports[2:] for kind in ("mem", "pref")),
        *(f"0000:{port} io window" for port in ports[2:]),
    ]


def test_rockpro64() -> None:
    outcome = run("linux-6.1", rockpro64(), arch="generic")
    expected: dict[tuple[str, WindowKind], tuple[int, int, int]] = {
        ("02:03.0", "pref"): (192, 0, 64),
        ("02:03.0", "mem"): (24, 0, 8),
        ("02:07.0", "mem"): (1, 0, 1),
        ("01:00.0", "pref"): (192, 0, 64),
        ("01:00.0", "mem"): (28, 0, 4),
        ("00:00.0", "mem"): (256, 0, 64),
    }
    assert {at: asked(size(outcome, *at)) for at in expected} == {
        at: mebibytes(*values) for at, values in expected.items()
    }
    failed = names(outcome)
    assert len(failed) == 29
    assert failed[:15] == [
        "00:00.0 mem window",
        "01:00.0 pref window",
        "01:00.0 mem window",
        "01:00.0 io window",
        "02:03.0 pref window",
        "02:03.0 mem window",
        "02:07.0 mem window",
        "02:03.0 io window",
        "02:07.0 io window",
        "04:00.0 BAR 1",
        "04:00.0 BAR 3",
        "04:00.0 BAR 0",
        "04:00.0 ROM",
        "04:00.1 BAR 0",
        "04:00.0 BAR 5",
    ]
    assert all(name.startswith("06:00.") for name in failed[15:])


def test_battlemage() -> None:
    outcome = run("linux-7", battlemage())
    expected: dict[tuple[str, WindowKind], tuple[int, int, int]] = {
        ("03:01.0", "mem"): (16, 2, 16),
        ("03:02.0", "mem"): (1, 0, 1),
        ("02:00.0", "mem"): (17, 2, 16),
    }
    assert {at: asked(size(outcome, *at)) for at in expected} == {
        at: mebibytes(*values) for at, values in expected.items()
    }
    assert size(outcome, "02:00.0", "pref").must == 32 * GIB
    assert window(outcome, "02:00.0", "pref") == (0xA000000000, 0xA7FFFFFFFF)
    assert window(outcome, "02:00.0", "mem") == (0x8D000000, 0x8E0FFFFF)
    assert window(outcome, "03:01.0", "mem") == (0x8D000000, 0x8DFFFFFF)
    assert window(outcome, "03:02.0", "mem") == (0x8E000000, 0x8E0FFFFF)
    bars = outcome.placement.bars
    assert bars[key("02:00.0")] == 0xA800000000
    assert bars[key("04:00.0", 2)] == 0xA000000000
    assert bars[key("04:00.0")] == 0x8D000000
    assert bars[key("04:00.0", "rom")] is None
    assert bars[key("05:00.0")] == 0x8E000000
    assert names(outcome)[0] == "02:00.0 mem window"
    grown = [attempt for attempt in outcome.attempts if attempt.grown and attempt.key == window_key("02:00.0", "mem")]
    assert [attempt.address for attempt in grown] == [None]


def test_battlemage_is_lost_to_the_classic_rules() -> None:
    outcome = run("linux-6.1", battlemage())
    assert size(outcome, "02:00.0", "mem").must == 28 * MIB
    assert outcome.placement.bars[key("04:00.0")] is None
