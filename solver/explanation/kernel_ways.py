"""Kernel parameters with which the kernel's own greedy would do, found by running the kernel engines."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from models.legality import new_breaches
from models.mobility import Policy
from models.placement import Placement, measure
from models.resources import MIB, Size, format_size
from models.scope import EVERYTHING
from models.topology import Bar, BarKey, Function, Topology
from solver.engines import ENGINES
from solver.explanation.case import Budget, Case
from solver.explanation.findings import Way, WayKind
from solver.explanation.kernel_room import with_room, without
from solver.kernel.driver import allocate
from solver.kernel.parameters import parse_parameters
from solver.kernel.rules import RULES
from solver.request import Request

Options = tuple[tuple[str, str], ...]

KERNELS = tuple(name for name in ENGINES if name.startswith("linux-"))
"""The engines that are kernels."""

_ALIGNMENT = "resource_alignment"

_RESERVES = ("hpmmiosize", "hpmmioprefsize")
"""What a kernel keeps free behind each hotplug bridge, of memory and of prefetchable memory."""

_NAMED = 24
"""How many devices ``resource_alignment`` names at most."""

_ALONE = 8
"""How many of them are named alone."""


def named_by_parameter(case: Case, concerned: Iterable[BarKey]) -> list[str]:
    """What ``resource_alignment`` could name so that the kernel places it anew, as the parameter spells it.

    Bridges that lead to a BAR concerned, whose windows are then sized again, those on the root bus first; functions on
    the root bus that stand in the way, their BARs aligned to twice their size, so that they leave their places; then
    the other bridges on the root bus that have a window of memory.
    """
    if case.space == "io":
        return []  # the parameter is for memory
    bridges: dict[str, int] = {}
    functions: dict[str, int] = {}
    for key in concerned:
        above = case.above(key.function)
        for depth, one in enumerate(reversed(above)):
            bridges.setdefault(str(one), depth)
        bar = case.bars[key]
        if not above and bar.address is not None and not bar.fixed and key not in case.request.pins:
            functions[str(key.function)] = max(functions.get(str(key.function), 0), bar.size.bit_length())
    named = sorted(bridges, key=lambda name: bridges[name])
    named += [f"{order}@{name}" for name, order in functions.items()]
    named += [str(function.address) for function in case.root.functions if _has_memory_window(function)]
    return list(dict.fromkeys(named))[:_NAMED]


def _has_memory_window(function: Function) -> bool:
    windows = function.bridge.windows if function.bridge is not None else ()
    return any(window.space == "mem" and window.range is not None for window in windows)


@dataclass(frozen=True, slots=True)
class Trial:
    """What one kernel made of the whole machine with some parameters; ``unplaced`` are the BARs it left out."""

    engine: str
    options: Options
    unplaced: frozenset[BarKey]
    placement: Placement


@dataclass(slots=True)
class KernelTrials:
    """Runs of the kernel engines on one machine, each made once.

    A run counts only if no BAR loses its address, no pin of the request moves and no rule is broken. BARs move
    whatever their driver: that happens at boot, when no driver is bound yet.

    Attributes
    ----------
    absent
        BARs that stand for a device that is not there. The kernel runs without it, and has to leave room for it, which
        it does only where parameters say how much.
    """

    topology: Topology
    request: Request
    budget: Budget
    absent: frozenset[BarKey] = frozenset()
    done: dict[tuple[str, Options], Trial | None] = field(default_factory=dict)
    legal: dict[tuple[str, Options], bool] = field(default_factory=dict)
    deadline: float = 0.0
    bars: dict[BarKey, Bar] = field(init=False)
    immovable: frozenset[BarKey] = field(init=False)

    def __post_init__(self) -> None:
        self.bars = dict(self.topology.bars())
        self.immovable = replace(self.request, policy=Policy.ALWAYS, scope=EVERYTHING).mobility(self.topology).immovable

    def way(
        self,
        wanted: frozenset[BarKey],
        short: dict[BarKey, tuple[bool, Size]],
        near: Sequence[str] = (),
        seconds: float = 1e9,
    ) -> Way | None:
        """The fewest parameters with which some kernel places all of ``wanted``.

        Parameters
        ----------
        short
            BARs that find no place, with whether they are prefetchable memory and how many bytes they take.
        near
            What ``resource_alignment`` may name, see :func:`named_by_parameter`.
        seconds
            Wall time for runs that were not made before.
        """
        self.deadline = time.monotonic() + seconds
        for options in self._candidates(short, near):
            good = self._good(options, wanted)
            if good:
                options, good = self._fewer_names(options, wanted, good)
                named = sum(value.count(";") for name, value in options if name == _ALIGNMENT)
                return Way(
                    WayKind.KERNEL,
                    len(options) + named,
                    proved=not named,
                    parameters=tuple(f"{name}={value}" if value != "on" else name for name, value in options),
                    kernels=tuple(trial.engine for trial in good),
                    moved=min(self._moved(trial) for trial in good),
                )
        return None

    def _good(self, options: Options, wanted: frozenset[BarKey], kernels: Iterable[str] = KERNELS) -> list[Trial]:
        """The runs of the kernels with these parameters in which all of ``wanted`` is placed."""
        if wanted & self.absent and not any(name in _RESERVES for name, _ in options):
            return []
        trials = [self._run(name, options) for name in kernels]
        complete = [trial for trial in trials if trial is not None and not trial.unplaced & wanted]
        return [trial for trial in complete if self._is_legal(trial)]

    def _candidates(self, short: dict[BarKey, tuple[bool, Size]], near: Sequence[str]) -> Iterator[Options]:
        """Parameters in the order of how many there are; reserves from what is short up to four times that."""
        yield ()
        realloc = (("realloc", "on"),)
        yield realloc
        reserves = self._reserves(short)
        named = [(_ALIGNMENT, name) for name in near[:_ALONE]]
        for one in (*itertools.chain(*reserves), *named):
            yield (one,)
        for one in (*itertools.chain(*reserves), *named):
            yield (*realloc, one)
        for both in itertools.product(*reserves) if len(reserves) > 1 else ():
            yield (*realloc, *both)
        # A window that has addresses is left alone, whatever the reserve, unless it is named.
        for one, name in itertools.product(itertools.chain(*reserves), named):
            yield (one, name)
        if len(near) > 1:
            together = (_ALIGNMENT, ";".join(near))
            yield (together,)
            yield (*realloc, together)
            for some in itertools.product(*reserves) if reserves else ():
                yield (*some, together)

    def _reserves(self, short: dict[BarKey, tuple[bool, Size]]) -> list[list[tuple[str, str]]]:
        """Sizes for each kind of memory reserve that would help; they are for hotplug bridges only."""
        if not any(function.bridge and function.bridge.hotplug for function, _ in self.topology.functions()):
            return []
        reserves = []
        for name, kind in zip(_RESERVES, (False, True), strict=True):
            size = sum(size for prefetchable, size in short.values() if prefetchable is kind)
            whole = max(2 * MIB, 1 << (size - 1).bit_length())
            if size:
                reserves.append([(name, format_size(whole << shift)) for shift in range(3)])
        return reserves

    def _fewer_names(
        self, options: Options, wanted: frozenset[BarKey], good: list[Trial]
    ) -> tuple[Options, list[Trial]]:
        """The same parameters with no device named in vain."""
        for name in dict(options).get(_ALIGNMENT, "").split(";"):
            left = [other for other in dict(options).get(_ALIGNMENT, "").split(";") if other != name]
            if left:
                rest = tuple((key, ";".join(left) if key == _ALIGNMENT else value) for key, value in options)
                still = self._good(rest, wanted, [trial.engine for trial in good])
                options, good = (rest, still) if still else (options, good)
        return options, good

    def _run(self, name: str, options: Options) -> Trial | None:
        """One kernel, and ``None`` where a BAR loses its address; whether a rule is broken is asked later."""
        if (name, options) not in self.done:
            if min(self.budget.left, self.deadline - time.monotonic()) <= 0:
                return None
            there = without(self.topology, self.absent) if self.absent else self.topology
            parameters = parse_parameters({**self.request.options, **dict(options)}, there)
            placement = allocate(there, RULES[name], parameters).placement
            placement = with_room(self.topology, placement, self.absent)
            left = frozenset(key for key in self.bars if placement.bars.get(key) is None)
            lost = any(self.bars[key].address is not None for key in left)
            self.done[name, options] = None if lost else Trial(name, options, left, placement)
        return self.done[name, options]

    def _is_legal(self, trial: Trial) -> bool:
        if (trial.engine, trial.options) not in self.legal:
            broken = new_breaches(self.topology, trial.placement, immovable=self.immovable)
            self.legal[trial.engine, trial.options] = not broken
        return self.legal[trial.engine, trial.options]

    def _moved(self, trial: Trial) -> int:
        return measure(self.topology, trial.placement).moved_bars
