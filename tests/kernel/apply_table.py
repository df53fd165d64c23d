"""What came of the scenarios, as tables for docs/apply.md."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

from tests.kernel.apply import rows
from tests.kernel.apply_faults import fault_rows
from tests.kernel.apply_verdicts import NOT_ASKED
from tests.kernel.apply_verdicts import rows as verdict_rows
from tests.kernel.verdicts import ACCEPTED, REFUSED

KERNELS = ("6.1", "6.12")


def comparison() -> Iterator[str]:
    """One row for each scenario: the stock kernel, barplan, and the stock kernel once the branch is rescanned."""
    heads = "hot-add: without space / killed", "barplan: moved / down / lost", "remove and rescan: down / lost"
    yield f"| scenario | kernels | {' | '.join(heads)} |"
    yield "|---|---|---|---|---|"
    groups: dict[tuple[str, ...], list[dict[str, Any]]] = {}
    for row in sorted(rows(), key=lambda row: (row["scenario"], row["route"] != "live")):
        groups.setdefault((row["scenario"], row["route"], *_numbers(row)), []).append(row)
    for (scenario, route, *numbers), same in groups.items():
        kernels = ", ".join(row["kernel"] for row in same)
        name = scenario if route == "live" else f"{scenario}, {route}"
        yield f"| {name}: {same[0]['what']} | {kernels} | {' | '.join(numbers)} |"


def _numbers(row: dict[str, Any]) -> tuple[str, str, str]:
    rescan = row["rescan"]
    other = f"{len(rescan['disturbed'])} / {len(rescan['lost'])}" if rescan else "-"
    if rescan and not rescan["repaired"]:
        other += ", not repaired"
    mine = f"{row['moved_bars']} / {len(row['down'])} / {len(row['broken'])}"
    return f"{len(row['no_space'])} / {len(row['lost_by_hot_add'])}", mine, other


def data() -> Iterator[str]:
    """A user's files: on drives that went down, and on drives that stayed, one of them at work meanwhile."""
    heads = "drives with files", "of these down meanwhile", f"rounds of work on one that stayed: {', '.join(KERNELS)}"
    yield f"| scenario | {' | '.join(heads)} | all files right |"
    yield "|---|---|---|---|---|"
    kept = [row for row in rows() if row["data"] and row["route"] == "live"]
    for scenario in dict.fromkeys(row["scenario"] for row in kept):
        same = [row for row in kept if row["scenario"] == scenario]
        stopped = {one for row in same for one in (*row["down"], *row["lost_by_hot_add"])}
        rounds = ", ".join("-" if row["passes"] is None else str(row["passes"]) for row in same)
        right = all(all(row["data"].values()) and row["passes"] != -1 for row in same)
        drives = set().union(*(row["data"] for row in same))
        yield f"| {scenario} | {len(drives)} | {len(drives & stopped)} | {rounds} | {'yes' if right else 'no'} |"


def faults() -> Iterator[str]:
    """How many faults were tried in real kernels, and how many left the machine as it was."""
    yield "| fault | scenario | kernels | points | all as before |"
    yield "|---|---|---|---|---|"
    words = {
        "claim": "the n-th claim fails in the kernel",
        "write": "the n-th register write has no effect",
        "undo": "killed before the n-th action, then `--undo`",
        "resume": "killed before the n-th action, then `--resume`",
        "stale": "a stale plan: refused, or stopped by what is not there",
        "vanish": "the new drive is unplugged before the first action, a transaction, or the last action",
    }
    counted: Counter[tuple[str, str, str]] = Counter()
    bad: Counter[tuple[str, str, str]] = Counter()
    for row in fault_rows():
        key = row["kind"], row["scenario"], row["kernel"]
        counted[key] += 1
        bad[key] += not row["restored"]
    for (kind, scenario, kernel), number in sorted(counted.items(), key=lambda item: [*words].index(item[0][0])):
        wrong = bad[kind, scenario, kernel]
        yield f"| {words[kind]} | {scenario} | {kernel} | {number} | {'yes' if not wrong else f'{wrong} not'} |"


def verdicts() -> Iterator[str]:
    """What booting kernels said of the same plans."""
    yield "| kernel | plans | every range claimed | refused | not asked |"
    yield "|---|---|---|---|---|"
    for kernel in sorted({row["kernel"] for row in verdict_rows()}):
        counted = Counter(row["verdict"] for row in verdict_rows() if row["kernel"] == kernel)
        asked = f"{counted[ACCEPTED]} | {counted[REFUSED]} | {counted[NOT_ASKED]}"
        yield f"| {kernel} | {counted.total()} | {asked} |"
