from __future__ import annotations

import re
from collections import Counter
from functools import cache
from pathlib import Path

import pytest

from models.sources.bus_tree import is_bridge
from models.sources.kernel_log import looks_like_kernel_log, read_kernel_log
from models.sources.observation import Observation
from tests.corpus import CORPUS, machines, needs_corpus

EXPLAINED = {
    "alloc-failure/armada8k-rescan-256m": (2, 1, "the port above is named by its failures alone"),
    "alloc-failure/bug216795-xe-gpu-rescan": (4, 3, "two bridges are named by their events alone"),
    "alloc-failure/vmd-nvme-sriov-hotplug": (4, 2, "one port is named by a hotplug event alone"),
    "server/hpe-dl388p-gen8": (156, 28, "the line that finds one function was lost, later ones name it"),
    "thunderbolt/dell-xps13-9360-usbc-adapter": (18, 3, "the adapter was unplugged before the log ends"),
    "thunderbolt/egpu-rebar-blocked": (3, 2, "the log is an excerpt, lspci shows the whole machine"),
}
"""Functions and bridges where they differ from the index, with the reason."""

EARLIER_BOOTS = {
    "alloc-failure/northstar-iproc-dt-ranges": {"mem": 20},
    "power/talos2-aacraid-eeh": {"io": 82},
    "server/dell-poweredge-r6515": {"mem": 6, "io": 4, "claim": 3},
}
"""Failure lines of the boot that is read, where the index counts those of several boots."""

NOT_LINUX = ("freebsd/", "barrelfish/")


def logs(machine: Path) -> list[Path]:
    """The machine's files that hold Linux log lines."""
    return [
        path
        for path in sorted(machine.glob("*.txt"))
        if path.name != "source.txt" and looks_like_kernel_log(path.read_text(errors="replace"))
    ]


@cache
def index() -> dict[str, tuple[str, int, int]]:
    """File kinds, functions and bridges of every machine of the index."""
    return {name: (cells[2], int(cells[3]), int(cells[4])) for name, cells in rows().items()}


@cache
def rows() -> dict[str, list[str]]:
    """The cells of every machine of the index."""
    found = {}
    for line in (CORPUS / "INDEX.md").read_text().splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if "/" in cells[0] and len(cells) > 5 and cells[3].isdigit():
            found[cells[0]] = cells
    return found


def name_of(machine: Path) -> str:
    return f"{machine.parent.name}/{machine.name}"


def observe(path: Path) -> Observation:
    return read_kernel_log(path.read_text(errors="replace"), path.name)


@needs_corpus
def test_only_linux_logs_are_recognised() -> None:
    recognised = {name_of(machine) for machine in machines() if logs(machine)}
    expected = {name for name, (kinds, _, _) in index().items() if "dmesg" in kinds.replace("bsd-dmesg", "")}
    assert recognised == expected


@needs_corpus
@pytest.mark.parametrize("machine", machines(), ids=name_of)
def test_counts_are_those_of_the_index(machine: Path) -> None:
    name = name_of(machine)
    found = logs(machine)
    if not found:
        assert name.startswith(NOT_LINUX) or "dmesg" not in index()[name][0]
        return
    functions = {}
    for path in found:
        functions.update(observe(path).functions)
    bridges = sum(is_bridge(function) for function in functions.values())
    _, *expected = index()[name]
    if name in EXPLAINED:
        assert expected != list(EXPLAINED[name][:2])
        expected = list(EXPLAINED[name][:2])
    assert [len(functions), bridges] == expected


@needs_corpus
@pytest.mark.parametrize("machine", machines(), ids=name_of)
def test_failure_lines_are_those_of_the_index(machine: Path) -> None:
    name = name_of(machine)
    counts: Counter[str] = Counter()
    for path in logs(machine):
        for failure in observe(path).failures:
            if failure.what == "can't claim":
                counts["claim"] += 1
            elif failure.what in ("no space", "failed to assign", "failed to expand"):
                counts[str(failure.space)] += 1
    listed = {} if name.startswith(NOT_LINUX) else dict(re.findall(r"(mem|io|claim) (\d+)", rows()[name][9]))
    expected = {kind: int(count) for kind, count in listed.items()}
    assert dict(counts) == EARLIER_BOOTS.get(name, expected)


@needs_corpus
@pytest.mark.parametrize("machine", machines(), ids=name_of)
def test_observations_contradict_nothing(machine: Path) -> None:
    for path in logs(machine):
        observation = observe(path)
        lines = len(path.read_text(errors="replace").splitlines())
        assert all(1 <= failure.line <= lines for failure in observation.failures)
        for function in observation.functions.values():
            for seen in function.bars.values():
                assert seen.assigned is (seen.address is not None)
            for window in function.windows.values():
                assert window.closed is (window.range is None)
