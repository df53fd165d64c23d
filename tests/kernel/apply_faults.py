"""Plans that fail in a real kernel, at every claim and write of the module, and runs killed between two actions.

All in one guest: after each fault the guest has to be as it was, and after the last one the plan is carried out.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Collection
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
from tests.kernel.guest import Guest, Plug, device_arguments
from tests.kernel.guest_files import GuestFiles
from tests.kernel.module import prepared
from tests.kernel.record import RECORDS
from tests.kernel.referee import state
from tests.kernel.state import differences

ROWS = RECORDS / "apply-faults.jsonl"
KINDS = ("claim", "write", "undo", "resume", "stale", "vanish")
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
        the n-th action, then that; ``stale``: the machine is not what the plan was made for; ``vanish``: what was
        plugged in is unplugged before the n-th action: the first, the last, and each transaction.
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

    def all_of(self, kind: str) -> None:
        """Every fault of a kind that leaves all devices there."""
        if kind in ("claim", "write"):
            self.in_the_module(kind)
        elif kind in ("undo", "resume"):
            self.killed(kind)
        elif kind == "stale":
            self.stale()

    def stale(self) -> None:
        """The plan is in place already, and is refused; then it is taken back."""
        session = self.session()
        session.apply(self.topology, self.plan.placement, self.steps)
        self._keep("stale", 1, "; ".join(self.session().refusals(self.topology, self.steps)), self.plan.placement)
        assert session.undo()[1] == []

    def vanishes(self, point: int) -> None:
        """What was plugged in goes before an action; later the plan is stale, even if nobody looks."""
        session = self.session()
        left = iter(range(point, 0, -1))
        gone = False

        def tell(line: str) -> None:
            nonlocal gone
            if next(left, None) == 1:
                self.guest.plug(_unplug(self.scenario))
                self._forget(session)
                gone = True

        session.tell = tell
        try:
            session.apply(self.topology, self.plan.placement, self.steps)
            said = "done"
            session.undo()
        except NotAppliedError as error:
            said = "; ".join([str(error), *error.left])
        assert gone
        self._keep("vanish", point, said, self.before)
        if point == 1:
            self._keep("stale", 2, "; ".join(self.session().refusals(self.topology, self.steps)), self.before)
            try:
                self.session().apply(self.topology, self.plan.placement, self.steps)
            except NotAppliedError as error:
                self._keep("stale", 3, "; ".join([str(error), *error.left]), self.before)

    def _forget(self, session: Session) -> None:
        files = session.machine.files
        assert isinstance(files, GuestFiles)
        files.forget()

    def _keep(self, kind: str, point: int, said: str, wanted: Placement) -> None:
        now = state(self.guest)
        works = working(self.guest, now)
        there = now.functions
        lost = [one for one, did in self.worked.items() if did and one in there and not works.get(one)]
        bars = {key: at for key, at in wanted.bars.items() if key.function in there}
        restored = not differences(Placement(bars, wanted.windows), now.placement()) and not lost
        self.rows.append(Fault(self.scenario.name, self.kernel.series, kind, point, said, restored))


def _unplug(scenario: Scenario) -> Plug:
    """The way back from the last plug: the slot of its port is switched off."""
    device = device_arguments(scenario.machine.plugs[-1].device or "")
    ports = (device_arguments(port) for port in scenario.machine.devices if "port" in port)
    slot = next(port["slot"] for port in ports if port.get("id") == device["bus"])
    return Plug(remove=str(device["id"]), slot=int(slot))


def apply_faults(scenario: Scenario, kernel: Kernel, kinds: Collection[str] = KINDS) -> list[Fault]:
    """Let everything fail in turn in one guest, and carry the plan out at last; what is unplugged takes one more."""
    with Guest(scenario.machine, prepared(kernel)) as guest, tempfile.TemporaryDirectory() as folder:
        play(guest)
        faults = Faults(scenario, kernel, guest, Path(folder))
        machine_of(guest)
        for kind in kinds:
            faults.all_of(kind)
        rows, actions = faults.rows, actions_of(faults.steps)
        faults.session().apply(faults.topology, faults.plan.placement, faults.steps)
        assert not differences(faults.plan.placement, state(guest).placement())
    transactions = [point for point, action in enumerate(actions, 1) if action.do == "transaction"]
    for point in (1, *transactions, len(actions)) if "vanish" in kinds else ():
        # The kernel makes room for what is plugged in again in its own way, so nothing is.
        with Guest(scenario.machine, prepared(kernel)) as guest, tempfile.TemporaryDirectory() as folder:
            play(guest)
            faults = Faults(scenario, kernel, guest, Path(folder))
            faults.vanishes(point)
            rows += faults.rows
    return rows


def keep_faults(found: list[Fault]) -> None:
    """Put rows in the place of those of the same scenario, kernel and kind."""
    names = {(fault.scenario, fault.kernel, fault.kind) for fault in found}
    others = [row for row in fault_rows() if (row["scenario"], row["kernel"], row["kind"]) not in names]
    rows = sorted(
        [*others, *map(asdict, found)], key=lambda row: (row["scenario"], row["kernel"], row["kind"], row["point"])
    )
    ROWS.write_text("".join(json.dumps(row) + "\n" for row in rows))


def fault_rows() -> list[dict[str, Any]]:
    """The recorded rows."""
    return [json.loads(line) for line in ROWS.read_text().splitlines()] if ROWS.exists() else []
