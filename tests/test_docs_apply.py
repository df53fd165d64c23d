"""docs/apply.md does not rot: its tables are the records, its commands can be parsed.

``python -m tests.test_docs_apply`` writes the tables anew.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable
from pathlib import Path

import click
import pytest

from solver.cli import main
from tests.kernel.apply_table import comparison, data, faults, verdicts

PATH = Path(__file__).resolve().parents[1] / "docs" / "apply.md"
TABLES = {"comparison": comparison, "data": data, "faults": faults, "referee": verdicts}


def between(text: str, name: str) -> str:
    """What stands between the marks of this name."""
    match = re.search(rf"<!-- {name} -->\n(.*?)<!-- end -->", text, re.DOTALL)
    assert match is not None
    return match[1]


def table(lines: Iterable[str]) -> str:
    return "".join(f"{line}\n" for line in lines)


@pytest.mark.parametrize("name", TABLES)
def test_the_table_is_what_the_records_say(name: str) -> None:
    assert between(PATH.read_text(encoding="utf-8"), name) == table(TABLES[name]())


def test_every_command_can_be_parsed() -> None:
    (block,) = re.findall(r"^```sh\n(.*?)^```$", PATH.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    commands = [words for line in block.splitlines() if "barplan" in (words := shlex.split(line, comments=True))]
    assert len(commands) >= 5
    for words in commands:
        verb, *arguments = words[words.index("barplan") + 1 :]
        main.commands[verb].make_context(verb, arguments, parent=click.Context(main))


def renew() -> None:
    """Put the records' tables between the marks."""
    text = PATH.read_text(encoding="utf-8")
    for name, lines in TABLES.items():
        text = text.replace(f"<!-- {name} -->\n{between(text, name)}", f"<!-- {name} -->\n{table(lines())}")
    PATH.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    renew()
