"""Every machine of the corpus is read with the counts of its index, or refused with one line."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest

from benchmarks.corpus_counts import BREACHES, OTHER_COUNTS, Counts, counts_of_index, refusal_of
from models.document import dump_topology, load_topology
from models.errors import InputError
from models.legality import today_breaches
from models.sources.machine import Reading, read_machine
from tests.corpus import CORPUS, machines, needs_corpus

pytestmark = needs_corpus


def name_of(folder: Path) -> str:
    return f"{folder.parent.name}/{folder.name}"


READABLE = [folder for folder in machines() if refusal_of(name_of(folder)) is None]


@cache
def reading(folder: Path) -> Reading:
    return read_machine([folder])


def counts(result: Reading) -> Counts:
    functions = [function for function, _ in result.topology.functions()]
    bars = sum(isinstance(bar.index, int) for function in functions for bar in function.bars)
    return Counts(len(functions), sum(function.bridge is not None for function in functions), bars)


@pytest.mark.parametrize("folder", machines(), ids=name_of)
def test_refused_machines_are_refused_in_one_line(folder: Path) -> None:
    words = refusal_of(name_of(folder))
    if words is None:
        return
    with pytest.raises(InputError, match=words) as caught:
        read_machine([folder])
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("folder", READABLE, ids=name_of)
def test_counts_are_those_of_the_index(folder: Path) -> None:
    name = name_of(folder)
    expected = OTHER_COUNTS[name][0] if name in OTHER_COUNTS else counts_of_index(CORPUS)[name]
    assert counts(reading(folder)) == expected


@pytest.mark.parametrize("folder", READABLE, ids=name_of)
def test_machines_break_no_rule_that_is_not_explained(folder: Path) -> None:
    found = [str(breach) for breach in today_breaches(reading(folder).topology)]
    assert len(found) == BREACHES.get(name_of(folder), (0, ""))[0], "\n".join(found)


@pytest.mark.parametrize("folder", READABLE, ids=name_of)
def test_documents_of_real_machines_read_back(folder: Path) -> None:
    topology = reading(folder).topology
    assert load_topology(dump_topology(topology), "x") == topology


@pytest.mark.parametrize("folder", READABLE, ids=name_of)
def test_estimates_hold_everything_and_are_said(folder: Path) -> None:
    result = reading(folder)
    logged = any(kind in ("kernel log", "iomem") for kind in result.kinds)
    assert logged or any("estimated" in note for note in result.notes)


@pytest.mark.parametrize("folder", READABLE, ids=name_of)
def test_drivers_are_known_only_from_listings(folder: Path) -> None:
    result = reading(folder)
    assert not result.drivers_known or any(kind in ("lspci", "sysfs") for kind in result.kinds)
