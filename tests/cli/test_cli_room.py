"""VFs, reserves and bus numbers on the command line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from models.document import dump_topology
from tests.cli.conftest import Run
from tests.topologies import bar, bridge, function, host, machine


@pytest.fixture
def document(tmp_path: Path) -> str:
    """A NIC with 64 VFs of 1 MiB that could have 24, beside an empty hotplug port; all without addresses."""
    nic = function("01:00.0", bar(0, "8M", width=64, pref=True), bar("vf0", "1M", width=64, pref=True, copies=64))
    topology = machine(
        host(
            bridge("00:01.0", nic),
            bridge("00:02.0", secondary=2, hotplug=True),
            mem=(0x80000000, 0x800FFFFF),
            pref=(0x4000000000, 0x4001FFFFFF),
        )
    )
    file = tmp_path / "machine.json"
    file.write_text(dump_topology(topology))
    return str(file)


class TestVfs:
    def test_a_number_of_vfs_needs_an_address(self, run: Run, document: str) -> None:
        result = run("solve", document, "--vfs", "01:00.0=24")
        assert result.exit_code == 0
        assert "[size=1M] x 24 VFs" in result.stdout

    def test_more_than_fit(self, run: Run, document: str) -> None:
        result = run("solve", document, "--vfs", "01:00.0=max")
        assert result.exit_code == 3
        assert "Stay without an address (1 BAR)" in result.stdout
        assert run("explain", document, "--vfs", "01:00.0=max").exit_code == 3

    def test_as_many_as_fit(self, run: Run, document: str) -> None:
        result = run("solve", document, "--vfs", "0000:01:00.0=fit")
        assert result.exit_code == 0
        assert "24 of 64 VFs of 0000:01:00.0 fit (proved: 25 do not)" in result.stdout
        assert "[size=1M] x 24 VFs" in result.stdout

    def test_the_plan_is_for_the_machine_with_that_number(self, run: Run, document: str, tmp_path: Path) -> None:
        plan = tmp_path / "plan.json"
        run("solve", document, "--vfs", "01:00.0=fit", "-o", str(plan))
        assert json.loads(plan.read_text())["warnings"][0].startswith("24 of 64 VFs of 0000:01:00.0 fit")
        assert run("check", document, "--plan", str(plan), "--vfs", "01:00.0=24").exit_code == 0
        assert run("check", document, "--plan", str(plan)).exit_code == 2

    @pytest.mark.parametrize(
        ("arguments", "expected"),
        [
            (["solve", "--vfs", "01:00.0=65"], "--vfs: 0000:01:00.0 has 64 VFs (TotalVFs), found 65"),
            (["show", "--vfs", "01:00.0=fit"], "--vfs: '01:00.0=fit': how many VFs fit is found by barplan solve"),
            (["solve", "--vfs", "01:00.0=fit", "--engine", "linux-7"], "--engine: the engine linux-7 proves nothing"),
        ],
    )
    def test_what_is_refused(self, run: Run, document: str, arguments: list[str], expected: str) -> None:
        result = run(arguments[0], document, *arguments[1:])
        assert result.exit_code == 2
        assert expected in result.stderr


class TestReserves:
    def test_the_room_that_stays_free_is_shown(self, run: Run, document: str) -> None:
        result = run("solve", document, "--reserve", "hotplug=pref:16M")
        assert result.exit_code == 0
        assert "Stay free (1 reserve)" in result.stdout
        assert "0000:00:02.0  Prefetchable memory  40" in result.stdout

    def test_a_plan_with_reserves_passes_the_checker(self, run: Run, document: str, tmp_path: Path) -> None:
        plan = tmp_path / "plan.json"
        run("solve", document, "--reserve", "00:02.0=pref:16M", "--minimize", "waste", "-o", str(plan))
        assert len(json.loads(plan.read_text())["reserves"]) == 1
        assert run("check", document, "--plan", str(plan)).exit_code == 0

    def test_one_that_does_not_fit_ends_with_3_and_says_so(self, run: Run, document: str) -> None:
        result = run("solve", document, "--reserve", "00:02.0=pref:32M")
        assert result.exit_code == 3
        assert "no room is left for 32M of prefetchable memory behind 0000:00:02.0 (proved)" in result.stdout
        assert "barplan explain" in result.stderr

    def test_explain_tells_what_is_in_its_way(self, run: Run, document: str) -> None:
        result = run("explain", document, "--reserve", "00:02.0=pref:32M")
        assert result.exit_code == 3
        assert "the reserve behind 0000:00:02.0" in result.stdout

    def test_after_vfs_were_counted(self, run: Run, document: str) -> None:
        result = run("solve", document, "--vfs", "01:00.0=fit", "--reserve", "00:02.0=pref:1M")
        assert "24 of 64 VFs of 0000:01:00.0 fit" in result.stdout

    def test_a_mistake_is_told_in_one_line(self, run: Run, document: str) -> None:
        result = run("solve", document, "--reserve", "00:02.0=1G")
        assert (result.exit_code, result.stdout) == (2, "")
        assert result.stderr.startswith("barplan: --reserve: expected io:SIZE, mem:SIZE or pref:SIZE")


class TestBusNumbers:
    WARNING = "0000:00:02.0 passes on the bus numbers 02-02; behind it are 4 bridges"

    def test_too_few_are_told_and_change_no_exit_code(self, run: Run, document: str) -> None:
        result = run("solve", document, "--plug", "tb-dock@00:02.0")
        assert result.exit_code == 0
        assert self.WARNING in result.stdout
        assert "pci=assign-busses,hpbussize=4" in result.stdout

    def test_in_every_document(self, run: Run, document: str) -> None:
        plan = json.loads(run("solve", document, "--plug", "tb-dock@00:02.0", "--json").stdout)
        assert any(line.startswith(self.WARNING) for line in plan["warnings"])
        for verb in ("show", "explain"):
            found = json.loads(run(verb, document, "--plug", "tb-dock@00:02.0", "--json").stdout)
            assert found["bus_numbers"][0].startswith(self.WARNING)

    def test_show_and_explain_say_it(self, run: Run, document: str) -> None:
        for verb in ("show", "explain"):
            assert self.WARNING in run(verb, document, "--plug", "tb-dock@00:02.0").stdout

    def test_enough_are_not_worth_a_word(self, run: Run, document: str) -> None:
        assert "bus numbers" not in run("show", document, "--plug", "nvme@00:02.0").stdout


class TestOptionalBars:
    def test_one_that_gets_no_address_is_named(self, run: Run, tmp_path: Path) -> None:
        """The port's window stays as it is, and has no room for the ROM."""
        card = function("01:00.0", bar(0, "1M", at=0x80000000), bar("rom", "64K"), driver="nvme")
        file = tmp_path / "machine.json"
        file.write_text(dump_topology(machine(bridge("00:01.0", card, mem=(0x80000000, 0x800FFFFF)))))
        text = run("solve", str(file)).stdout
        assert "Optional, and left without an address (1 BAR)\n  0000:01:00.0 ROM\n" in text
        assert "Nothing changes" in text

    def test_of_many_the_first_are_named(self, run: Run, tmp_path: Path) -> None:
        cards = [function(f"01:{slot:02x}.0", bar("rom", "64K")) for slot in range(12)]
        file = tmp_path / "machine.json"
        file.write_text(dump_topology(machine(bridge("00:01.0", *cards))))
        text = run("solve", str(file)).stdout
        assert "Optional, and left without an address (12 BARs)\n  0000:01:00.0 ROM, " in text
        assert " and 4 more\n" in text
