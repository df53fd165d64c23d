"""A guest in QEMU: boot a machine, run commands in it, plug and unplug devices while it runs."""

from __future__ import annotations

import base64
import gzip
import json
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

from models.resources import FunctionAddress, split_function_address
from tests.kernel.debian import Kernel

FIRMWARE: dict[str, tuple[str, ...]] = {
    "seabios": (),
    # qboot assigns nothing: the kernel places everything, and keeps what was in the registers before.
    "qboot": ("-bios", "/usr/share/qemu/qboot.rom"),
    "ovmf": ("-drive", "if=pflash,format=raw,unit=0,readonly=on,file=/usr/share/OVMF/OVMF_CODE_4M.fd"),
}

RegisterWrite = tuple[str, int, int, int]
"""Function address, offset in configuration space, bytes to write (1, 2 or 4), value."""

HOST_BRIDGE, PCIEXBAR, ECAM = "0000:00:00.0", 0x60, 0xB000_0000
"""q35: the register that switches ECAM on, and where SeaBIOS, qboot and OVMF put it."""

DISK_SIZE = 64 << 20

PATIENCE = 120.0
"""Seconds without an answer after which a guest counts as hung."""

OF_THREE = ("disable-legacy",)
"""Properties that may also be ``auto``: QMP takes their values as texts."""

_SUFFIX = {1: "b", 2: "w", 4: "l"}
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Plug:
    """One hotplug step: add ``device`` (``-device`` syntax), or remove the device with the id ``remove``.

    ``slot`` is the slot number of its port: under pciehp the guest then powers the slot off itself, which is faster.
    """

    device: str | None = None
    remove: str | None = None
    slot: int | None = None


@dataclass(frozen=True, slots=True)
class Machine:
    """What QEMU is asked to build, and what happens to it.

    Attributes
    ----------
    devices, objects
        Values of ``-device`` and ``-object``, in order.
    parameters
        Added to the kernel command line, for instance ``pci=realloc``.
    pciehp
        Hotplug by the port itself; otherwise through ACPI, QEMU's default on q35.
    preset
        Registers that firmware wrote.
    prepare
        Shell script for the guest, before the plugs.
    disks
        Names of drives of ``DISK_SIZE`` bytes, empty and raw, for ``drive=NAME`` of a device.
    """

    name: str
    devices: tuple[str, ...] = ()
    objects: tuple[str, ...] = ()
    firmware: str = "qboot"
    memory: str = "512M"
    parameters: str = ""
    pciehp: bool = True
    preset: tuple[RegisterWrite, ...] = ()
    prepare: str = ""
    plugs: tuple[Plug, ...] = ()
    disks: tuple[str, ...] = ()

    def but(self, **changes: Any) -> Machine:
        """A copy with these fields changed."""
        return replace(self, **changes)


class GuestError(RuntimeError):
    """The guest did not do what was asked."""


class QemuCrashedError(GuestError):
    """QEMU itself was ended by a signal, as version 7.2 is now and then with nested conventional bridges."""


class Guest:
    """A running guest; a context manager that ends it.

    Parameters
    ----------
    preset
        Register writes done from outside before the guest's first instruction: the host plays firmware. ``None`` =
        those of the machine.
    """

    def __init__(self, machine: Machine, kernel: Kernel, preset: Sequence[RegisterWrite] | None = None) -> None:
        preset = machine.preset if preset is None else preset
        self.machine, self.kernel = machine, kernel
        self._scratch = tempfile.TemporaryDirectory(prefix="barplan-guest-")
        self.folder = Path(self._scratch.name)
        self.arguments = self._arguments(frozen=bool(preset))
        with (self.folder / "qemu.txt").open("wb") as output:
            self._process = subprocess.Popen(
                self.arguments, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT
            )
        self._number = 0
        self._deleted: set[str] = set()
        try:
            self._commands = self._connect("commands")
            self._answers = self._commands.makefile("rb")
            self._monitor = self._connect("monitor").makefile("rw")
            self._monitor.readline()
            self.qmp("qmp_capabilities")
            if preset:
                self._preset(preset)
                self.qmp("cont")
            self._line_starting("READY")
        except BaseException as error:
            with suppress(subprocess.TimeoutExpired):
                # A QEMU that crashes closes its sockets a moment before it is gone.
                self._process.wait(1)
            ended = self._process.returncode
            texts = [self._text("qemu.txt")[-2000:], self._text("console.txt")[-2000:]]
            self.close()
            status = f"QEMU's exit status: {ended}"
            kind = QemuCrashedError if ended in (-signal.SIGSEGV, -signal.SIGABRT) else GuestError
            raise kind("\n".join((f"{machine.name} did not boot: {error!r}", status, *texts))) from error

    def _arguments(self, *, frozen: bool) -> list[str]:
        machine = self.machine
        line = f"console=ttyS0 panic=-1 nokaslr log_buf_len=1M {machine.parameters}".strip()
        result = ["qemu-system-x86_64", "-machine", "q35,accel=tcg", "-cpu", "qemu64", "-m", machine.memory]
        result += ["-nodefaults", "-vga", "none", "-display", "none", "-no-reboot", *FIRMWARE[machine.firmware]]
        if machine.pciehp:
            result += ["-global", "ICH9-LPC.acpi-pci-hotplug-with-bridge-support=off"]
        result += ["-kernel", str(self.kernel.image), "-initrd", str(self.kernel.initramfs), "-append", line]
        for one in machine.objects:
            result += ["-object", one]
        for name in machine.disks:
            with (self.folder / f"{name}.img").open("wb") as image:
                image.truncate(DISK_SIZE)
            result += ["-drive", f"if=none,id={name},format=raw,file={self.folder}/{name}.img"]
        for one in machine.devices:
            result += ["-device", one]
        result += ["-chardev", f"file,id=console,path={self.folder}/console.txt", "-serial", "chardev:console"]
        result += ["-chardev", f"socket,id=commands,path={self.folder}/commands,server=on,wait=off"]
        result += ["-serial", "chardev:commands", "-qmp", f"unix:{self.folder}/monitor,server=on,wait=off"]
        if frozen:
            # -S: not one instruction before the registers are written. The log of qtest's dialogue goes nowhere.
            result += ["-S", "-qtest-log", "/dev/null", "-qtest", f"unix:{self.folder}/qtest,server=on,wait=off"]
        return result

    def _text(self, name: str) -> str:
        path = self.folder / name
        return path.read_text(errors="replace") if path.exists() else ""

    def _connect(self, name: str) -> socket.socket:
        def connected() -> socket.socket | None:
            if self._process.poll() is not None:
                raise GuestError("QEMU ended")
            one = socket.socket(socket.AF_UNIX)
            try:
                one.connect(str(self.folder / name))
            except OSError:
                one.close()
                return None
            one.settimeout(PATIENCE)
            return one

        return _wait(connected, 30.0, 0.02, f"QEMU's socket {name}")

    def _preset(self, writes: Sequence[RegisterWrite]) -> None:
        """Configuration cycles as firmware makes them: ports 0xcf8 and 0xcfc, from 0x100 on through ECAM."""
        stream = self._connect("qtest").makefile("rw")

        def say(command: str) -> None:
            stream.write(command + "\n")
            stream.flush()
            answer = stream.readline()
            if not answer.startswith("OK"):
                raise GuestError(f"qtest refused {command}: {answer.strip()}")

        for function, offset, width, value in [(HOST_BRIDGE, PCIEXBAR, 4, ECAM | 1), *writes]:
            _, bus, device, number = split_function_address(FunctionAddress(function))
            place = bus << 8 | device << 3 | number
            if offset >= 0x100:
                say(f"write{_SUFFIX[width]} {ECAM + (place << 12) + offset:#x} {value:#x}")
            else:
                say(f"outl 0xcf8 {0x8000_0000 | place << 8 | offset & 0xFC:#x}")
                say(f"out{_SUFFIX[width]} {0xCFC + (offset & 3):#x} {value:#x}")

    def _line_starting(self, start: str) -> str:
        while True:
            line = self._answers.readline()
            if not line:
                raise GuestError("the guest closed its command channel")
            text = line.decode(errors="replace").strip()
            if text.startswith(start):
                return text

    def run(self, script: str) -> str:
        """Output of a shell script run in the guest.

        Raises
        ------
        GuestError
            If its exit status is not 0, or the guest hangs.
        """
        self._number += 1
        encoded = base64.b64encode(script.encode()).decode()
        self._commands.sendall(f"{self._number} {encoded}\n".encode())
        self._line_starting(f"BEGIN {self._number}")
        lines = []
        while not (line := self._answers.readline().decode(errors="replace").strip()).startswith("END "):
            lines.append(line)
        output = gzip.decompress(base64.b64decode("".join(lines))).decode(errors="replace")
        if (status := line.split()[2]) != "0":
            raise GuestError(f"status {status} of {script}\n{output}")
        return output

    def restart(self, script: str) -> None:
        """Run a script that ends in a new start of the kernel, and wait for that.

        Raises
        ------
        GuestError
            If the script comes to its end, or the guest hangs.
        """
        self._number += 1
        encoded = base64.b64encode(script.encode()).decode()
        self._commands.sendall(f"{self._number} {encoded}\n".encode())
        while not (line := self._answers.readline().decode(errors="replace").strip()).startswith("READY"):
            if line.startswith("END ") or not line:
                raise GuestError(f"the kernel was not started anew by {script}")

    def qmp(self, command: str, **arguments: Any) -> Any:
        """Run one QMP command and return its answer."""
        self._monitor.write(json.dumps({"execute": command, "arguments": arguments}) + "\n")
        self._monitor.flush()
        while True:
            answer = json.loads(self._monitor.readline())
            if "event" in answer:
                if answer["event"] == "DEVICE_DELETED":
                    self._deleted.add(answer["data"].get("device", ""))
            elif "error" in answer:
                raise GuestError(f"{command} {arguments}: {answer['error']['desc']}")
            else:
                return answer["return"]

    def functions(self) -> set[str]:
        """Addresses of the functions the guest's kernel knows."""
        return set(self.run("ls /sys/bus/pci/devices").split())

    def plug(self, step: Plug) -> None:
        """Add or remove a device and wait until the kernel is done with it."""
        before = self.functions()
        if step.device is not None:
            self.qmp("device_add", **device_arguments(step.device))
            if "addr=0.0" in step.device or "addr=0." not in step.device:
                _wait(lambda: self.functions() - before or None, 60.0, 0.2, f"the new function of {step.device}")
        if step.remove is not None:
            if step.slot is not None and self.machine.pciehp:
                self.run(f"echo 0 > /sys/bus/pci/slots/{step.slot}/power")
            else:
                self.qmp("device_del", id=step.remove)

            def gone() -> bool | None:
                self.qmp("query-status")
                return True if step.remove in self._deleted else None

            _wait(gone, 60.0, 0.2, f"the end of {step.remove}")
        self.settle()

    def settle(self) -> None:
        """Wait until the kernel has logged nothing for a second."""
        self.run("n=-1; while m=$(dmesg | wc -l); [ $m != $n ]; do n=$m; sleep 1; done")

    def close(self) -> None:
        """End the guest."""
        if self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(10)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        self._scratch.cleanup()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def device_arguments(text: str) -> dict[str, str | int | bool]:
    """``-device`` syntax as QMP arguments: ``nvme,id=a,cmb_size_mb=64`` has a driver, a text and a number."""
    driver, *rest = text.split(",")
    result: dict[str, str | int | bool] = {"driver": driver}
    for item in rest:
        key, value = item.split("=", 1)
        typed: str | int | bool = value
        if value in ("on", "off") and key not in OF_THREE:
            typed = value == "on"
        elif value.isdigit() and key not in ("id", "bus", "addr", "serial"):
            typed = int(value)
        result[key] = typed
    return result


def _wait(look: Callable[[], _T | None], limit: float, pause: float, what: str) -> _T:
    end = time.monotonic() + limit
    while True:
        found = look()
        if found is not None:
            return found
        if time.monotonic() > end:
            raise GuestError(f"waited {limit:.0f} s for {what}")
        time.sleep(pause)
