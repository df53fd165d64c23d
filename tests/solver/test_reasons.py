"""What takes the place of what moves is found among thousands."""

from __future__ import annotations

from random import Random

from models.resources import Range, Space
from models.topology import BarKey
from solver.reasons import _Ranges
from tests.topologies import key


def test_ranges_that_overlap_are_those_that_do_one_by_one() -> None:
    rng = Random(5)
    spaces: list[Space] = ["io", "mem"]
    for _ in range(200):
        entries: list[tuple[BarKey, Space, Range]] = [
            (key(f"0000:00:{number:02x}.0"), rng.choice(spaces), Range.of(rng.randrange(60), rng.choice((1, 2, 8, 30))))
            for number in range(rng.randrange(12))
        ]
        found = _Ranges(entries)
        for space in spaces:
            place = Range.of(rng.randrange(70), rng.choice((1, 4, 16)))
            expected = [one for one, its_space, range_ in entries if its_space == space and range_.overlaps(place)]
            assert found.overlapping(space, place) == expected
