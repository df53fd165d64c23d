"""Kinds of devices: the table, and those of a TOML file."""

from __future__ import annotations

from pathlib import Path

import pytest

from models.bus_numbers import bus_shortages
from models.document import dump_topology, load_topology
from models.edit import plug
from models.errors import InputError
from models.profiles import PROFILES
from models.profiles_file import known_profiles, load_profiles
from models.resources import GIB, KIB, MIB, is_power_of_two
from tests.topologies import bridge, machine

BOX = """
[raid-box]
what = "Box of four drives"
source = "https://example.org/box"
hotplug = true
[[raid-box.functions]]
hotplug = true
windows = ["mem"]
count = 4
functions = [{ bars = "mem64:16K", class = "010802", id = "1234:5678" }]
[[raid-box.functions]]
at = "1f.1"
bars = "mem32:4K"

[sound-and-picture]
[[sound-and-picture.functions]]
bars = "mem32:16M,mem64p:256M,rom:512K,vf64p:1M*8"
[[sound-and-picture.functions]]
at = "00.1"
bars = "mem32:16K"
"""


def load(tmp_path: Path, text: str) -> Path:
    file = tmp_path / "devices.toml"
    file.write_text(text)
    return file


class TestTheTable:
    @pytest.mark.parametrize("name", PROFILES)
    def test_every_profile_is_a_possible_device_with_a_source(self, name: str) -> None:
        profile = PROFILES[name]
        assert profile.name == name
        assert profile.source.startswith("https://")
        for function, _ in profile.all_functions():
            registers: list[int | str] = []
            for one in function.bars:
                assert is_power_of_two(one.size)
                assert (one.address, one.fixed, one.optional) == (None, False, isinstance(one.index, str))
                assert not one.sizes or one.size in one.sizes
                registers.append(one.index)
                if one.width == 64:
                    registers.append(one.index + 1 if isinstance(one.index, int) else f"vf{int(one.index[2:]) + 1}")
            assert len(set(registers)) == len(registers)
            assert not {6, "vf6"} & set(registers)

    def test_sizes(self) -> None:
        def sizes(name: str) -> list[int]:
            return [one.size for one in PROFILES[name].bars]

        assert sizes("nvme") == [16 * KIB]
        assert sizes("gpu-80g") == [16 * MIB, 128 * GIB, 32 * MIB]
        assert sizes("jbof-24") == [16 * KIB] * 24
        assert max(one.span for one in PROFILES["gpu-16g"].bars) == 248 * GIB
        largest = {max(sizes(name)) for name in PROFILES if name.startswith("gpu-")}
        assert {256 * MIB, 8 * GIB, 16 * GIB, 32 * GIB, 64 * GIB, 128 * GIB, 256 * GIB} == largest

    @pytest.mark.parametrize("name", PROFILES)
    def test_each_can_be_plugged_in_and_written(self, name: str) -> None:
        """A tree gets the bus numbers that its bridges need, one each, and the document reads back."""
        port = bridge("00:1c.0", secondary=1, subordinate=63, hotplug=True)
        topology = plug(machine(port), f"{name}@00:1c.0")
        assert not bus_shortages(topology)
        assert len(list(topology.bars())) == len(PROFILES[name].bars)
        assert load_topology(dump_topology(topology), "again") == topology


class TestTheFile:
    def test_a_tree_and_a_device_with_two_functions(self, tmp_path: Path) -> None:
        found = load_profiles(load(tmp_path, BOX))
        assert list(found) == ["raid-box", "sound-and-picture"]
        box = [(function.address, depth) for function, depth in found["raid-box"].all_functions()]
        assert [entry for entry in box if entry[1] == 1] == [
            *((f"0000:00:0{slot}.0", 1) for slot in range(4)),
            ("0000:00:1f.1", 1),
        ]
        assert len(box) == 1 + 4 * 2 + 1
        assert [one.size for one in found["sound-and-picture"].bars] == [16 * MIB, 256 * MIB, 512 * KIB, MIB, 16 * KIB]
        assert found["raid-box"].source == "https://example.org/box"

    def test_they_stand_beside_those_there_are(self, tmp_path: Path) -> None:
        known = known_profiles(load(tmp_path, '[my-card]\nbars = "mem32:4K"\n'))
        assert {"my-card", "nvme"} <= set(known)
        new = plug(machine(bridge("00:1c.0", secondary=1)), "my-card@00:1c.0", known)
        assert [bar.size for _, bar in new.bars()] == [4 * KIB]
        assert known_profiles(None) == PROFILES

    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("", "no device in it; expected tables such as [my-card] with bars = ..."),
            ("a = [", "not TOML: "),
            ("a = 1", "a: expected a table with the keys of a device, for instance bars"),
            ('[nvme]\nbars = "mem32:4K"', "nvme: barplan knows a device of this name; expected another name"),
            ('["A b"]\nbars = "mem32:4K"', "A b: a name consists of small letters, digits, dots and dashes"),
            ("[a]\nwhat = 'x'", 'a: expected bars, for instance bars = "mem64p:16G,mem32:16M"'),
            ("[a]\nbars = 'mem32:3M'", "a.bars: the size in 'mem32:3M' is no power of two"),
            ("[a]\nbars = 7", "a.bars: expected a text in quotes, found 7"),
            ("[a]\nbars = 'mem32:4K'\nsize = 4", "a.size: no such key; expected one of bars, class, count"),
            ("[a]\nbars = 'mem32:4K'\nid = 'x'", "a.id: expected digits such as \"15b3:1017\", found 'x'"),
            ("[a]\nfunctions = 4", "a.functions: expected a list of tables, one for each function"),
            ("[a]\nfunctions = [{bars='mem32:4K', at='20.0'}]", "a.functions[0].at: expected device and function"),
            (
                "[a]\nfunctions = [{bars='mem32:4K', at='0.0'},{bars='mem32:4K', at='0.0'}]",
                "a.functions: two functions",
            ),
            ("[a]\nbars = 'mem32:4K'\ncount = 33", "a.count: expected a number from 1 to 32"),
            ("[a]\nhotplug = 1", "a.hotplug: expected true or false"),
            ("[a]\nwindows = ['io', 'x']", 'a.windows: expected some of ["io", "mem", "pref"]'),
        ],
    )
    def test_what_is_refused(self, tmp_path: Path, text: str, expected: str) -> None:
        file = load(tmp_path, text)
        with pytest.raises(InputError) as caught:
            load_profiles(file)
        assert str(caught.value).startswith(f"{file}: {expected}")
        assert "\n" not in str(caught.value)

    def test_more_mistakes_are_counted(self, tmp_path: Path) -> None:
        with pytest.raises(InputError, match=r"\(and 2 more mistakes\)$"):
            load_profiles(load(tmp_path, "[a]\nbars = 'x'\nid = 'x'\nfoo = 1"))
