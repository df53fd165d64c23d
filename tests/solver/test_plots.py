"""Plots draw on the axes they get and return them."""

from __future__ import annotations

import pytest

from tests.solver.results import small_result

matplotlib = pytest.importorskip("matplotlib", reason="matplotlib is not installed: the plots were not drawn")
matplotlib.use("Agg")


def test_a_comparison_has_a_bar_and_a_number_for_each_engine() -> None:
    import matplotlib.pyplot as plt

    from solver.plots import plot_comparison

    _, ax = plt.subplots()
    assert plot_comparison([small_result()], "wasted_bytes", ax=ax) is ax
    assert [label.get_text() for label in ax.get_yticklabels()] == ["today", "by hand"]
    assert [bar.get_width() for bar in ax.patches] == [0.0, 0.0]  # type: ignore[attr-defined]
    plot_comparison([small_result()], "moved_bars", ax=(other := plt.subplots()[1]))
    assert [text.get_text() for text in other.texts] == ["0", "1"]


def test_ticks_of_bytes_have_short_names() -> None:
    from solver.plots import plot_comparison

    ax = plot_comparison([small_result()], "largest_block")
    ax.figure.canvas.draw()
    ticks = [label.get_text() for label in ax.get_xticklabels()]
    assert ticks[:3] == ["0", "64G", "128G"]
    assert not [tick for tick in ticks if "~" in tick]


def test_free_blocks_stand_beside_each_other() -> None:
    from solver.plots import plot_free

    ax = plot_free(small_result())
    assert len(ax.containers) >= 2
    assert {"today", "plan"} == {text.get_text() for text in ax.get_legend().get_texts()}  # type: ignore[union-attr]
    assert "256G" in {text.get_text() for text in ax.texts}


def test_a_measure_that_is_none_is_refused() -> None:
    from solver.plots import plot_comparison

    with pytest.raises(ValueError, match="expected one of unplaced, moved_bars"):
        plot_comparison([small_result()], "engine")
