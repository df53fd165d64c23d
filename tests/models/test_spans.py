"""Spans of integers."""

from __future__ import annotations

from models.spans import inside_any, merged, total_length


def test_what_overlaps_is_united() -> None:
    assert merged([(5, 9), (0, 3), (2, 4), (6, 7)]) == [(0, 4), (5, 9)]
    assert merged([]) == []


def test_what_touches_is_united_unless_it_is_to_stay_apart() -> None:
    assert merged([(4, 6), (0, 4)]) == [(0, 6)]
    assert merged([(4, 6), (0, 4)], touching=False) == [(0, 4), (4, 6)]
    assert merged([(4, 6), (0, 5)], touching=False) == [(0, 6)]


def test_what_several_cover_counts_once() -> None:
    assert total_length([(0, 4), (2, 6), (8, 9)]) == 7
    assert total_length([]) == 0


def test_a_span_across_two_places_is_inside_neither() -> None:
    assert inside_any((2, 4), [(0, 2), (2, 5)])
    assert not inside_any((1, 4), [(0, 2), (2, 5)])
