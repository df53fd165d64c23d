"""What a guest shows of itself, as the texts that people post: kernel log, lspci, /proc/iomem, /proc/ioports."""

from __future__ import annotations

import json
import re
from pathlib import Path

from tests.kernel.debian import Kernel
from tests.kernel.guest import Guest, Machine

COMMANDS = {
    "dmesg.txt": "dmesg",
    "lspci.txt": "lspci -vvv -nn -k 2>/dev/null",
    "iomem.txt": "cat /proc/iomem",
    "ioports.txt": "cat /proc/ioports",
}


def play(guest: Guest) -> None:
    """Do what the machine's scenario says: prepare, then one plug after the other."""
    if guest.machine.prepare:
        guest.run(guest.machine.prepare)
    for step in guest.machine.plugs:
        guest.plug(step)


def texts(guest: Guest) -> dict[str, str]:
    """Every text of the guest, by file name."""
    return {name: _without_addresses_of_people(guest.run(command)) for name, command in COMMANDS.items()}


def _without_addresses_of_people(text: str) -> str:
    """The kernel's version line names its builder's mailbox."""
    return re.sub(r"(\w[\w.-]*)@[\w-]+\.[\w.-]+", r"\1", text)


def arguments(guest: Guest) -> list[str]:
    """QEMU's arguments without the paths of this machine."""
    kernel = guest.kernel
    hidden = {str(kernel.image): "vmlinuz", str(kernel.initramfs): "initramfs.gz", f"{guest.folder}/": ""}
    result = guest.arguments
    for path, name in hidden.items():
        result = [argument.replace(path, name) for argument in result]
    return result


def capture(machine: Machine, kernel: Kernel, folder: Path) -> None:
    """Boot ``machine``, play its scenario and write ``folder``: four texts and ``scenario.json``."""
    with Guest(machine, kernel) as guest:
        play(guest)
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in texts(guest).items():
            (folder / name).write_text(text)
        facts = {"scenario": machine.name, "kernel": kernel.release, "qemu": arguments(guest)}
        facts["steps"] = [step.device or f"remove {step.remove}" for step in machine.plugs]
        (folder / "scenario.json").write_text(json.dumps(facts, indent=1) + "\n")
