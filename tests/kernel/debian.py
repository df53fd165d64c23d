"""Kernels from Debian packages: downloaded and unpacked in a folder of their own, nothing installed."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from tests.kernel.initramfs import SCRIPTS, build_initramfs

META_PACKAGES = {
    "6.1": "linux-image-cloud-amd64",
    "6.12": "linux-image-6.12-cloud-amd64",
}
"""Debian 12 package that names the newest kernel of each series; the cloud flavour boots fastest."""

TOOLS = ("qemu-system-x86_64", "lspci", "apt-get", "dpkg-deb", "depmod", "ldd")
TOOL_PACKAGES = (
    *("qemu-system-x86", "seabios", "ovmf", "pciutils", "pci.ids", "busybox-static", "kmod"),
    *("make", "gcc", "libc6-dev"),
)


INSTALL = ("install", "--yes", "--no-install-recommends")


@dataclass(frozen=True, slots=True)
class Kernel:
    """A bootable kernel: its series (``6.1``), release and files."""

    series: str
    release: str
    image: Path
    initramfs: Path


def default_root() -> Path:
    """Where kernels are kept: ``BARPLAN_KERNEL_ROOT``, or ``~/.cache/barplan-kernel``."""
    return Path(os.environ.get("BARPLAN_KERNEL_ROOT") or Path.home() / ".cache" / "barplan-kernel")


def kernels(root: Path | None = None) -> dict[str, Kernel]:
    """The kernels that are set up under ``root``, by series."""
    root = root or default_root()
    found = {}
    for image in sorted(root.glob("kernels/*/boot/vmlinuz-*")):
        release = image.name.removeprefix("vmlinuz-")
        initramfs = root / f"initramfs-{release}.gz"
        series = series_of(release)
        if initramfs.exists() and series in META_PACKAGES:
            found[series] = Kernel(series, release, image, initramfs)
    return found


def series_of(release: str) -> str:
    """``6.12`` of ``6.12.117+deb12-cloud-amd64``."""
    return ".".join(release.split(".")[:2])


def why_not_ready(root: Path | None = None) -> str | None:
    """What is missing before a guest can boot, or ``None``."""
    if shutil.which("qemu-system-x86_64") is None:
        return "qemu-system-x86_64 is not installed"
    if not kernels(root):
        return f"no kernel under {root or default_root()}: run python -m tests.kernel setup"
    return None


def set_up(root: Path | None = None, series: tuple[str, ...] = tuple(META_PACKAGES)) -> dict[str, Kernel]:
    """Download, unpack and make bootable one kernel of each series; what is there already is kept.

    Raises
    ------
    RuntimeError
        If a tool is missing or a package cannot be had.
    """
    root = root or default_root()
    missing = missing_tools()
    if missing:
        command = " ".join(("apt-get", *INSTALL, *TOOL_PACKAGES))
        raise RuntimeError(f"{', '.join(missing)} not found. Run: {command}, or setup --install")
    ready = kernels(root)
    for name in series:
        if name not in ready or _older(ready[name].initramfs):
            _set_up_one(root, META_PACKAGES[name])
    return kernels(root)


def missing_tools() -> list[str]:
    """Programs that are not installed."""
    return [tool for tool in (*TOOLS, "busybox") if shutil.which(tool) is None]


def install_tools() -> None:
    """Install QEMU and what else is missing with apt-get (as root)."""
    if missing_tools():
        _run("apt-get", "update")
        _run("apt-get", *INSTALL, *TOOL_PACKAGES)


def busybox() -> Path | None:
    """The statically linked busybox of this machine."""
    path = shutil.which("busybox")
    return Path(path) if path else None


def _older(initramfs: Path) -> bool:
    """Whether a script of the guest was changed since the initramfs was built."""
    built = initramfs.stat().st_mtime
    return any(script.stat().st_mtime > built for script in SCRIPTS.iterdir())


def _set_up_one(root: Path, meta: str) -> None:
    package = _image_package(meta)
    release = package.removeprefix("linux-image-")
    tree = root / "kernels" / package
    if not tree.is_dir():
        packages = root / "packages"
        packages.mkdir(parents=True, exist_ok=True)
        if not list(packages.glob(f"{package}_*.deb")):
            _run("apt-get", "download", package, cwd=packages)
        (deb,) = packages.glob(f"{package}_*.deb")
        unpacked = tree.with_suffix(".unpacking")
        shutil.rmtree(unpacked, ignore_errors=True)
        unpacked.mkdir(parents=True)
        _run("dpkg-deb", "-x", str(deb), str(unpacked))
        unpacked.rename(tree)
    static = busybox()
    assert static is not None
    build_initramfs(tree, release, static, root / f"initramfs-{release}.gz")


def _image_package(meta: str) -> str:
    """The kernel package that a meta package depends on."""
    depends = _run("apt-cache", "depends", meta)
    match = re.search(r"Depends: (linux-image-[0-9]\S+)", depends)
    if match is None:
        raise RuntimeError(f"apt-cache knows no {meta}: run apt-get update (Debian 12 is expected)")
    return match[1]


def _run(*command: str, cwd: Path | None = None) -> str:
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)}: {done.stderr.strip() or done.stdout.strip()}")
    return done.stdout
