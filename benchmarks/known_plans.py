"""Plans that the generators of instances know, as rows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime

from benchmarks.instances import LARGEST, Entry, Instance, generate, shipped
from benchmarks.rows import Row
from benchmarks.solving import Task, blank_row, with_result
from models.placement import Placement
from models.plan import Status
from solver.result import make_result

NAME = "generator"


def known_rows() -> Iterator[Row]:
    """A row for each shipped instance of which its generator knows a plan."""
    there = {entry.name: entry for entry in shipped()}
    for instance in generate():
        if instance.known is not None and sum(1 for _ in instance.topology.bars()) <= LARGEST:
            yield known_row(instance, instance.known, there[instance.name])


def known_row(instance: Instance, known: Placement, entry: Entry) -> Row:
    """The row of one such plan, checked as all plans are."""
    date = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    task = Task(entry, NAME, 0, 0.0)
    row = blank_row(task, instance, instance.request, date)
    result = make_result(instance.topology, instance.request, NAME, known, status=Status.FEASIBLE, seconds=0.0)
    return replace(with_result(row, result), wall_seconds=None)
