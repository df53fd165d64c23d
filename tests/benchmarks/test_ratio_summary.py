"""The summary of the movable ratio on rows made by hand, and its two plots."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from benchmarks import ratio
from benchmarks.ratio import Row, frame
from benchmarks.ratio_summary import SUMMARY, as_markdown, ceiling, plot_moves, plot_success, summary


def row(seed: int, engine: str, share: int, success: bool, moved: int = 0, proved: bool = True) -> Row:
    return Row(seed, engine, share, success, moved, 0, proved, False, 0.1, 6, 12, 0.8, "NVMe drive")


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    """Four layouts: Linux has one success, the greedy two, cp-sat three at 100 %; one is open."""
    rows = [row(seed, "linux-6.12", share, seed == 0, proved=False) for seed in range(4) for share in (0, 100)]
    rows += [row(seed, "movable-bars", 0, seed == 0, 0, False) for seed in range(4)]
    rows += [row(seed, "movable-bars", 100, seed < 2, 10 * seed, False) for seed in range(4)]
    rows += [row(seed, "cp-sat", 0, seed == 0) for seed in range(4)]
    rows += [row(seed, "cp-sat", 100, seed < 3, seed, seed < 3) for seed in range(4)]
    return summary(frame(rows))


def cell(table: pd.DataFrame, engine: str, share: int, column: str) -> object:
    return table[(table["engine"] == engine) & (table["share"] == share)].iloc[0][column]


def test_columns_are_typed(table: pd.DataFrame) -> None:
    assert [(name, str(dtype)) for name, dtype in table.dtypes.items()] == [(one.name, one.dtype) for one in SUMMARY]


def test_success_is_a_share_with_its_interval(table: pd.DataFrame) -> None:
    assert cell(table, "cp-sat", 100, "success") == 0.75
    assert cell(table, "cp-sat", 100, "success_low") == pytest.approx(0.3006, abs=1e-4)
    assert cell(table, "cp-sat", 100, "success_high") == pytest.approx(0.9544, abs=1e-4)
    assert cell(table, "linux-6.12", 100, "success") == 0.25


def test_moves_are_means_over_successes(table: pd.DataFrame) -> None:
    assert cell(table, "cp-sat", 100, "moved") == 1.0  # 0, 1 and 2
    assert cell(table, "cp-sat", 100, "moved_both") == 0.5  # 0 and 1, where the greedy succeeds too
    assert cell(table, "movable-bars", 100, "moved_both") == 5.0
    assert cell(table, "linux-6.12", 100, "moved_both") is pd.NA


def test_the_ceiling_tells_open_from_impossible(table: pd.DataFrame) -> None:
    assert ceiling(table) == (3, 0, 1)
    assert cell(table, "cp-sat", 0, "open") == 0


def test_markdown_has_a_line_for_each_share(table: pd.DataFrame) -> None:
    lines = as_markdown(table, ["a note"]).splitlines()
    assert lines[2].startswith("| 0 % | 25.0 % (4.6–69.9) |")
    assert lines[3].endswith("| 5.00 | 0.50 |")
    assert lines[-1] == "* a note"


def test_plots_draw_on_the_axes_they_get(table: pd.DataFrame) -> None:
    matplotlib = pytest.importorskip("matplotlib", reason="matplotlib is not installed: the plots were not drawn")
    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    _, (left, right) = plt.subplots(1, 2)
    assert plot_success(table, left) is left
    assert plot_moves(table, right) is right
    lines = {line.get_label(): line.get_ydata() for line in left.lines}
    assert lines["cp-sat"] == pytest.approx([25.0, 75.0])
    assert [text.get_text() for text in left.texts] == ["a placement exists: 75.0 %"]
    moves = {line.get_label(): line.get_ydata() for line in right.lines}
    assert moves["cp-sat"] == pytest.approx([0.0, 1.0])
    assert "Linux 6.12" not in moves
    plt.close("all")


def test_the_committed_run_is_whole_and_consistent() -> None:
    table = pd.read_csv(Path(ratio.__file__).parent / "results" / "movable-ratio.csv")
    assert list(table.columns) == [column.name for column in SUMMARY]
    assert len(table) == len(ratio.ENGINES) * 11
    assert (table["layouts"] >= 200).all()
    assert (table["success"] == (table["successes"] / table["layouts"]).round(4)).all()
    for name in ("success", "moved"):
        told = table[table[name].notna()]
        assert ((told[f"{name}_low"] <= told[name]) & (told[name] <= told[f"{name}_high"])).all()
    exact = table[table["engine"] == "cp-sat"]
    assert exact["successes"].is_monotonic_increasing
    assert (exact["open"] == 0).all()
