"""Builds the kernel module for the running kernel, or for the headers somebody names, and loads it."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

SOURCE = Path(__file__).parents[1] / "module"
"""The module's source, which is part of the distribution."""

NAME = "barplan_place"
DEVICE = "/dev/barplan"


class BuildError(Exception):
    """The module cannot be built or loaded; one line says why."""


def sources() -> list[Path]:
    """The files that the module is built from."""
    return sorted(path for path in SOURCE.iterdir() if path.suffix in (".c", ".h") or path.name == "Makefile")


def headers_of_the_running_kernel() -> Path:
    """The folder in which ``make`` finds the running kernel's headers."""
    return Path("/lib/modules") / os.uname().release / "build"


def build_module(folder: Path, headers: Path | None = None, variables: tuple[str, ...] = ()) -> Path:
    """Build the module in ``folder`` and return the file to load.

    Parameters
    ----------
    headers
        The kernel's build folder; by default the running kernel's.
    variables
        More variables for make, ``NAME=VALUE``.

    Raises
    ------
    BuildError
        If headers, make or a compiler are missing, or the compiler fails.
    """
    headers = headers or headers_of_the_running_kernel()
    if not (headers / "Makefile").is_file():
        raise BuildError(f"no kernel headers in {headers}: install linux-headers-$(uname -r), or your system's like")
    if shutil.which("make") is None:
        raise BuildError("make is not installed")
    folder.mkdir(parents=True, exist_ok=True)
    for path in sources():
        shutil.copyfile(path, folder / path.name)
    done = subprocess.run(
        ["make", f"KDIR={headers.resolve()}", *variables],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "LC_ALL": "C"},
    )
    module = folder / f"{NAME}.ko"
    if done.returncode or not module.is_file():
        lines = [line for line in (done.stderr + done.stdout).splitlines() if "rror" in line] or ["make failed"]
        raise BuildError(f"the module was not built in {folder}: {lines[0].strip()}")
    return module


def load_module(module: Path) -> None:
    """Load a built module.

    Raises
    ------
    BuildError
        If the kernel refuses it, for instance for want of a signature under Secure Boot.
    """
    done = subprocess.run(["insmod", str(module)], capture_output=True, text=True, check=False)
    if done.returncode:
        why = done.stderr.strip().splitlines()[-1:] or ["insmod failed"]
        hint = "; under Secure Boot it has to be signed with a key that the machine trusts" if "Key" in why[0] else ""
        raise BuildError(f"the kernel does not take {module}: {why[0]}{hint}")
