"""The smallest set of changes that is enough, as far as a few solves can tell."""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable, Iterable, Sequence
from itertools import combinations
from typing import TypeVar

from solver.explanation.findings import Verdict

T = TypeVar("T")

_SINGLES = 24
"""How many changes are tried alone."""

_PAIRS = 45
"""How many pairs are tried."""


def filter_needed(
    members: Sequence[T],
    test: Callable[[list[T]], Verdict],
    likeness: Callable[[T], Hashable] | None = None,
) -> tuple[list[T], bool]:
    """The members that are needed for a conflict, and whether each solve gave an answer.

    Members are tried in halves, so a small conflict in a large machine takes few solves. What fits without a member
    also fits without it when there are fewer others, so each one that is kept is needed in the end as well.

    Parameters
    ----------
    test
        Whether it fits with these members alone; all of them together do not.
    likeness
        Members with the same are interchangeable, whatever else is there: where one is needed, so are all that are
        left; by default none are.
    """
    kept = list(members)
    proved = True
    needed: set[Hashable] = set()

    def known(chunk: list[T]) -> bool:
        return likeness is not None and any(likeness(member) in needed for member in chunk)

    def drop(chunk: list[T], *, fits: bool) -> bool:
        """Whether all of the chunk could be dropped; ``fits``: it is known that without it the rest fits."""
        nonlocal kept, proved
        fits = fits or known(chunk)
        if not fits:
            rest = [member for member in kept if member not in chunk]
            answer = test(rest)
            if answer is Verdict.DOES_NOT_FIT:
                kept = rest
                return True
            fits = answer is Verdict.FITS
        if len(chunk) == 1:
            proved = proved and fits
            if fits and likeness is not None:
                needed.add(likeness(chunk[0]))
            return False
        middle = len(chunk) // 2
        first = drop(chunk[:middle], fits=False)
        second = drop(chunk[middle:], fits=fits and first)
        return first and second

    if kept:
        drop(list(kept), fits=False)
    return kept, proved


def smallest_set(
    changes: Sequence[T], test: Callable[[list[T]], Verdict], conflicts: Collection[Collection[T]] = ()
) -> tuple[list[T] | None, bool]:
    """As few of ``changes`` as are enough, and whether fewer are proved not to be; ``None`` where all are not enough.

    Parameters
    ----------
    test
        Whether everything fits with these changes; with none it does not.
    conflicts
        Changes of which at least one has to be made, by a proof; a set that makes none of them is not tried.
    """
    if not changes or test(list(changes)) is not Verdict.FITS:
        return None, False
    opposite = {Verdict.FITS: Verdict.DOES_NOT_FIT, Verdict.DOES_NOT_FIT: Verdict.FITS}
    kept, _ = filter_needed(changes, lambda some: opposite.get(test(some), Verdict.UNPROVED) if some else Verdict.FITS)
    proved = True
    for size, most in ((1, _SINGLES), (2, _PAIRS)):
        if len(kept) <= size:
            break
        found, complete = _first(_hitting(combinations(changes, size), conflicts), test, most)
        if found is not None:
            return found, proved
        proved = proved and complete
    return kept, proved and len(kept) <= 3


def _hitting(sets: Iterable[tuple[T, ...]], conflicts: Collection[Collection[T]]) -> Iterable[list[T]]:
    return (list(some) for some in sets if all(any(one in conflict for one in some) for conflict in conflicts))


def _first(sets: Iterable[list[T]], test: Callable[[list[T]], Verdict], most: int) -> tuple[list[T] | None, bool]:
    """The first set that is enough; else whether every one was tried and proved not to be."""
    complete = True
    for number, some in enumerate(sets):
        if number == most:
            return None, False
        answer = test(some)
        if answer is Verdict.FITS:
            return some, True
        complete = complete and answer is Verdict.DOES_NOT_FIT
    return None, complete
