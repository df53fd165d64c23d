"""``barplan apply`` itself, typed in a guest: its initramfs holds this interpreter and both packages."""

from __future__ import annotations

import gzip
import sys
import sysconfig
from collections.abc import Iterator
from dataclasses import replace
from importlib import metadata
from pathlib import Path

from models.document import dump_plan, dump_topology
from models.plan import Plan
from models.topology import Topology
from tests.kernel.debian import Kernel, default_root
from tests.kernel.guest import Guest
from tests.kernel.initramfs import _libraries, newc_archive
from tests.kernel.module import prepared

ROOT = Path(__file__).resolve().parents[2]
NEEDED = ("click", "pydantic", "pydantic_core", "annotated_types", "typing_extensions", "typing_inspection")
"""What ``apply`` imports beside both packages and the standard library."""

LEFT_OUT = ("test", "idlelib", "tkinter", "ensurepip", "lib2to3", "site-packages", "dist-packages", "turtledemo")
BARPLAN = "PYTHONPATH=/opt/barplan PYTHONDONTWRITEBYTECODE=1 {0} -c 'from solver.cli import main; main()'"


def with_barplan(kernel: Kernel) -> Kernel:
    """The kernel with an initramfs in which barplan can be typed."""
    kernel = prepared(kernel)
    files: dict[str, tuple[bytes, int]] = {}
    for path, name in _files():
        files[name] = (path.read_bytes(), path.stat().st_mode & 0o777)
    output = default_root() / f"initramfs-command-{kernel.release}.gz"
    unfinished = output.with_suffix(".part")
    unfinished.write_bytes(kernel.initramfs.read_bytes() + gzip.compress(newc_archive(files), compresslevel=1, mtime=0))
    unfinished.rename(output)
    return replace(kernel, initramfs=output)


def _files() -> Iterator[tuple[Path, str]]:
    """Files and where they go: the interpreter where it is here, the packages in ``/opt/barplan``."""
    program = interpreter()
    library = Path(sysconfig.get_path("stdlib"))
    yield program, str(program).lstrip("/")
    programs = [program]
    for path in library.rglob("*"):
        inside = path.relative_to(library)
        wanted = path.suffix in (".py", ".so") and not set(inside.parts) & {*LEFT_OUT, "__pycache__"}
        if wanted and path.is_file():
            yield path, str(path).lstrip("/")
            if path.suffix == ".so" and inside.name.startswith(
                ("_json", "_hashlib", "_struct", "math", "select", "fcntl")
            ):
                programs.append(path)
    for package in ("models", "solver"):
        for path in (ROOT / package).rglob("*"):
            if path.is_file() and "__pycache__" not in path.parts:
                yield path, f"opt/barplan/{path.relative_to(ROOT)}"
    for name in NEEDED:
        for entry in metadata.files(name) or ():
            located = Path(str(entry.locate()))
            if located.suffix in (".py", ".so") and located.is_file():
                yield located, f"opt/barplan/{entry}"
                if located.suffix == ".so":
                    programs.append(located)
    for library_file in {one for program in programs for one in _libraries(program)}:
        yield library_file.resolve(), str(library_file).lstrip("/")


def interpreter() -> Path:
    """The interpreter that runs this, without its environment."""
    return Path(sys.executable).resolve()


def type_in(guest: Guest, words: str, *, more: str = "") -> tuple[int, str]:
    """Run one command of barplan in the guest; its exit code and everything it prints."""
    output = guest.run(f'{BARPLAN.format(interpreter())} {words} 2>&1 {more}; echo "exit $?"')
    text, _, code = output.rpartition("exit ")
    return int(code), text


def put_documents(guest: Guest, topology: Topology, plan: Plan) -> None:
    """Write ``/tmp/machine.json`` and ``/tmp/plan.json`` in the guest."""
    for name, text in (("machine", dump_topology(topology)), ("plan", dump_plan(plan))):
        guest.run(f"cat >/tmp/{name}.json <<'END OF DOCUMENT'\n{text}END OF DOCUMENT\n")
