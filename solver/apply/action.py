"""Steps as a journal holds them: plain values, from which a later process goes on or back."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass
from typing import Any

from models.resources import FunctionAddress, parse_function_address
from solver.steps.step import (
    Bind,
    DecodeOff,
    DecodeOn,
    DisableVfs,
    EnableVfs,
    Probe,
    RegisterWrite,
    Step,
    Steps,
    Transaction,
    Unbind,
    Verify,
)

REMEMBERED = {
    "disable-vfs": "vfs",
    "enable-vfs": "vfs",
    "unbind": "driver",
    "bind": "driver",
    "probe": "driver",
    "decode-off": "command",
    "decode-on": "command",
}
"""What has to be known of a function to take an action back."""

OF_MANY = ("transaction", "verify")
"""Actions of no function in particular."""

_LINE = re.compile(r"(bar|win) ([0-9a-f:.]+) (\w+) (-|[0-9a-f]+-[0-9a-f]+) (-|[0-9a-f]+(-[0-9a-f]+)?)", re.ASCII)


@dataclass(frozen=True, slots=True)
class Action:
    """One step of the route ``live``.

    Attributes
    ----------
    do
        ``disable-vfs``, ``unbind``, ``decode-off``, ``transaction``, ``decode-on``, ``verify``, ``bind``, ``probe`` or
        ``enable-vfs``.
    group
        Number of the group it belongs to, from 1.
    function
        ``None`` for a transaction and what verifies it.
    bits, restore
        Of ``decode-on``.
    lines
        Of a transaction: ``bar`` and ``win`` lines; of ``verify``: the same, of which the last word counts.
    registers
        Of a transaction: function, capability, offset, width, value and mask of what registers hold afterwards.
    """

    do: str
    group: int
    function: FunctionAddress | None = None
    bits: int = 0
    restore: bool = False
    lines: tuple[str, ...] = ()
    registers: tuple[tuple[str, str | None, int, int, int, int], ...] = ()

    def document(self) -> dict[str, Any]:
        """Its JSON form: what differs from the defaults."""
        return {key: value for key, value in asdict(self).items() if value or key in ("do", "group")}

    @classmethod
    def read(cls, document: dict[str, Any]) -> Action:
        """The action of its JSON form.

        Raises
        ------
        ValueError, TypeError
            If there is no such action.
        """
        lists = {
            "lines": tuple(document.get("lines", ())),
            "registers": tuple(map(tuple, document.get("registers", ()))),
        }
        action = cls(**{**document, **lists})
        if action.do not in (*REMEMBERED, *OF_MANY) or (action.function is None) is not (action.do in OF_MANY):
            raise ValueError(f"no action {action.do!r} of {action.function!r}")
        names: list[str] = [] if action.function is None else [action.function]
        for line in action.lines:
            names.append(_matched(line)[2])
        for name, _, *numbers in action.registers:
            names.append(name)
            if len(numbers) != 4 or not all(isinstance(number, int) for number in numbers):
                raise ValueError(f"no register of {name!r}")
        if wrong := [name for name in names if not isinstance(name, str) or parse_function_address(name) != name]:
            raise ValueError(f"no function {wrong[0]!r}")
        return action

    def check(self, remembered: dict[str, Any]) -> None:
        """See that what was remembered is enough to take the action back.

        Raises
        ------
        ValueError
            If it is not.
        """
        key = REMEMBERED.get(self.do)
        if key is None:
            return
        value = remembered.get(key, ...)
        known = (value is None or isinstance(value, str)) if key == "driver" else isinstance(value, int)
        if not known:
            raise ValueError(f"no {key} with {self}")

    def __str__(self) -> str:
        words = {"disable-vfs": "disable the VFs of", "enable-vfs": "enable the VFs of", "probe": "find a driver for"}
        if self.do == "transaction":
            bars = sum(line.startswith("bar") for line in self.lines)
            windows = len(self.lines) - bars
            return f"place {bars} BAR{'s' * (bars != 1)} and {windows} window{'s' * (windows != 1)}"
        if self.do == "verify":
            return "look at registers and the kernel's tree"
        return f"{words.get(self.do, self.do.replace('-', ' '))} {self.function}"


def _matched(line: str) -> re.Match[str]:
    match = _LINE.fullmatch(line)
    if match is None:
        raise ValueError(f"no line {line!r}")
    return match


def actions_of(steps: Steps) -> list[Action]:
    """The steps of every group, in order.

    Raises
    ------
    ValueError
        If a step is of another route than ``live``.
    """
    return [_action(step, number) for number, group in enumerate(steps.groups, 1) for step in group.steps]


def _action(step: Step, group: int) -> Action:
    match step:
        case DisableVfs(function):
            return Action("disable-vfs", group, function)
        case Unbind(function, _):
            return Action("unbind", group, function)
        case DecodeOff(function):
            return Action("decode-off", group, function)
        case Transaction():
            return Action("transaction", group, lines=tuple(map(str, step.claims)), registers=_held(step))
        case DecodeOn(function, bits, restore):
            return Action("decode-on", group, function, bits, restore)
        case Verify():
            bars = (
                f"bar {key.function} {key.index} - {'-' if at is None else f'{at:x}'}" for key, at in step.bars.items()
            )
            windows = (
                f"win {key.bridge} {key.kind} - {'-' if held is None else f'{held.start:x}-{held.last:x}'}"
                for key, held in step.windows.items()
            )
            return Action("verify", group, lines=(*windows, *bars))
        case Bind(function, _):
            return Action("bind", group, function)
        case Probe(function):
            return Action("probe", group, function)
        case EnableVfs(function):
            return Action("enable-vfs", group, function)
    raise ValueError(f"{type(step).__name__} is no step of the route live")


def _held(transaction: Transaction) -> tuple[tuple[str, str | None, int, int, int, int], ...]:
    """The last value of every register; that of a ROM is written only when the ROM is enabled."""
    last: dict[object, RegisterWrite] = {}
    for write in transaction.writes:
        if not write.what.startswith("ROM"):
            last[write.register] = write
    return tuple(
        (w.register.function, w.register.capability, w.register.offset, w.register.width, w.value, w.mask)
        for w in last.values()
    )
