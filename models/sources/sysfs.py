"""Reads /sys/bus/pci of the running machine, or of a copied tree: resources, configuration space, drivers, the tree."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

from models.errors import InputError
from models.resources import FunctionAddress, Size, parse_function_address
from models.sources.config_space import ConfigSpace, fill_from_registers, sizes_of_bits
from models.sources.observation import Observation, SeenBar, SeenFunction
from models.sources.sysfs_resource import (
    HIDDEN,
    Line,
    addresses_are_hidden,
    looks_like_sysfs_resource,
    read_sysfs_resource,
    resource_lines,
    take_place,
    take_resources,
)

__all__ = ["looks_like_sysfs_resource", "read_sysfs", "read_sysfs_resource"]

_DEVICES = Path("sys/bus/pci/devices")
_UNPRIVILEGED = 64
"""Bytes of configuration space that anyone may read."""


@dataclass(slots=True)
class _Findings:
    """What the notes are made of."""

    dangling: int = 0
    short_configs: int = 0
    long_configs: int = 0
    gone: int = 0
    forgotten: list[FunctionAddress] = field(default_factory=list)
    resources: list[list[Line]] = field(default_factory=list)

    def notes(self) -> list[str]:
        lines = []
        if addresses_are_hidden(self.resources):
            lines.append(HIDDEN)
        if self.short_configs and not self.long_configs:
            lines.append(
                "without root only 64 bytes of configuration space are readable: "
                "hotplug slots, Resizable BARs and Enhanced Allocation may be missing"
            )
        if self.dangling:
            lines.append(
                f"{self.dangling} entries of {_DEVICES} lead out of the tree or nowhere: copy sys/devices with it"
            )
        if self.gone:
            lines.append(f"{self.gone} functions read as all ones (powered down or gone)")
        if self.forgotten:
            lines.append(
                "BARs with a register and no size, given up by the kernel after it could not place them "
                "(its log has the sizes: give that as well): " + ", ".join(self.forgotten[:6])
            )
        return lines


def read_sysfs(root: Path) -> Observation:
    """Read sys/bus/pci/devices below ``root``; the device folders may be symbolic links or real folders.

    Raises
    ------
    InputError
        If there is no such folder.
    """
    devices = root / _DEVICES
    if not devices.is_dir():
        raise InputError(f"no {_DEVICES} in it; expected a running Linux or a copied tree", source=str(root))
    observation = Observation("sysfs", str(devices))
    observation.machine = _machine(root)
    observation.kernel = _text(root / "proc/sys/kernel/osrelease")
    findings = _Findings()
    inside = root.resolve()
    for folder in sorted(devices.iterdir()):
        try:
            address = parse_function_address(folder.name)
        except ValueError:
            continue
        if not folder.is_dir() or not folder.resolve().is_relative_to(inside):
            findings.dangling += 1
            continue
        _read_function(observation, observation.function(address), folder, findings)
    _name_drivers(observation, devices)
    observation.notes += findings.notes()
    return observation


def _read_function(observation: Observation, function: SeenFunction, folder: Path, findings: _Findings) -> None:
    config = ConfigSpace(_bytes(folder / "config"))
    _count_config(config, findings)
    vendor, device, code = (_number(folder / name) for name in ("vendor", "device", "class"))
    if vendor is not None and device is not None:
        function.id = f"{vendor:04x}:{device:04x}"
    if code is not None:
        function.class_code = f"{code:06x}"
    function.virtual = True if _is_there(folder / "physfn") else None
    if config.responds:
        function.header = config.header
    function.secondary = _number(folder / "secondary_bus_number", base=10)
    function.subordinate = _number(folder / "subordinate_bus_number", base=10)
    take_place(observation, function, str(folder.resolve() if folder.is_symlink() else folder.absolute()))
    lines = resource_lines(_text(folder / "resource") or "")
    findings.resources.append(lines)
    take_resources(function, lines, total_vfs=_total_vfs(folder, config))
    _take_vf_sizes(function, folder)
    if config.responds:
        _take_forgotten(function, config, findings)
        fill_from_registers(function, config)
        for bar in function.bars.values():
            if isinstance(bar.index, int):
                bar.enabled = config.decodes(bar.space)
    _take_resize_files(function, folder)


def _count_config(config: ConfigSpace, findings: _Findings) -> None:
    size = len(config.data)
    findings.short_configs += 0 < size <= _UNPRIVILEGED
    findings.long_configs += size > _UNPRIVILEGED
    findings.gone += size > 0 and not config.responds


def _total_vfs(folder: Path, config: ConfigSpace) -> int | None:
    """TotalVFs of the capability, which the kernel reserves for; a driver may lower what the file shows."""
    sriov = config.sriov() if config.responds else None
    if sriov is not None and sriov.total:
        return sriov.total
    return _number(folder / "sriov_totalvfs", base=10) or None


def _take_vf_sizes(function: SeenFunction, folder: Path) -> None:
    """Where VFs are enabled, one of them shows the size of an instance."""
    first = folder / "virtfn0" / "resource"
    if not any(str(index).startswith("vf") for index in function.bars) or not first.is_file():
        return
    virtual = SeenFunction(function.address)
    take_resources(virtual, resource_lines(_text(first) or ""))
    for number, instance in virtual.bars.items():
        block = function.bars.get(f"vf{number}")
        if block is not None and instance.size and block.size != instance.size:
            whole = (block.size or 0) * (block.copies or 0)
            block.copies = whole // instance.size if whole else block.copies
            block.size = instance.size


def _take_forgotten(function: SeenFunction, config: ConfigSpace, findings: _Findings) -> None:
    """Add BARs whose registers are there although the kernel shows nothing: it gave up on placing them."""
    if function.virtual or config.class_code.startswith("0600"):
        return
    forgotten = [bar for index, bar in config.bars().items() if isinstance(index, int) and index not in function.bars]
    for bar in forgotten:
        function.bars[bar.index] = SeenBar(
            bar.index, bar.space, None, bar.width, bar.prefetchable, assigned=False, enabled=bar.enabled
        )
    if forgotten:
        findings.forgotten.append(function.address)


def _take_resize_files(function: SeenFunction, folder: Path) -> None:
    """``resourceN_resize`` shows the sizes a BAR supports (Linux 5.19 and later), as bits from 1 MiB on."""
    for index, bar in function.bars.items():
        if isinstance(index, int) and not bar.sizes:
            bits = _number(folder / f"resource{index}_resize", base=16)
            bar.sizes = sizes_of_bits(bits) if bits else ()


def _name_drivers(observation: Observation, devices: Path) -> None:
    """Bound drivers: from the ``driver`` link, or from ``uevent`` in trees copied without links."""
    links = {address: devices / address / "driver" for address in observation.functions}
    events = {address: _text(devices / address / "uevent") for address in observation.functions}
    linked = any(link.is_symlink() for link in links.values())
    for address, function in observation.functions.items():
        event = events[address]
        named = re.search(r"^DRIVER=(\S+)", event, re.MULTILINE) if event else None
        if links[address].is_symlink():
            function.driver = links[address].readlink().name
        elif named is not None:
            function.driver = named[1]
        function.driver_known = linked or event is not None
    observation.names_drivers = any(function.driver_known for function in observation.functions.values())


def _machine(root: Path) -> str | None:
    folder = root / "sys/class/dmi/id"
    words = [_text(folder / name) for name in ("sys_vendor", "product_name")]
    return " ".join(word.strip() for word in words if word and word.strip()) or None


def _is_there(path: Path) -> bool:
    return path.is_symlink() or path.exists()


def _text(path: Path) -> str | None:
    try:
        return path.read_text(errors="replace").rstrip("\n")
    except OSError:
        return None


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""


def _number(path: Path, *, base: int = 0) -> Size | None:
    text = _text(path)
    try:
        return int(text, base) if text else None
    except ValueError:
        return None
