"""Plans carried out on real kernels: a few in guests of today, all of them in the records."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from tests.kernel.apply import apply_scenario, rows
from tests.kernel.apply_faults import fault_rows
from tests.kernel.apply_scenarios import SCENARIOS
from tests.kernel.debian import Kernel
from tests.kernel.module import why_not_buildable

FEW = ("11-hotadd-kills-sibling",)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """All scenarios where all guests are asked for."""
    if "scenario" in metafunc.fixturenames:
        every = metafunc.config.getoption("--kernel") == "all"
        metafunc.parametrize("scenario", list(SCENARIOS) if every else FEW)


def test_a_guest_is_repaired(kernel: Kernel, scenario: str) -> None:
    missing = why_not_buildable(kernel)
    if missing:
        pytest.skip(f"no plan was carried out on a real kernel: {missing}")
    row = apply_scenario(SCENARIOS[scenario], kernel, compare=False)
    assert row.refused == row.tree == row.broken == row.undone == []
    assert row.no_space
    assert row.moved_bars == row.proved
    assert all(row.data.values())
    assert row.passes != -1


def name(row: dict[str, Any]) -> str:
    return "-".join(str(row[key]) for key in ("scenario", "kernel", "route", "kind", "point") if key in row)


@pytest.mark.parametrize("row", rows(), ids=name)
def test_every_recorded_plan_was_carried_out(row: dict[str, Any]) -> None:
    """The device that had no address works, so do all others, and the kernel's tree is the plan."""
    assert {name.split()[0] for name in row["no_space"]} <= set(row["works"])
    assert row["refused"] == row["tree"] == row["broken"] == []
    assert row["moved_bars"] == row["proved"]
    assert all(row["data"].values())
    assert row["passes"] != -1
    assert row["undone"] in ([], None)


def test_a_drive_that_moved_and_one_that_stayed_kept_their_files_under_load() -> None:
    for kernel in ("6.1", "6.12"):
        (row,) = (r for r in rows() if r["kernel"] == kernel and r["scenario"] == "14-pxb-nvme-moves")
        moved = set(row["data"]) & set(row["down"])
        assert row["moved_bars"] == len(moved) == 1
        assert set(row["data"]) - moved
        assert row["passes"] > 0


def test_the_records_are_of_many_scenarios() -> None:
    for kernel in ("6.1", "6.12"):
        mine = [row for row in rows() if row["kernel"] == kernel]
        assert len({row["scenario"] for row in mine if row["route"] == "live"}) >= 10
        assert len({row["scenario"] for row in mine if row["route"] == "kexec"}) >= 2


def test_every_kind_of_fault_was_tried_on_both_kernels() -> None:
    kinds = {"claim", "write", "undo", "resume", "stale", "vanish"}
    assert {(row["kernel"], row["kind"]) for row in fault_rows()} == set(itertools.product(("6.1", "6.12"), kinds))


@pytest.mark.parametrize("row", fault_rows(), ids=name)
def test_every_recorded_fault_left_the_machine_as_it_was(row: dict[str, Any]) -> None:
    assert row["restored"]
    assert row["said"]
