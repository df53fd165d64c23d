"""Plan documents: what is written, read and refused."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.document import dump_plan, load_plan, plan_document
from models.errors import InputError
from models.plan import Objective, Plan, PlannedBar, PlannedWindow, Status
from models.resources import Range
from models.topology import BarKey
from tests.documents import at
from tests.topologies import key, window_key


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
