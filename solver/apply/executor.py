"""Does the actions of a run one by one, each written to the journal first, and takes them back where one fails."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from models.resources import FunctionAddress
from solver.apply.action import Action
from solver.apply.journal import FINISHED, UNDONE, Journal
from solver.apply.outcome import where
from solver.steps.access import Access, AccessError, offset_of
from solver.steps.step import COMMAND, IO_DECODE, MEMORY_DECODE, Register

DECODE = IO_DECODE | MEMORY_DECODE


class StopError(Exception):
    """Somebody wants the run to end."""


class NotAppliedError(Exception):
    """The plan is not in place, and what was done of it was taken back; ``left`` is what could not be."""

    def __init__(self, why: str, left: list[str]) -> None:
        super().__init__(why)
        self.left = left


@dataclass(slots=True)
class Executor:
    """One run over one machine.

    Attributes
    ----------
    stopped
        Asked before every action; true ends the run and takes it back.
    tell
        Gets one line for every action.
    wrong
        Looks at everything once more when all actions are done; what it names is a failure like any other.
    """

    access: Access
    journal: Journal
    stopped: Callable[[], bool] = lambda: False
    tell: Callable[[str], None] = lambda line: None
    wrong: Callable[[], list[str]] = list
    _vfs: dict[FunctionAddress, int] = field(default_factory=dict)
    _drivers: dict[FunctionAddress, str | None] = field(default_factory=dict)
    _commands: dict[FunctionAddress, int] = field(default_factory=dict)

    def run(self) -> None:
        """Do every action that is not done.

        Raises
        ------
        NotAppliedError
            If one failed, or the run was stopped; everything was taken back.
        """
        self._recall()
        try:
            for number, action in enumerate(self.journal.actions):
                if number in self.journal.done:
                    continue
                if self.stopped():
                    raise StopError("stopped on request")
                if number not in self.journal.begun:
                    remembered = self._remember(action)
                    self.journal.begin(number, remembered)
                    self._learn(action, remembered)
                self.tell(str(action))
                self._do(action)
                self.journal.finish(number)
            wrong = self.wrong()
            if wrong:
                raise AccessError(f"{wrong[0]}{f' (and {len(wrong) - 1} more)' if wrong[1:] else ''}")
        except (AccessError, StopError, OSError) as error:
            # Whatever fails, a full disk under the journal included, the machine is put back.
            with suppress(OSError):
                self.journal.note(str(error))
            raise NotAppliedError(str(error), self.undo()) from error
        self.journal.close(FINISHED)

    def undo(self) -> list[str]:
        """Take back every action that was begun, the last one first; what could not be taken back."""
        self._recall()
        left = []
        for number in sorted(self.journal.begun, reverse=True):
            action = self.journal.actions[number]
            if action.function is not None and not self.access.present(action.function):
                self.tell(f"{action.function} is gone: nothing to take back of {action}")
                self._written(self.journal.undo, number)
                continue
            try:
                self._take_back(action, self.journal.begun[number])
            except (AccessError, OSError) as error:
                left.append(f"{action}: {error}")
                self._written(self.journal.note, left[-1])
            else:
                self.tell(f"taken back: {action}")
                self._written(self.journal.undo, number)
        if not left:
            self._written(self.journal.close, UNDONE)
        return left

    def _written(self, write: Callable[[Any], None], what: object) -> None:
        """The way back goes on without the journal; to take something back twice does no harm."""
        with suppress(OSError):
            write(what)

    # -- what is remembered -----------------------------------------------------------------------------------------

    def _recall(self) -> None:
        for number, remembered in self.journal.begun.items():
            self._learn(self.journal.actions[number], remembered)

    def _remember(self, action: Action) -> dict[str, Any]:
        function = action.function
        if function is None:
            return {}
        if not self.access.present(function):
            raise AccessError(f"{function} is gone")
        match action.do:
            case "disable-vfs" | "enable-vfs":
                return {"vfs": self.access.vfs(function)}
            case "unbind" | "probe" | "bind":
                return {"driver": self.access.driver_of(function)}
            case "decode-off" | "decode-on":
                return {"command": self.access.read_config(function, COMMAND, 2)}
        return {}

    def _learn(self, action: Action, remembered: dict[str, Any]) -> None:
        function = action.function
        if function is None:
            return
        match action.do:
            case "disable-vfs":
                self._vfs[function] = remembered["vfs"]
            case "unbind":
                self._drivers[function] = remembered["driver"]
            case "decode-off":
                self._commands[function] = remembered["command"]

    # -- forward ----------------------------------------------------------------------------------------------------

    def _do(self, action: Action) -> None:
        """Do one action, or what is left of it."""
        access, function = self.access, action.function
        if function is None:
            if action.do == "transaction":
                self._place(action.lines)
                self._read_back(action)
            else:
                self._verify(action)
            return
        match action.do:
            case "disable-vfs":
                self._have_vfs(function, 0)
            case "enable-vfs":
                self._have_vfs(function, self._vfs.get(function, 0))
            case "unbind":
                self._have_driver(function, None)
            case "bind":
                self._have_driver(function, self._drivers.get(function))
            case "probe":
                if access.driver_of(function) is None:
                    access.probe(function)
            case "decode-off":
                self._decode(function, 0, DECODE)
            case "decode-on":
                bits = action.bits & self._commands.get(function, 0) if action.restore else action.bits
                self._decode(function, bits, bits)

    def _have_vfs(self, function: FunctionAddress, count: int) -> None:
        if self.access.vfs(function) != count:
            self.access.set_vfs(function, count)

    def _have_driver(self, function: FunctionAddress, driver: str | None) -> None:
        now = self.access.driver_of(function)
        if now == driver:
            return
        if now is not None:
            self.access.unbind(function)
        if driver is not None:
            self.access.bind(function, driver)

    def _decode(self, function: FunctionAddress, bits: int, mask: int) -> None:
        """Give some bits of the command register a value, and see that they have it."""
        now = self.access.read_config(function, COMMAND, 2)
        if (now ^ bits) & mask:
            self.access.write_config(function, COMMAND, 2, now & ~mask | bits & mask)
            held = self.access.read_config(function, COMMAND, 2)
            if (held ^ bits) & mask:
                raise AccessError(f"the command register of {function} holds {held:#x} and not what was written")

    def _place(self, lines: tuple[str, ...]) -> None:
        """Hand lines to the kernel module, unless the kernel has them already."""
        missing = [line for line in lines if where(self.access, line) != line.split()[4]]
        if missing:
            self.access.transaction("\n".join(("barplan-place 1", *lines, "end")) + "\n")

    def _read_back(self, action: Action) -> None:
        for name, capability, offset, width, value, mask in action.registers:
            register = Register(FunctionAddress(name), offset, width, "sr-iov" if capability else None)
            held = self.access.read_config(register.function, offset_of(self.access, register), width)
            if (held ^ value) & mask:
                raise AccessError(f"register {register} holds {held:#x} and not {value:#x}")

    def _verify(self, action: Action) -> None:
        for line in action.lines:
            has, wanted = where(self.access, line), line.split()[4]
            if (has if line.startswith("win") else has.partition("-")[0] or "-") != wanted:
                raise AccessError(f"the kernel has {' '.join(line.split()[1:3])} at {has} and not at {wanted}")

    # -- back -------------------------------------------------------------------------------------------------------

    def _take_back(self, action: Action, remembered: dict[str, Any]) -> None:
        function = action.function
        if function is None:
            if action.do == "transaction":
                self._place(_reversed(line for line in action.lines if self._is_there(line)))
            return
        match action.do:
            case "disable-vfs":
                self._have_vfs(function, remembered["vfs"])
            case "enable-vfs":
                self._have_vfs(function, 0)
            case "unbind" | "probe" | "bind":
                try:
                    self._have_driver(function, remembered["driver"])
                except AccessError as error:
                    if self.access.bars(function):
                        raise
                    # The kernel had taken its addresses: it had a driver and did not work.
                    self.tell(str(error))
            case "decode-off" | "decode-on":
                self._decode(function, remembered["command"], DECODE)

    def _is_there(self, line: str) -> bool:
        return self.access.present(FunctionAddress(line.split()[1]))


def _reversed(lines: Any) -> tuple[str, ...]:
    """The lines that lead back."""
    words = [line.split() for line in lines]
    return tuple(f"{what} {function} {name} {after} {before}" for what, function, name, before, after in words)
