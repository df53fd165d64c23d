"""The pictures of the report."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from benchmarks import report_command
from benchmarks.rows import frame
from tests.benchmarks.result_rows import MOVES, WASTE, row, some_rows

pytestmark = pytest.mark.usefixtures("plt")


@pytest.fixture
def plt() -> Iterator[object]:
    matplotlib = pytest.importorskip("matplotlib", reason="matplotlib is not installed: the plots were not drawn")
    matplotlib.use("Agg")
    from matplotlib import pyplot

    yield pyplot
    pyplot.close("all")


def test_pictures_draw_on_the_axes_they_get() -> None:
    from matplotlib.figure import Figure

    from benchmarks.report_figures import FIGURES

    data = frame(some_rows())
    for name, picture in FIGURES.items():
        for panel in [()] if picture.panels is None else [(one,) for one in picture.panels(data)]:
            ax = Figure().subplots()
            assert picture.plot(data, *panel, ax=ax) is ax
            assert ax.get_xlabel(), name


def test_each_peer_has_a_panel(tmp_path: Path) -> None:
    rows = [*some_rows(), row("toy/1", "one", 3.0), row("toy/1", "two", 4.0)]
    assert report_command.draw(frame(rows), tmp_path)
    text = (tmp_path / "cactus.svg").read_text(encoding="utf-8")
    assert [text.count(f">{name}</text>") for name in ("one", "two", "textbook", "cp-sat")] == [1, 1, 1, 3]


def test_without_peers_greedies_and_levers_there_is_no_picture_of_them(tmp_path: Path) -> None:
    assert report_command.draw(frame([row()]), tmp_path)
    assert {path.stem for path in tmp_path.iterdir()} == {"scaling"}


def test_a_cactus_counts_what_is_solved_in_time() -> None:
    from benchmarks.report_pair_figures import plot_cactus

    ax = plot_cactus(frame(some_rows()), "textbook")
    lines = {line.get_label(): line for line in ax.lines}
    # toy/3 and rack/1 were asked of cp-sat alone
    assert lines["cp-sat"].get_xdata() == pytest.approx([0.001, 0.5, 1.0, 60.0])
    assert lines["cp-sat"].get_ydata() == pytest.approx([0, 1, 2, 2])
    assert lines["textbook"].get_ydata() == pytest.approx([0, 1, 1])
    assert lines["virtual best"].get_ydata() == pytest.approx([0, 1, 2, 2])
    assert (ax.get_ylabel(), ax.get_title()) == ("solved, of 2", "2 solves, limit 60 s")
    with pytest.raises(ValueError, match="expected one of textbook, found 'none'"):
        plot_cactus(frame(some_rows()), "none")


def test_curves_end_where_the_longest_limit_does() -> None:
    from benchmarks.report_pair_figures import plot_cactus

    rows = [row("a/1", seconds=12.0), row("a/1", "textbook", 20.0, time_limit=20.0)]
    rows += [row("a/2"), row("a/2", "textbook", 60.2, status="feasible")]
    ax = plot_cactus(frame(rows), "textbook")
    assert {line.get_xdata()[-1] for line in ax.lines if str(line.get_label())[0] != "_"} == {60}  # type: ignore[index]
    assert ax.get_title() == "2 solves, limit 20 to 60 s"


def test_a_profile_is_of_what_both_were_asked_for() -> None:
    from benchmarks.report_pair_figures import plot_profile

    lines = {line.get_label(): line for line in plot_profile(frame(some_rows()), "textbook").lines}
    assert lines["cp-sat"].get_xdata() == pytest.approx([1, 1, 1, 9.6])
    assert lines["cp-sat"].get_ydata() == pytest.approx([0, 0.5, 1, 1])
    assert lines["textbook"].get_xdata() == pytest.approx([1, 8, 9.6])
    assert lines["textbook"].get_ydata() == pytest.approx([0, 0.5, 0.5])
    with pytest.raises(ValueError, match="expected one of textbook, found 'none'"):
        plot_profile(frame(some_rows()), "none")


def test_what_is_not_solved_stands_at_its_own_limit() -> None:
    from benchmarks.report_figures import plot_scaling

    rows = [row("a/1", minimize=WASTE, status="feasible", time_limit=limit) for limit in (10.0, 60.0)]
    rows += [row("a/2", minimize=WASTE, bars=20, status="feasible", time_limit=5.0), row("a/3", minimize=MOVES)]
    _, late = plot_scaling(frame(rows), WASTE).collections
    assert list(map(tuple, np.asarray(late.get_offsets()))) == [(10, 60), (20, 5)]


def test_greedy_shares_have_their_intervals() -> None:
    from benchmarks.report_figures import plot_greedy

    ax = plot_greedy(frame(some_rows()))
    assert [text.get_text() for text in ax.get_yticklabels()] == ["linux-7, moves", "movable-bars, moves"]
    widths = [bar.get_width() for bar in ax.patches]  # type: ignore[attr-defined]
    assert widths == pytest.approx([50, 0, 50, 0])
    assert [text.get_text() for text in ax.texts] == ["1 of 2", "0 of 1", "1 of 2", "0 of 1"]
    assert ax.get_title() == "not all were asked for the same instances"


def test_levers_say_what_they_buy() -> None:
    from benchmarks.report_figures import plot_levers

    ax = plot_levers(frame(some_rows()))
    assert [text.get_text() for text in ax.texts] == ["4.00"]
    assert [text.get_text() for text in ax.get_yticklabels()] == ["floors (1)"]
