"""Machines and plans as HTML tables, which Jupyter shows in place of a long repr; everything in them is escaped."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from html import escape

from models.plan import Plan
from models.resources import Address, Range, Space, format_range, format_size
from models.topology import Bar, Function, Topology, bar_name
from models.words import count

_INDENT = "&nbsp;" * 4


def topology_html(topology: Topology) -> str:
    """Root buses with their windows, and below them every function with its BARs and bridge windows."""
    functions = list(topology.functions())
    bars = sum(len(function.bars) for function, _ in functions)
    caption = f"{topology.machine or 'A machine'}: {count(len(functions), 'function')}, {count(bars, 'BAR')}"
    rows: list[tuple[str, ...]] = []
    for root in topology.root_buses:
        rows.append((f"root bus {escape(root.name)}", "", "", ""))
        for window in root.windows:
            kind = f"{window.space} window" + (", prefetchable" if window.prefetchable else "")
            rows.append((_INDENT + kind, "", *_range_cells(window.range, window.space)))
        for function in root.functions:
            rows.extend(_function_rows(function, ""))
    return html_table(caption, ("", "driver", "addresses", "size"), rows)


def plan_html(plan: Plan) -> str:
    """Objectives with their bounds, then every BAR and window that changes."""
    worth = [
        (escape(one.name), _number(one.value), "none" if one.bound is None else _number(one.bound))
        for one in plan.objectives
    ]
    caption = f"plan of {plan.engine}, policy {plan.policy}: {plan.status}"
    text = html_table(caption, ("objective", "value", "proved bound"), worth)
    changes = [
        (escape(str(bar.key)), format_size(bar.size), _address(bar.before), _address(bar.after), escape(bar.why or ""))
        for bar in plan.bars
        if bar.before != bar.after
    ]
    changes += [
        (escape(str(window.key)), "", format_range(window.before), format_range(window.after), "")
        for window in plan.windows
        if window.before != window.after
    ]
    return text + html_table(f"{len(changes)} changes", ("", "size", "today", "plan", "why"), changes)


def _function_rows(function: Function, indent: str) -> Iterator[tuple[str, ...]]:
    """A function with its BARs and open windows, and below it what stands behind it."""
    driver = function.driver or ("none" if function.driver_known else "unknown")
    words = " ".join(word for word in (function.address, function.id) if word)
    yield f"{indent}<b>{escape(words)}</b>", escape(driver), "", ""
    for bar in function.bars:
        yield f"{indent}{_INDENT}{escape(_bar_words(bar))}", "", *_bar_cells(bar)
    for window in function.bridge.windows if function.bridge else ():
        if window.range is not None:
            yield f"{indent}{_INDENT}{window.kind} window", "", *_range_cells(window.range, window.space)
    for inner in function.bridge.functions if function.bridge else ():
        yield from _function_rows(inner, indent + _INDENT)


def _bar_words(bar: Bar) -> str:
    kind = "I/O" if bar.space == "io" else f"{bar.width}-bit{', prefetchable' if bar.prefetchable else ''}"
    copies = f", {bar.copies} VFs" if bar.copies > 1 else ""
    return f"{bar_name(bar.index)} ({kind}{copies})"


def _bar_cells(bar: Bar) -> tuple[str, str]:
    if bar.range is None:
        return "unassigned", format_size(bar.size)
    return _range_cells(bar.range, bar.space)[0], format_size(bar.size)


def _range_cells(range_: Range, space: Space) -> tuple[str, str]:
    digits = 4 if space == "io" else 8
    return f"{range_.start:0{digits}x}-{range_.last:0{digits}x}", format_size(range_.size)


def _address(address: Address | None) -> str:
    return "none" if address is None else f"{address:08x}"


def _number(value: int | None) -> str:
    return "" if value is None else str(value)


def html_table(caption: str, head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """An HTML table of a head and rows; ``rows`` are HTML already, ``caption`` and ``head`` are text."""
    style = ' style="text-align:left;font-family:monospace;white-space:nowrap"'
    top = "".join(f"<th{style}>{escape(cell)}</th>" for cell in head)
    body = "".join("<tr>" + "".join(f"<td{style}>{cell}</td>" for cell in row) + "</tr>" for row in rows)
    return f"<table><caption>{escape(caption)}</caption><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table>"
