"""The garbage collector looks rarely while a machine is solved, and is left as it was."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest

from solver.collector import collecting_rarely


@pytest.fixture(autouse=True)
def thresholds() -> Iterator[None]:
    before = gc.get_threshold()
    yield
    gc.set_threshold(*before)


def test_it_is_as_before_when_the_last_has_ended() -> None:
    gc.set_threshold(701, 11, 12)
    with collecting_rarely():
        outer = gc.get_threshold()
        with collecting_rarely():
            assert gc.get_threshold() == outer
        assert gc.get_threshold() == outer
    assert outer[0] > 701
    assert outer[1:] == (11, 12)
    assert gc.get_threshold() == (701, 11, 12)


def test_an_error_inside_leaves_it_as_before() -> None:
    gc.set_threshold(702, 11, 12)
    with pytest.raises(KeyError), collecting_rarely():
        raise KeyError
    assert gc.get_threshold() == (702, 11, 12)


@pytest.mark.parametrize("objects", [0, 10_000_000])
def test_what_looks_more_rarely_already_is_left_alone(objects: int) -> None:
    gc.set_threshold(objects, 11, 12)
    with collecting_rarely():
        assert gc.get_threshold() == (objects, 11, 12)


def test_what_was_made_meanwhile_counts_as_old() -> None:
    """It is much, and to look at all of it once more would be the last thing a solve does."""
    gc.set_threshold(703, 11, 12)
    with collecting_rarely():
        made = [[number] for number in range(10)]
    assert any(each is made for each in gc.get_objects(generation=2))
