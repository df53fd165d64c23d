"""What real kernels did, recorded: compared with the engines, with no guest."""

from __future__ import annotations

import pytest

from models.legality import check
from models.placement import measure
from solver.engines import engine
from solver.request import Request
from tests.kernel.prediction import predicted
from tests.kernel.record import Record, recorded
from tests.kernel.state import differences

RECORDED = [Record.load(path) for path in recorded()]
FAILED_PLUGS = [one for one in RECORDED if one.event != "boot" and measure(one.topology, one.result).unplaced]


@pytest.mark.parametrize("record", RECORDED, ids=lambda record: str(record.name))
def test_a_kernels_placement_breaks_no_rule(record: Record) -> None:
    """Only ``kept`` can be broken: the kernel drops BARs of working devices when its second try fails."""
    assert [breach.message for breach in check(record.topology, record.result) if breach.rule != "kept"] == []


@pytest.mark.parametrize("record", RECORDED, ids=lambda record: str(record.name))
def test_the_engine_of_that_kernel_places_everything_alike(record: Record) -> None:
    assert differences(record.result, predicted(record)) == []


@pytest.mark.parametrize("record", FAILED_PLUGS, ids=lambda record: str(record.name))
def test_what_a_kernel_left_without_an_address_has_a_place(record: Record) -> None:
    """Every device that a kernel here could not place fits, by proof of a plan that breaks no rule."""
    result = engine("cp-sat")(record.topology, Request(minimize=("unplaced",), time_limit=20))
    assert result.measures.unplaced == 0
    assert result.legal
