"""Room beside what is there: how many VFs fit, and reserves behind bridges, for ``barplan solve``."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from models.errors import InputError

if TYPE_CHECKING:
    from models.reserves import Reserve
    from models.topology import Topology
    from solver.cli.options import SharedOptions
    from solver.engines import Engine, Progress
    from solver.request import Request
    from solver.result import Result


@dataclass(frozen=True, slots=True)
class Room:
    """What is asked for beside a placement.

    Attributes
    ----------
    fit
        Values of ``--vfs`` that ask how many fit.
    reserve
        Values of ``--reserve``.
    """

    fit: tuple[str, ...]
    reserve: tuple[str, ...]

    @property
    def asked(self) -> bool:
        return bool(self.fit or self.reserve)


def room_of(given: SharedOptions, engine: str) -> tuple[SharedOptions, Room]:
    """The options without what asks for room, and that.

    Raises
    ------
    InputError
        If the engine proves nothing.
    """
    fit = tuple(text for text in given.vfs if text.replace(" ", "").endswith("=fit"))
    room = Room(fit, given.reserve)
    if room.asked and engine != "cp-sat":
        option = "--reserve" if given.reserve else "--vfs FUNCTION=fit"
        raise InputError(f"the engine {engine} proves nothing and knows no {option}; use cp-sat", source="--engine")
    return replace(given, vfs=tuple(text for text in given.vfs if text not in fit)), room


def solve_with_room(
    topology: Topology, request: Request, room: Room, run: Engine, progress: Progress | None
) -> tuple[Result, bool]:
    """The plan, with what was found of the room among its warnings, and whether some of it is proved not to fit.

    Half of the time is for the search for numbers of VFs.
    """
    from models.edit import parse_vfs, with_vfs
    from models.reserves import parse_reserves
    from solver.reserves import LAST_WORD, Reserved, solve_with_reserves
    from solver.vfs import how_many_fit

    started = time.monotonic()
    limit = request.time_limit
    # A later one takes nothing from an earlier one, so it starts out with no VFs.
    wanted = [parse_vfs(topology, text)[:2] for text in room.fit]
    said = []
    counts: dict[str, int] = {}
    interrupted = False
    for number, (function, total) in enumerate(wanted):
        there = topology
        for other, _ in wanted:
            there = with_vfs(there, other, counts.get(other, 0)) if other != function else there
        share = None if limit is None else (started + limit / 2 - time.monotonic()) / (len(wanted) - number)
        count = how_many_fit(there, function, total, replace(request, time_limit=share), progress)
        said.append(str(count))
        counts[function] = count.fit or 0
        interrupted |= count.interrupted
        if interrupted:
            break
    for function, _ in wanted:
        topology = with_vfs(topology, function, counts.get(function, 0))
    reserves = parse_reserves(topology, room.reserve)
    left = None if limit is None else max(0.1, started + limit - time.monotonic())
    request = replace(request, time_limit=LAST_WORD if interrupted else left)
    if reserves:
        found = solve_with_reserves(topology, request, reserves, progress, run=run)
    else:
        found = Reserved(run(topology, request, progress))
    said += _refusals(found.refused, proved=found.proved)
    plan = replace(found.result.plan, warnings=(*said, *found.result.plan.warnings))
    seconds = time.monotonic() - started
    result = replace(found.result, plan=plan, seconds=seconds, interrupted=interrupted or found.result.interrupted)
    return result, bool(found.refused) and found.proved


def _refusals(refused: Sequence[Reserve], *, proved: bool) -> list[str]:
    how = "proved" if proved else "not proved, time ran out"
    return [f"no room is left for {reserve} ({how})" for reserve in refused]
