"""A kernel log replayed: each stage with the kernel's outcome and every engine's, as text and as JSON."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from models.placement import Measures
from models.resources import Range, format_size
from models.sources.history import History, Stage
from models.sources.kernel_log_stages import Decision as LoggedDecision
from models.topology import BarKey, Topology, WindowKey, bar_name
from solver.kernel.decisions import Decision
from solver.render.columns import bullets, columns, section
from solver.render.words import address, count, range_text
from solver.replay import Difference, Key, Place, Replayed, Run

_SHOWN = 8
"""Differences shown of each engine unless all are asked for."""

_WORDS = {
    "boot": "boot",
    "hot-add": "hot-add",
    "rescan": "rescan",
    "resize": "resize",
    "reassign": "assignment after the boot",
    "removal": "removal",
}


def head_text(history: History, notes: Sequence[str]) -> str:
    """What is replayed."""
    machine = f"{history.machine}, " if history.machine else ""
    kernel = f"Linux {history.kernel}" if history.kernel else "a kernel that does not say its version"
    boot = f", boot {history.boot} of {history.boots}" if history.boots > 1 else ""
    parameters = f", pci={history.parameters}" if history.parameters else ""
    return f"{history.source}: {machine}{kernel}{parameters}{boot}\n" + bullets(notes)


def stage_text(replayed: Replayed, number: int, *, trace: bool, every: bool) -> str:
    """One stage: a line for each outcome, then where each kernel engine differs, then its decisions."""
    stage = replayed.stage
    text = f"\n{number}. {_title(stage)}\n"
    text += bullets(f"not told by the log: {gap}" for gap in stage.gaps)
    if not replayed.runs:
        return text + bullets(["nothing was to be assigned"])
    text += outcomes_table(replayed)
    for run in replayed.runs:
        if run.decisions:
            text += _differences_text(stage, run, every=every)
    if trace:
        for run in replayed.runs:
            if run.decisions:
                text += section(
                    f"Decisions of {run.engine} ({len(run.decisions)})", decisions_text(stage, run.decisions)
                )
    return text


def _title(stage: Stage) -> str:
    words = [_WORDS[stage.kind]]
    if stage.under is not None:
        words.append(f"below {stage.under}")
    words.append(f"at line {stage.line}")
    details = []
    if stage.added:
        details.append(f"{count(len(stage.added), 'function')} added")
    if stage.removed:
        details.append(f"{count(len(stage.removed), 'function')} removed")
    if stage.resized:
        details.append(f"{count(len(stage.resized), 'BAR')} released to be resized")
    if stage.failures:
        details.append(f"{count(len(stage.failures), 'failure')} logged")
    return " ".join(words) + (f": {', '.join(details)}" if details else "")


def outcomes_table(replayed: Replayed) -> str:
    """One line for the kernel and one for each engine."""
    table: list[tuple[str, ...]] = [
        ("", "unplaced", "moved", "lost", "windows changed", "as the kernel", "of those it had to place")
    ]
    table.append(("kernel (log)", *_measures(replayed.kernel), "", ""))
    for run in replayed.runs:
        if run.placed:
            same = (f"{run.equal} of {run.compared}", f"{run.decided_equal} of {run.decided}")
            table.append((run.engine, *_measures(run.measures), *same))
        else:
            table.append((run.engine, *["-"] * 4, str(run.status), ""))
    return columns(table, right=(1, 2, 3, 4, 5, 6))


def _measures(measures: Measures) -> tuple[str, str, str, str]:
    values = (measures.unplaced, measures.moved_bars, measures.lost_bars, measures.windows_changed)
    return (str(values[0]), str(values[1]), str(values[2]), str(values[3]))


def _differences_text(stage: Stage, run: Run, *, every: bool) -> str:
    if not run.differences:
        return ""
    first, *others = run.differences
    text = f"  First difference of {run.engine}: {_difference(stage, first)}\n"
    if first.decision is not None:
        text += f"    {run.engine}: {decision_text(stage, first.decision)}\n"
    else:
        text += f"    {run.engine}: no decision\n"
    logged = [decision for decision in stage.decisions if (decision.function, decision.slot) == first.key]
    if logged:
        text += f"    log: {_logged_text(logged[-1])}\n"
    else:
        text += "    log: says nothing of it after it was found\n"
    shown = others if every else others[: _SHOWN - 1]
    text += "".join(f"  then {_difference(stage, difference)}\n" for difference in shown)
    if len(shown) < len(others):
        text += f"  and {len(others) - len(shown)} more (-v shows all)\n"
    return text


def _difference(stage: Stage, difference: Difference) -> str:
    here, there = (place_text(stage.before, difference.key, place) for place in (difference.kernel, difference.engine))
    return f"{difference.key}: kernel {here}, engine {there}"


def place_text(topology: Topology, key: Key, place: Place) -> str:
    """An address or a range, or that there is none."""
    if place is None:
        return "nowhere" if isinstance(key, BarKey) else "closed"
    if isinstance(place, Range):
        space = "io" if isinstance(key, WindowKey) and key.kind == "io" else "mem"
        return f"{range_text(place, 'io' if space == 'io' else 'mem')} [size={format_size(place.size)}]"
    bar = dict(topology.bars()).get(BarKey(*key)) if isinstance(key, BarKey) else None
    return address(place, bar.space if bar is not None else "mem")


def _logged_text(decision: LoggedDecision) -> str:
    where = "" if decision.range is None else f" {range_text(decision.range)}"
    size = "" if decision.size is None else f" [size={format_size(decision.size)}]"
    return f"line {decision.line}: {decision.kind}{where}{size}"


TRACE_FIELDS = ("what", "who", "base", "size", "alignment", "window", "why")
"""The fields of a decision, in this order, everywhere."""


def decision_fields(topology: Topology, decision: Decision) -> tuple[str, ...]:
    """The fields of one decision as text."""
    base = "-"
    if decision.base is not None:
        space = "io" if _is_io(topology, decision.key) else "mem"
        base = address(decision.base, "io" if space == "io" else "mem")
    return (
        decision.kind,
        str(decision.key),
        base,
        format_size(decision.size),
        format_size(decision.alignment) if decision.alignment else "-",
        decision.window or "-",
        decision.why,
    )


def _is_io(topology: Topology, key: Key) -> bool:
    if isinstance(key, WindowKey):
        return key.kind == "io"
    function = topology.function(key.function)
    bar = function.bar(key.index) if function is not None else None
    return bar is not None and bar.space == "io"


def decision_text(stage: Stage, decision: Decision) -> str:
    """One decision in one line, each field named."""
    what, _, *fields = decision_fields(stage.before, decision)
    named = (f"{name} {value}" for name, value in zip(TRACE_FIELDS[2:-1], fields[:-1], strict=True) if value != "-")
    return f"{what}, {', '.join(named)}: {fields[-1]}"


def decisions_text(stage: Stage, decisions: Iterable[Decision]) -> str:
    """The trace: one line a decision."""
    rows = [TRACE_FIELDS, *(decision_fields(stage.before, decision) for decision in decisions)]
    return columns(rows, right=(2, 3, 4))


def document(history: History, replayed: Iterable[Replayed], notes: Sequence[str], *, trace: bool) -> dict[str, Any]:
    """Everything as one document of the format ``barplan-replay/1``; addresses and sizes are hex strings."""
    return {
        "format": "barplan-replay/1",
        "source": history.source,
        "machine": history.machine,
        "kernel": history.kernel,
        "parameters": history.parameters,
        "boot": history.boot,
        "boots": history.boots,
        "notes": list(notes),
        "stages": [_stage_document(stage, trace=trace) for stage in replayed],
    }


def _stage_document(replayed: Replayed, *, trace: bool) -> dict[str, Any]:
    stage = replayed.stage
    return {
        "kind": stage.kind,
        "line": stage.line,
        "under": stage.under,
        "added": list(stage.added),
        "removed": list(stage.removed),
        "resized": [_key(key) for key, _ in stage.resized],
        "gaps": list(stage.gaps),
        "kernel": _measures_document(replayed.kernel),
        "engines": [_run_document(run, trace=trace) for run in replayed.runs],
    }


def _run_document(run: Run, *, trace: bool) -> dict[str, Any]:
    result: dict[str, Any] = {
        "engine": run.engine,
        "status": str(run.status),
        "measures": _measures_document(run.measures) if run.placed else None,
        "compared": run.compared,
        "equal": run.equal,
        "had_to_place": run.decided,
        "had_to_place_equal": run.decided_equal,
        "differences": [
            {
                "key": _key(difference.key),
                "kernel": _place(difference.kernel),
                "engine": _place(difference.engine),
                "decision": None if difference.decision is None else _decision(difference.decision),
            }
            for difference in run.differences
        ],
        "seconds": round(run.seconds, 3),
    }
    if trace:
        result["decisions"] = [_decision(decision) for decision in run.decisions]
    return result


def _measures_document(measures: Measures) -> dict[str, int]:
    return {
        "unplaced": measures.unplaced,
        "moved_bars": measures.moved_bars,
        "lost_bars": measures.lost_bars,
        "windows_changed": measures.windows_changed,
    }


def _key(key: Key) -> str:
    if isinstance(key, WindowKey):
        return str(key)
    return f"{key.function} {bar_name(key.index)}"


def _place(place: Place) -> Any:
    if isinstance(place, Range):
        return {"start": hex(place.start), "end": hex(place.last)}
    return None if place is None else hex(place)


def _decision(decision: Decision) -> dict[str, Any]:
    return {
        "what": decision.kind,
        "who": _key(decision.key),
        "base": None if decision.base is None else hex(decision.base),
        "size": hex(decision.size),
        "alignment": hex(decision.alignment),
        "window": decision.window or None,
        "why": decision.why,
    }
