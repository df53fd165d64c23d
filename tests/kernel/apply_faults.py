"""Plans that fail in a real kernel, at every claim and write of the module, and runs killed between two actions.

All in one guest: after each fault the guest has to be as it was, and after the last one the plan is carried out.
"""

from __future__ import annotations

import json
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from models.placement import Placement
from models.plan import Plan
from models.resources import FunctionAddress
from models.topology import Topology
from solver.apply.action import actions_of
from solver.apply.executor import NotAppliedError
from solver.apply.session import Session
from solver.steps.planning import steps_for
from solver.steps.step import Steps
from tests.kernel.apply import captured, machine_of, planned
from tests.kernel.apply_scenarios import Scenario
from tests.kernel.capture import play
from tests.kernel.debian import Kernel
from tests.kernel.devices import working
from tests.kernel.guest import Guest
from tests.kernel.module import prepared
from tests.kernel.record import RECORDS
from tests.kernel.referee import state
from tests.kernel.state import differences

ROWS = RECORDS / "apply-faults.jsonl"
PARAMETERS = "/sys/module/barplan_place/parameters"


class KilledError(BaseException):
    """The process ends here."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault and what came of it.

    Attributes
    ----------
    kind
        ``claim`` or ``write``: the n-th of a transaction fails in the module; ``undo`` or ``resume``: killed before
        the n-th action, then that.
    said
        What the run said.
    restored
        Tree and registers are as before (or as planned, after ``resume``), and what worked works.
    """

    scenario: str
    kernel: str
    kind: str
    point: int
    said: str
    restored: bool


class Faults:
    """The faults of one guest."""

    def __init__(self, scenario: Scenario, kernel: Kernel, guest: Guest, folder: Path) -> None:
        self.scenario, self.kernel, self.guest, self.folder = scenario, kernel, guest, folder
        self.topology: Topology = captured(guest)
        self.plan: Plan = planned(self.topology, scenario.policy)
        self.steps: Steps = steps_for(self.topology, self.plan)
        self.before: Placement = state(guest).placement()
        self.worked: dict[FunctionAddress, bool] = working(guest, state(guest))
        self.rows: list[Fault] = []

    def session(self) -> Session:
        return Session(machine_of(self.guest), self.folder)

    def in_the_module(self, kind: str) -> None:
        """Every claim, or every register write, fails in turn; until none is left to fail."""
        for point in range(1, 100):
            session = self.session()
            self.guest.run(f"echo {point} >{PARAMETERS}/fail_{kind}")
            try:
                session.apply(self.topology, self.plan.placement, self.steps)
            except NotAppliedError as error:
                self._keep(kind, point, "; ".join([str(error), *error.left]), self.before)
            else:
                self.guest.run(f"echo 0 >{PARAMETERS}/fail_{kind}")
                assert session.undo()[1] == []
                return
            self.guest.run(f"echo 0 >{PARAMETERS}/fail_{kind}")

    def killed(self, way: str) -> None:
        """Killed before every action in turn; then undone, or gone on with and undone."""
        for point in range(1, len(actions_of(self.steps)) + 1):
            session = self.session()
            left = iter(range(point, 0, -1))

            def tell(line: str, left: Any = left) -> None:
                if next(left) == 1:
                    raise KilledError(line)

            session.tell = tell
            said = ""
            try:
                session.apply(self.topology, self.plan.placement, self.steps)
            except KilledError as killed:
                said = f"killed before: {killed}"
            later = self.session()
            if way == "undo":
                later.undo()
                self._keep(way, point, said, self.before)
            else:
                later.resume()
                self._keep(way, point, said, self.plan.placement)
                later.undo()

    def _keep(self, kind: str, point: int, said: str, wanted: Placement) -> None:
        now = state(self.guest)
        works = working(self.guest, now)
        lost = [function for function, did in self.worked.items() if did and not works.get(function)]
        restored = not differences(wanted, now.placement()) and not lost
        self.rows.append(Fault(self.scenario.name, self.kernel.series, kind, point, said, restored))


def apply_faults(scenario: Scenario, kernel: Kernel) -> list[Fault]:
    """Let everything fail in turn in one guest, and carry the plan out at last."""
    with Guest(scenario.machine, prepared(kernel)) as guest, tempfile.TemporaryDirectory() as folder:
        play(guest)
        faults = Faults(scenario, kernel, guest, Path(folder))
        machine_of(guest)
        for kind in ("claim", "write"):
            faults.in_the_module(kind)
        for way in ("undo", "resume"):
            faults.killed(way)
        faults.session().apply(faults.topology, faults.plan.placement, faults.steps)
        assert not differences(faults.plan.placement, state(guest).placement())
    return faults.rows


def keep_faults(found: list[Fault]) -> None:
    """Put rows in the place of those of the same scenario and kernel."""
    names = {(fault.scenario, fault.kernel) for fault in found}
    others = [row for row in fault_rows() if (row["scenario"], row["kernel"]) not in names]
    rows = sorted(
        [*others, *map(asdict, found)], key=lambda row: (row["scenario"], row["kernel"], row["kind"], row["point"])
    )
    ROWS.write_text("".join(json.dumps(row) + "\n" for row in rows))


def fault_rows() -> list[dict[str, Any]]:
    """The recorded rows."""
    return [json.loads(line) for line in ROWS.read_text().splitlines()] if ROWS.exists() else []
