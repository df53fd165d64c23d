"""A plan from its document, and everything that is wrong with it, with its JSON path."""

from __future__ import annotations

from models.plan import Objective, Plan, PlannedBar, PlannedWindow, Status
from models.reserves import PlannedReserve, Reserve
from models.resources import FunctionAddress, Range
from models.schema import PlannedBarShape, PlannedRangeShape, PlannedReserveShape, PlannedWindowShape, PlanShape
from models.topology import BarKey, WindowKey


def read_plan(shape: PlanShape) -> tuple[Plan, list[tuple[str, str]]]:
    """The plan, and path and message of everything wrong with it; the plan is void where there is any."""
    reader = _Reader()
    plan = Plan(
        topology_sha256=shape.topology_sha256,
        engine=shape.engine,
        policy=shape.policy,
        status=Status(shape.status),
        objectives=tuple(Objective(item.name, item.value, item.bound) for item in shape.objectives),
        bars=tuple(reader.bar(bar, f"bars[{i}]") for i, bar in enumerate(shape.bars)),
        windows=tuple(reader.window(window, f"windows[{i}]") for i, window in enumerate(shape.windows)),
        warnings=tuple(shape.warnings),
        reserves=tuple(
            planned for i, one in enumerate(shape.reserves) if (planned := reader.reserve(one, f"reserves[{i}]"))
        ),
    )
    return plan, reader.problems


class _Reader:
    def __init__(self) -> None:
        self.problems: list[tuple[str, str]] = []
        self.seen: dict[BarKey | WindowKey, str] = {}

    def bar(self, shape: PlannedBarShape, path: str) -> PlannedBar:
        key = BarKey(FunctionAddress(shape.function), shape.index)
        self._once(key, path)
        bar = PlannedBar(key, shape.size, shape.before, shape.after, shape.why)
        if shape.moved is not None and shape.moved != bar.moved:
            said = str(shape.moved).lower()
            self.problems.append(
                (f"{path}.moved", f"expected {str(bar.moved).lower()} after from and to, found {said}")
            )
        return bar

    def window(self, shape: PlannedWindowShape, path: str) -> PlannedWindow:
        key = WindowKey(FunctionAddress(shape.bridge), shape.window)
        self._once(key, path)
        return PlannedWindow(key, self._range(shape.before, f"{path}.from"), self._range(shape.after, f"{path}.to"))

    def reserve(self, shape: PlannedReserveShape, path: str) -> PlannedReserve | None:
        if shape.end < shape.start:
            self.problems.append((f"{path}.end", f"expected {shape.start:#x} (start) or more, found {shape.end:#x}"))
            return None
        range_ = Range.inclusive(shape.start, shape.end)
        return PlannedReserve(Reserve(FunctionAddress(shape.bridge), shape.window, range_.size), range_)

    def _once(self, key: BarKey | WindowKey, path: str) -> None:
        first = self.seen.setdefault(key, path)
        if first != path:
            self.problems.append((path, f"{key} stands twice, first at {first}"))

    def _range(self, shape: PlannedRangeShape | None, path: str) -> Range | None:
        if shape is None:
            return None
        if shape.end < shape.start:
            self.problems.append(
                (f"{path}.end", f"expected {shape.start:#x} (start) or more, found {shape.end:#x}; closed is null")
            )
            return None
        return Range.inclusive(shape.start, shape.end)
