from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from tests.cli.conftest import Run

SAMPLES = Path(__file__).parents[2] / "samples"
HOTPLUG = str(SAMPLES / "qemu-hotplug-nospace" / "dmesg.txt")

DIFFERENT = """\
Linux version 6.1.0-made-up (someone@somewhere) #1 SMP
smpboot: two
PCI host bridge to bus 0000:00
pci_bus 0000:00: root bus resource [mem 0x80000000-0x8fffffff window]
pci_bus 0000:00: root bus resource [bus 00-1f]
pci 0000:00:02.0: [8086:0001] type 00 class 0x028000
pci 0000:00:02.0: reg 0x10: [mem 0x00000000-0x000fffff]
pci 0000:00:02.0: BAR 0: assigned [mem 0x80300000-0x803fffff]
"""


def test_the_kernels_outcome_stands_beside_each_engines(run: Run) -> None:
    result = run("replay", HOTPLUG, "--engines", "linux-6.1,linux-7")
    assert result.exit_code == 0
    stages = result.output.split("\n\n")[1:]
    assert [stage.split(" at line")[0] for stage in stages] == ["1. boot", "2. hot-add below 0000:40:00.0"]
    for stage in stages:
        rows = [line.split("  ")[1] for line in stage.splitlines()[2:5]]
        assert rows == ["kernel (log)", "linux-6.1", "linux-7"]


def test_the_engine_of_the_logs_kernel_runs_unless_others_are_named(run: Run) -> None:
    result = run("replay", HOTPLUG, "--json", "--time-limit", "5s")
    assert result.exit_code == 0
    document = json.loads(result.output)
    assert document["format"] == "barplan-replay/1"
    assert [[run["engine"] for run in stage["engines"]] for stage in document["stages"]] == [
        ["linux-6.1", "cp-sat"]
    ] * 2
    assert all(stage["engines"][0]["equal"] == stage["engines"][0]["compared"] > 0 for stage in document["stages"])


def test_the_first_difference_comes_with_the_rule_and_the_line_of_the_log(run: Run, save: Callable[..., str]) -> None:
    result = run("replay", save(DIFFERENT, "dmesg.txt"), "--engines", "linux-6.1")
    assert "First difference of linux-6.1: 0000:00:02.0 BAR 0: kernel 80300000, engine 80000000" in result.output
    assert "linux-6.1: placed, base 80000000, size 1M, alignment 1M, window root: " in result.output
    assert "log: line 8: assigned 80300000-803fffff [size=1M]" in result.output


def test_the_trace_has_the_same_fields_in_the_same_order(run: Run, save: Callable[..., str]) -> None:
    path = save(DIFFERENT, "dmesg.txt")
    result = run("replay", path, "--engines", "linux-6.1", "--trace")
    trace = result.output.split("Decisions of linux-6.1 (1)\n")[1].splitlines()
    assert trace[0].split() == ["what", "who", "base", "size", "alignment", "window", "why"]
    assert trace[1].split()[:7] == ["placed", "0000:00:02.0", "BAR", "0", "80000000", "1M", "1M"]
    document = json.loads(run("replay", path, "--engines", "linux-6.1", "--trace", "--json").output)
    (decision,) = document["stages"][0]["engines"][0]["decisions"]
    assert list(decision) == ["what", "who", "base", "size", "alignment", "window", "why"]


def test_standard_input_is_read(run: Run) -> None:
    result = run("replay", "-", "--engines", "linux-6.1", stdin=DIFFERENT)
    assert result.exit_code == 0
    assert result.output.startswith("<stdin>: Linux 6.1.0-made-up\n")


def test_a_boot_is_chosen(run: Run) -> None:
    twice = DIFFERENT + DIFFERENT.replace("6.1.0", "7.1.0")
    assert "Linux 6.1.0-made-up, boot 1 of 2" in run("replay", "-", "--boot", "1", stdin=twice).output
    result = run("replay", "-", "--boot", "3", stdin=twice)
    assert (result.exit_code, result.output.strip()) == (2, "barplan: <stdin>: holds 2 boots; expected 1 to 2, found 3")


def test_a_log_without_a_version_says_what_is_taken(run: Run) -> None:
    nameless = DIFFERENT.partition("\n")[2]
    assert "does not name its kernel; linux-6.1 is taken" in run("replay", "-", stdin=nameless).output


def test_what_is_no_kernel_log_is_refused(run: Run, save: Callable[..., str]) -> None:
    path = save("hello\n", "text")
    result = run("replay", path)
    assert result.exit_code == 2
    assert result.output.startswith(f"barplan: {path}: no kernel log; expected ")


def test_a_file_that_is_not_there_is_refused(run: Run) -> None:
    result = run("replay", "nowhere.log")
    assert (result.exit_code, result.output) == (2, "barplan: nowhere.log: No such file or directory\n")


def test_a_bad_kernel_parameter_names_the_log(run: Run) -> None:
    result = run("replay", "-", "--engines", "linux-6.1", stdin="Command line: pci=hpmemsize=lots\n" + DIFFERENT)
    assert result.exit_code == 2
    assert "<stdin>: command line: expected a number" in result.output
