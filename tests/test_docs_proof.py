"""What the page about proofs names is there: every lever, and nothing that is none."""

from __future__ import annotations

import re
from pathlib import Path

from solver.levers import LEVERS, parse_without
from solver.request import PRESETS

PAGE = (Path(__file__).resolve().parents[1] / "docs" / "proof.md").read_text(encoding="utf-8")


def test_every_lever_is_on_the_page_and_no_other() -> None:
    named = set(re.findall(r"`([a-z]+)`", PAGE)) - set(PRESETS)
    assert named == set(LEVERS)


def test_the_option_it_names_takes_every_lever() -> None:
    assert "--option cp-sat:without=NAMES" in PAGE
    assert parse_without({"without": ",".join(LEVERS)}) == set(LEVERS)
