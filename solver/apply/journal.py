"""The journal of a run: JSON lines, each on disk before what it tells of is done."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from models.errors import InputError
from solver.apply.action import Action

FORMAT = "barplan-journal/1"
FINISHED, UNDONE = "finished", "undone"
"""Ends of a run: all of the plan, or nothing of it, is in place."""


@dataclass(slots=True)
class Journal:
    """What a run is to do and how far it is.

    Attributes
    ----------
    boot
        The start of the kernel that it belongs to; after another one there is nothing to undo.
    begun
        What was remembered when an action was begun, by the action's number.
    done
        Numbers of actions that are done.
    expected
        Where everything has to be once all is done (:func:`solver.apply.outcome.expected`).
    end
        :data:`FINISHED` or :data:`UNDONE`; ``None`` = the run was cut off, or could not be taken back.
    """

    path: Path
    boot: str
    topology_sha256: str
    actions: list[Action]
    begun: dict[int, dict[str, Any]] = field(default_factory=dict)
    done: set[int] = field(default_factory=set)
    expected: tuple[str, ...] = ()
    end: str | None = None
    _whole: int | None = None
    """Bytes of a file that was read up to its last whole line; what is behind goes before anything is added."""

    @classmethod
    def start(
        cls, folder: Path, boot: str, topology_sha256: str, actions: list[Action], expected: tuple[str, ...] = ()
    ) -> Journal:
        """A new journal in ``folder``, with its first line on disk."""
        number = 1 + max((int(path.stem) for path in folder.glob("[0-9]*.jsonl") if path.stem.isdigit()), default=0)
        journal = cls(folder / f"{number:06d}.jsonl", boot, topology_sha256, actions, expected=expected)
        documents = [action.document() for action in actions]
        head = {"format": FORMAT, "boot": boot, "topology_sha256": topology_sha256}
        journal._append({**head, "actions": documents, "expected": expected})
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        return journal

    @classmethod
    def read(cls, path: Path) -> Journal:
        """The journal in a file; a last line that was cut off counts as not written.

        Raises
        ------
        InputError
            If it is no journal of this version.
        """
        data = path.read_bytes()
        lines = data.split(b"\n")[:-1]
        try:
            head, *records = [json.loads(line) for line in lines]
            if head["format"] != FORMAT:
                raise InputError(f'expected "{FORMAT}", found {head["format"]!r}', source=str(path), where="format")
            actions = [Action.read(document) for document in head["actions"]]
            # A verify action is checked line by line, and so is this.
            expected = Action.read({"do": "verify", "group": 0, "lines": head["expected"]}).lines
            journal = cls(path, head["boot"], head["topology_sha256"], actions, expected=expected)
            for record in records:
                journal._check(record)
                journal._take(record)
            journal._whole = data.rfind(b"\n") + 1
        except InputError:
            raise
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            why = f"no {error} in it" if isinstance(error, KeyError) else str(error)
            raise InputError(
                f"no journal, or a damaged one ({why}); if nothing is to be taken back, move it away", source=str(path)
            ) from None
        return journal

    def begin(self, number: int, remembered: dict[str, Any]) -> None:
        """Say that an action is about to be done, and what has to be known to take it back."""
        self._append({"begin": number, **remembered})

    def finish(self, number: int) -> None:
        """Say that an action is done."""
        self._append({"done": number})

    def undo(self, number: int) -> None:
        """Say that an action was taken back."""
        self._append({"undone": number})

    def note(self, text: str) -> None:
        """Say what went wrong."""
        self._append({"note": text})

    def close(self, end: str) -> None:
        """Say how the run ended."""
        self._append({"end": end})

    def _check(self, record: dict[str, Any]) -> None:
        """See that a line that was read is of this journal's actions."""
        for key in ("begin", "done", "undone"):
            number = record.get(key)
            if key in record and not (type(number) is int and 0 <= number < len(self.actions)):
                raise ValueError(f"no action number {number!r}")
        if "begin" in record:
            self.actions[record["begin"]].check(record)
        if record.get("end", UNDONE) not in (FINISHED, UNDONE):
            raise ValueError(f"no end {record['end']!r}")

    def _take(self, record: dict[str, Any]) -> None:
        if "begin" in record:
            self.begun[record["begin"]] = record
        elif "done" in record:
            self.done.add(record["done"])
        elif "undone" in record:
            self.begun.pop(record["undone"], None)
            self.done.discard(record["undone"])
        elif "end" in record:
            self.end = record["end"]

    def _append(self, record: dict[str, Any]) -> None:
        with self.path.open("ab") as file:
            if self._whole is not None:
                file.truncate(self._whole)
                self._whole = None
            file.write(json.dumps(record, separators=(",", ":")).encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())
        self._take(record)


def last_journal(folder: Path) -> Journal | None:
    """The newest journal of the folder; where a first line was cut off, nothing had been begun."""
    paths = [path for path in folder.glob("[0-9]*.jsonl") if path.stem.isdigit() and path.is_file()]
    for path in sorted(paths, key=lambda path: int(path.stem), reverse=True):
        if b"\n" in path.read_bytes():
            return Journal.read(path)
    return None


@contextmanager
def only_one(folder: Path) -> Iterator[None]:
    """Keep every other run out of the folder meanwhile.

    Raises
    ------
    InputError
        If there is one, or the folder cannot be had.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        file = (folder / "lock").open("w")
    except OSError as error:
        who = "run as root, or name" if isinstance(error, PermissionError) else "name"
        raise InputError(f"{error.strerror}: {who} another folder", source=str(folder)) from None
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise InputError("another barplan apply is running", source=str(folder)) from None
        yield
