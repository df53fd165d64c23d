"""Steps as a shell script: readable, commented, and done at the first surprise.

Everything that comes from a capture goes through :mod:`solver.steps.names`; numbers are written as hex digits here.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator

from models.errors import InputError
from models.resources import FunctionAddress, Range, split_function_address
from models.topology import BarIndex, Topology
from solver.steps.access import transaction_text
from solver.steps.names import comment, driver_name, function_name, variable, vendor_and_device
from solver.steps.script_functions import FUNCTIONS, KEXEC, LIVE
from solver.steps.step import (
    Bind,
    DecodeOff,
    DecodeOn,
    DisableVfs,
    EnableVfs,
    Group,
    Kexec,
    Probe,
    Register,
    RegisterWrite,
    Remove,
    Rescan,
    Step,
    Steps,
    Transaction,
    Unbind,
    Verify,
)
from solver.steps.text import summary

_WIDTH = {1: "b", 2: "w", 4: "l"}
_WINDOW_LINE = {"io": 1, "mem": 2, "pref": 3}


def steps_script(steps: Steps, topology: Topology) -> str:
    """The script.

    Raises
    ------
    InputError
        If a name of the machine may not stand in a script, or the route has no shell.
    """
    if steps.route == "firmware":
        raise InputError("there is no shell before the first instruction; use text or json", source="--as")
    return "\n".join(_Script(steps, topology).lines()) + "\n"


class _Script:
    def __init__(self, steps: Steps, topology: Topology) -> None:
        self.steps = steps
        self.kexec = steps.route == "kexec"
        self.functions = {function.address: function for function, _ in topology.functions()}

    def lines(self) -> Iterator[str]:
        yield "#!/bin/sh"
        yield from self._comment(f"Carries a plan of barplan out, route {self.steps.route}. {summary(self.steps)}")
        yield f"# Made for the machine whose topology has the SHA-256 {comment(self.steps.topology_sha256)}."
        yield from self._comment(
            "Needs root, setpci and kexec (kexec-tools)."
            if self.kexec
            else "Needs root, setpci and the kernel module barplan_place (/dev/barplan)."
        )
        yield "# It stops at the first surprise; what was done until then stays done."
        yield (
            "# The new kernel starts without a shutdown of this one: stop and unmount what has to last before."
            if self.kexec
            else "# It does not ask whether a function is in use, a mounted drive for instance: barplan apply does."
        )
        yield from FUNCTIONS.splitlines()
        yield from (KEXEC if self.kexec else LIVE).splitlines()
        yield ""
        yield "# The machine is the one the plan was made for."
        for address in self._touched():
            yield from self._identify(address)
        for number, group in enumerate(self.steps.groups, 1):
            yield ""
            yield from self._comment(f"Group {number}: {group.title}")
            yield from self._comment(f"Down: {', '.join(group.down) or 'nothing'} ({group.why})")
            yield f"say 'group {number} of {len(self.steps.groups)}'"
            yield from self._before(group)
            for step in group.steps:
                yield from self._step(step)
        if not self.kexec:
            yield ""
            yield "say 'done'"

    def _comment(self, text: str) -> list[str]:
        return textwrap.wrap(comment(text), 112, initial_indent="# ", subsequent_indent="# ", break_long_words=False)

    def _touched(self) -> list[FunctionAddress]:
        found: dict[FunctionAddress, None] = {}
        for group in self.steps.groups:
            for step in group.steps:
                if isinstance(step, Transaction):
                    found.update(dict.fromkeys(claim.key[0] for claim in step.claims))
                elif isinstance(step, RegisterWrite):
                    found[step.register.function] = None
                elif isinstance(step, (DecodeOff, DecodeOn, Unbind, Remove)):
                    found[step.function] = None
        return list(found)

    def _identify(self, address: FunctionAddress) -> Iterator[str]:
        ids = vendor_and_device(self.functions[address].id)
        name = self._name(address)
        if ids is not None:
            yield f"expect {name} 00.w ffff {ids[0]}; expect {name} 02.w ffff {ids[1]}"
        else:
            yield f"present {name}"

    def _name(self, address: FunctionAddress) -> str:
        """The function as setpci wants it: without its domain for port I/O, which knows none."""
        name = function_name(address)
        if self.kexec:
            _, bus, device, function = split_function_address(address)
            return f"{bus:02x}:{device:02x}.{function}"
        return name

    def _before(self, group: Group) -> Iterator[str]:
        """What registers hold before the group, each as it is met first."""
        seen: set[Register] = set()
        for step in group.steps:
            for write in step.writes if isinstance(step, Transaction) else ():
                if write.register not in seen:
                    seen.add(write.register)
                    if write.old is not None:
                        yield f"expect {self._register(write.register)} {write.mask:x} {write.old:x}"

    def _register(self, register: Register) -> str:
        where = f"{register.offset:02x}.{_WIDTH[register.width]}"
        if register.capability is not None:
            where = f"ECAP_SRIOV+{where}"
        return f"{self._name(register.function)} {where}"

    def _step(self, step: Step) -> Iterator[str]:
        match step:
            case DisableVfs(function):
                yield f"{variable(function, 'vfs')}=$(vfs {function_name(function)})"
                yield f"set_vfs {function_name(function)} 0"
            case EnableVfs(function):
                yield f'set_vfs {function_name(function)} "${variable(function, "vfs")}"'
            case Unbind(function, driver):
                name = function_name(function)
                if driver is not None:
                    yield f"bound {name} {driver_name(driver)}"
                yield f"{variable(function, 'driver')}=$(driver {name})"
                yield f"unbind {name}"
            case Bind(function, driver):
                yield f'bind {function_name(function)} "${variable(function, "driver")}"'
            case Probe(function):
                yield f"probe {function_name(function)}"
            case DecodeOff(function):
                yield f"{variable(function, 'command')}=$(get {self._name(function)} 04.w)"
                yield f"decode_off {self._name(function)}"
            case DecodeOn(function, bits, restore):
                wanted = f'"${variable(function, "command")}"' if restore else f"{bits:x}"
                yield f"decode_on {self._name(function)} {wanted}"
            case RegisterWrite(register, value, mask, old, what):
                before = "-" if old is None else f"{old:x}"
                yield f"put {self._register(register)} {mask:x} {before} {value:x}  # {comment(what)}"
            case Transaction():
                yield "place <<'END_OF_TRANSACTION'"
                yield from transaction_text(step).splitlines()
                yield "END_OF_TRANSACTION"
                last = {write.register: write for write in step.writes}
                for write in last.values():
                    if not (write.register.capability is None and write.register.offset in (0x30, 0x38)):
                        yield (
                            f"expect {self._register(write.register)} {write.mask:x} {write.value:x}"
                            f"  # {comment(write.what)}"
                        )
            case Remove(function):
                yield f"remove {function_name(function)}"
            case Rescan(bridge):
                yield f"rescan {'' if bridge is None else function_name(bridge)}".rstrip()
            case Kexec():
                yield "say 'the new kernel claims what it finds'"
                yield "sync"
                yield "exec kexec -e"
            case Verify():
                yield from self._verify(step)

    def _verify(self, step: Verify) -> Iterator[str]:
        if self.kexec:
            return  # by then there is another kernel
        for key, at in step.bars.items():
            bar = self.functions[key.function].bar(key.index)
            assert bar is not None
            range_ = None if at is None else Range.of(at, bar.span)
            yield f"kernel_bar {function_name(key.function)} {_bar_line(key.index)} {_first_last(range_)}"
        for window, range_ in step.windows.items():
            name = function_name(window.bridge)
            yield f"kernel_window {name} {_WINDOW_LINE[window.kind]} {_first_last(range_)}"


def _bar_line(index: BarIndex) -> int:
    """The line of sysfs's ``resource`` file: BARs, the ROM, then VF BARs."""
    if index == "rom":
        return 7
    return 8 + int(index[2:]) if isinstance(index, str) else 1 + index


def _first_last(range_: Range | None) -> str:
    return "- -" if range_ is None else f"{range_.start:x} {range_.last:x}"
