"""``barplan apply`` typed by root in a guest: refused, done, killed, gone on with, taken back; and the script."""

from __future__ import annotations

import pytest

from solver.steps.planning import steps_for
from solver.steps.script import steps_script
from tests.kernel.apply import captured, planned
from tests.kernel.apply_scenarios import SCENARIOS
from tests.kernel.capture import play
from tests.kernel.command import BARPLAN, interpreter, put_documents, type_in, with_barplan
from tests.kernel.debian import Kernel
from tests.kernel.devices import working
from tests.kernel.guest import Guest
from tests.kernel.module import why_not_buildable
from tests.kernel.referee import state
from tests.kernel.state import differences

APPLY = "apply /tmp/plan.json /tmp/machine.json --yes --journal /tmp/journal"
DRIVE = "0000:42:00.0"

ELSEWHERE = """mount -t ext4 /dev/nvme1n1 /mnt; touch /tmp/mounted; while [ ! -e /tmp/enough ]; do usleep 20000; done
    umount /mnt; touch /tmp/unmounted"""
WHILE_IT_RUNS = """
    mkdir -p /tmp/journal; n=$(ls /tmp/journal/*.jsonl 2>/dev/null | tail -n 1)
    {barplan} {apply} >/tmp/said 2>&1 & p=$!
    while j=$(ls /tmp/journal/*.jsonl 2>/dev/null | tail -n 1); [ "$n" = "$j" ] || [ -z "$j" ] ||
          ! grep -q '"begin":{action}' $j; do usleep 20000; done
    kill -{signal} $p; wait $p; s=$?; cat /tmp/said; echo "exit $s"
"""


def test_as_root_in_a_guest(kernel: Kernel, pytestconfig: pytest.Config) -> None:
    if pytestconfig.getoption("--kernel") != "all":
        pytest.skip("--kernel=all lets root type barplan apply in a guest")
    missing = why_not_buildable(kernel)
    if missing:
        pytest.skip(f"no plan was carried out on a real kernel: {missing}")
    scenario = SCENARIOS["14-pxb-nvme-moves"]
    with Guest(scenario.machine, with_barplan(kernel)) as guest:
        play(guest)
        topology = captured(guest)
        plan = planned(topology, scenario.policy)
        put_documents(guest, topology, plan)
        before = state(guest).placement()

        code, said = type_in(guest, APPLY)
        assert (code, "the kernel module is not loaded" in said) == (1, True), said
        guest.run("insmod /opt/barplan_place.ko")

        guest.run("sh /opt/file-system; mkdir -p /mnt; mke2fs /dev/nvme1n1 >/dev/null; mount -t ext4 /dev/nvme1n1 /mnt")
        code, said = type_in(guest, APPLY)
        assert (code, f"{DRIVE} is in use: /dev/nvme1n1 is mounted on /mnt" in said) == (1, True), said
        guest.run("umount /mnt")

        # Mounted where this process does not see it: the kernel gives the drive to nobody else.
        guest.run(f"unshare -m sh -c '{ELSEWHERE}' & while [ ! -e /tmp/mounted ]; do usleep 20000; done")
        code, said = type_in(guest, APPLY)
        assert (code, f"{DRIVE} is in use: /dev/nvme1n1 is in use" in said) == (1, True), said
        guest.run("touch /tmp/enough; while [ ! -e /tmp/unmounted ]; do usleep 20000; done")
        assert differences(before, state(guest).placement()) == []

        assert _while_it_runs(guest, action=3, signal="KILL") == 137
        code, said = type_in(guest, APPLY)
        assert (code, "an earlier run was cut off" in said) == (1, True), said
        code, said = type_in(guest, "apply --resume --journal /tmp/journal")
        assert (code, differences(plan.placement, state(guest).placement())) == (0, []), said
        code, said = type_in(guest, "apply --undo --journal /tmp/journal")
        assert (code, differences(before, state(guest).placement())) == (0, []), said

        assert _while_it_runs(guest, action=1, signal="TERM") == 130
        assert differences(before, state(guest).placement()) == []

        # Nobody reads what it says, as when a terminal is closed.
        code, said = type_in(guest, APPLY, more="| head -c 1")
        assert differences(plan.placement, state(guest).placement()) == [], said
        code, said = type_in(guest, APPLY)
        assert (code, "not the machine the plan was made for" in said) == (1, True), said
        code, said = type_in(guest, "apply --undo --journal /tmp/journal")
        assert (code, differences(before, state(guest).placement())) == (0, []), said

        script = steps_script(steps_for(topology, plan), topology)
        guest.run(f"cat >/tmp/plan.sh <<'END OF SCRIPT'\n{script}END OF SCRIPT\nsh /tmp/plan.sh")
        assert differences(plan.placement, state(guest).placement()) == []
        assert all(working(guest, state(guest)).values())


def _while_it_runs(guest: Guest, *, action: int, signal: str) -> int:
    """Send a signal once an action is begun; the exit code."""
    barplan = BARPLAN.format(interpreter())
    output = guest.run(WHILE_IT_RUNS.format(barplan=barplan, apply=APPLY, action=action, signal=signal))
    return int(output.rpartition("exit ")[2])
