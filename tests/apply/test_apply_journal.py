"""Journals: cut off, damaged, of another version, and what is done with them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from models.errors import InputError
from models.resources import FunctionAddress
from solver.apply.action import Action
from solver.apply.journal import FINISHED, FORMAT, Journal, last_journal
from solver.cli import main

BOOT = Path("/proc/sys/kernel/random/boot_id")
DRIVE = FunctionAddress("0000:99:00.0")
ACTIONS = (Action("unbind", 1, DRIVE), Action("transaction", 1, lines=("win 0000:00:01.0 mem - 0-fffff",)))


def test_a_journal_that_was_cut_off_in_the_middle_of_a_line(tmp_path: Path) -> None:
    actions = list(ACTIONS)
    journal = Journal.start(tmp_path, "this", "sha", actions)
    journal.begin(0, {"driver": "nvme"})
    journal.finish(0)
    with journal.path.open("ab") as file:
        file.write(b'{"begin":1')
    found = last_journal(tmp_path)
    assert found is not None
    assert (found.actions, found.begun[0]["driver"], found.done, found.end) == (actions, "nvme", {0}, None)
    found.note("gone on with")
    assert Journal.read(journal.path).done == {0}
    second = Journal.start(tmp_path, "this", "sha", actions)
    second.close(FINISHED)
    assert second.path.name == "000002.jsonl"
    assert Journal.read(second.path).end == FINISHED


def head(**other: Any) -> dict[str, Any]:
    """The first line of a journal of this start of the kernel."""
    actions = [action.document() for action in ACTIONS]
    boot = BOOT.read_text().strip()
    return {"format": FORMAT, "boot": boot, "topology_sha256": "sha", "actions": actions, "expected": [], **other}


def lines(*documents: object) -> bytes:
    return b"".join(json.dumps(document).encode() + b"\n" for document in documents)


DAMAGED = {
    "no text": b"\x80\xff\n",
    "no JSON": b"{]\n",
    "nested too deep": b"[" * 100_000 + b"\n",
    "no object": lines([1]),
    "another version": lines({"format": "barplan-journal/9"}),
    "no actions": lines({"format": FORMAT, "boot": "x", "topology_sha256": "x"}),
    "no such action": lines(head(actions=[{"do": "explode", "group": 1, "function": DRIVE}])),
    "an action of nobody": lines(head(actions=[{"do": "unbind", "group": 1}])),
    "a function that is none": lines(head(actions=[{"do": "unbind", "group": 1, "function": "../../x"}])),
    "a line that is none": lines(head(actions=[{"do": "transaction", "group": 1, "lines": ["bar\nwin"]}])),
    "a line that is no text": lines(head(actions=[{"do": "transaction", "group": 1, "lines": [1]}])),
    "a register that is none": lines(head(actions=[{"do": "transaction", "group": 1, "registers": [[DRIVE, None]]}])),
    "a number too high": lines(head(), {"begin": 7, "driver": "nvme"}),
    "a number that is none": lines(head(), {"begin": "0", "driver": "nvme"}),
    "nothing remembered": lines(head(), {"begin": 0}),
    "something else remembered": lines(head(), {"begin": 0, "driver": 5}),
    "a line in the middle": lines(head()) + b"xx\n" + lines({"begin": 0, "driver": "nvme"}),
    "no such end": lines(head(), {"end": "perhaps"}),
    "a record that is none": lines(head(), 5),
}


@pytest.mark.parametrize("what", DAMAGED)
@pytest.mark.parametrize("word", ["--undo", "--resume"])
def test_a_damaged_journal_is_one_line(what: str, word: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 0)
    path = tmp_path / "000001.jsonl"
    path.write_bytes(DAMAGED[what])
    result = CliRunner().invoke(main, ["apply", word, "--journal", str(tmp_path)])
    assert result.exit_code == 2
    assert result.stderr.startswith(f"barplan: {path}: ")
    assert result.stderr.count("\n") == 1
    assert path.read_bytes() == DAMAGED[what]


def test_a_sound_one_is_read(tmp_path: Path) -> None:
    """What the damaged ones are made of is a journal."""
    (tmp_path / "1.jsonl").write_bytes(lines(head(), {"begin": 0, "driver": None}, {"done": 0}))
    assert Journal.read(tmp_path / "1.jsonl").done == {0}


def test_a_first_line_that_was_cut_off_is_no_run(tmp_path: Path) -> None:
    """The process was killed while it wrote the plan of the run down: nothing had been begun."""
    (tmp_path / "000002.jsonl").write_text('{"format":"barplan-jour')
    (tmp_path / "000009.jsonl").mkdir()
    assert last_journal(tmp_path) is None
    first = Journal.start(tmp_path, "this", "sha", list(ACTIONS), ("bar 0000:99:00.0 0 - -",))
    assert first.path.name == "000010.jsonl"
    found = last_journal(tmp_path)
    assert found is not None
    assert (found.path, found.expected) == (first.path, ("bar 0000:99:00.0 0 - -",))


def test_there_is_no_end_before_there_is_an_action(tmp_path: Path) -> None:
    (tmp_path / "1.jsonl").write_bytes(lines(head(actions=[]), {"end": FINISHED}))
    assert Journal.read(tmp_path / "1.jsonl").end == FINISHED
    (tmp_path / "2.jsonl").write_bytes(lines(head(actions=[]), {"begin": 0}))
    with pytest.raises(InputError, match="damaged"):
        Journal.read(tmp_path / "2.jsonl")
