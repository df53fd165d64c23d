"""The filter that keeps of a conflict what is needed."""

from __future__ import annotations

import pytest

from models.topology import BarKey
from solver.explanation.findings import Verdict
from solver.explanation.sets import filter_needed
from tests.topologies import key


@pytest.mark.parametrize("needed", [set(), {3}, {0, 9}, {2, 3, 4, 11}])
def test_the_filter_keeps_what_is_needed_and_nothing_else(needed: set[int]) -> None:
    keys = [key(f"00:{number:02x}.0") for number in range(12)]
    wanted = {keys[number] for number in needed}

    def fits(members: list[BarKey]) -> Verdict:
        return Verdict.DOES_NOT_FIT if wanted <= set(members) else Verdict.FITS

    kept, proved = filter_needed(keys, fits)
    assert (set(kept), proved) == (wanted, True)


def test_the_filter_asks_once_for_members_of_which_one_is_as_good_as_the_other() -> None:
    """Eight needed ones of one kind, and four of another that are not needed."""
    keys = [key(f"00:{number:02x}.0") for number in range(12)]
    asked: list[list[BarKey]] = []

    def fits(members: list[BarKey]) -> Verdict:
        asked.append(members)
        return Verdict.DOES_NOT_FIT if set(keys[:8]) <= set(members) else Verdict.FITS

    kept, proved = filter_needed(keys, fits, lambda member: member in keys[:8])
    assert (kept, proved) == (keys[:8], True)
    assert len(asked) < 8


def test_the_filter_says_when_a_solve_gave_no_answer() -> None:
    keys = [key("00:00.0"), key("00:01.0")]
    assert filter_needed(keys, lambda members: Verdict.UNPROVED) == (keys, False)
