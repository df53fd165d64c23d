"""Topology documents: what is read, what is written, what is hashed."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys

import pytest
from hypothesis import given

from models.document import dump_topology, load_topology, topology_document, topology_sha256
from models.resources import Range
from models.topology import Topology
from tests.documents import BAR, FUNCTION, at, document, load, with_value, without
from tests.strategies import topologies
from tests.topologies import bar, bridge, function, host, key, machine


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


def test_writing_and_hashing_need_no_pydantic() -> None:
    """Start-up is felt: the parser's machinery is loaded by readers of documents alone."""
    code = "import sys, models.document; sys.exit('pydantic' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
