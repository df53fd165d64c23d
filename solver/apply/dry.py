"""What a run would write, as commands of setpci; nothing is done."""

from __future__ import annotations

from collections.abc import Iterator

from solver.steps.step import (
    COMMAND,
    Bind,
    DecodeOff,
    DecodeOn,
    DisableVfs,
    EnableVfs,
    Probe,
    Register,
    Step,
    Steps,
    Transaction,
    Unbind,
)
from solver.steps.text import summary

_WIDTHS = {1: "b", 2: "w", 4: "l"}


def dry_run(steps: Steps) -> str:
    """The register writes of the steps, as setpci would make them, and what else happens, as comments.

    The kernel would not learn of addresses that are written this way: it is for reading.
    """
    lines = [f"# {summary(steps)}"]
    for number, group in enumerate(steps.groups, 1):
        lines += ["", f"# group {number}: {_plain(group.title)}"]
        for step in group.steps:
            lines += _step(step)
    return "\n".join(lines) + "\n"


def _step(step: Step) -> Iterator[str]:
    match step:
        case Unbind(function, driver):
            yield f"# unbind {function} from {_plain(driver or 'its driver')}"
        case Bind(function, driver):
            yield f"# bind {function} to {_plain(driver or 'the driver it had')}"
        case Probe(function):
            yield f"# let the kernel look for a driver for {function}"
        case DisableVfs(function):
            yield f"# disable the VFs of {function}, if any are enabled"
        case EnableVfs(function):
            yield f"# enable as many VFs of {function} as were"
        case DecodeOff(function):
            yield _setpci(Register(function, COMMAND, 2), 0, 3)
        case DecodeOn(function, bits, _):
            yield _setpci(Register(function, COMMAND, 2), bits, bits)
        case Transaction(_, writes):
            for write in writes:
                yield f"{_setpci(write.register, write.value, write.mask)}  # {write.what}"


def _setpci(register: Register, value: int, mask: int) -> str:
    digits = 2 * register.width
    where = f"ECAP0010+{register.offset:02x}" if register.capability else f"{register.offset:02x}"
    whole = mask == (1 << 8 * register.width) - 1
    suffix = "" if whole else f":{mask:0{digits}x}"
    return f"setpci -s {register.function} {where}.{_WIDTHS[register.width]}={value:0{digits}x}{suffix}"


def _plain(text: str) -> str:
    """Nothing that ends a comment."""
    return "".join(character if character.isprintable() else "?" for character in text)
