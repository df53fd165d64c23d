"""A machine in a few lines: how much there is, how much of it may move, what the kernel failed to place."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from models.mobility import Mobility
from models.resources import format_size
from models.sources.observation import Failure
from models.topology import Topology, bar_name
from solver.render.words import WINDOW_WORDS, count


def machine_summary(topology: Topology, movement: Mobility) -> str:
    """Counts of functions, bridges and BARs; how many BARs may move, and why the others stay."""
    functions = [function for function, _ in topology.functions()]
    bridges = sum(function.bridge is not None for function in functions)
    bars = list(topology.bars())
    placed = [key for key, bar in bars if bar.address is not None]
    needed = sum(bar.address is None and not bar.optional and not bar.fixed for _, bar in bars)
    line = f"{count(len(functions), 'function')}, {count(bridges, 'bridge')}, {count(len(bars), 'BAR')}: "
    line += f"{len(placed)} with an address"
    movable = sum(movement.may_move(key) for key in placed)
    line += f", {movable} of them may move; "
    line += f"{needed} without one that {'needs' if needed == 1 else 'need'} one\n"
    reasons = Counter(reason for key in placed if (reason := movement.reasons.get(key)) is not None)
    for reason, number in reasons.most_common():
        stay = "stays" if number == 1 else "stay"
        line += f"{count(number, 'BAR')} {stay}: {reason}\n"
    return line


def failure_lines(failures: Iterable[Failure]) -> list[str]:
    """One line for each BAR or window the kernel failed to place, with everything it said of it.

    The kernel tries again and again; the line numbers are those of the first and the last message.
    """
    things: dict[str, list[Failure]] = {}
    for failure in failures:
        things.setdefault(_thing(failure), []).append(failure)
    lines = []
    for thing, said in things.items():
        words = ", ".join(dict.fromkeys(failure.what for failure in said))
        first, last = said[0].line, said[-1].line
        where = f"line {first}" if first == last else f"lines {first} to {last}"
        lines.append(f"{thing}: {words} ({where})")
    return lines


def _thing(failure: Failure) -> str:
    what = WINDOW_WORDS[failure.index] if failure.index in WINDOW_WORDS else bar_name(failure.index)
    details: list[str] = [] if failure.space is None else [failure.space]
    if failure.size is not None:
        details.append(f"size {format_size(failure.size)}")
    text = f"{failure.function} {what}"
    return f"{text} [{' '.join(details)}]" if details else text
