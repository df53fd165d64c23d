"""Small machines on which a greedy allocator fails or wastes although a legal placement exists.

Every builder returns a topology; its docstring says what the kernel's greedy does and what a legal placement looks
like (the witness). Offsets in the texts are in MiB from ``BASE``, which is aligned to 2 GiB. :data:`PITFALLS` has the
expectations as numbers, for the tests of every engine.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from models.resources import MIB, Range
from models.topology import Bar, Function, RootWindow, Topology
from tests.boards import rockpro64
from tests.topologies import Pair, bar, bridge, function, host, machine

BASE = 0x80000000


@dataclass(frozen=True)
class Pitfall:
    """What to expect on one machine.

    Attributes
    ----------
    classic, tight
        BARs that linux-6.1 and linux-7 leave without an address (measure ``unplaced``).
    witness
        The fewest BARs that a legal placement leaves without an address.
    options
        Kernel options for the greedy engines.
    moves
        The fewest BARs that a placement with ``witness`` moves; ``None`` where no BAR has an address.
    greedy_breaks
        The greedy placement breaks a rule, although nothing stays without an address.
    """

    build: Callable[[], Topology]
    classic: int
    tight: int
    witness: int
    options: dict[str, str] = field(default_factory=dict)
    moves: int | None = None
    greedy_breaks: bool = False


def at(megabytes: float) -> int:
    """An address."""
    return BASE + int(megabytes * MIB)


def span(low: float, high: float) -> Pair:
    """A range from ``low`` to ``high``, the latter excluded, as first and last address."""
    return at(low), at(high) - 1


def device(bus: int, number: int, size: int, where: float | None = None, *, fixed: bool = False) -> Function:
    """A function with one 32-bit memory BAR of ``size`` MiB."""
    address = f"{bus:02x}:{number:02x}.0"
    return function(address, bar(0, size * MIB, at=None if where is None else at(where), fixed=fixed))


def port(
    number: int, *sizes: int, bus: int = 0, secondary: int = 0, window: Pair | None = None, hotplug: bool = False
) -> Function:
    """A bridge with a memory window and one device for each BAR size, in this order."""
    secondary = secondary or number + 1
    return bridge(
        f"{bus:02x}:{number:02x}.0",
        *(device(secondary, at, size) for at, size in enumerate(sizes)),
        secondary=secondary,
        io=None,
        pref=None,
        mem=window or (),
        hotplug=hotplug,
    )


def inner(address: str, *functions: Function, window: Pair | None = None, hotplug: bool = False) -> Function:
    """A bridge with a memory window over given functions."""
    return bridge(address, *functions, io=None, pref=None, mem=window or (), hotplug=hotplug)


def over(low: float, high: float, *functions: Function, windows: tuple[RootWindow, ...] = ()) -> Topology:
    """A machine whose root bus has the memory window ``[low, high)``."""
    return machine(host(*functions, mem=span(low, high), pref=None, io=None, windows=windows))


def tail_rounding() -> Topology:
    """P1. Classic: 9 MiB are rounded to 12, nothing is placed. Witness: window [0,9), 8@0, 1@8, found by the tight
    rules."""
    return over(0, 10, port(0, 1, 8))


def ties() -> Topology:
    """P2. Ties go by device order. Tight: the window takes [0,20), no slot for 16. Classic: BAR first, the window of 24
    does not fit. Witness: BAR@0, window [16,36), 16@16, 4@32."""
    return over(0, 36, port(0, 4, 16), device(0, 1, 16))


def ties_of_ports() -> Topology:
    """P2b. Both lose a port. Witness: the second port [0,8), the first [8,18)."""
    return over(0, 18, port(0, 8, 2), port(1, 8))


def head_too_small() -> Topology:
    """P3. Tight: the alignment is halved down to 1, window [1,9): 4@4, 2@2, the second 2 fails. Classic places all.
    Witness: window [2,10): 2@2, 4@4, 2@8."""
    return over(1, 10, port(0, 2, 4, 2))


def tail_steals_slot() -> Topology:
    """P4. Tight: the window of 9 goes to [7,16) and destroys the slot of the BAR of 4. Classic fails by rounding.
    Witness: BAR 4@4, BAR 1@2, window [8,17)."""
    return over(2, 19, device(0, 0, 4), device(0, 1, 1), port(2, 8, 1))


def perfect_fill_missed() -> Topology:
    """P5. The window goes first, to 0; the second BAR of 2 fails. Witness: 2@0, 2@2, window [4,9)."""
    return over(0, 9, port(0, 4, 1), device(0, 1, 2), device(0, 2, 2))


def claimed_never_move() -> Topology:
    """P6. No aligned 8 MiB are free, and what is claimed stays. Witness: 1@12 moves to 0, the new one goes to 8."""
    return over(0, 16, device(0, 0, 1, 4), device(0, 1, 1, 12), device(0, 2, 8))


def _unrelated_retries(*more: Function) -> Topology:
    return over(
        0,
        9,
        inner("00:00.0", device(1, 0, 1, 0), window=span(0, 8)),
        port(1, 4, secondary=2, window=span(8, 9)),
        *more,
    )


def retries() -> Topology:
    """P7. The new BAR of 4 fails, with realloc too, and then the second port has no window at all.
    Witness: the first port shrinks to [0,1), the second takes [4,8); nothing moves."""
    return _unrelated_retries()


def retries_by_depth() -> Topology:
    """P7 with an empty branch of two levels that allows a third try, which tears everything down. Classic: the old
    size of the first port stays, and its working BAR is lost. Tight: all placed, the old BAR moved to 4."""
    return _unrelated_retries(inner("00:02.0", port(0, bus=3, secondary=4)))


def fixed_behind_bridge() -> Topology:
    """P8a. The window is sized without the fixed BAR at 6, which the bridge then does not forward.
    Witness: the window [0,7) stays, over both."""
    return over(0, 16, inner("00:00.0", device(1, 0, 2), device(1, 1, 1, 6, fixed=True), window=span(0, 7)))


def fixed_on_root_bus() -> Topology:
    """P8b. The BAR of 8 goes to 0, over the fixed one at 6. Witness: BAR@8."""
    return over(0, 16, device(0, 0, 8), device(0, 1, 1, 6, fixed=True))


def type_rule() -> Topology:
    """P9. The 32-bit prefetchable BAR has to go to the plain window below a 64-bit bridge, which cannot fit.
    Witness: prefetchable window [256,512), plain window [0,16)."""
    functions = function("01:00.0", bar(0, "256M", pref=True)), function("01:01.0", bar(0, "16M"))
    return over(
        0,
        128,
        bridge("00:00.0", *functions, io=None),
        windows=(RootWindow("mem", Range.inclusive(*span(256, 768)), prefetchable=True),),
    )


def several_root_windows() -> Topology:
    """P10. The BAR of 32 takes [0,32), the window of 48 fits nowhere then. Witness: window [0,48), BAR@64."""
    return over(
        0,
        48,
        port(0, 16, 16, 16),
        device(0, 1, 32),
        windows=(RootWindow("mem", Range.inclusive(*span(64, 96))),),
    )


def all_or_nothing() -> Topology:
    """P11. VF BARs that can never fit make the bus fall back, and both hotplug ports stay at 2 MiB without reserve.
    Witness: BAR@0, ports [4,8) and [8,12), NIC@12; both get their reserve of 4."""
    nic = function("00:03.0", bar(0, "1M"), bar("vf0", "1M", copies=8))
    return over(0, 13, device(0, 0, 4), port(1, 2, hotplug=True), port(2, 2, hotplug=True), nic)


def _io_behind_bridge(*functions: Function) -> Topology:
    return machine(host(bridge("00:00.0", *functions, mem=None, pref=None), mem=None, pref=None, io=(0x1000, 0xFFFF)))


def io_aliases() -> Topology:
    """P12. The window has 4 KiB, and a BAR of 256 bytes may stand at multiples of 1 KiB only: the fifth fails.
    Witness: a window of 8 KiB, or none of the aliases."""
    bars: tuple[Bar, ...] = tuple(bar(index, 256, io=True) for index in range(5))
    return _io_behind_bridge(function("01:00.0", *bars))


def io_aliases_of_small_bars() -> Topology:
    """P12 with 33 BARs of 32 bytes: 32 fit."""
    return _io_behind_bridge(*(function(f"01:{number:02x}.0", bar(0, 32, io=True)) for number in range(31)), _two_io())


def _two_io() -> Function:
    return function("01:1f.0", bar(0, 32, io=True), bar(1, 32, io=True))


def dock() -> Topology:
    """P13, before: a dock appears behind a hotplug port of 64 MiB; one normal port needs 1 MiB, two are empty."""
    downstream = (port(0, 1, bus=2, secondary=3), _empty(1), _empty(2))
    return over(0, 64, inner("00:00.0", inner("01:00.0", *downstream), window=span(0, 64), hotplug=True))


def _empty(number: int) -> Function:
    return port(number, bus=2, secondary=3 + number, hotplug=True)


def equal_split() -> Topology:
    """P13. The dock's space was split into [1,32) and [32,63); a device with 32 MiB appears behind the first port.
    Witness: [32,64) for it; nothing moves."""
    downstream = (
        inner("02:00.0", device(3, 0, 1, 0), window=span(0, 1)),
        inner("02:01.0", device(4, 0, 32), window=span(1, 32), hotplug=True),
        bridge("02:02.0", secondary=5, io=None, pref=None, mem=span(32, 63), hotplug=True),
    )
    return over(
        0,
        64,
        inner("00:00.0", inner("01:00.0", *downstream, window=span(0, 64)), window=span(0, 64), hotplug=True),
    )


def lowest_is_not_best() -> Topology:
    """P14. The BAR goes to 16, and neither gap is left with 24. Witness: BAR@32, window [8,32)."""
    return over(4, 50, device(0, 0, 16), port(1, 8, 8, 8))


def realloc_makes_it_worse() -> Topology:
    """P15. Classic, with realloc: the second port's window is released, asks for 6, and the BAR that worked is lost.
    Tight: 5 at [4,9), one BAR moved, which is the witness too."""
    return over(
        0,
        9,
        inner("00:00.0", device(1, 0, 1, 0), window=span(0, 4)),
        inner("00:01.0", device(2, 0, 1, 5), device(2, 1, 4), window=span(5, 6)),
    )


def hopeless_bar() -> Topology:
    """P16. A BAR of 128 MiB can never fit 30 MiB, and takes everything down with it, the disks included.
    Witness: 16 MiB, the audio function and the disks' memory are placed; the root port has no I/O window."""
    return rockpro64()


def _odd_tails(*functions: Function) -> Topology:
    return over(0, 1024, inner("00:00.0", *functions))


def odd_tails() -> Topology:
    """P17. Tight: the switch asks for 25, and from a multiple of 16 on the second port does not fit.
    Witness: [8,33), 8@8, 16@16, 1@32."""
    return _odd_tails(port(0, 16, 1, bus=1, secondary=2), port(1, 8, bus=1, secondary=3))


def two_odd_tails() -> Topology:
    """P17 with two ports of 16 + 1: 34 asked for, the second port fails. Witness: [15,49)."""
    return _odd_tails(port(0, 16, 1, bus=1, secondary=2), port(1, 16, 1, bus=1, secondary=3))


def odd_tail_beside_bar() -> Topology:
    """P17 with a BAR of 4 beside a port of 2 + 16: 22 asked for. Witness: [14,36)."""
    return _odd_tails(device(1, 0, 4), port(1, 2, 16, bus=1, secondary=2))


_GENERIC = {"arch": "generic", "firmware": "ignore"}
_REALLOC = {"realloc": "on"}

PITFALLS: dict[str, Pitfall] = {
    "P1": Pitfall(tail_rounding, classic=2, tight=0, witness=0),
    "P2": Pitfall(ties, classic=2, tight=1, witness=0),
    "P2b": Pitfall(ties_of_ports, classic=2, tight=1, witness=0),
    "P3": Pitfall(head_too_small, classic=0, tight=1, witness=0),
    "P4": Pitfall(tail_steals_slot, classic=2, tight=1, witness=0),
    "P5": Pitfall(perfect_fill_missed, classic=1, tight=1, witness=0),
    "P6": Pitfall(claimed_never_move, classic=1, tight=1, witness=0, moves=1),
    "P7": Pitfall(retries, classic=1, tight=1, witness=0, moves=0),
    "P7 realloc": Pitfall(retries, classic=1, tight=1, witness=0, moves=0, options=_REALLOC),
    "P7 realloc, deeper": Pitfall(retries_by_depth, classic=1, tight=0, witness=0, moves=0, options=_REALLOC),
    "P8a": Pitfall(fixed_behind_bridge, classic=0, tight=0, witness=0, moves=0, options=_GENERIC, greedy_breaks=True),
    "P8b": Pitfall(fixed_on_root_bus, classic=0, tight=0, witness=0, moves=0, options=_GENERIC, greedy_breaks=True),
    "P9": Pitfall(type_rule, classic=2, tight=2, witness=0),
    "P10": Pitfall(several_root_windows, classic=3, tight=3, witness=0),
    "P11": Pitfall(
        all_or_nothing,
        classic=0,
        tight=0,
        witness=0,
        options={"realloc": "off", "hpmmiosize": "4M", "hpmmioprefsize": "0"},
    ),
    "P12": Pitfall(io_aliases, classic=1, tight=1, witness=0),
    "P12 small": Pitfall(io_aliases_of_small_bars, classic=1, tight=1, witness=0),
    "P13": Pitfall(equal_split, classic=1, tight=1, witness=0, moves=0, options={"event": "hotplug:0000:02:01.0"}),
    "P14": Pitfall(lowest_is_not_best, classic=3, tight=3, witness=0),
    "P15": Pitfall(realloc_makes_it_worse, classic=1, tight=1, witness=0, moves=1),
    "P15 realloc": Pitfall(realloc_makes_it_worse, classic=2, tight=0, witness=0, moves=1, options=_REALLOC),
    "P16": Pitfall(hopeless_bar, classic=17, tight=17, witness=13, options={"arch": "generic"}),
    "P17": Pitfall(odd_tails, classic=0, tight=1, witness=0),
    "P17 twice": Pitfall(two_odd_tails, classic=0, tight=2, witness=0),
    "P17 beside": Pitfall(odd_tail_beside_bar, classic=0, tight=1, witness=0),
}
"""Every pitfall by its name."""


@dataclass(frozen=True)
class Seen:
    """What a real kernel did with the machine that QEMU builds of a pitfall.

    Attributes
    ----------
    left_out
        Devices with a BAR that was left without an address.
    lost
        Those of them whose BAR had one before.
    """

    left_out: int
    lost: int = 0


def _alike(left_out: int, lost: int = 0) -> dict[str, Seen]:
    return {"6.1": Seen(left_out, lost), "6.12": Seen(left_out, lost)}


SEEN: dict[str, dict[str, Seen]] = {
    # A classic size of 12 does not fit; 6.12 then tries a smaller alignment of the tail.
    "P1": {"6.1": Seen(2), "6.12": Seen(0)},
    "P2": _alike(2),
    "P2b": _alike(2),
    "P3": _alike(0),
    "P4": _alike(2),
    "P5": _alike(1),
    "P6": _alike(1),
    "P7": _alike(1),
    "P7 realloc": _alike(1),
    "P7 realloc, deeper": _alike(1, lost=1),
    "P9": _alike(2),
    # Four BARs stand behind the bridge there.
    "P10": _alike(4),
    # All have an address, but two of three ports are refused their reserve.
    "P11": _alike(0),
    "P12": _alike(1),
    "P12 small": _alike(1),
    "P13": _alike(1),
    "P14": _alike(3),
    "P15": _alike(1),
    "P15 realloc": _alike(2, lost=1),
    # A card and a disk behind one bridge: the disk, the card's BAR that fits, and the one that never can.
    "P16": _alike(3),
    "P17": _alike(0),
    "P17 twice": _alike(0),
    "P17 beside": _alike(0),
}
"""What Debian's kernels 6.1 and 6.12 did with each pitfall that QEMU builds; the machines in ``tests/data/kernel``."""

NOT_SEEN: dict[str, str] = dict.fromkeys(
    ("P8a", "P8b"),
    "no device of QEMU has Enhanced Allocation, and the legacy IDE and VGA ranges, which are fixed too, lie where "
    "nothing else is placed",
)
"""Why QEMU cannot build the others."""
