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
    line += f", {movable} of them may move; {needed} without one that need one\n"
    reasons = Counter(reason for key in placed if (reason := movement.reasons.get(key)) is not None)
    for reason, number in reasons.most_common():
        stay = "stays" if number == 1 else "stay"
        line += f"{count(number, 'BAR')} {stay}: {reason}\n"
    return line


def failure_lines(failures: Iterable[Failure]) -> list[str]:
    """One line for each thing the kernel failed to place; repeated messages are counted."""
    texts: dict[str, list[int]] = {}
    for failure in failures:
        texts.setdefault(_failure_text(failure), []).append(failure.line)
    lines = []
    for text, numbers in texts.items():
        times = "" if len(numbers) == 1 else f", {len(numbers)} times"
        lines.append(f"{text} (line {numbers[0]}{times})")
    return lines


def _failure_text(failure: Failure) -> str:
    what = WINDOW_WORDS[failure.index] if failure.index in WINDOW_WORDS else bar_name(failure.index)
    details: list[str] = [] if failure.space is None else [failure.space]
    if failure.size is not None:
        details.append(f"size {format_size(failure.size)}")
    text = f"{failure.function} {what}: {failure.what}"
    return f"{text} [{' '.join(details)}]" if details else text
