"""Topology documents that are refused, each with one line that says where and why."""

from __future__ import annotations

import pytest

from models.document import load_topology
from models.errors import InputError
from tests.documents import BAR, FUNCTION, at, document, load, with_value, without
from tests.topologies import key


def refused(content: object) -> str:
    with pytest.raises(InputError) as caught:
        load(content)
    assert "\n" not in str(caught.value)
    return str(caught.value)


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
            ("root_buses[0].windows[1].offset", "0x800", "expected a multiple of 0x1000, found 0x800"),
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

    def test_a_domain_inside_a_fixed_bar_is_no_overlap(self) -> None:
        content = document()
        bar = at(content, f"{BAR}.size")[0]
        window = {"space": "mem", "start": bar["address"], "end": "0x80ffffff"}
        content["root_buses"].append({"domain": 0x10000, "bus": 0, "windows": [window]})
        assert "overlaps" in refused(content)
        bar["fixed"] = True
        assert load(content).root_buses[1].domain == 0x10000

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

    def test_functions_without_end(self) -> None:
        content = document()
        functions = content["root_buses"][0]["functions"]
        for number in range(300):
            functions.append({"address": f"0000:{number % 256:02x}:1f.0", "bridge": {"functions": []}})
            functions = functions[-1]["bridge"]["functions"]
        message = refused(content)
        assert "nested too deep" in message
        assert len(message) < 1200

    def test_bridges_without_end(self) -> None:
        text = '{"address": "0000:00:00.0"}'
        for number in range(1, 400):
            text = f'{{"address": "{number:04x}:00:00.0", "bridge": {{"functions": [{text}]}}}}'
        root = f'{{"domain": 0, "bus": 0, "functions": [{text}]}}'
        with pytest.raises(InputError, match="too deep"):
            load_topology(f'{{"format": "barplan-topology/1", "root_buses": [{root}]}}', "m.json")
