"""docs/explain.md does not rot: its transcript is what comes out, and it names every kind of way.

``python -m tests.test_docs_explain`` writes the transcript anew.
"""

from __future__ import annotations

import contextlib
import re
import shlex
from pathlib import Path

from click.testing import CliRunner

from solver.cli import main
from solver.explanation.findings import WayKind

ROOT = Path(__file__).resolve().parents[1]
FILE = ROOT / "docs" / "explain.md"

WAYS = {
    WayKind.SCOPE: "scope",
    WayKind.RULE: "window rule",
    WayKind.POLICY: "policy",
    WayKind.PINS: "pins",
    WayKind.DRIVERS: "drivers",
    WayKind.OPTIONAL: "BARs that are not needed",
    WayKind.SIZES: "sizes",
    WayKind.COMBINED: "several of these together",
    WayKind.KERNEL: "kernel parameters",
    WayKind.WINDOW: "root windows",
    WayKind.LEAVE_OUT: "leave out",
}
"""The words of the table for each kind."""


def transcript(text: str) -> tuple[str, str]:
    """The command that is shown, and the output below it."""
    (block,) = re.findall(r"^```console\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    command, _, output = block.removeprefix("$ ").partition("\n")
    return command, output


def output_of(command: str) -> str:
    with contextlib.chdir(ROOT):
        return CliRunner().invoke(main, shlex.split(command)[1:], prog_name="barplan").stdout


def test_the_transcript_is_what_comes_out() -> None:
    command, shown = transcript(FILE.read_text(encoding="utf-8"))
    assert output_of(command).strip() == shown.strip()


def test_every_kind_of_way_stands_in_the_table_in_the_order_of_its_cost() -> None:
    table = FILE.read_text(encoding="utf-8").split("## The ways out")[1].split("## ")[0]
    rows = re.findall(r"^\| ([^|]+?) \|", table, re.MULTILINE)
    assert rows == ["way", *(WAYS[kind] for kind in WayKind)]


def test_every_kind_of_way_is_a_kind_of_the_document() -> None:
    text = (ROOT / "docs" / "format.md").read_text(encoding="utf-8").split("## `barplan-explanation/1`")[1]
    assert [kind for kind in re.findall(r"^\| `([a-z-]+)` \|", text, re.MULTILINE) if kind in set(WayKind)] == [
        *map(str, WayKind)
    ]


def rewrite() -> None:
    """Put what comes out today below the command."""
    text = FILE.read_text(encoding="utf-8")
    command, shown = transcript(text)
    new = f"```console\n$ {command}\n{output_of(command)}```"
    FILE.write_text(text.replace(f"```console\n$ {command}\n{shown}```", new), encoding="utf-8")


if __name__ == "__main__":
    rewrite()
