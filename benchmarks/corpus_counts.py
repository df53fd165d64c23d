"""What is known of the corpus beforehand: its index, what is refused, and every difference with its reason."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple


class Counts(NamedTuple):
    """Counts of one machine as the index counts them: BARs are the numbered ones, without ROMs and VF BARs."""

    functions: int
    bridges: int
    bars: int


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

OTHER_COUNTS: dict[str, tuple[Counts, str]] = {
    "alloc-failure/armada8k-rescan-256m": (Counts(2, 1, 3), _NAMED_ONLY),
    "alloc-failure/bug216795-xe-gpu-rescan": (Counts(4, 3, 3), _NAMED_ONLY),
    "alloc-failure/vmd-nvme-sriov-hotplug": (Counts(4, 2, 2), _NAMED_ONLY),
    "arm64/rk3399-nanopc-t4": (Counts(2, 1, 1), "the index counts a bridge window (BAR 8) as a BAR"),
    "laptop/asus-f70sl": (Counts(12, 2, 21), _LEGACY_IDE),
    "nic-sriov/mellanox-ovs-offload-skylake": (
        Counts(310, 10, 70),
        "BARs of virtual functions are no BARs of the machine",
    ),
    "nic-sriov/mlx5-relaxed-ordering-host": (Counts(254, 14, 41), "the listing has 254 functions"),
    "server/hpe-dl388p-gen8": (Counts(156, 28, 68), "lines the console garbled"),
    "server/supermicro-p4dc6": (Counts(16, 4, 21), _LEGACY_IDE),
    "thunderbolt/dell-xps13-9360-usbc-adapter": (
        Counts(18, 3, 17),
        "the adapter is removed again before the log ends",
    ),
    "thunderbolt/egpu-rebar-blocked": (Counts(47, 19, 41), "log and listing have different bus numbers"),
    "vm/aws-g2-2xlarge": (Counts(7, 0, 13), _LEGACY_IDE),
    "vm/aws-m4-2xlarge": (Counts(7, 0, 11), "legacy IDE ranges; the listing has 7 functions"),
    "vm/virtualbox": (Counts(11, 0, 19), _LEGACY_IDE),
}
"""Counts that differ from the index, each with the reason."""

_POWERNV = "the platform widened windows after assignment, over siblings and off 1 MiB"

BREACHES: dict[str, tuple[int, str]] = {
    "alloc-failure/bug216795-xe-gpu-rescan": (3, "the excerpt does not show the windows of the root port"),
    "desktop/dell-optiplex-xe3": (1, "firmware gave the SMBus controller ports that a VGA enable bit claims"),
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


def refusal_of(name: str) -> str | None:
    """The words with which a machine of the corpus is refused, or ``None`` where it is read."""
    return next((words for prefix, words in REFUSED.items() if name.startswith(prefix)), None)


def counts_of_index(corpus: Path) -> dict[str, Counts]:
    """The counts of every machine in the index of a corpus; none where it has no index."""
    index = corpus / "INDEX.md"
    found = {}
    for line in index.read_text(encoding="utf-8").splitlines() if index.is_file() else []:
        cells = [cell.strip() for cell in line.split("|")]
        if len(cells) > 6 and all(cell.isdigit() for cell in cells[4:7]):
            found[cells[1]] = Counts(*(int(cell) for cell in cells[4:7]))
    return found
