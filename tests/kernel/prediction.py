"""What the project's kernel engine says that a kernel would do, for comparison with what it did."""

from __future__ import annotations

from importlib.util import find_spec

import pytest

from models.placement import Placement
from solver.engines import ENGINES, engine
from solver.request import Request
from tests.kernel.record import Record


def predicted(record: Record) -> Placement:
    """The placement that the engine of the record's kernel makes of the record's machine."""
    name = f"linux-{record.series}"
    if name not in ENGINES or find_spec(ENGINES[name].split(":")[0].rpartition(".")[0]) is None:
        pytest.skip(f"there is no engine {name} yet")
    options = {"parameters": record.parameters, "event": record.event, "under": record.under or ""}
    return engine(name)(record.topology, Request(options=options)).plan.placement
