"""The one entry point: whatever describes a machine becomes a topology.

Inputs are files, folders, archives, ``-`` for standard input, or nothing for the running machine; several
of them describe one machine.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TextIO

from models.errors import InputError
from models.sources.archive import FILE_LIMIT, is_archive, unpacked
from models.sources.assemble import assemble
from models.sources.detect import decode, is_topology_document, kinds_of, refusal
from models.sources.iomem import read_iomem
from models.sources.merge import merge
from models.sources.observation import Failure, Observation
from models.sources.unsupported import READABLE, Unsupported
from models.topology import Topology
from models.words import count

_DEVICES = Path("sys/bus/pci/devices")
_SKIPPED_STEMS = ("source", "readme", "license", "licence", "copying", "scenario")
_STANDARD_INPUT = "<stdin>"


@dataclass(slots=True)
class Reading:
    """A machine as read.

    Attributes
    ----------
    failures
        What kernel logs say they could not place or claim, in order.
    notes
        For the user: what was estimated, contradicted, left out or skipped.
    drivers_known
        Every function with BARs has a known driver (or is known to have none).
    kinds
        The kinds that were read: ``kernel log``, ``lspci``, ``sysfs``, ``iomem``, ``ioports``, ``topology document``.
    """

    topology: Topology
    observations: list[Observation] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    drivers_known: bool = False
    kinds: list[str] = field(default_factory=list)


def read_machine(inputs: Sequence[str | Path] = (), *, stdin: TextIO | None = None) -> Reading:
    """Read one machine from everything that describes it.

    Parameters
    ----------
    inputs
        Files, folders, archives, ``-``; empty = the running machine.
    stdin
        Where ``-`` is read from; standard input by default.

    Raises
    ------
    InputError
        If an input cannot be read, is of a refused form, or no machine comes of it.
    """
    if not inputs:
        return capture(Path("/"))
    gathered = _Gathered()
    for given in inputs:
        if str(given) == "-":
            gathered.take_text(_read_stream(stdin or sys.stdin), _STANDARD_INPUT, required=True)
        else:
            gathered.take_path(Path(given))
    return gathered.reading(" and ".join(_STANDARD_INPUT if str(given) == "-" else str(given) for given in inputs))


def capture(root: Path) -> Reading:
    """Read the running machine, or a tree copied from one, below ``root``.

    Raises
    ------
    InputError
        If there are no PCI functions.
    """
    if not (root / _DEVICES).is_dir():
        raise InputError(f"no {_DEVICES} in it; expected a running Linux or a copied tree", source=str(root))
    gathered = _Gathered()
    gathered.take_tree(root)
    return gathered.reading(str(root))


def _read_stream(stream: TextIO) -> str:
    buffer = getattr(stream, "buffer", None)
    if buffer is not None:
        return decode(buffer.read(), _STANDARD_INPUT)
    return decode(stream.read().encode("utf-8", errors="replace"), _STANDARD_INPUT)


class _Gathered:
    """Everything read so far, before it is merged."""

    def __init__(self) -> None:
        self.documents: list[tuple[str, str]] = []
        self.observations: list[Observation] = []
        self.notes: list[str] = []
        self.refused: list[tuple[str, Unsupported]] = []

    def take_path(self, path: Path) -> None:
        """Take a file, folder or archive the user named."""
        try:
            if path.is_dir():
                self.take_folder(path)
            elif not path.exists():
                raise InputError("no such file or folder", source=str(path))
            elif path.is_file() and is_archive(path):
                with unpacked(path) as folder:
                    self.take_folder(folder, shown=str(path))
            else:
                self.take_text(_read_file(path), str(path), required=True)
        except OSError as error:
            raise InputError(error.strerror or str(error), source=str(path)) from error

    def take_folder(self, folder: Path, *, shown: str | None = None) -> None:
        """Take a copied tree and every recognised text file directly in the folder (or in its only subfolder)."""
        shown = shown or str(folder)
        root = _root_of_tree(folder)
        if root is not None:
            self.take_tree(root)
            return
        before = len(self.observations) + len(self.documents)
        refused = len(self.refused)
        if (folder / _DEVICES).is_dir():
            self.take_tree(folder)
        entries = sorted(entry for entry in folder.iterdir() if not entry.name.startswith("."))
        skipped = []
        for path in (entry for entry in entries if entry.is_file()):
            if path.stem.lower() in _SKIPPED_STEMS or not self._take_file(path):
                skipped.append(path.name)
        if len(self.observations) + len(self.documents) == before and len(self.refused) == refused:
            folders = [entry for entry in entries if entry.is_dir()]
            if len(folders) == 1:
                self.take_folder(folders[0], shown=f"{shown}/{folders[0].name}")
                return
            raise InputError(f"nothing in the folder is readable; expected {READABLE}", source=shown)
        if skipped:
            self.notes.append(f"{shown}: skipped {', '.join(skipped)}")

    def _take_file(self, path: Path) -> bool:
        """Take a file of a folder if it is of a known kind."""
        try:
            return self.take_text(_read_file(path), path.name, required=False)
        except (InputError, OSError):
            return False

    def take_tree(self, root: Path) -> None:
        """Take sys/bus/pci and proc/iomem, proc/ioports below ``root``."""
        from models.sources.sysfs import read_sysfs

        self.observations.append(read_sysfs(root))
        for name in ("iomem", "ioports"):
            path = root / "proc" / name
            try:
                text = path.read_text(errors="replace")
            except OSError:
                self.notes.append(f"{path} is not readable: root windows and reserved ranges are less certain")
                continue
            observation = read_iomem(text, str(path))
            if observation.notes and not observation.ranges:
                observation.notes[:] = [f"{path}: the kernel hides addresses without root: run as root"]
            self.observations.append(observation)

    def take_text(self, text: str, source: str, *, required: bool) -> bool:
        """Take a text by every reader that recognises it; whether one did.

        Raises
        ------
        InputError
            If it is of no known form or a refused one, and was ``required``.
        """
        if is_topology_document(text):
            self.documents.append((text, source))
            return True
        kinds = kinds_of(text)
        for kind in kinds:
            self.observations.append(kind.read(text, source))
        if kinds:
            return True
        refused = refusal(text)
        if refused is not None:
            if required:
                raise InputError(refused.refusal, source=source)
            self.refused.append((source, refused))
        elif required:
            raise InputError(f"no form that barplan knows; expected {READABLE}", source=source)
        return False

    def reading(self, shown: str) -> Reading:
        """Merge and assemble what was taken.

        Raises
        ------
        InputError
            If there is no machine in it.
        """
        if self.documents:
            return self._document_reading(shown)
        if not self.observations and self.refused:
            source, form = self.refused[0]
            raise InputError(form.refusal, source=source if shown.endswith(source) else f"{shown}/{source}")
        merged = merge(self.observations)
        _require_machine(merged.observation, self.observations, shown)
        assembled = assemble(merged.observation)
        topology = assembled.topology
        return Reading(
            topology=topology,
            observations=self.observations,
            failures=list(merged.observation.failures),
            notes=[*self.notes, *merged.observation.notes, *assembled.notes],
            drivers_known=_drivers_known(topology),
            kinds=list(
                dict.fromkeys(kind for observation in self.observations for kind in observation.kind.split("+"))
            ),
        )

    def _document_reading(self, shown: str) -> Reading:
        from models.document import load_topology

        if len(self.documents) > 1 or self.observations:
            raise InputError("a topology document describes a machine alone; give no other input with it", source=shown)
        text, source = self.documents[0]
        topology = load_topology(text, source)
        return Reading(topology, notes=self.notes, drivers_known=_drivers_known(topology), kinds=["topology document"])


def _root_of_tree(folder: Path) -> Path | None:
    """The root of the tree whose sys or sys/bus/pci/devices the folder is; ``None`` = it is another folder."""
    folder = folder.absolute()
    for part in (Path("sys"), _DEVICES):
        root = folder.parents[len(part.parts) - 1] if len(folder.parents) >= len(part.parts) else folder
        if root / part == folder and (root / _DEVICES).is_dir():
            return root
    return None


def _read_file(path: Path) -> str:
    with path.open("rb") as stream:
        data = stream.read(FILE_LIMIT + 1)
    if len(data) > FILE_LIMIT:
        raise InputError(
            f"the file has more than {FILE_LIMIT >> 20} MiB; expected one machine's text", source=str(path)
        )
    if data[:2] == b"\x1f\x8b" or data[:6] == b"\xfd7zXZ\0" or data[:4] == b"\x28\xb5\x2f\xfd":
        raise InputError(
            "a compressed file; unpack it first (tar and zip archives are read as they are)", source=str(path)
        )
    return decode(data, str(path))


def _drivers_known(topology: Topology) -> bool:
    return all(function.driver_known for function, _ in topology.functions() if function.bars)


def _require_machine(merged: Observation, observations: list[Observation], shown: str) -> None:
    """Refuse what has nothing to place: no function, or none with a size or a bridge window."""
    if not merged.functions:
        kinds = ", ".join(dict.fromkeys(observation.kind for observation in observations)) or "text"
        raise InputError(
            f"no PCI function in it (read as {kinds}); expected a whole kernel log, lspci -vv text or sysfs",
            source=shown,
        )
    bars = [bar for function in merged.functions.values() for bar in function.bars.values()]
    if any(bar.size for bar in bars):
        return
    if any(bar.address is not None for bar in bars):
        raise InputError(
            "config hex without sizes: no BAR has a known size; run lspci -vv on the machine itself", source=shown
        )
    windows = [window for function in merged.functions.values() for window in function.windows.values()]
    if not any(window.range is not None for window in windows):
        raise InputError(
            f"{count(len(merged.functions), 'function')}, but no function with a BAR and no bridge window; "
            "run lspci -vv on the machine itself",
            source=shown,
        )
