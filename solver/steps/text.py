"""Steps as text, for a person to read before anything is done."""

from __future__ import annotations

from collections.abc import Iterator

from models.resources import Space
from models.topology import bar_name
from solver.render.words import address, count, range_text
from solver.steps.step import (
    IO_DECODE,
    MEMORY_DECODE,
    Bind,
    ClaimWindow,
    DecodeOff,
    DecodeOn,
    DisableVfs,
    EnableVfs,
    Kexec,
    Probe,
    RegisterWrite,
    Remove,
    Rescan,
    Step,
    Steps,
    Transaction,
    Unbind,
    Verify,
)

_KIND = {"io": "I/O", "mem": "memory", "pref": "prefetchable"}


def summary(steps: Steps) -> str:
    """``3 groups; in the worst moment 1 function is down.``"""
    if not steps.groups:
        return "Nothing changes."
    groups = count(len(steps.groups), "group")
    if steps.route == "firmware":
        return f"{count(len(steps.groups[0].steps), 'register write')} before the first instruction."
    if steps.worst == 0:
        return f"{groups}; nothing that works is down at any moment."
    verb = "is" if steps.worst == 1 else "are"
    return f"{groups}; in the worst moment {count(steps.worst, 'function')} {verb} down: {steps.limits}."


def steps_text(steps: Steps) -> str:
    """The ordered list, group by group."""
    lines = [summary(steps), *(f"Note: {note}." for note in steps.notes)]
    number = 0
    for group_number, group in enumerate(steps.groups, 1):
        lines += ["", f"Group {group_number}: {group.title}"]
        down = ", ".join(group.down) if len(group.down) <= 6 else count(len(group.down), "function")
        lines.append(f"  down: {down} ({group.why})" if group.down else f"  down: nothing ({group.why})")
        for step in group.steps:
            number += 1
            first, *more = step_lines(step)
            lines.append(f"  {number:3}  {first}")
            lines += [f"         {line}" for line in more]
    return "\n".join(lines) + "\n"


def step_lines(step: Step) -> Iterator[str]:
    """One step in words; further lines are its parts."""
    match step:
        case DisableVfs(function):
            yield f"disable the virtual functions of {function}, if any are enabled"
        case EnableVfs(function):
            yield f"enable as many virtual functions of {function} as were"
        case Unbind(function, driver):
            yield f"unbind {function} from {driver or 'whatever driver it has'}"
        case Bind(function, driver):
            yield f"bind {function} to {driver or 'the driver it had'}"
        case Probe(function):
            yield f"let the kernel look for a driver for {function}"
        case DecodeOff(function):
            yield f"decode off: {function}"
        case DecodeOn(function, bits, restore):
            spaces = " and ".join(name for bit, name in ((MEMORY_DECODE, "memory"), (IO_DECODE, "I/O")) if bits & bit)
            yield f"decode on: {function}, {'what was on before' if restore else spaces}"
        case RegisterWrite():
            yield f"write {_write(step)}"
        case Transaction(claims, writes):
            yield "one transaction of the kernel module"
            for claim in claims:
                if isinstance(claim, ClaimWindow):
                    space: Space = "io" if claim.key.kind == "io" else "mem"
                    name = f"{claim.key.bridge} {_KIND[claim.key.kind]} window"
                    yield f"{name}: {range_text(claim.before, space)} -> {range_text(claim.after, space)}"
                else:
                    here, there = (range_.start if range_ else None for range_ in (claim.before, claim.after))
                    yield f"{claim.key.function} {bar_name(claim.key.index)}: {address(here)} -> {address(there)}"
            yield from (f"  {_write(write)}" for write in writes)
        case Remove(function):
            yield f"remove {function} and all behind it from the kernel"
        case Rescan(bridge):
            yield f"rescan {'everything' if bridge is None else f'what is behind {bridge}'}"
        case Kexec():
            yield "start the same kernel anew with kexec; it claims what it finds"
        case Verify(bars, windows):
            what = [count(len(bars), "BAR")] * bool(bars) + [count(len(windows), "bridge window")] * bool(windows)
            yield f"verify {' and '.join(what) or 'nothing'}, registers and kernel"


def _write(write: RegisterWrite) -> str:
    digits = 2 * write.register.width
    old = "" if write.old is None else f"{write.old:0{digits}x} -> "
    return f"{write.register} {old}{write.value:0{digits}x}  {write.what}"
