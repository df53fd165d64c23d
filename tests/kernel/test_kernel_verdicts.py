"""Plans that a real kernel was asked to take, once: the table, and each plan made again."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from models.plan import Status
from tests.kernel.judge import machine_of
from tests.kernel.record import RECORDS, Record
from tests.kernel.verdicts import (
    ACCEPTED,
    CRASHED,
    REFUSED,
    Row,
    machine_digest,
    read,
    solve,
    tasks,
    topology_digest,
    values,
    write,
)

ROWS = read()


def name_of(row: Row) -> str:
    return "-".join(row.task)


def test_no_plan_was_refused() -> None:
    verdicts = Counter(row.verdict for row in ROWS)
    assert verdicts[ACCEPTED] >= 60
    assert verdicts[REFUSED] == 0
    assert set(verdicts) <= {ACCEPTED, CRASHED}


def test_each_plan_was_asked_once_of_the_kernel_in_its_name() -> None:
    assert len({row.task for row in ROWS}) == len(ROWS)
    for row in ROWS:
        assert f"_{'.'.join(row.release.split('.')[:2])}_qboot" in row.record


@pytest.mark.parametrize("row", ROWS, ids=name_of)
def test_the_plan_can_be_made_again(row: Row) -> None:
    """From the same machine and the same topology comes a legal plan that is worth the same."""
    record = Record.load(RECORDS / f"{row.record}.json")
    assert machine_digest(machine_of(row.record)) == row.machine
    assert topology_digest(row.record) == row.topology
    assert (row.start, row.minimize) in tasks(record)
    result = solve(record, row.start, row.minimize)
    assert result.legal
    if result.plan.status is Status.OPTIMAL and row.status == "optimal":
        assert values(result) == row.values


def test_a_table_is_read_as_it_was_written(tmp_path: Path) -> None:
    path = tmp_path / "verdicts.csv"
    row = replace(ROWS[0], verdict=REFUSED, words='BAR 0 [mem 0x0-0xf]: can\'t claim, "no window"; elsewhere')
    write([row], path)
    assert read(path) == [row]
    assert read(path.with_name("none.csv")) == []
