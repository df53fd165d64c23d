"""docs/map.md explains what stands in a map's legend, the keys of its page, and commands that exist."""

from __future__ import annotations

import re
import shlex
from html import unescape
from pathlib import Path

import click
import pytest

from models.mobility import mobility
from solver.cli import main
from solver.map import drawing
from solver.map.html import HINT
from solver.map.svg import LEGEND
from tests.map.shipped import planned

TEXT = (Path(__file__).resolve().parents[1] / "docs" / "map.md").read_text(encoding="utf-8")


def first_cells(heading: str) -> list[str]:
    """The first column of the table that begins with this title."""
    table = TEXT.partition(f"| {heading} |")[2].partition("\n\n")[0]
    return re.findall(r"^\| ([^|]+?) \|", table, re.MULTILINE)


def test_every_entry_of_the_legend_is_explained_in_its_order() -> None:
    assert first_cells("what you see") == [text for _, _, text in LEGEND]


def test_every_key_of_the_page_is_there() -> None:
    told = re.findall(r"`([^`]+)`", " ".join(first_cells("key")))
    assert told == [unescape(key) for key in re.findall(r"<kbd>(.*?)</kbd>", HINT)]


@pytest.mark.parametrize("command", re.findall(r"^barplan ([^#\n]+)", TEXT, re.MULTILINE))
def test_every_command_can_be_parsed(command: str) -> None:
    verb, *args = shlex.split(command)
    main.commands[verb].make_context(verb, args, parent=click.Context(main))


def test_the_functions_it_names_are_there_and_the_page_is_small() -> None:
    for name in re.findall(r"`(map_\w+)`", TEXT):
        assert callable(getattr(drawing, name))
    topology, plan = planned("server-500")
    assert len(drawing.map_html(topology, mobility(topology), plan).encode()) < 1_000_000
