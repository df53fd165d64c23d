"""Kernel parameters with which the kernel's own greedy would do, found by running the kernel engines."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from models.mobility import Policy
from models.resources import MIB, Size, format_size
from models.topology import BarKey, Topology
from solver.engines import ENGINES, engine
from solver.explanation.case import Budget
from solver.explanation.findings import Way, WayKind
from solver.request import Request

Options = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Trial:
    """What one kernel made of the whole machine with some parameters; ``unplaced`` are the BARs it left out."""

    engine: str
    options: Options
    unplaced: frozenset[BarKey]
    moved: int


@dataclass(slots=True)
class KernelTrials:
    """Runs of the kernel engines on one machine, each made once.

    A run counts only if no BAR loses its address, no pin of the request moves and no rule is broken. BARs move
    whatever their driver: that happens at boot, when no driver is bound yet.
    """

    topology: Topology
    request: Request
    budget: Budget
    done: dict[tuple[str, Options], Trial | None] = field(default_factory=dict)

    def way(self, wanted: frozenset[BarKey], short: dict[BarKey, tuple[bool, Size]]) -> Way | None:
        """The fewest parameters with which some kernel places all of ``wanted``.

        Parameters
        ----------
        short
            BARs that find no place, with whether they are prefetchable memory and how many bytes they take.
        """
        kernels = [name for name in ENGINES if name.startswith("linux-")]
        for options in self._candidates(short):
            trials = [self._run(name, options) for name in kernels]
            good = [trial for trial in trials if trial is not None and not trial.unplaced & wanted]
            if good:
                return Way(
                    WayKind.KERNEL,
                    len(options),
                    proved=True,
                    parameters=tuple(f"{name}={value}" if value != "on" else name for name, value in options),
                    kernels=tuple(trial.engine for trial in good),
                    moved=min(trial.moved for trial in good),
                )
        return None

    def _candidates(self, short: dict[BarKey, tuple[bool, Size]]) -> Iterator[Options]:
        """Parameters in the order of how many there are; reserves from what is short up to four times that."""
        yield ()
        realloc = (("realloc", "on"),)
        yield realloc
        ports = any(function.bridge and function.bridge.hotplug for function, _ in self.topology.functions())
        if not ports:
            return  # reserves are for hotplug bridges only
        reserves = []
        for name, kind in (("hpmmiosize", False), ("hpmmioprefsize", True)):
            size = sum(size for prefetchable, size in short.values() if prefetchable is kind)
            whole = max(2 * MIB, 1 << (size - 1).bit_length())
            reserves.append([(name, format_size(whole << shift)) for shift in range(3)] if size else [])
        for reserve in itertools.chain(*reserves):
            yield (reserve,)
        for reserve in itertools.chain(*reserves):
            yield (*realloc, reserve)
        for both in itertools.product(*reserves):
            yield (*realloc, *both)

    def _run(self, name: str, options: Options) -> Trial | None:
        if (name, options) not in self.done:
            if self.budget.left <= 0:
                return None
            request = replace(
                self.request,
                policy=Policy.ALWAYS,
                minimize=("unplaced",),
                options={**self.request.options, **dict(options)},
            )
            result = engine(name)(self.topology, request)
            trial = None
            if not result.breaches and not result.measures.lost_bars:
                bars = dict(self.topology.bars())
                left = frozenset(
                    bar.key for bar in result.plan.bars if bar.after is None and not bars[bar.key].optional
                )
                trial = Trial(name, options, left, sum(bar.moved for bar in result.plan.bars))
            self.done[name, options] = trial
        return self.done[name, options]
