"""The runner: one row per solve, resumed, with what went wrong told; the commands around it."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from benchmarks import runner
from benchmarks.__main__ import main
from benchmarks.families import make_all
from benchmarks.instances import Entry, Instance, shipped, write
from benchmarks.known_plans import known_row
from benchmarks.rows import Row, append_row, read_rows
from benchmarks.runner import Plan, complaints, engines_of, run, run_in_process
from benchmarks.solving import Task, cpu_model, run_task
from models.errors import InputError
from solver.levers import LEVERS

LIMIT = 30.0


def toy(name: str = "comb-3") -> Entry:
    return next(one for one in shipped() if one.name == f"toy/{name}")


def task(engine: str = "cp-sat", **changes: object) -> Task:
    return replace(Task(toy(), engine, 1, LIMIT), **changes)  # type: ignore[arg-type]


def test_a_process_of_its_own_says_what_a_solve_took() -> None:
    row = run_in_process(task(workers=1, memory_limit=6.0))
    assert (row.instance, row.family, row.bars, row.new, row.engine) == ("toy/comb-3", "toy", 4, 1, "cp-sat")
    assert (row.status, row.verdict, row.proved) == ("optimal", "legal", True)
    assert [tuple(one) for one in row.objectives] == [
        ("unplaced", 0, 0),
        ("moved_bars", 1, 1),
        ("windows_changed", 0, 0),
    ]
    assert row.measures["moved_bars"] == 1
    assert row.wall_seconds is not None
    assert row.cpu_seconds is not None
    assert row.process_seconds is not None
    assert 0 < row.wall_seconds < row.process_seconds
    assert row.peak_bytes is not None
    assert 10_000_000 < row.peak_bytes < 6 << 30
    assert {"barplan", "ortools", "python"} == set(row.versions)
    assert len(row.topology_sha256) == len(row.plan_sha256) == 64
    assert row.cores == len(os.sched_getaffinity(0))


def test_a_task_survives_its_text() -> None:
    one = task(levers_off="hulls", minimize="waste")
    assert Task.of_text(one.as_text()) == one


def test_a_task_asks_for_what_it_says() -> None:
    instance = toy().load()
    request = task(levers_off="gaps,hulls", minimize="waste", workers=3).request(instance)
    assert request.options == {"without": "gaps,hulls"}
    assert (request.minimize[1], request.workers, request.time_limit) == ("wasted_bytes", 3, LIMIT)
    assert task().request(instance).options == {}
    assert task().request(instance).minimize == instance.request.minimize


def test_what_an_engine_refuses_or_fails_in_is_in_the_row(monkeypatch: pytest.MonkeyPatch) -> None:
    assert run_task(task("textbook", minimize="moved_functions")).status == "refused"

    def broken(*_: object) -> None:
        raise ValueError("no such\nluck")

    monkeypatch.setattr("benchmarks.solving.any_engine", lambda name: broken)
    row = run_task(task())
    assert (row.status, row.failure, row.verdict) == ("failed", "ValueError: no such luck", "no plan")
    assert list(complaints([row])) == ["toy/comb-3 cp-sat seed 1: failed: ValueError: no such luck"]


def fake_rows(monkeypatch: pytest.MonkeyPatch) -> list[Task]:
    """Let tasks be run by nobody; the tasks that were asked for."""
    asked: list[Task] = []

    def instead(one: Task) -> Row:
        asked.append(one)
        policy, minimize = one.entry.asked()
        row = Row(one.entry.name, one.entry.family, 4, 1, one.engine, one.seed, ",".join(minimize), str(policy), 0, "")
        return replace(row, time_limit=one.time_limit, levers_off=one.levers_off, workers=one.workers)

    monkeypatch.setattr(runner, "run_in_process", instead)
    monkeypatch.setattr("benchmarks.best_known.read_table", dict)  # these rows know no machine
    return asked


def test_what_has_a_row_is_not_run_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = fake_rows(monkeypatch)
    entries = [toy("comb-3"), toy("comb-5")]
    plan = Plan(entries, ["cp-sat", "linux-7"], seeds=(1, 2), time_limits=(1.0, 2.0))
    steps = run(plan, tmp_path)
    next(steps), next(steps)
    rest = list(run(plan, tmp_path))
    assert len(rest) == 12 - 2
    assert len(asked) == len(set(asked)) == 12
    assert not list(run(plan, tmp_path))
    assert len(list(read_rows(tmp_path))) == 12


def test_seeds_are_for_engines_with_chance_and_levers_for_cp_sat(monkeypatch: pytest.MonkeyPatch) -> None:
    plan = Plan([toy()], ["cp-sat", "linux-7", "textbook"], seeds=(1, 2), without=("", "hulls"))
    found = [(one.engine, one.seed, one.levers_off) for one in plan.tasks()]
    assert found == [
        ("cp-sat", 1, ""), ("cp-sat", 1, "hulls"), ("cp-sat", 2, ""), ("cp-sat", 2, "hulls"),
        ("linux-7", 1, ""), ("textbook", 1, ""), ("textbook", 2, ""),
    ]  # fmt: skip
    only = Plan([toy()], ["cp-sat", "linux-7"], without=("hulls",))
    assert [(one.engine, one.levers_off) for one in only.tasks()] == [("cp-sat", "hulls")]


def test_a_solve_that_does_not_end_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runner, "_GRACE", 0.05)  # less than the start of a process
    row = run_in_process(task(time_limit=0.0))
    assert row.status == "killed"
    assert row.failure == "killed after 0.05 s"


def test_a_process_that_dies_is_a_row_too() -> None:
    row = run_in_process(task(memory_limit=0.01))
    assert row.status == "failed"
    assert row.failure.startswith("the process ended with ")
    assert list(complaints([row]))


def test_a_refused_plan_of_an_exact_engine_is_told() -> None:
    row = replace(run_task(task("linux-7")), verdict="refused", breaches=("disjoint: x",))
    assert not list(complaints([row]))
    assert list(complaints([replace(row, engine="textbook")])) == [
        "toy/comb-3 textbook seed 1: the checker refuses the plan: disjoint: x"
    ]


def test_an_engine_that_is_not_installed_is_left_out_and_told(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[str] = []
    monkeypatch.setattr(runner, "missing", lambda name: "not installed" if name.startswith("minizinc") else "")
    assert "minizinc-gecode" not in engines_of(None, told.append)
    assert "SKIPPED: minizinc-gecode: not installed" in told
    with pytest.raises(InputError, match="unknown engine 'nobody'"):
        engines_of("nobody", told.append)


def test_a_plan_that_a_generator_knows_is_checked_like_any_other() -> None:
    made = make_all("rack", seed=3, bars=40, new=4, goal="moves")
    assert made.known is not None
    row = known_row(Instance("rack/mine", made.topology, made.request, 3, {}), made.known, toy())
    assert (row.engine, row.status, row.verdict, row.measures["unplaced"]) == ("generator", "feasible", "legal", 0)


def test_a_processor_has_a_name(tmp_path: Path) -> None:
    path = tmp_path / "cpuinfo"
    path.write_text("processor\t: 0\nmodel name\t: Some CPU\n")
    assert cpu_model(path) == "Some CPU"
    assert cpu_model(tmp_path / "none")


# -- commands -----------------------------------------------------------------------------------------------------


def test_the_command_runs_and_resumes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = fake_rows(monkeypatch)
    arguments = ["run", "--family", "toy", "--only", "toy/comb-*", "--engine", "linux-7", "-o", str(tmp_path)]
    first, second = (CliRunner().invoke(main, arguments) for _ in range(2))
    assert (first.exit_code, second.exit_code) == (0, 0)
    assert [one.entry.name for one in asked] == ["toy/comb-3", "toy/comb-5"]
    assert first.stdout.startswith("toy/comb-3 linux-7 seed 1: ")
    assert second.stdout == ""


def test_a_contradiction_ends_with_exit_code_1(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        runner, "run_in_process", lambda one: replace(run_task(one), status="infeasible", verdict="no plan")
    )
    arguments = ["run", "--only", "toy/comb-3", "--engine", "linux-7", "-o", str(tmp_path)]
    run_ = CliRunner().invoke(main, arguments)
    assert run_.exit_code == 1
    assert "infeasible, although" in run_.stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--engine", "nobody"], "unknown engine 'nobody'"),
        (["--family", "rock"], "unknown family 'rock'"),
        (["--seeds", "1,x"], "expected whole numbers"),
        (["--time-limit", "soon"], "expected seconds"),
        (["--only", "toy/comb-3", "--engine", "cp-sat", "--without", "luck"], "unknown lever 'luck'"),
        (["--family", "corpus", "--corpus", "/nowhere"], "no such folder"),
    ],
)
def test_bad_options_are_refused_in_one_line(arguments: list[str], words: str, tmp_path: Path) -> None:
    found = CliRunner().invoke(main, ["run", *arguments, "-o", str(tmp_path / "x")])
    assert found.exit_code == 2
    assert words in found.stderr
    assert len(found.stderr.splitlines()) == 1


def test_make_writes_what_is_shipped_and_tells_what_would_change(tmp_path: Path) -> None:
    for arguments in ([], ["--check"]):
        made = CliRunner().invoke(main, ["make", "--family", "toy", "-o", str(tmp_path), *arguments])
        assert made.exit_code == 0
    assert [one.name for one in shipped(tmp_path)] == [one.name for one in shipped() if one.family == "toy"]
    path = tmp_path / "toy" / "comb-3.json"
    path.write_text(path.read_text().replace('"machine": "', '"machine": "another '))
    made = CliRunner().invoke(main, ["make", "--family", "toy", "-o", str(tmp_path), "--check"])
    assert made.exit_code == 1
    assert "toy/comb-3 would change" in made.stderr


def test_a_folder_of_instances_of_ones_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = fake_rows(monkeypatch)
    made = make_all("toy", seed=9, kind="comb", size=4)
    write(Instance("toy/mine", made.topology, made.request, 9, {"kind": "comb", "size": 4}), tmp_path / "i")
    arguments = ["--instances", str(tmp_path / "i"), "--engine", "cp-sat"]
    levers = ["--without", "shapes, floors", "--without", "none"]
    done = CliRunner().invoke(main, ["run", *arguments, *levers, "-o", str(tmp_path / "o")])
    assert done.exit_code == 0
    assert [(one.entry.name, one.levers_off) for one in asked] == [("toy/mine", "floors,shapes"), ("toy/mine", "")]
    lines = (tmp_path / "o" / "rows.jsonl").read_text().splitlines()
    assert [json.loads(line)["levers_off"] for line in lines] == ["floors,shapes", ""]


def test_rows_are_not_written_into_a_file(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_text("")
    done = CliRunner().invoke(main, ["run", "--only", "toy/comb-3", "--engine", "linux-7", "-o", str(path)])
    assert done.exit_code == 2
    assert "expected a folder" in done.stderr


def test_each_lever_is_switched_off_by_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = fake_rows(monkeypatch)
    arguments = ["run", "--only", "toy/comb-3", "--engine", "cp-sat,linux-7", "--without", "each"]
    assert CliRunner().invoke(main, [*arguments, "-o", str(tmp_path)]).exit_code == 0
    assert [one.levers_off for one in asked if one.engine == "cp-sat"] == ["", *LEVERS]
    assert [one.levers_off for one in asked if one.engine == "linux-7"] == [""]


def test_rows_of_an_earlier_run_are_compared(tmp_path: Path) -> None:
    append_row(tmp_path / "rows.jsonl", run_task(task("linux-7")))
    found = CliRunner().invoke(main, ["bks", str(tmp_path)])
    assert found.exit_code == 0
    assert "0 contradictions" in found.stdout
