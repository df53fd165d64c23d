"""``--domain``, ``--under`` and ``--keep-root-bus`` on the verbs that solve."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.cli.conftest import Run, endpoint

Save = Callable[..., str]
Machine = dict[str, Any]


@pytest.fixture
def bounded(machine: Machine) -> Machine:
    """The new BAR has 512 MiB free around its port if the 256 MiB BAR of another port gives way."""
    return machine


def test_what_is_outside_is_in_the_way_and_solve_says_so(run: Run, save: Save, bounded: Machine) -> None:
    file = save(bounded)
    assert run("solve", file).exit_code == 0
    result = run("solve", file, "--under", "0000:00:03.0", "-v")
    assert result.exit_code == 3
    assert "stays: outside --under 0000:00:03.0" in result.stdout


def test_what_lacks_an_address_outside_is_said_and_no_failure(run: Run, save: Save, bounded: Machine) -> None:
    result = run("solve", save(bounded), "--under", "0000:00:02.0")
    assert result.exit_code == 0
    assert "1 BAR outside of --under 0000:00:02.0 has no address and gets none" in result.stdout
    assert result.stderr == ""


def test_a_plan_within_bounds_passes_the_checker_with_them(run: Run, save: Save, bounded: Machine) -> None:
    file = save(bounded)
    wide = save(run("solve", file, "--json").stdout, "wide.json")
    assert run("check", file, "--plan", wide).exit_code == 0
    refused = run("check", file, "--plan", wide, "--under", "0000:00:03.0")
    assert refused.exit_code == 5
    assert "0000:00:02.0 pref window may not change" in refused.stdout


def test_explain_names_the_bound_that_keeps_a_bar(run: Run, save: Save, bounded: Machine) -> None:
    file = save(bounded)
    assert run("explain", file).exit_code == 0
    result = run("explain", file, "--under", "0000:00:03.0")
    assert result.exit_code == 3
    assert "as windows outside of --under 0000:00:03.0 stay" in result.stdout
    assert "1. change more than --under 0000:00:03.0 allows; 1 BAR moves" in result.stdout
    assert run("explain", file, "--under", "0000:00:02.0").exit_code == 0


def test_compare_says_which_engines_know_no_bounds(run: Run, save: Save, bounded: Machine) -> None:
    file = save(bounded)
    note = "linux-6.1 places the whole machine; --under 0000:00:03.0 bounds only what cp-sat changes"
    assert note in run("compare", file, "--under", "0000:00:03.0").stdout
    assert json.loads(run("compare", file, "--under", "0000:00:03.0", "--json").stdout)["notes"] == [note]
    assert "places the whole machine" not in run("compare", file).stdout


@pytest.mark.parametrize("verb", ["solve", "map"])
def test_a_plan_of_an_engine_that_knows_no_bounds_is_refused(run: Run, save: Save, bounded: Machine, verb: str) -> None:
    result = run(verb, save(bounded), "--engine", "linux-6.1", "--keep-root-bus")
    assert result.exit_code == 2
    assert result.stderr == "barplan: linux-6.1: places the whole machine; only cp-sat keeps to --keep-root-bus\n"


def test_keep_root_bus_and_domain(run: Run, save: Save, bounded: Machine) -> None:
    bounded["root_buses"][0]["functions"].append(endpoint("0000:00:04.0", None, "16M", "0x403f000000"))
    shown = json.loads(run("show", save(bounded), "--keep-root-bus", "--json").stdout)["immovable"]
    assert {"function": "0000:00:04.0", "index": 0, "why": "on the root bus (--keep-root-bus)"} in shown
    assert run("solve", save(bounded), "--domain", "0000", "--json").exit_code == 0
    assert "there is no domain '5'" in run("solve", save(bounded), "--domain", "5").stderr


def test_what_is_outside_cannot_be_freed(run: Run, save: Save, bounded: Machine) -> None:
    result = run("solve", save(bounded), "--under", "0000:00:03.0", "--free", "0000:02:00.0")
    assert result.exit_code == 2
    assert result.stderr == "barplan: --free: 0000:02:00.0 BAR 0 stays: outside --under 0000:00:03.0\n"
