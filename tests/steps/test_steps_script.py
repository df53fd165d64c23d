"""Scripts of steps: run in a sandbox, stopped by surprises, and closed to hostile names."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from models.errors import InputError
from models.placement import Placement
from models.topology import Topology
from solver.steps.access import transaction_text
from solver.steps.names import comment, driver_name, function_name
from solver.steps.planning import make_steps
from solver.steps.script import steps_script
from solver.steps.step import Transaction
from tests.steps.sandbox import Sandbox
from tests.topologies import bar, bridge, changed, function, key, machine, window_key

A, B = 0x80000000, 0x80100000


def swap_into_room(driver: str | None = "nvme") -> tuple[Topology, Placement]:
    """One function leaves its place, so that the next, which is new, gets it."""
    topology = machine(
        bridge("00:01.0", function("01:00.0", bar(0, "1M", at=A), driver=driver), mem=(A, A + 0xFFFFF)),
        bridge("00:02.0", function("02:00.0", bar(0, "1M"))),
    )
    planned = changed(
        topology,
        {key("01:00.0"): B, key("02:00.0"): A},
        {window_key("00:01.0", "mem"): (B, B + 0xFFFFF), window_key("00:02.0", "mem"): (A, A + 0xFFFFF)},
    )
    return topology, planned


def test_the_script_does_what_the_steps_say(tmp_path: Path) -> None:
    topology, planned = swap_into_room()
    sandbox = Sandbox(tmp_path, topology, make_steps(topology, planned))
    done = sandbox.run()
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "barplan: done"
    texts = [
        transaction_text(step)
        for group in sandbox.steps.groups
        for step in group.steps
        if isinstance(step, Transaction)
    ]
    assert (tmp_path / "given").read_text() == "".join(texts)
    order = [line.split()[0] if "setpci" not in line else line for line in sandbox.log]
    assert order.index("unbind") < order.index("transaction")
    assert sandbox.log[-1].endswith("drivers_probe 0000:02:00.0")
    assert (tmp_path / "registers" / "0000:02:00.0" / "04.w").read_text().strip() == "2"
    assert (tmp_path / "pci" / "devices" / "0000:01:00.0" / "driver").exists()


@pytest.mark.parametrize(
    ("what", "says"),
    [
        ("registers/0000:00:01.0/20.l", "0000:00:01.0 20.l holds 12345678 and not 80008000"),
        ("registers/0000:01:00.0/10.l", "0000:01:00.0 10.l holds 12345678 and not 80000000"),
        ("driver", "0000:01:00.0 is not bound to nvme"),
        ("refuse", "the module says: line 2: refused, no refused"),
    ],
)
def test_it_stops_at_the_first_surprise(tmp_path: Path, what: str, says: str) -> None:
    topology, planned = swap_into_room()
    sandbox = Sandbox(tmp_path, topology, make_steps(topology, planned))
    if what == "driver":
        (tmp_path / "pci" / "devices" / "0000:01:00.0" / "driver").unlink()
    else:
        (tmp_path / what).write_text("12345678\n")
    done = sandbox.run()
    assert done.returncode == 1
    assert says in done.stderr
    assert not any(line.startswith("transaction") for line in sandbox.log)


def test_a_register_that_does_not_hold_its_value_is_noticed(tmp_path: Path) -> None:
    topology, planned = swap_into_room()
    sandbox = Sandbox(tmp_path, topology, make_steps(topology, planned))
    (tmp_path / "after1" / "registers" / "0000:00:02.0" / "20.l").write_text("0000fff0\n")
    done = sandbox.run()
    assert done.returncode == 1
    assert "0000:00:02.0 20.l holds 0000fff0" in done.stderr


def test_kexec_writes_every_register_before_the_new_kernel(tmp_path: Path) -> None:
    topology, planned = swap_into_room()
    sandbox = Sandbox(tmp_path, topology, make_steps(topology, planned, "kexec"))
    done = sandbox.run()
    assert sandbox.log[0] == "kexec -l k --initrd=i --reuse-cmdline"
    assert [Path(line.split()[0]).parent.name for line in sandbox.log[1:3]] == ["0000:00:01.0", "0000:00:02.0"]
    assert "setpci 01:00.0 10.l=80100000" in sandbox.log
    switched_on = [line for line in sandbox.log if "04.w=" in line and int(line.split("=")[1], 16) & 2]
    assert [line.split()[1] for line in switched_on] == ["01:00.0", "02:00.0", "00:02.0", "00:01.0"]  # bridges last
    assert done.returncode == 127  # kexec -e does not exist here, and comes last


def test_a_function_whose_ids_differ_is_noticed(tmp_path: Path) -> None:
    topology, planned = swap_into_room()
    topology = topology.map_functions(lambda one: replace(one, id="8086:1901"))
    sandbox = Sandbox(tmp_path, topology, make_steps(topology, planned))
    (tmp_path / "registers" / "0000:01:00.0" / "02.w").write_text("1902\n")
    done = sandbox.run()
    assert done.returncode == 1
    assert "0000:01:00.0 02.w holds 1902 and not 1901" in done.stderr
    assert sandbox.log == []


HOSTILE = ["$(rm -rf /)", "`id`", "a;b", "a b", "a'b", 'a"b', "../x", "-x", "", "a\nb", "nvme\n", "é", "x" * 65]


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_driver_names_reach_no_script(name: str) -> None:
    with pytest.raises(InputError, match="no name of a driver"):
        driver_name(name)
    if name:
        topology, planned = swap_into_room(name)
        with pytest.raises(InputError, match="no name of a driver"):
            steps_script(make_steps(topology, planned), topology)


@pytest.mark.parametrize("name", ["nvme", "snd_hda_intel", "mlx5_core", "vfio-pci", "8250_pci", "xhci.x"])
def test_names_of_drivers_do(name: str) -> None:
    assert driver_name(name) == name


@pytest.mark.parametrize("name", ["0000:01:00.0\n", "0000:01:00.8", "0000:01:20.0", "1:00.0", "0000:01:00.0;id", ""])
def test_only_addresses_name_functions(name: str) -> None:
    with pytest.raises(InputError, match="no function address"):
        function_name(name)


def test_comments_have_one_line() -> None:
    assert comment("a\nrm -rf /\r\u2028b\x1b[2J") == "a?rm -rf /??b?[2J"


def test_ids_of_a_capture_reach_no_script() -> None:
    topology, planned = swap_into_room()
    hostile = topology.map_functions(lambda one: replace(one, id="$(id):1901"))
    assert "$(id)" not in steps_script(make_steps(hostile, planned), hostile)


@pytest.mark.parametrize("route", ["live", "kexec"])
@pytest.mark.parametrize("shell", ["sh", "bash"])
def test_shells_parse_it(tmp_path: Path, route: str, shell: str) -> None:
    topology, planned = swap_into_room()
    file = tmp_path / "plan.sh"
    file.write_text(steps_script(make_steps(topology, planned, route), topology))  # type: ignore[arg-type]
    done = subprocess.run([shell, "-n", str(file)], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


def test_the_firmware_has_no_shell() -> None:
    topology, planned = swap_into_room()
    steps = make_steps(topology, planned, "firmware")
    with pytest.raises(InputError, match="no shell"):
        steps_script(steps, topology)


def test_the_script_says_what_it_does_not_look_after() -> None:
    topology, planned = swap_into_room()
    assert "does not ask whether a function is in use" in steps_script(make_steps(topology, planned), topology)
    assert "without a shutdown" in steps_script(make_steps(topology, planned, "kexec"), topology)
