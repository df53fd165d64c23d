"""Plans carried out on real kernels: hot-add, no space, capture, solve, apply, and a look at everything."""

from __future__ import annotations

import json
import tempfile
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from models.mobility import Policy
from models.placement import Placement
from models.plan import Plan
from models.resources import FunctionAddress
from models.sources.machine import read_machine
from models.topology import Topology
from solver.apply.executor import NotAppliedError
from solver.apply.linux import LinuxMachine
from solver.apply.session import Session
from solver.engines import engine
from solver.request import Request
from solver.steps.planning import steps_for
from solver.steps.script import steps_script
from solver.steps.step import Steps
from tests.kernel.apply_scenarios import Scenario
from tests.kernel.capture import play, texts
from tests.kernel.data import Load, fill, sums
from tests.kernel.debian import Kernel
from tests.kernel.devices import how, vfs_come_up, working
from tests.kernel.guest import Guest
from tests.kernel.guest_files import GuestFiles
from tests.kernel.module import prepared
from tests.kernel.record import RECORDS
from tests.kernel.referee import state
from tests.kernel.state import Listed, State, differences

ROWS = RECORDS / "apply.jsonl"


@dataclass(slots=True)
class Row:
    """What came of one scenario on one kernel.

    Attributes
    ----------
    no_space
        BARs that the stock kernel left without an address.
    lost_by_hot_add
        Functions that worked before the hot-add and not after it, by the stock kernel's own doing.
    down
        Functions that work and are down for a moment while the plan is carried out.
    refused
        Why the plan was refused or taken back; empty where it is in place.
    tree
        What is elsewhere in the kernel's tree than in the plan.
    broken
        Functions that do not work afterwards.
    works
        Functions that work afterwards, and how that was seen.
    data
        Drives with files from before the hot-add, and whether all of their checksums are right afterwards.
    passes
        Rounds of files written, read back and read again on a mounted drive that stayed, while the plan was carried
        out; all were right.
    undone
        What was elsewhere than before once the run was taken back; ``None`` where it was not.
    rescan
        The comparison: the branch removed and rescanned.
    """

    scenario: str
    kernel: str
    route: str
    what: str
    no_space: list[str]
    lost_by_hot_add: list[str]
    moved_bars: int
    proved: int | None
    down: list[str]
    groups: int
    refused: list[str]
    tree: list[str]
    broken: list[str]
    works: dict[str, str]
    data: dict[str, bool] = field(default_factory=dict)
    passes: int | None = None
    undone: list[str] | None = None
    rescan: dict[str, Any] = field(default_factory=dict)


def captured(guest: Guest) -> Topology:
    """The guest as ``barplan capture`` reads what it shows of itself."""
    with tempfile.TemporaryDirectory() as folder:
        for name, text in texts(guest).items():
            (Path(folder) / name).write_text(text)
        return read_machine([folder]).topology


def planned(topology: Topology, policy: str) -> Plan:
    """The plan with the fewest moves."""
    return engine("cp-sat")(topology, Request(policy=Policy(policy), time_limit=60)).plan


def machine_of(guest: Guest) -> LinuxMachine:
    """The guest with the module loaded, for an executor."""
    guest.run("[ -e /dev/barplan ] || insmod /opt/barplan_place.ko")
    return LinuxMachine(GuestFiles(guest))


def carry_out(guest: Guest, topology: Topology, plan: Plan, steps: Steps, folder: Path) -> list[str]:
    """Apply a plan as ``barplan apply`` does; why it was refused or taken back, where it was."""
    session = Session(machine_of(guest), folder)
    refusals = session.refusals(topology, steps)
    if refusals:
        return refusals
    try:
        session.apply(topology, plan.placement, steps)
    except NotAppliedError as error:
        return [str(error), *error.left]
    return []


def start_anew(guest: Guest, topology: Topology, plan: Plan) -> None:
    """Carry a plan out by the script of the route ``kexec``."""
    script = steps_script(steps_for(topology, plan, "kexec"), topology)
    guest.run(f"cat >/tmp/plan.sh <<'END OF SCRIPT'\n{script}END OF SCRIPT\n")
    guest.run("cd / && find . -xdev | cpio -o -H newc 2>/dev/null >/tmp/initrd")
    guest.restart("BARPLAN_INITRD=/tmp/initrd sh /tmp/plan.sh")


def apply_scenario(scenario: Scenario, kernel: Kernel, *, route: str = "live", compare: bool = True) -> Row:
    """Play a scenario, repair it and look at everything."""
    kernel = prepared(kernel, with_kernel=route == "kexec")
    with Guest(scenario.machine, kernel) as guest, tempfile.TemporaryDirectory() as folder:
        filled = fill(guest)
        first = state(guest)
        before = working(guest, first)
        play(guest)
        topology = captured(guest)
        after = state(guest)
        plan = planned(topology, scenario.policy)
        steps = steps_for(topology, plan)
        now = working(guest, after)
        row = _row(scenario, kernel, plan, steps, topology)
        row.down = [function for function in row.down if now.get(FunctionAddress(function), True)]
        added = after.new_functions(first)
        row.lost_by_hot_add = [a for a, works in before.items() if works and a not in added and not now.get(a, True)]
        row.route = route
        filled = {function: held for function, held in filled.items() if function in now and function not in added}
        stays = [f for f in filled if f not in row.down and f not in row.lost_by_hot_add]
        if route == "kexec":
            row.down = [function for function, works in now.items() if works]
            start_anew(guest, topology, plan)
        else:
            load = Load(guest, stays)
            row.refused = carry_out(guest, topology, plan, steps, Path(folder))
            row.passes = load.stop()
        _look(guest, row, plan, filled)
        if route == "live" and not row.refused:
            left = Session(machine_of(guest), Path(folder)).undo()[1]
            row.undone = [*left, *differences(after.placement(), state(guest).placement())]
            if compare:
                row.rescan = _rescanned(guest, scenario, after, now)
    return row


def _row(scenario: Scenario, kernel: Kernel, plan: Plan, steps: Steps, topology: Topology) -> Row:
    moved = next(objective for objective in plan.objectives if objective.name == "moved_bars")
    return Row(
        scenario.name,
        kernel.series,
        "live",
        scenario.what,
        no_space=[
            str(key) for key, bar in topology.bars() if bar.address is None and not bar.fixed and bar.index != "rom"
        ],
        lost_by_hot_add=[],
        moved_bars=sum(bar.moved for bar in plan.bars),
        proved=moved.bound,
        down=sorted({function for group in steps.groups for function in group.down}),
        groups=len(steps.groups),
        refused=[],
        tree=[],
        broken=[],
        works={},
    )


def _look(guest: Guest, row: Row, plan: Plan, filled: dict[FunctionAddress, str]) -> None:
    end = state(guest)
    got = end.placement()
    if row.route == "kexec":
        # A kernel that starts opens windows of empty ports again.
        got = Placement(
            got.bars, {**got.windows, **{key: None for key, held in plan.placement.windows.items() if not held}}
        )
    row.tree = differences(plan.placement, got)
    result = working(guest, end)
    for address, listed in end.functions.items():
        if listed.values.get("sriov_totalvfs", "0") != "0":
            result[address] = result.get(address, True) and vfs_come_up(guest, address)
    row.broken = [address for address, works in result.items() if not works]
    row.works = {address: how(guest, end.functions[address]) for address, works in result.items() if works}
    row.data = {function: sums(guest, function) == held for function, held in filled.items()}


# -- the comparison --------------------------------------------------------------------------------------------------


def _rescanned(guest: Guest, scenario: Scenario, after: State, now: dict[FunctionAddress, bool]) -> dict[str, Any]:
    """What the stock kernel does when the branch is removed and rescanned: who is disturbed, who is lost."""
    below = [address for address, listed in after.functions.items() if address in now and _is_below(listed, scenario)]
    guest.run(
        "".join(f"echo 1 >/sys/bus/pci/devices/{bridge}/remove\n" for bridge in scenario.top)
        + "sleep 1; echo 1 >/sys/bus/pci/rescan; sleep 2"
    )
    guest.settle()
    result = working(guest, state(guest))
    return {
        "disturbed": [address for address in below if now[address]],
        "lost": [address for address in now if now[address] and not result.get(address)],
        "repaired": all(result.get(address, False) for address in now if not now[address]),
    }


def _is_below(listed: Listed, scenario: Scenario) -> bool:
    return any(f"/{bridge}/" in listed.values["path"] for bridge in scenario.top)


def rows() -> list[dict[str, Any]]:
    """The recorded rows."""
    return [json.loads(line) for line in ROWS.read_text().splitlines()] if ROWS.exists() else []


def keep(row: Row) -> None:
    """Put a row in the place of the one of the same scenario, kernel and route."""
    name = (row.scenario, row.kernel, row.route)
    others = [one for one in rows() if (one["scenario"], one["kernel"], one["route"]) != name]
    kept = sorted([*others, asdict(row)], key=lambda one: (one["scenario"], one["kernel"], one["route"]))
    ROWS.write_text("".join(json.dumps(one, sort_keys=True) + "\n" for one in kept))
