"""The kernel module and two tools for the guests: headers fetched and unpacked, nothing installed.

``prepared`` returns a kernel whose initramfs also holds the module, setpci, a tool that reads and writes device memory,
one that starts the kernel anew, and if asked the kernel itself; it is the usual one with a second archive behind it.
"""

from __future__ import annotations

import gzip
import re
import shutil
from dataclasses import replace
from pathlib import Path

from solver.apply.building import NAME, build_module
from solver.apply.building import sources as module_sources
from tests.kernel.debian import Kernel, _run, default_root
from tests.kernel.initramfs import SCRIPTS, module_files, newc_archive, unpacked_module

TOOLS = ("mmio", "kexec")
FILE_SYSTEM = ("ext4", "crc32c_generic")
"""Modules for a file system on a disk, loaded by ``/opt/file-system``."""


def why_not_buildable(kernel: Kernel, root: Path | None = None) -> str | None:
    """What is missing before the module can be built for this kernel, or ``None``."""
    if not _build_folder(root or default_root(), kernel.release).is_dir():
        return "no kernel headers: run python -m tests.kernel setup --module"
    missing = [tool for tool in ("make", "gcc", "strip", "setpci") if shutil.which(tool) is None]
    return f"{', '.join(missing)} not found" if missing else None


def fetch_headers(kernel: Kernel, root: Path | None = None) -> None:
    """Download and unpack what modules for this kernel are built with.

    Raises
    ------
    RuntimeError
        If a package cannot be had.
    """
    root = root or default_root()
    headers = root / "headers" / kernel.release
    if headers.is_dir():
        return
    first = f"linux-headers-{kernel.release}"
    needs = re.findall(r"Depends: (linux-(?:headers|kbuild)-\S+)", _run("apt-cache", "depends", first))
    packages = root / "packages"
    packages.mkdir(parents=True, exist_ok=True)
    unpacked = headers.with_name(headers.name + ".unpacking")
    shutil.rmtree(unpacked, ignore_errors=True)
    unpacked.mkdir(parents=True)
    for package in (first, *needs):
        if not list(packages.glob(f"{package}_*.deb")):
            _run("apt-get", "download", package, cwd=packages)
        (deb,) = packages.glob(f"{package}_*.deb")
        _run("dpkg-deb", "-x", str(deb), str(unpacked))
    for name in ("Makefile", ".kernelvariables"):
        path = _in(unpacked, kernel.release) / name
        text = path.read_text()
        path.write_text(re.sub(r"(^|[ =])/usr/(src|lib)/", rf"\1{headers}/usr/\2/", text, flags=re.MULTILINE))
    unpacked.rename(headers)


def prepared(kernel: Kernel, root: Path | None = None, *, with_kernel: bool = False) -> Kernel:
    """The kernel with an initramfs that holds the module and the tools; built again where a source is newer."""
    root = root or default_root()
    output = root / f"initramfs-apply-{'kexec-' if with_kernel else ''}{kernel.release}.gz"
    sources = [
        Path(__file__),
        *module_sources(),
        kernel.initramfs,
        *(SCRIPTS / f"{tool}.c" for tool in TOOLS),
    ]
    if not output.exists() or any(path.stat().st_mtime > output.stat().st_mtime for path in sources):
        folder = root / "module" / kernel.release
        module = build_module(folder, _build_folder(root, kernel.release), ("CONFIG_DEBUG_INFO_BTF_MODULES=",))
        _run("strip", "--strip-debug", str(module))
        files = {f"opt/{NAME}.ko": (module.read_bytes(), 0o644)}
        for tool in TOOLS:
            program = folder / tool
            _run("gcc", "-O2", "-static", "-o", str(program), str(SCRIPTS / f"{tool}.c"))
            _run("strip", str(program))
            files[f"bin/{tool}"] = (program.read_bytes(), 0o755)
        setpci = shutil.which("setpci")
        assert setpci is not None
        files["bin/setpci"] = (Path(setpci).read_bytes(), 0o755)
        if with_kernel:
            files[f"boot/vmlinuz-{kernel.release}"] = (kernel.image.read_bytes(), 0o644)
        load = []
        for path in module_files(kernel.image.parents[1], kernel.release, FILE_SYSTEM):
            name, content = unpacked_module(path)
            files[name] = content
            load.append(f"insmod /{name}\n")
        files["opt/file-system"] = ("".join(load).encode(), 0o755)
        unfinished = output.with_suffix(".part")
        # The kernel unpacks archives that stand one behind the other.
        unfinished.write_bytes(kernel.initramfs.read_bytes() + gzip.compress(newc_archive(files), mtime=0))
        unfinished.rename(output)
    return replace(kernel, initramfs=output)


def _build_folder(root: Path, release: str) -> Path:
    return _in(root / "headers" / release, release)


def _in(unpacked: Path, release: str) -> Path:
    return unpacked / "usr" / "src" / f"linux-headers-{release}"
