"""The movable ratio: layouts, rows, resuming, contradictions, the command."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from click.testing import CliRunner

from benchmarks import ratio
from benchmarks.__main__ import main
from benchmarks.ratio import COLUMNS, ROWS, Row, Settings, contradictions, exact_rows, frame, layout_rows, run
from benchmarks.ratio_layouts import DEVICES, TIGHT, Layout, layout
from models.errors import InputError
from models.legality import today_breaches
from models.profiles import PROFILES

SMALL = 4
"""A seed whose layout is solved in a moment."""


@pytest.fixture(scope="module")
def small() -> Layout:
    return layout(SMALL)


def row(seed: int = 0, engine: str = "cp-sat", share: int = 50, *, success: bool = True, moved: int = 0) -> Row:
    return Row(seed, engine, share, success, moved, 0, engine == "cp-sat", False, 0.1, 6, 12, 0.8, "NVMe drive")


def test_a_layout_follows_from_its_seed(small: Layout) -> None:
    assert layout(SMALL) == small


def test_all_but_the_new_device_has_an_address_and_breaks_no_rule(small: Layout) -> None:
    assert not today_breaches(small.topology)
    without = {key.function for key, bar in small.topology.bars() if bar.address is None}
    assert without == {small.new}
    assert {key for key, bar in small.topology.bars() if bar.address is not None} == set(small.order)
    assert small.devices >= 6
    assert small.kind in DEVICES


def test_the_bytes_suffice_and_are_nearly_all_needed(small: Layout) -> None:
    filled = [
        sum(bar.span for _, bar in small.topology.bars() if bar.prefetchable is window.prefetchable) / window.range.size
        for window in small.topology.root_buses[0].windows
    ]
    assert max(filled) <= 1
    assert max(filled) >= TIGHT
    assert small.filled <= max(filled)


def test_what_may_move_grows_with_the_share(small: Layout) -> None:
    pins = [small.pins(share) for share in (0, 30, 60, 100)]
    assert pins[0] == set(small.order)
    assert pins[1] > pins[2] > pins[3] == frozenset()


def test_the_largest_bars_are_those_of_real_devices() -> None:
    sizes = {bar.size for profile in PROFILES.values() for bar in profile.bars}
    assert {16 << 10, 8 << 20, 256 << 20, 16 << 20, 32 << 20} <= sizes


def test_what_is_derived_is_what_a_run_finds(small: Layout) -> None:
    settings = Settings(1, (0, 50, 100))
    derived, ran = exact_rows(small, settings), exact_rows(small, settings, derive=False)
    assert any(one.derived for one in derived)
    assert not any(one.derived for one in ran)
    assert all(one.proved for one in ran)
    assert [(one.share, one.success, one.moved * one.success) for one in derived] == [
        (one.share, one.success, one.moved * one.success) for one in ran
    ]


def test_every_engine_has_a_row_at_every_share(small: Layout) -> None:
    rows = layout_rows(small, Settings(1, (0, 100)))
    assert [(one.engine, one.share) for one in rows] == [(name, share) for name in ratio.ENGINES for share in (0, 100)]
    assert all(one.moved == 0 for one in rows if one.engine in ratio.KERNELS or one.share == 0)
    assert not list(contradictions(rows))
    typed = frame(rows)
    assert [(name, str(dtype)) for name, dtype in typed.dtypes.items()] == [(one.name, one.dtype) for one in COLUMNS]


def test_contradictions_are_found() -> None:
    better = [row(success=False), row(engine="movable-bars")]
    assert list(contradictions(better)) == ["layout 0, 50 %: proved to fail, but movable-bars succeeds"]
    fewer = [row(moved=2), row(engine="movable-bars", moved=1)]
    assert list(contradictions(fewer)) == ["layout 0, 50 %: movable-bars moves fewer BARs than proved"]
    falling = [row(share=50), row(share=60, success=False)]
    assert list(contradictions(falling)) == ["layout 0: proved to fail at 60 %, but succeeds at 50 %"]
    rising = [row(share=50, moved=1), row(share=60, moved=2)]
    assert list(contradictions(rising)) == ["layout 0: more moves at 60 % than at 50 %"]
    unproved = [replace(row(success=False), proved=False), row(engine="movable-bars")]
    assert not list(contradictions(unproved))
    assert not list(contradictions([row(seed=0, moved=0), row(seed=1, share=60, moved=5)]))


def test_a_run_goes_on_where_it_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []

    def rows_of(seed: int, settings: Settings) -> list[Row]:
        asked.append(seed)
        return [row(seed)]

    monkeypatch.setattr(ratio, "layout", lambda seed: seed)
    monkeypatch.setattr(ratio, "layout_rows", rows_of)
    run(Settings(2), tmp_path)
    file = tmp_path / ROWS
    file.write_text(file.read_text(encoding="utf-8") + '[{"seed": 2, "eng', encoding="utf-8")
    assert [one.seed for one in run(Settings(3), tmp_path)] == [0, 1, 2]
    assert asked == [0, 1, 2]
    assert [json.loads(line)[0]["seed"] for line in file.read_text(encoding="utf-8").splitlines()[1:]] == [0, 1, 2]
    with pytest.raises(InputError, match="other settings"):
        run(Settings(3, (0, 100)), tmp_path)


@pytest.mark.parametrize(("points", "says"), [("0,50", "100 has to be among them"), ("0,x", "expected shares")])
def test_bad_points_are_refused_in_one_line(points: str, says: str, tmp_path: Path) -> None:
    result = CliRunner().invoke(main, ["ratio", "--points", points, "-o", str(tmp_path)])
    assert result.exit_code == 2
    assert says in result.stderr


def test_the_command_writes_table_and_picture(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("matplotlib", reason="matplotlib is not installed: the picture was not drawn")
    monkeypatch.setattr(ratio, "layout", lambda seed: seed)
    monkeypatch.setattr(
        ratio,
        "layout_rows",
        lambda seed, settings: [
            row(seed, engine, share, success=seed * 100 <= share, moved=share // 50)
            for engine in ratio.ENGINES
            for share in settings.shares
        ],
    )
    args = ["ratio", "--layouts", "2", "--points", "0,100", "-o", str(tmp_path)]
    result = CliRunner().invoke(main, args)
    assert result.exit_code == 1, "the second layout's success moves more than the first share's"
    monkeypatch.setattr(ratio, "contradictions", lambda rows: [])
    markdown = (tmp_path / "movable-ratio.md").read_text(encoding="utf-8")
    assert "2 of 2 layouts have a placement" in markdown
    table = pd.read_csv(tmp_path / "movable-ratio.csv")
    assert list(table[table["engine"] == "cp-sat"]["success"]) == [0.5, 1.0]
    first = (tmp_path / "movable-ratio.svg").read_text(encoding="utf-8")
    CliRunner().invoke(main, args)
    assert (tmp_path / "movable-ratio.svg").read_text(encoding="utf-8") == first
