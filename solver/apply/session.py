"""One plan and one machine: may it be applied, apply it, go on with it, take it back."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from pathlib import Path

from models.errors import InputError
from models.placement import Placement
from models.resources import FunctionAddress
from models.topology import Topology
from solver.apply.action import actions_of
from solver.apply.building import DEVICE
from solver.apply.executor import Executor, NotAppliedError
from solver.apply.journal import UNDONE, Journal, last_journal
from solver.apply.linux import LinuxMachine
from solver.apply.outcome import expected, misplaced, unlisted
from solver.apply.sameness import differences
from solver.apply.usage import uses
from solver.steps.step import Steps, Unbind


def _nobody() -> bool:
    return False


def _quietly(line: str) -> None:
    del line


@dataclass(slots=True)
class Session:
    """A machine that runs Linux, and the folder of its journals.

    Attributes
    ----------
    stopped, tell
        As in :class:`solver.apply.executor.Executor`.
    """

    machine: LinuxMachine
    folder: Path
    stopped: Callable[[], bool] = _nobody
    tell: Callable[[str], None] = _quietly

    def refusals(self, topology: Topology, steps: Steps, forced: Collection[str] = ()) -> list[str]:
        """Why the steps are not carried out on this machine now; nothing where they may be.

        Parameters
        ----------
        forced
            Functions that may be taken down although something uses them.
        """
        earlier = self._journal()
        if earlier is not None and earlier.end is None:
            return [f"an earlier run was cut off ({earlier.path}): --undo or --resume it first"]
        found = [f"not the machine the plan was made for: {line}" for line in differences(self.machine, topology)]
        for function in touched(steps):
            if function not in forced:
                found += [f"{function} is in use: {use}" for use in uses(self.machine.files, function)]
        if self.machine.files.real(DEVICE) is None:
            found.append(f"the kernel module is not loaded (no {DEVICE}): run barplan apply --build-module")
        return found

    def apply(self, topology: Topology, planned: Placement, steps: Steps) -> Journal:
        """Carry the steps out and see that the kernel has the plan.

        Raises
        ------
        NotAppliedError
            If something failed, or the run was stopped; it was taken back.
        """
        lines = expected(topology, planned)
        try:
            journal = Journal.start(self.folder, self.machine.boot(), steps.topology_sha256, actions_of(steps), lines)
        except OSError as error:
            raise NotAppliedError(f"no journal can be written in {self.folder}: {error.strerror}", []) from None
        self._executor(journal).run()
        return journal

    def wrong(self, lines: Iterable[str]) -> list[str]:
        """What is elsewhere in sysfs, /proc/iomem and /proc/ioports than lines have it."""
        return misplaced(self.machine, lines) or unlisted(self.machine.files, lines)

    def undo(self) -> tuple[Journal, list[str]]:
        """Take the last run back; the journal, and what could not be taken back.

        Raises
        ------
        InputError
            If there is nothing to take back.
        """
        journal = self._cut_off(finished_too=True)
        return journal, self._executor(journal).undo()

    def resume(self) -> Journal:
        """Go on with a run that was cut off.

        Raises
        ------
        InputError
            If there is none.
        NotAppliedError
            As :meth:`apply`.
        """
        journal = self._cut_off(finished_too=False)
        self._executor(journal).run()
        return journal

    def _executor(self, journal: Journal) -> Executor:
        return Executor(self.machine, journal, self.stopped, self.tell, lambda: self.wrong(journal.expected))

    def _journal(self) -> Journal | None:
        """The last journal, if it is of this start of the kernel; after another start the firmware has the say."""
        journal = last_journal(self.folder)
        return journal if journal is not None and journal.boot == self.machine.boot() else None

    def _cut_off(self, *, finished_too: bool) -> Journal:
        journal = self._journal()
        if journal is None:
            raise InputError("no run since the kernel was started", source=str(self.folder))
        if journal.end == UNDONE:
            raise InputError("the last run was taken back already", source=str(journal.path))
        if journal.end is not None and not finished_too:
            raise InputError("the last run came to its end", source=str(journal.path))
        return journal


def touched(steps: Steps) -> list[FunctionAddress]:
    """Functions that are down at some moment, or lose their driver for one."""
    found: dict[FunctionAddress, None] = {}
    for group in steps.groups:
        found.update(dict.fromkeys(group.down))
        found.update({step.function: None for step in group.steps if isinstance(step, Unbind)})
    return list(found)
