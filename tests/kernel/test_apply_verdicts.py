"""The plans that repair the scenarios, before a booting kernel, once: the table, and what needs no kernel."""

from __future__ import annotations

import pytest

from tests.kernel.apply import rows as apply_rows
from tests.kernel.apply_scenarios import SCENARIOS
from tests.kernel.apply_verdicts import NOT_ASKED, rows, settled
from tests.kernel.verdicts import ACCEPTED

ROWS = rows()


def test_every_scenario_was_put_before_both_kernels() -> None:
    assert [(row["scenario"], row["kernel"]) for row in ROWS] == [
        (name, kernel) for name in sorted(SCENARIOS) for kernel in ("6.1", "6.12")
    ]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row['scenario']}-{row['kernel']}")
def test_the_kernel_claimed_all_of_the_plan_or_could_not_be_asked(row: dict[str, object]) -> None:
    assert row["verdict"] in (ACCEPTED, NOT_ASKED)
    assert not row["words"]
    assert (row["verdict"] == NOT_ASKED) == ("pxb" in str(row["scenario"]))


def test_it_is_the_plan_that_was_carried_out() -> None:
    moved = {(row["scenario"], row["kernel"]): row["moved_bars"] for row in apply_rows() if row["route"] == "live"}
    assert {(row["scenario"], row["kernel"]): row["moved_bars"] for row in ROWS} == moved


def test_a_settled_machine_has_what_is_there_after_the_last_plug() -> None:
    machine = settled(SCENARIOS["02-switch-frag"].machine)
    names = [device.partition("id=")[2].partition(",")[0] for device in machine.devices if "ivshmem" in device]
    assert names == ["v1", "v3", "new"]
    assert (machine.firmware, machine.plugs) == ("qboot", ())
