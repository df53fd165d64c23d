"""What real kernels did, recorded: compared with the engines, with no guest."""

from __future__ import annotations

from models.legality import check
from tests.kernel.prediction import predicted
from tests.kernel.record import Record
from tests.kernel.state import differences


def test_a_kernels_placement_breaks_no_rule(record: Record) -> None:
    """Only ``kept`` can be broken: the kernel drops BARs of working devices when its second try fails."""
    assert [breach.message for breach in check(record.topology, record.result) if breach.rule != "kept"] == []


def test_the_engine_of_that_kernel_places_everything_alike(record: Record) -> None:
    assert differences(record.result, predicted(record)) == []
