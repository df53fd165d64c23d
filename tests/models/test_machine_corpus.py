"""Every machine of the corpus is read with the counts of its index, or refused with one line."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest

from models.document import dump_topology, load_topology
from models.errors import InputError
from models.legality import today_breaches
from models.sources.machine import Reading, read_machine
from tests.corpus import CORPUS, machines, needs_corpus

pytestmark = needs_corpus

REFUSED = {
    "barrelfish/": "Barrelfish SKB facts",
    "freebsd/": "a FreeBSD boot log",
    "gpu-server/supermicro-4028gr-tr-hwinfo": "an hwinfo report",
    "server/supermicro-x9qri-4s-hwinfo": "an hwinfo report",
    "storage-server/aic-fb201-lx-nvme-hwinfo": "an hwinfo report",
    "desktop/asus-p6t6-ws": "config hex without sizes",
    "laptop/fujitsu-p8010": "config hex without sizes",
    "legacy/pci-x-bridges-and-domains": "config hex without sizes",
    "power/fsl-p2020": "config hex without sizes",
}
"""What is refused, by the beginning of its name, and the words of the refusal."""

_LEGACY_IDE = "legacy IDE ranges are BARs; the index does not count them"
_NAMED_ONLY = "bridges that the log only names in passing are functions; the index counts introduced ones"

OTHER_COUNTS: dict[str, tuple[tuple[int, int, int], str]] = {
    "alloc-failure/armada8k-rescan-256m": ((2, 1, 3), _NAMED_ONLY),
    "alloc-failure/bug216795-xe-gpu-rescan": ((4, 3, 3), _NAMED_ONLY),
    "alloc-failure/vmd-nvme-sriov-hotplug": ((4, 2, 2), _NAMED_ONLY),
    "arm64/rk3399-nanopc-t4": ((2, 1, 1), "the index counts a bridge window (BAR 8) as a BAR"),
    "laptop/asus-f70sl": ((12, 2, 21), _LEGACY_IDE),
    "nic-sriov/mellanox-ovs-offload-skylake": ((310, 10, 70), "BARs of virtual functions are no BARs of the machine"),
    "nic-sriov/mlx5-relaxed-ordering-host": ((254, 14, 41), "the listing has 254 functions"),
    "server/hpe-dl388p-gen8": ((156, 28, 68), "lines the console garbled"),
    "server/supermicro-p4dc6": ((16, 4, 21), _LEGACY_IDE),
    "thunderbolt/dell-xps13-9360-usbc-adapter": ((18, 3, 17), "the adapter is removed again before the log ends"),
    "thunderbolt/egpu-rebar-blocked": ((47, 19, 41), "log and listing have different bus numbers"),
    "vm/aws-g2-2xlarge": ((7, 0, 13), _LEGACY_IDE),
    "vm/aws-m4-2xlarge": ((7, 0, 11), "legacy IDE ranges; the listing has 7 functions"),
    "vm/virtualbox": ((11, 0, 19), _LEGACY_IDE),
}
"""Counts that differ from the index, each with the reason."""

_POWERNV = "the platform widened windows after assignment, over siblings and off 1 MiB"

BREACHES: dict[str, tuple[int, str]] = {
    "alloc-failure/bug216795-xe-gpu-rescan": (3, "the excerpt does not show the windows of the root port"),
    "legacy/sgi-ip30-octane": (1, "a firmware address outside of the host bridge's windows, left alone"),
    "legacy/sun-ultra60": (2, "the log does not show the windows of the bridge"),
    "power/amigaone-x1000": (1, "firmware gave two root ports overlapping I/O windows"),
    "power/power8-s822lc-8335": (8, _POWERNV),
    "power/talos2-aacraid-eeh": (7, _POWERNV),
    "riscv/spacemit-k3": (
        3,
        "a host bridge offset of 64 KiB granularity: CPU addresses are aligned, bus addresses are not",
    ),
    "server/dell-poweredge-r740": (1, "a hidden function decodes outside of the host bridge's windows"),
}
"""Rules broken today, each with the reason; every other machine breaks none."""


def name_of(folder: Path) -> str:
    return f"{folder.parent.name}/{folder.name}"


def refusal_of(name: str) -> str | None:
    return next((words for prefix, words in REFUSED.items() if name.startswith(prefix)), None)


READABLE = [folder for folder in machines() if refusal_of(name_of(folder)) is None]


def counts_of_index() -> dict[str, tuple[int, int, int]]:
    counts = {}
    for line in (CORPUS / "INDEX.md").read_text().splitlines():
        cells = [cell.strip() for cell in line.split("|")]
        if len(cells) > 6 and cells[4].isdigit():
            counts[cells[1]] = (int(cells[4]), int(cells[5]), int(cells[6]))
    return counts


@cache
def reading(folder: Path) -> Reading:
    return read_machine([folder])


def counts(result: Reading) -> tuple[int, int, int]:
    functions = [function for function, _ in result.topology.functions()]
    bars = sum(isinstance(bar.index, int) for function in functions for bar in function.bars)
    return len(functions), sum(function.bridge is not None for function in functions), bars


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
    expected = OTHER_COUNTS[name][0] if name in OTHER_COUNTS else counts_of_index()[name]
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
