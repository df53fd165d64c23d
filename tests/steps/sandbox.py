"""Runs a script of steps in a folder: registers are files, sysfs is a copy, the module is a function of the shell."""

from __future__ import annotations

import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from models.resources import Range
from models.topology import BarKey, Topology, WindowKey
from solver.steps.access import sriov_capability
from solver.steps.script import steps_script
from solver.steps.step import Steps, Transaction
from tests.steps.executor import Executor
from tests.steps.machine import SimulatedMachine

PRELUDE = r"""
root=$SANDBOX
BARPLAN_PCI=$root/pci BARPLAN_PLACE=$root/place BARPLAN_WAIT=0 BARPLAN_KERNEL=k BARPLAN_INITRD=i
setpci() {
    [ "$1" != -A ] || shift 2
    case $3 in
    *=*) echo "setpci $2 $3" >>"$root/log"; command printf '%s\n' "${3#*=}" >"$root/registers/$2/${3%%=*}" ;;
    *) command cat "$root/registers/$2/$3" ;;
    esac
}
printf() {
    exec 9>&1
    target=$(readlink /proc/self/fd/9)
    exec 9>&-
    case $target in
    */driver/unbind | */drivers/*/bind | */drivers_probe | */remove) echo "$target ${2-}" >>"$root/log" ;;
    esac
    case $target in
    */drivers/*/unbind) rm "$root/pci/devices/$2/driver"; echo "unbind $2" >>"$root/log" ;;
    */drivers/*/bind) ln -s "$(dirname "$target")" "$root/pci/devices/$2/driver" ;;
    */remove) rm -r "$(dirname "$target")" ;;
    *) command printf "$@" ;;
    esac
}
dd() {
    [ "$2" = iflag=fullblock ]
    command cat >>"$root/given"
    number=$(($(command cat "$root/done") + 1))
    [ ! -e "$root/refuse" ] || { printf 'line 2: refused, no\nrefused\n' >"$root/place"; return 1; }
    echo "transaction $number" >>"$root/log"
    echo "$number" >"$root/done"
    cp -r "$root/after$number/." "$root/"
}
kexec() { echo "kexec $*" >>"$root/log"; }
sleep() { :; }
sync() { :; }
"""


@dataclass(slots=True)
class Sandbox:
    """A folder in which a script finds the machine of ``topology``."""

    folder: Path
    topology: Topology
    steps: Steps
    script: str = ""

    def __post_init__(self) -> None:
        self.script = steps_script(self.steps, self.topology)
        (self.folder / "plan.sh").write_text(self.script)
        (self.folder / "prelude.sh").write_text(PRELUDE)
        (self.folder / "place").write_text("")
        (self.folder / "done").write_text("0")
        (self.folder / "log").write_text("")
        machine = SimulatedMachine(self.topology)
        self._registers(machine, self.folder)
        for address, driver in machine.driver.items():
            device = self.folder / "pci" / "devices" / address
            device.mkdir(parents=True, exist_ok=True)
            (device / "remove").touch()
            if driver is not None:
                (self.folder / "pci" / "drivers" / driver).mkdir(parents=True, exist_ok=True)
                for name in ("bind", "unbind"):
                    (self.folder / "pci" / "drivers" / driver / name).touch()
                (device / "driver").symlink_to(self.folder / "pci" / "drivers" / driver)
        (self.folder / "pci" / "drivers_probe").touch()
        executor, number = Executor(machine), 0
        for group in self.steps.groups if self.steps.route == "live" else ():
            for step in group.steps:
                executor.do(step)
                if isinstance(step, Transaction):
                    number += 1
                    self._registers(machine, self.folder / f"after{number}")

    def _registers(self, machine: SimulatedMachine, folder: Path) -> None:
        """The registers that the script names, and sysfs's resource files."""
        pattern = r"((?:[0-9a-f]{4}:)?[0-9a-f]{2}:[0-9a-f]{2}\.[0-7]) (ECAP_SRIOV\+)?([0-9a-f]{2})\.([bwl])"
        found = set(re.findall(pattern, self.script))
        if folder == self.folder:
            names = re.findall(r"^(?:present|decode_off|decode_on) ([0-9a-f:.]+)", self.script, re.MULTILINE)
            found |= {(name, "", offset, "w") for name in names for offset in ("00", "04")}
        for name, capability, offset, width in found:
            address = next(a for a in machine.known if a.endswith(name))
            at = int(offset, 16) + (sriov_capability(machine, address) if capability else 0)
            if at == 4 and "after" in folder.name:
                continue
            digits = {"b": 2, "w": 4, "l": 8}[width]
            file = folder / "registers" / name / f"{capability}{offset}.{width}"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(f"{machine.raw_read(address, at, digits // 2):0{digits}x}\n")
        for address, function in machine.known.items():
            device = folder / "pci" / "devices" / address
            device.mkdir(parents=True, exist_ok=True)
            indices = [*range(6), "rom", *(f"vf{i}" for i in range(6))]
            ranges = [machine.kernel_bars.get(BarKey(address, index)) for index in indices]
            if function.bridge is not None:
                ranges += [machine.kernel_windows.get(WindowKey(address, kind)) for kind in ("io", "mem", "pref")]
                ranges.append(None)
            (device / "resource").write_text("".join(_line(range_) for range_ in ranges))

    def run(self) -> subprocess.CompletedProcess[str]:
        """Run the script as root would."""
        shell = shutil.which("dash") or "/bin/sh"
        return subprocess.run(
            [shell, "-c", ". ./prelude.sh; . ./plan.sh"],
            cwd=self.folder,
            env={"PATH": "/usr/bin:/bin", "SANDBOX": str(self.folder)},
            capture_output=True,
            text=True,
        )

    @property
    def log(self) -> list[str]:
        return (self.folder / "log").read_text().splitlines()


def _line(range_: Range | None) -> str:
    start, last, flags = (0, 0, 0) if range_ is None else (range_.start, range_.last, 0x200)
    return f"0x{start:016x} 0x{last:016x} 0x{flags:016x}\n"
