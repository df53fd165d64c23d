"""The guest's root file system: busybox, lspci, a few modules and the scripts in ``in_guest``."""

from __future__ import annotations

import gzip
import lzma
import re
import subprocess
from pathlib import Path

SCRIPTS = Path(__file__).parent / "in_guest"
MODULES = ("virtio_pci", "virtio_net", "ahci", "uio_pci_generic", "vfio_pci")
"""Drivers that are no part of the kernel image; nvme, pciehp and acpiphp are."""


def build_initramfs(tree: Path, release: str, busybox: Path, output: Path) -> None:
    """Write a gzipped newc archive that boots the kernel unpacked in ``tree``."""
    files: dict[str, tuple[bytes, int]] = {"bin/busybox": (busybox.read_bytes(), 0o755)}
    files["init"] = ((SCRIPTS / "init").read_bytes(), 0o755)
    files["serve"] = ((SCRIPTS / "serve").read_bytes(), 0o755)
    files["bin/functions"] = ((SCRIPTS / "functions").read_bytes(), 0o755)
    for program in ("lspci",):
        path = _which(program)
        files[f"bin/{program}"] = (path.read_bytes(), 0o755)
        for library in _libraries(path):
            files[str(library).lstrip("/")] = (library.resolve().read_bytes(), 0o755)
    names = Path("/usr/share/misc/pci.ids")
    if names.exists():
        files["usr/share/misc/pci.ids"] = (names.read_bytes(), 0o644)
    loaded = []
    for path in module_files(tree, release):
        name, content = unpacked_module(path)
        files[name] = content
        loaded.append("/" + name)
    files["etc/modules"] = (("\n".join(loaded) + "\n").encode(), 0o644)
    archive = newc_archive(files)
    unfinished = output.with_suffix(".part")
    unfinished.write_bytes(gzip.compress(archive, compresslevel=6, mtime=0))
    unfinished.rename(output)


def newc_archive(files: dict[str, tuple[bytes, int]]) -> bytes:
    """A cpio archive in the newc format with these files (content, permissions) and the folders they need."""
    folders = sorted({str(parent) for name in files for parent in Path(name).parents} - {"."})
    entries = [(name, b"", 0o040755) for name in folders]
    entries += [(name, content, 0o100000 | mode) for name, (content, mode) in sorted(files.items())]
    entries.append(("TRAILER!!!", b"", 0))
    result = bytearray()
    for number, (name, content, mode) in enumerate(entries, start=1):
        encoded = name.encode() + b"\0"
        # Fields: inode, mode, uid, gid, links, mtime, size, device and rdevice numbers, name size, checksum.
        fields = (number, mode, 0, 0, 1, 0, len(content), 0, 0, 0, 0, len(encoded), 0)
        result += b"070701" + b"".join(b"%08X" % field for field in fields) + encoded
        result += bytes(-len(result) % 4) + content
        result += bytes(-len(result) % 4)
    return bytes(result)


def unpacked_module(path: Path) -> tuple[str, tuple[bytes, int]]:
    """Where a module goes in the archive, and what goes there."""
    content = lzma.decompress(path.read_bytes()) if path.suffix == ".xz" else path.read_bytes()
    return "modules/" + path.name.removesuffix(".xz"), (content, 0o644)


def module_files(tree: Path, release: str, wanted: tuple[str, ...] = MODULES) -> list[Path]:
    """The files of these modules with what they depend on, in loading order; what is built in has none."""
    folder = tree / "lib" / "modules" / release
    if not folder.is_dir():
        folder = tree / "usr" / "lib" / "modules" / release
    subprocess.run(["depmod", "-b", str(folder.parents[2]), release], check=True, capture_output=True)
    text = (folder / "modules.dep").read_text()
    needs = {left: right.split() for left, right in (line.split(":", 1) for line in text.splitlines())}
    by_name = {re.sub(r"\.ko.*", "", Path(name).name).replace("-", "_"): name for name in needs}
    order: list[str] = []
    for module in wanted:
        if module in by_name:
            name = by_name[module]
            order += [one for one in [*reversed(needs[name]), name] if one not in order]
    return [folder / name for name in order]


def _which(program: str) -> Path:
    found = subprocess.run(["which", program], capture_output=True, text=True, check=True).stdout.strip()
    return Path(found)


def _libraries(program: Path) -> list[Path]:
    listed = subprocess.run(["ldd", str(program)], capture_output=True, text=True, check=True).stdout
    return [Path(path) for path in re.findall(r"(/\S+) \(0x", listed)]
