"""Documents: what is read, what is refused and with which words, what is written, what is hashed."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.document import (
    dump_plan,
    dump_topology,
    load_plan,
    load_topology,
    plan_document,
    topology_document,
    topology_sha256,
)
from models.errors import InputError
from models.plan import Objective, Plan, PlannedBar, PlannedWindow, Status
from models.resources import Range
from models.topology import BarKey, Topology
from tests.strategies import topologies
from tests.topologies import bar, bridge, function, host, key, machine, window_key


def document() -> dict[str, Any]:
    """A small machine that uses every kind of object."""
    return {
        "format": "barplan-topology/1",
        "machine": "a small machine",
        "root_buses": [
            {
                "domain": 0,
                "bus": 0,
                "windows": [
                    {"space": "io", "start": "0x0", "end": "0xffff"},
                    {"space": "mem", "start": "0x80000000", "end": "0xfebfffff"},
                ],
                "functions": [
                    {
                        "address": "0000:00:01.0",
                        "driver": "pcieport",
                        "bridge": {
                            "secondary": 1,
                            "windows": {
                                "io": {"start": None, "end": None},
                                "mem": {"start": "0x80000000", "end": "0x810fffff"},
                                "pref": {"width": 32, "start": "0x90000000", "end": "0x900fffff"},
                            },
                            "functions": [
                                {
                                    "address": "0000:01:00.0",
                                    "driver": None,
                                    "bars": [
                                        {"index": 0, "space": "mem", "size": "16M", "address": "0x80000000"},
                                        {"index": "vf0", "space": "mem", "size": "64K", "copies": 8},
                                    ],
                                }
                            ],
                        },
                    }
                ],
            }
        ],
        "reserved": [{"space": "mem", "start": "0xfec00000", "end": "0xfec003ff", "what": "IOAPIC 0"}],
    }


def load(content: object) -> Topology:
    return load_topology(json.dumps(content), "m.json")


def refused(content: object) -> str:
    with pytest.raises(InputError) as caught:
        load(content)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def at(content: Any, path: str) -> tuple[Any, Any]:
    """The object that holds the last part of a JSON path, and that part."""
    parts: list[Any] = [
        int(part) if part.isdigit() else part for part in path.replace("[", ".").replace("]", "").split(".")
    ]
    for part in parts[:-1]:
        content = content[part]
    return content, parts[-1]


def with_value(path: str, value: object) -> dict[str, Any]:
    content = document()
    holder, last = at(content, path)
    holder[last] = value
    return content


def without(path: str) -> dict[str, Any]:
    content = document()
    holder, last = at(content, path)
    del holder[last]
    return content


FUNCTION = "root_buses[0].functions[0].bridge.functions[0]"
BAR = f"{FUNCTION}.bars[0]"


class TestReading:
    def test_the_machine(self) -> None:
        device = function(
            "01:00.0", bar(0, "16M", at=0x80000000), bar("vf0", "64K", copies=8, optional=True), driver=None
        )
        port = bridge("00:01.0", device, mem=(0x80000000, 0x810FFFFF), pref=(0x90000000, 0x900FFFFF), pref_width=32)
        read = load(document())
        assert read.machine == "a small machine"
        assert read.root_buses[0].windows == host(pref=None).windows
        assert read.reserved[0].range == Range.inclusive(0xFEC00000, 0xFEC003FF)
        assert port.bridge is not None
        read_port = read.function(port.address)
        assert read_port is not None
        assert read_port.bridge is not None
        assert read_port.bridge.windows == port.bridge.windows
        assert read_port.bridge.functions == (device,)

    def test_defaults(self) -> None:
        content = document()
        content["root_buses"][0]["functions"] = [
            {
                "address": "00:1F.0",
                "bars": [{"index": 0, "space": "mem", "size": 4096}, {"index": "rom", "space": "mem", "size": 2048}],
                "bridge": {},
            }
        ]
        del content["reserved"], content["machine"]
        read = load(content)
        made = read.root_buses[0].functions[0]
        assert (made.address, made.id, made.class_code, made.driver_known) == ("0000:00:1f.0", None, None, False)
        assert made.bars == (bar(0, 4096), bar("rom", 2048, optional=True))
        assert made.bridge is not None
        assert [(window.kind, window.range) for window in made.bridge.windows] == [("mem", None)]
        assert (made.bridge.secondary, made.bridge.hotplug, made.bridge.subtractive) == (None, False, False)
        assert (read.machine, read.reserved) == ("", ())

    def test_window_defaults(self) -> None:
        content = with_value("root_buses[0].functions[0].bridge.windows", {"io": {}, "pref": {"start": None}})
        port = load(content).root_buses[0].functions[0].bridge
        assert port is not None
        assert [(w.kind, w.width, w.granularity, w.range) for w in port.windows] == [
            ("io", 16, 4096, None),
            ("mem", 32, 1 << 20, None),
            ("pref", 64, 1 << 20, None),
        ]

    def test_driver_null_is_none_bound_and_absent_is_unknown(self) -> None:
        device = load(document()).function(key("01:00.0").function)
        assert device is not None
        assert (device.driver, device.driver_known) == (None, True)
        device = load(without(f"{FUNCTION}.driver")).function(key("01:00.0").function)
        assert device is not None
        assert (device.driver, device.driver_known) == (None, False)

    @pytest.mark.parametrize("size", [16 << 20, "16M", "16MiB", "16384K", "0x1000000", "0X1000000", " 16 m "])
    def test_number_forms(self, size: object) -> None:
        assert load(with_value(f"{BAR}.size", size)) == load(document())

    def test_unknown_keys_are_ignored(self) -> None:
        for path in ("colour", "root_buses[0].colour", f"{FUNCTION}.colour", f"{BAR}.colour", "reserved[0].colour"):
            assert load(with_value(path, {"any": ["thing"]})) == load(document())

    def test_negative_offsets(self) -> None:
        content = with_value("root_buses[0].windows[1].offset", "-0x100000000")
        assert load(content).root_buses[0].windows[1].offset == -(1 << 32)
        assert load(with_value("root_buses[0].windows[1].offset", -(1 << 32))) == load(content)

    def test_long_domains(self) -> None:
        content = with_value(f"{FUNCTION}.address", "10000:e1:00.0")
        assert load(content).function(key("10000:e1:00.0").function) is not None

    def test_a_byte_order_mark_is_ignored(self) -> None:
        assert load_topology("\ufeff" + json.dumps(document()), "m.json") == load(document())

    def test_a_bridge_without_bus_numbers_may_say_zero(self) -> None:
        content = document()
        content["root_buses"][0]["functions"].append({"address": "0000:00:02.0", "bridge": {"secondary": 0}})
        assert load(content).function(key("00:02.0").function) is not None

    def test_root_windows_of_one_bus_may_overlap(self) -> None:
        content = document()
        content["root_buses"][0]["windows"] *= 2
        assert len(load(content).root_buses[0].windows) == 4


class TestRefusal:
    def test_no_json(self) -> None:
        with pytest.raises(InputError) as caught:
            load_topology('{\n  "format": nothing', "m.json")
        assert str(caught.value).startswith("m.json: line 2 column 13: not JSON: Expecting value")

    @pytest.mark.parametrize("text", ["", "[" * 100_000, '{"a": 1' + "0" * 5000 + "}", "[]", "null", '"text"'])
    def test_no_document(self, text: str) -> None:
        with pytest.raises(InputError, match=r"^m\.json: "):
            load_topology(text, "m.json")

    @pytest.mark.parametrize(
        ("format_", "message"),
        [
            (None, 'm.json: format: the key is missing; expected "barplan-topology/1"'),
            (1, 'm.json: format: expected "barplan-topology/1", found no string'),
            (
                "barplan-topology/2",
                'm.json: format: version "barplan-topology/2" is not known; expected "barplan-topology/1"',
            ),
            (
                "barplan-plan/1",
                'm.json: format: expected "barplan-topology/1", found "barplan-plan/1", which is a plan',
            ),
            ("other", 'm.json: format: expected "barplan-topology/1", found "other"'),
        ],
    )
    def test_format(self, format_: object, message: str) -> None:
        assert refused(with_value("format", format_)) == message

    @pytest.mark.parametrize(
        ("path", "value", "message"),
        [
            ("machine", 1, "expected a string, found 1"),
            ("root_buses", {}, "expected a list, found an object"),
            ("root_buses[0]", [], "expected an object, found a list"),
            ("root_buses[0].domain", -1, "expected a number from 0 to 0xffffffff, found -1"),
            ("root_buses[0].bus", 256, "expected a number from 0 to 0xff, found 256"),
            ("root_buses[0].bus", True, 'expected a number such as "0xfe000000", 4096 or "256M", found true'),
            ("root_buses[0].windows[0].space", "memory", 'expected "io" or "mem", found "memory"'),
            (
                "root_buses[0].windows[0].start",
                1.5,
                'expected a number such as "0xfe000000", 4096 or "256M", found 1.5',
            ),
            (
                "root_buses[0].windows[0].end",
                "0x10000000000000000",
                'expected a number from 0 to 2^64 - 1, found "0x10000000000000000"',
            ),
            ("root_buses[0].windows[1].prefetchable", "no", 'expected true or false, found "no"'),
            ("root_buses[0].windows[1].offset", "0x80000", "expected a multiple of 0x100000, found 0x80000"),
            ("root_buses[0].windows[0].offset", 1024, "expected a multiple of 0x1000, found 0x400"),
            (
                "root_buses[0].windows[1].offset",
                "0x100000000",
                "the bus addresses of 80000000-febfffff less 0x100000000 do not have 64 bits; "
                "expected CPU address minus bus address",
            ),
            (f"{FUNCTION}.address", "01:00", "expected a function address such as 0000:01:00.0, found '01:00'"),
            (f"{FUNCTION}.address", 7, "expected a function address such as 0000:01:00.0, found 7"),
            (f"{FUNCTION}.driver", False, "expected a string, found false"),
            (f"{BAR}.index", 6, 'expected 0 to 5, "rom" or "vf0" to "vf5", found 6'),
            (f"{BAR}.index", True, 'expected 0 to 5, "rom" or "vf0" to "vf5", found true'),
            (f"{BAR}.index", "vf6", 'expected 0 to 5, "rom" or "vf0" to "vf5", found "vf6"'),
            (f"{BAR}.size", "3M", "expected a power of two, found 0x300000"),
            (f"{BAR}.size", 0, "expected a power of two, found 0x0"),
            (f"{BAR}.size", None, 'expected a number such as "0xfe000000", 4096 or "256M", found null'),
            (f"{BAR}.size", "lots", 'expected a number such as "0xfe000000", 4096 or "256M", found "lots"'),
            (f"{BAR}.sizes", ["1M", "3M"], "expected a power of two, found 0x300000"),
            (f"{BAR}.width", 16, "expected 32 or 64, found 16"),
            (f"{BAR}.copies", 0, "expected 1 or more, found 0"),
            (
                f"{BAR}.address",
                "0xffffffffff800000",
                "a BAR of 0x1000000 bytes at 0xffffffffff800000 ends beyond 64 bits",
            ),
            (f"{BAR}.fixed", 1, "expected true or false, found 1"),
            (
                "root_buses[0].functions[0].bridge.secondary",
                0,
                "bus 0x0 is the bus 0000:00:01.0 stands on or one above it: a cycle",
            ),
            ("root_buses[0].functions[0].bridge.windows.io.width", 64, "expected 16 or 32, found 64"),
            ("root_buses[0].functions[0].bridge.windows.io.granularity", "2K", 'expected 4096 or 1024, found "2K"'),
            (
                "root_buses[0].functions[0].bridge.windows.mem.end",
                None,
                "expected an address, found null; a closed window has start null",
            ),
            (
                "root_buses[0].functions[0].bridge.windows.mem.end",
                "0x7fffffff",
                "expected 0x80000000 (start) or more, found 0x7fffffff; a closed window has start null",
            ),
            ("reserved[0].end", "0x0", "expected 0xfec00000 (start) or more, found 0x0"),
        ],
    )
    def test_a_wrong_value(self, path: str, value: object, message: str) -> None:
        where = f"{path}[1]" if path.endswith("sizes") else path
        assert refused(with_value(path, value)) == f"m.json: {where}: {message}"

    @pytest.mark.parametrize(
        "path",
        [
            "root_buses",
            "root_buses[0].domain",
            "root_buses[0].windows[0].space",
            f"{FUNCTION}.address",
            f"{BAR}.index",
            f"{BAR}.space",
            f"{BAR}.size",
            "reserved[0].start",
        ],
    )
    def test_a_missing_key(self, path: str) -> None:
        assert refused(without(path)) == f"m.json: {path}: the key is missing and required"

    def test_fixed_bars_may_have_any_size_but_none(self) -> None:
        content = with_value(f"{BAR}.fixed", True)
        at(content, f"{BAR}.size")[0]["size"] = 12
        assert load(content).function(key("01:00.0").function) is not None
        at(content, f"{BAR}.size")[0]["size"] = 0
        assert refused(content) == f"m.json: {BAR}.size: expected more than 0 bytes, found 0x0"

    def test_a_function_twice(self) -> None:
        content = document()
        content["root_buses"][0]["functions"].append({"address": "01:00.0"})
        assert refused(content) == (
            f"m.json: root_buses[0].functions[1].address: function 0000:01:00.0 stands twice, first at {FUNCTION}"
        )

    def test_a_bar_index_twice(self) -> None:
        content = with_value(f"{FUNCTION}.bars[1].index", 0)
        assert refused(content) == f"m.json: {FUNCTION}.bars[1].index: index 0 stands twice in 0000:01:00.0"

    def test_a_root_bus_twice(self) -> None:
        content = document()
        content["root_buses"].append({"domain": 0, "bus": 0})
        assert refused(content) == ("m.json: root_buses[1]: root bus 0000:00 stands twice, first at root_buses[0]")

    def test_root_windows_of_two_buses_that_overlap(self) -> None:
        content = document()
        window = {"space": "mem", "start": "0xf0000000", "end": "0xffffffff"}
        content["root_buses"].append({"domain": 0, "bus": 0x80, "windows": [window]})
        assert refused(content) == (
            "m.json: root_buses[1].windows[0]: mem window f0000000-ffffffff overlaps 80000000-febfffff "
            "of another root bus (root_buses[0].windows[1])"
        )
        window["space"] = "io"
        load(content)

    def test_a_window_that_overlaps_an_earlier_long_one(self) -> None:
        content = document()
        for bus, (start, end) in enumerate([(0x81000000, 0x81FFFFFF), (0x83000000, 0x83FFFFFF)], 1):
            content["root_buses"].append(
                {"domain": 0, "bus": bus, "windows": [{"space": "mem", "start": start, "end": end}]}
            )
        assert "(and 1 more error)" in refused(content)

    def test_a_cycle_through_an_ancestor(self) -> None:
        content = with_value(f"{FUNCTION}.bridge", {"secondary": 1})
        assert "m.json: root_buses[0].functions[0].bridge.functions[0].bridge.secondary: bus 0x1 is" in refused(content)

    def test_the_first_error_and_the_number_of_the_rest(self) -> None:
        content = with_value(f"{BAR}.size", "3M")
        content["reserved"][0]["end"] = 0
        content["root_buses"][0]["windows"][0]["offset"] = 1
        assert refused(content) == (
            "m.json: root_buses[0].windows[0].offset: expected a multiple of 0x1000, found 0x1 (and 2 more errors)"
        )

    def test_bridges_without_end(self) -> None:
        text = '{"address": "0000:00:00.0"}'
        for number in range(1, 400):
            text = f'{{"address": "{number:04x}:00:00.0", "bridge": {{"functions": [{text}]}}}}'
        root = f'{{"domain": 0, "bus": 0, "functions": [{text}]}}'
        with pytest.raises(InputError, match="too deep"):
            load_topology(f'{{"format": "barplan-topology/1", "root_buses": [{root}]}}', "m.json")


class TestWriting:
    def test_keys_stand_in_the_order_of_the_format(self) -> None:
        written = topology_document(load(document()))
        port = written["root_buses"][0]["functions"][0]
        assert list(written) == ["format", "machine", "root_buses", "reserved"]
        assert list(port) == ["address", "id", "class", "driver", "bars", "bridge"]
        assert list(port["bridge"]) == ["secondary", "subordinate", "hotplug", "subtractive", "windows", "functions"]
        assert port["bridge"]["windows"]["mem"] == {"start": "0x80000000", "end": "0x810fffff"}
        assert port["bridge"]["functions"][0]["bars"][1] == {
            "index": "vf0",
            "space": "mem",
            "size": "0x10000",
            "width": 32,
            "prefetchable": False,
            "address": None,
            "copies": 8,
        }

    def test_driver_null_and_absent_stay_apart(self) -> None:
        topology = machine(function("00:02.0"), function("00:03.0", driver="?"))
        none, unknown = topology_document(topology)["root_buses"][0]["functions"]
        assert none["driver"] is None
        assert "driver" not in unknown

    def test_a_bar_stands_on_one_line(self) -> None:
        lines = dump_topology(load(document())).splitlines()
        assert sum('"index": ' in line and '"size": ' in line for line in lines) == 2

    @given(topologies())
    def test_what_was_written_reads_the_same(self, topology: Topology) -> None:
        assert load_topology(dump_topology(topology), "written") == topology


class TestHash:
    def test_it_is_the_hash_of_the_text_the_docstring_describes(self) -> None:
        topology = machine(host(function("00:02.0", bar(0, at=0x80000000)), io=None, pref=None, offset=-0x100000))
        text = (
            '{"format":"barplan-topology/1","machine":"a test","reserved":[],"root_buses":[{"bus":"0x0","domain":"0x0",'
            '"functions":[{"address":"0000:00:02.0","bars":[{"address":"0x80000000","copies":"0x1","fixed":false,'
            '"index":"0x0","optional":false,"prefetchable":false,"size":"0x100000","sizes":[],"space":"mem",'
            '"width":"0x20"}],"class":null,"driver":null,"id":null}],"windows":[{"end":"0xfebfffff",'
            '"offset":"-0x100000","prefetchable":false,"space":"mem","start":"0x80000000"}]}]}'
        )
        assert topology_sha256(topology) == hashlib.sha256(text.encode()).hexdigest()

    def test_a_bridge_in_the_hashed_text(self) -> None:
        topology = machine(host(bridge("00:01.0", mem=(0x80000000, 0x800FFFFF), pref=None, secondary=1)))
        text = (
            '{"format":"barplan-topology/1","machine":"a test","reserved":[],"root_buses":[{"bus":"0x0","domain":"0x0",'
            '"functions":[{"address":"0000:00:01.0","bars":[],"bridge":{"cardbus":[],"functions":[],"hotplug":false,'
            '"secondary":"0x1","subordinate":"0x1","subtractive":false,"windows":{"io":{"end":null,'
            '"granularity":"0x1000","start":null,"width":"0x10"},"mem":{"end":"0x800fffff","start":"0x80000000"}}},'
            '"class":"060400","driver":"pcieport","id":null}],"windows":['
            '{"end":"0xffff","offset":"0x0","prefetchable":false,"space":"io","start":"0x0"},'
            '{"end":"0xfebfffff","offset":"0x0","prefetchable":false,"space":"mem","start":"0x80000000"},'
            '{"end":"0x7fffffffff","offset":"0x0","prefetchable":true,"space":"mem","start":"0x4000000000"}]}]}'
        )
        assert topology_sha256(topology) == hashlib.sha256(text.encode()).hexdigest()

    def test_the_form_of_the_input_is_no_matter(self) -> None:
        content = document()
        content["root_buses"][0]["functions"][0]["bars"] = []
        content["root_buses"][0]["windows"][1] |= {"offset": 0, "prefetchable": False, "end": 0xFEBFFFFF}
        at(content, f"{BAR}.size")[0].update(size=1 << 24, width="0x20", copies=1, optional=False)
        text = json.dumps(dict(reversed(content.items())), indent=7)
        assert topology_sha256(load_topology(text, "m.json")) == topology_sha256(load(document()))

    @pytest.mark.parametrize(
        ("path", "value"),
        [
            ("machine", "another"),
            (f"{BAR}.address", "0x81000000"),
            (f"{BAR}.fixed", True),
            (f"{FUNCTION}.driver", "nvme"),
            ("reserved", []),
        ],
    )
    def test_the_content_is(self, path: str, value: object) -> None:
        assert topology_sha256(load(with_value(path, value))) != topology_sha256(load(document()))

    @given(topologies())
    def test_it_survives_writing_and_reading(self, topology: Topology) -> None:
        assert topology_sha256(load_topology(dump_topology(topology), "written")) == topology_sha256(topology)


def plan() -> Plan:
    return Plan(
        topology_sha256="0" * 64,
        engine="cp-sat",
        policy="safe",
        status=Status.FEASIBLE,
        objectives=(Objective("unplaced", 0, 0), Objective("moved_bars", 1, None)),
        bars=(
            PlannedBar(key("01:00.0"), 1 << 20, 0x80000000, 0x80100000, "makes room"),
            PlannedBar(BarKey(key("01:00.0").function, "rom"), 1 << 16, None, None),
        ),
        windows=(
            PlannedWindow(window_key("00:01.0", "mem"), Range(0x80000000, 0x80100000), Range(0x80100000, 0x80200000)),
            PlannedWindow(window_key("00:01.0", "pref"), None, Range(0x90000000, 0x90100000)),
        ),
        warnings=("driver unknown",),
    )


class TestPlans:
    def test_the_document(self) -> None:
        written = plan_document(plan())
        assert list(written) == [
            "format",
            "topology_sha256",
            "engine",
            "policy",
            "status",
            "objectives",
            "bars",
            "windows",
            "warnings",
        ]
        assert written["bars"][0] == {
            "function": "0000:01:00.0",
            "index": 0,
            "size": "0x100000",
            "from": "0x80000000",
            "to": "0x80100000",
            "moved": True,
            "why": "makes room",
        }
        assert written["windows"][1] == {
            "bridge": "0000:00:01.0",
            "window": "pref",
            "from": None,
            "to": {"start": "0x90000000", "end": "0x900fffff"},
        }

    def test_what_was_written_reads_the_same(self) -> None:
        assert load_plan(dump_plan(plan()), "p.json") == plan()

    @given(
        st.lists(st.tuples(st.integers(0, 5), st.none() | st.integers(0, 1 << 60)), unique_by=lambda pair: pair[0]),
        st.sampled_from(list(Status)),
        st.none() | st.integers(0, 1 << 70),
    )
    def test_any_plan_reads_as_written(
        self, bars: list[tuple[int, int | None]], status: Status, value: int | None
    ) -> None:
        made = Plan(
            "x",
            "e",
            "p",
            status,
            (Objective("unplaced", value, value),),
            tuple(PlannedBar(key("01:00.0", index), 1 << 20, 0, to) for index, to in bars),
            (),
        )
        assert load_plan(dump_plan(made), "p.json") == made

    @pytest.mark.parametrize(
        ("path", "value", "where", "message"),
        [
            ("format", "barplan-topology/1", "format", 'expected "barplan-plan/1", found "barplan-topology/1", which'),
            ("status", "done", "status", 'expected "optimal", "feasible", "infeasible" or "unknown", found "done"'),
            ("bars[0].to", -1, "bars[0].to", "expected a number from 0 to 2^64 - 1, found -1"),
            ("bars[1].index", 0, "bars[1]", "0000:01:00.0 BAR 0 stands twice, first at bars[0]"),
            ("windows[1].window", "mem", "windows[1]", "0000:00:01.0 mem window stands twice, first at windows[0]"),
            ("windows[0].window", "rom", "windows[0].window", 'expected "io", "mem" or "pref", found "rom"'),
            (
                "windows[0].to",
                {"start": 2, "end": 1},
                "windows[0].to.end",
                "expected 0x2 (start) or more, found 0x1; closed is null",
            ),
        ],
    )
    def test_what_is_refused(self, path: str, value: object, where: str, message: str) -> None:
        content = plan_document(plan())
        holder, last = at(content, path)
        holder[last] = value
        with pytest.raises(InputError) as caught:
            load_plan(json.dumps(content), "p.json")
        assert str(caught.value).startswith(f"p.json: {where}: {message}")


def test_writing_and_hashing_need_no_pydantic() -> None:
    """Start-up is felt: the parser's machinery is loaded by readers of documents alone."""
    code = "import sys, models.document; sys.exit('pydantic' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
