"""Devices plugged in and removed, drivers named, BARs named."""

from __future__ import annotations

from pathlib import Path

import pytest

from models.document import dump_topology, load_topology
from models.edit import find_bars, plug, set_driver, set_vfs, unplug
from models.errors import InputError
from models.topology import Function, Topology
from tests.topologies import address, bar, bridge, function, host, key, machine


@pytest.fixture
def topology() -> Topology:
    """A hotplug port with one device, an empty port, a port without bus number, and a second root bus."""
    return machine(
        bridge("00:1c.0", function("01:00.0", bar(0), bar("rom"), driver="nvme"), hotplug=True),
        bridge("00:1c.1", secondary=2),
        bridge("00:1c.2"),
        function("00:02.0", bar(2), bar("vf0", copies=4), driver="?"),
        host(bus=0x80, domain=1, mem=None, pref=None, io=None),
    )


def there(topology: Topology, text: str) -> Function:
    found = topology.function(address(text))
    assert found is not None
    return found


def message(caught: pytest.ExceptionInfo[InputError]) -> str:
    return str(caught.value)


class TestPlug:
    def test_a_profile(self, topology: Topology) -> None:
        new = there(plug(topology, "nvme@0000:00:1c.1"), "02:00.0")
        assert new.bars == (bar(0, "16K", width=64),)
        assert (new.driver, new.driver_known, new.class_code) == (None, True, "010802")

    def test_the_topology_given_is_left_alone(self, topology: Topology) -> None:
        before = topology
        assert plug(topology, "nvme@00:1c.1") != topology
        assert topology is before
        assert topology.function(address("02:00.0")) is None

    def test_bars_spelled_out(self, topology: Topology) -> None:
        spec = "mem64p:16G,mem32:16M,io:256,mem32p:1M,rom:512K,vf64p:16M*8,vf32:4K*8@00:1c.1"
        assert there(plug(topology, spec), "02:00.0").bars == (
            bar(0, "16G", width=64, pref=True),
            bar(2, "16M"),
            bar(3, 256, io=True),
            bar(4, "1M", pref=True),
            bar("rom", "512K", pref=True),
            bar("vf0", "16M", width=64, pref=True, copies=8),
            bar("vf2", "4K", copies=8),
        )

    def test_a_fixed_address(self, topology: Topology) -> None:
        new = there(plug(topology, "mem32:64K=0xfe000000,vf64p:1M*4=0x4000000000@00:1c.1"), "02:00.0")
        assert [(one.address, one.fixed) for one in new.bars] == [(0xFE000000, True), (0x4000000000, True)]

    @pytest.mark.parametrize("where", ["1:80", "0001:80", "root:0001:80"])
    def test_on_a_root_bus(self, topology: Topology, where: str) -> None:
        assert there(plug(topology, f"io:32@{where}"), "0001:80:00.0").bars == (bar(0, 32, io=True),)

    def test_the_first_free_device_number(self, topology: Topology) -> None:
        assert there(plug(topology, "usb3@00:1c.0"), "01:01.0").bars
        twice = plug(plug(topology, "usb3@0000:00"), "usb3@00")
        assert there(twice, "00:00.0").bars == there(twice, "00:01.0").bars

    def test_a_full_bus(self) -> None:
        full = machine(bridge("00:1c.0", *(function(f"01:{device:02x}.0") for device in range(32))))
        with pytest.raises(InputError) as caught:
            plug(full, "nvme@00:1c.0")
        assert message(caught) == "--plug: all 32 device numbers of the bus behind 0000:00:1c.0 are taken"

    @pytest.mark.parametrize(
        ("spec", "expected"),
        [
            ("nvme", "expected DEVICE@BRIDGE such as nvme@0000:00:1c.0, found 'nvme'"),
            ("@00:1c.0", "expected DEVICE@BRIDGE such as nvme@0000:00:1c.0, found '@00:1c.0'"),
            ("nvme@", "expected DEVICE@BRIDGE such as nvme@0000:00:1c.0, found 'nvme@'"),
            ("floppy@00:1c.0", "unknown device 'floppy', expected one of nvme, usb3,"),
            ("nvme@00:1c.5", "there is no function 0000:00:1c.5; the nearest is 0000:00:1c.2"),
            ("nvme@00:1c.2", "0000:00:1c.2 has no bus number behind it"),
            ("nvme@00:02.0", "0000:00:02.0 is no bridge"),
            ("nvme@00:zz.0", "expected a function address such as 0000:01:00.0, found '00:zz.0'"),
            (
                "nvme@0000:07",
                "'0000:07' is no bridge (such as 0000:00:1c.0) and no root bus of this machine (0000:00, 0001:80)",
            ),
            ("nvme@port", "'port' is no bridge (such as 0000:00:1c.0) and no root bus of this machine"),
            ("ram:4K@00:1c.0", "'ram:4K' is no BAR; expected BARs such as mem64p:16G,mem32:16M,io:256,rom:512K"),
            ("mem32@00:1c.0", "unknown device 'mem32'"),
            ("io@00:1c.0", "'io' has no size; expected BARs such as"),
            ("mem32:@00:1c.0", "'mem32:' has no size; expected BARs such as"),
            ("mem32:3M@00:1c.0", "the size in 'mem32:3M' is no power of two"),
            ("mem32:0@00:1c.0", "the size in 'mem32:0' is no power of two"),
            ("mem32:4G@00:1c.0", "'mem32:4G' is too large: a 32-bit BAR has at most 2G"),
            ("mem64:16E@00:1c.0", "'mem64:16E' is too large: a 64-bit BAR has at most 8E"),
            ("vf32:1G*4,vf32:2G*4@00:1c.0", "'vf32:2G*4' is too large: all VFs together exceed 32 bits"),
            ("vf64:1M@00:1c.0", "'vf64:1M' does not say how many VFs; expected for instance vf64p:16M*8"),
            ("vf64:1M*0@00:1c.0", "'vf64:1M*0' does not say how many VFs; expected for instance vf64p:16M*8"),
            ("vf64:1M*65536@00:1c.0", "'vf64:1M*65536' does not say how many VFs"),
            ("mem32:1M*2@00:1c.0", "'mem32:1M*2' has no size; expected BARs such as"),
            ("mem32:1M=@00:1c.0", "'mem32:1M=' has no address behind the =; expected for instance"),
            ("mem64:1M=0xfffffffffffff000@00:1c.0", "'mem64:1M=0xfffffffffffff000' ends above 2^64"),
            ("no-such.json:01:00.0@00:1c.0", "no-such.json: no such file or folder"),
            ("rom:1M,rom:1M@00:1c.0", "a function has one expansion ROM, found two"),
            (
                "mem64:1M,mem64:1M,mem32:1M,mem64:1M@00:1c.0",
                "'mem64:1M' does not fit: a function has 6 registers, a 64-bit BAR takes two",
            ),
        ],
    )
    def test_what_is_refused(self, topology: Topology, spec: str, expected: str) -> None:
        with pytest.raises(InputError) as caught:
            plug(topology, spec)
        assert message(caught).removeprefix("--plug: ").startswith(expected)


class TestTake:
    """What stands in another document, plugged in here."""

    @pytest.fixture
    def elsewhere(self, tmp_path: Path) -> str:
        port = bridge(
            "00:03.0",
            bridge(
                "05:00.0",
                function("06:00.0", bar(0, "16M", at=0x80000000), driver="nvme"),
                secondary=6,
                hotplug=True,
                isa=True,
                vga=10,
            ),
            secondary=5,
            mem=(0x80000000, 0x80FFFFFF),
        )
        one = function("00:04.0", bar(0, "1M", at=0x90000000), bar("rom", "64K"), driver="x")
        other = function("00:04.1", bar(0, "4K"), driver="?")
        file = tmp_path / "other.json"
        file.write_text(dump_topology(machine(port, one, other)))
        return str(file)

    def test_a_function_without_addresses_and_driver(self, topology: Topology, elsewhere: str) -> None:
        new = there(plug(topology, f"{elsewhere}:0000:00:04.0@00:1c.1"), "02:00.0")
        assert new.bars == (bar(0, "1M"), bar("rom", "64K"))
        assert (new.driver, new.driver_known) == (None, True)

    def test_all_functions_of_a_device(self, topology: Topology, elsewhere: str) -> None:
        after = plug(topology, f"{elsewhere}:00:04@00:1c.1")
        assert [there(after, f"02:00.{number}").bars[0].size for number in (0, 1)] == [1 << 20, 4096]

    def test_a_bridge_with_all_behind_it(self, topology: Topology, elsewhere: str) -> None:
        after = plug(topology, f"{elsewhere}:05:00.0@0000:00")
        new = there(after, "00:00.0")
        assert new.bridge is not None
        assert all(window.range is None for window in new.bridge.windows)
        assert (new.bridge.hotplug, new.bridge.isa, new.bridge.vga) == (True, False, 0)
        assert there(after, f"{new.bridge.secondary:02x}:00.0").bars == (bar(0, "16M"),)
        assert load_topology(dump_topology(after), "again") == after

    @pytest.mark.parametrize(
        ("function_", "expected"),
        [
            ("00:04.7", "there is no function 0000:00:04.7; the nearest is 0000:00:04."),
            ("00:07", "there is no device 0000:00:07"),
        ],
    )
    def test_what_is_refused(self, topology: Topology, elsewhere: str, function_: str, expected: str) -> None:
        with pytest.raises(InputError) as caught:
            plug(topology, f"{elsewhere}:{function_}@00:1c.1")
        assert message(caught).startswith(f"--plug {elsewhere}: {expected}")


class TestVfs:
    def test_a_number(self, topology: Topology) -> None:
        after = there(set_vfs(topology, "00:02.0=3"), "00:02.0").bars[1]
        assert (after.copies, after.optional) == (3, False)

    def test_max(self, topology: Topology) -> None:
        assert there(set_vfs(topology, "0000:00:02.0=max"), "00:02.0").bars[1].copies == 4

    def test_none_at_all(self, topology: Topology) -> None:
        assert there(set_vfs(topology, "00:02.0=0"), "00:02.0").bars == (bar(2),)

    @pytest.mark.parametrize(
        ("spec", "expected"),
        [
            ("00:02.0=5", "0000:00:02.0 has 4 VFs (TotalVFs), found 5"),
            ("00:02.0", "expected FUNCTION=N, =max or =fit such as 0000:01:00.0=8, found '00:02.0'"),
            ("00:02.0=-1", "expected FUNCTION=N, =max or =fit"),
            ("00:02.0=²", "expected FUNCTION=N, =max or =fit"),
            ("00:02.0=fit", "'00:02.0=fit': how many VFs fit is found by barplan solve alone"),
            ("01:00.0=2", "0000:01:00.0 has no VF BARs"),
            ("01:00.7=2", "there is no function 0000:01:00.7"),
        ],
    )
    def test_what_is_refused(self, topology: Topology, spec: str, expected: str) -> None:
        with pytest.raises(InputError) as caught:
            set_vfs(topology, spec)
        assert message(caught).startswith(f"--vfs: {expected}")


class TestUnplug:
    def test_a_function(self, topology: Topology) -> None:
        after = unplug(topology, "00:02.0")
        assert after.function(address("00:02.0")) is None
        assert len(list(after.functions())) == len(list(topology.functions())) - 1

    def test_a_bridge_with_everything_behind_it(self, topology: Topology) -> None:
        after = unplug(topology, "0000:00:1c.0")
        assert after.function(address("01:00.0")) is None

    def test_an_unknown_function(self, topology: Topology) -> None:
        with pytest.raises(InputError) as caught:
            unplug(topology, "01:00.1")
        assert message(caught) == "--unplug: there is no function 0000:01:00.1; the nearest is 0000:01:00.0"

    def test_an_empty_machine(self) -> None:
        with pytest.raises(InputError, match="the machine has no functions"):
            unplug(Topology(), "01:00.1")


class TestSetDriver:
    def test_a_driver(self, topology: Topology) -> None:
        after = there(set_driver(topology, "0000:00:02.0=i915"), "00:02.0")
        assert (after.driver, after.driver_known) == ("i915", True)

    def test_none(self, topology: Topology) -> None:
        after = there(set_driver(topology, "01:00.0=none"), "01:00.0")
        assert (after.driver, after.driver_known) == (None, True)

    def test_only_that_function_changes(self, topology: Topology) -> None:
        before = [one for one, _ in topology.functions() if one.bridge is None and one.address != "0000:00:02.0"]
        after = [one for one, _ in set_driver(topology, "00:02.0=x").functions()]
        assert all(one in after for one in before)

    @pytest.mark.parametrize("spec", ["01:00.0", "01:00.0=", "=nvme", "01:00.7=nvme"])
    def test_what_is_refused(self, topology: Topology, spec: str) -> None:
        with pytest.raises(InputError, match=r"^--driver: "):
            set_driver(topology, spec)


class TestFindBars:
    @pytest.mark.parametrize(
        ("text", "found"),
        [
            ("0000:00:02.0", {2, "vf0"}),
            ("00:02.0", {2, "vf0"}),
            ("0000:00:02.0:2", {2}),
            ("00:02.0:2", {2}),
            ("00:02.0:VF0", {"vf0"}),
            ("0000:00:02.0:vf0", {"vf0"}),
        ],
    )
    def test_names(self, topology: Topology, text: str, found: set[int | str]) -> None:
        assert find_bars(topology, text, "--pin") == {key("00:02.0", index) for index in found}

    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("00:02.0:1", "0000:00:02.0 has no BAR '1'; it has 2, vf0"),
            ("00:02.0:²", "0000:00:02.0 has no BAR '²'; it has 2, vf0"),
            ("00:02.0:", "0000:00:02.0 has no BAR ''; it has 2, vf0"),
            ("00:1c.0", "0000:00:1c.0 has no BARs"),
            ("00:1c.0:0", "0000:00:1c.0 has no BAR '0'; it has none"),
            ("01:01.0:0", "there is no function 0000:01:01.0; the nearest is 0000:01:00.0"),
            ("gpu", "expected a function address such as 0000:01:00.0, found 'gpu'"),
        ],
    )
    def test_what_is_refused(self, topology: Topology, text: str, expected: str) -> None:
        with pytest.raises(InputError) as caught:
            find_bars(topology, text, "--free")
        assert message(caught) == f"--free: {expected}"
