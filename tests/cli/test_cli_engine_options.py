"""``--option`` and ``--weight``: choices of engines and costs of drivers from the command line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from models.document import dump_topology
from models.errors import InputError
from solver.cli.inputs import options_for
from tests.cli.conftest import Run
from tests.pitfalls import PITFALLS
from tests.topologies import bar, function, host, machine


def test_an_option_goes_to_the_engine_it_names_or_to_all_but_cp_sat() -> None:
    spelled = ("realloc=on", "linux-7:hpmmiosize=16M")
    assert options_for("linux-7", spelled) == {"realloc": "on", "hpmmiosize": "16M"}
    assert options_for("linux-6.1", spelled) == {"realloc": "on"}
    assert options_for("cp-sat", spelled) == {}


@pytest.mark.parametrize("text", ["realloc", "=on", "linux-5:realloc=on"])
def test_a_malformed_option_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="--option"):
        options_for("linux-6.1", (text,))


def test_an_option_of_an_engine_that_does_not_run_is_refused(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "p15.json"
    path.write_text(dump_topology(PITFALLS["P15"].build()), encoding="utf-8")
    result = run("solve", str(path), "--option", "linux-6.1:realloc=on")
    assert result.exit_code == 2
    assert result.stderr == (
        "barplan: --option: linux-6.1:realloc=on is for linux-6.1, but cp-sat runs; expected --engine linux-6.1\n"
    )
    assert run("solve", str(path), "--option", "realloc=on").exit_code == 2


def test_a_greedy_that_leaves_something_out_points_to_the_exact_engine(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "p1.json"
    path.write_text(dump_topology(PITFALLS["P1"].build()), encoding="utf-8")
    result = run("solve", str(path), "--engine", "linux-6.1")
    assert result.exit_code == 0
    assert result.stderr.startswith("barplan: linux-6.1 leaves out what may fit; --engine cp-sat finds a place")


def test_a_kernel_parameter_changes_what_the_greedy_does(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "p15.json"
    path.write_text(dump_topology(PITFALLS["P15"].build()), encoding="utf-8")

    def lost(*options: str) -> int:
        result = run("compare", str(path), "--engines", "linux-6.1", "--json", *options)
        return int(json.loads(result.stdout)["engines"][0]["measures"]["lost_bars"])

    assert lost("--option", "realloc=off") == 0
    assert lost("--option", "linux-6.1:realloc=on") == 1


def test_the_dearer_driver_stays_under_on_demand(run: Run, tmp_path: Path) -> None:
    """Two 1 MiB BARs in 4 MiB keep a 2 MiB one out; either may make room, and the weights say which."""
    two = host(
        function("00:01.0", bar(0, "1M", at=0x80000000), driver="one", class_code="010802"),
        function("00:02.0", bar(0, "1M", at=0x80200000), driver="two", class_code="020000"),
        function("00:03.0", bar(0, "2M")),
        mem=(0x80000000, 0x803FFFFF),
        pref=None,
        io=None,
    )
    path = tmp_path / "two.json"
    path.write_text(dump_topology(machine(two)), encoding="utf-8")

    def moved(weight: str) -> list[str]:
        result = run("solve", str(path), "--policy", "on-demand", "--json", "--weight", weight)
        assert result.exit_code == 0, result.output
        return [entry["function"] for entry in json.loads(result.stdout)["bars"] if entry["moved"]]

    assert moved("driver:one=5") == ["0000:00:02.0"]
    assert moved("0000:00:02.0=5") == ["0000:00:01.0"]
    assert moved("class:01=5") == ["0000:00:02.0"]
    assert moved("class:0200=5") == ["0000:00:01.0"]


def test_a_malformed_weight_is_refused(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "one.json"
    path.write_text(dump_topology(machine(function("00:01.0", bar()))), encoding="utf-8")
    result = run("solve", str(path), "--weight", "nvidia")
    assert result.exit_code == 2
    assert "--weight" in result.stderr
