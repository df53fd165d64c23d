"""Options and arguments that several verbs share, and their types.

Names are completed in the shell from the same tables that check them; the
tables are imported only when they are needed.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click
from click.shell_completion import CompletionItem

from models.errors import InputError

Command = TypeVar("Command", bound=Callable[..., Any])

if TYPE_CHECKING:  # generic in newer releases of click only, and there for the type checker only
    StringType = click.ParamType[str]
    FloatType = click.ParamType[float]
else:
    StringType = FloatType = click.ParamType


@dataclass(frozen=True, slots=True)
class SharedOptions:
    """What the options that several verbs share say, as spelled; a verb without an option has its default here.

    Each field is named after the parameter of its option. The verb gets them as one argument, see :func:`shared`.
    """

    plug: tuple[str, ...] = ()
    unplug: tuple[str, ...] = ()
    driver: tuple[str, ...] = ()
    resize: tuple[str, ...] = ()
    policy: str = "safe"
    pin: tuple[str, ...] = ()
    free: tuple[str, ...] = ()
    minimize: str = "moves"
    window_rule: str = "free"
    time_limit: float | None = None
    workers: int = 0
    seed: int = 0
    option: tuple[str, ...] = ()
    weight: tuple[str, ...] = ()
    drivers: str | None = None
    domain: tuple[str, ...] = ()
    under: tuple[str, ...] = ()
    keep_root_bus: bool = False
    profiles: str | None = None
    vfs: tuple[str, ...] = ()
    reserve: tuple[str, ...] = ()


def shared(command: Callable[..., Any]) -> Callable[..., Any]:
    """Hand the shared options to a verb as one argument ``given``; it stands below all options."""
    names = [field.name for field in fields(SharedOptions)]

    @functools.wraps(command)
    def gathered(**values: Any) -> Any:
        given = SharedOptions(**{name: values.pop(name) for name in names if name in values})
        return command(given=given, **values)

    return gathered


def engine_names() -> list[str]:
    """The names of all engines."""
    from solver.engines import ENGINES

    return list(ENGINES)


def policy_names() -> list[str]:
    """The names of all policies."""
    from models.mobility import Policy

    return [str(policy) for policy in Policy]


def objective_names() -> list[str]:
    """The names of all orders and objectives."""
    from solver.request import OBJECTIVES, PRESETS

    return list(dict.fromkeys([*PRESETS, *OBJECTIVES]))


def window_rule_names() -> list[str]:
    """The names of all window rules."""
    from solver.request import WINDOW_RULES

    return list(WINDOW_RULES)


class Name(StringType):
    """A name out of a table; with ``several`` also names separated by commas."""

    def __init__(self, name: str, names: Callable[[], list[str]], *, several: bool = False) -> None:
        self.name, self.names, self.several = name, names, several

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The names as given.

        Raises
        ------
        InputError
            If one is not in the table.
        """
        option = param.opts[0] if param is not None and param.opts else None
        for part in value.split(",") if self.several else [value]:
            if part.strip() not in self.names():
                known = ", ".join(self.names())
                raise InputError(f"unknown {self.name} {part.strip()!r}, expected one of {known}", source=option)
        return value

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        """The names that go on like this."""
        before, comma, last = incomplete.rpartition(",") if self.several else ("", "", incomplete)
        return [CompletionItem(f"{before}{comma}{name}") for name in self.names() if name.startswith(last)]


class Duration(FloatType):
    """Seconds: ``30``, ``1.5``, ``30s``, ``5m``, ``2h``, or ``none`` for no limit."""

    name = "duration"
    _units: dict[str, float] = {"": 1.0, "s": 1.0, "m": 60.0, "h": 3600.0}  # noqa: RUF012

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The time in seconds.

        Raises
        ------
        InputError
            If it is no time, or 0.
        """
        if isinstance(value, float) or value is None:
            return value
        if value in ("none", "inf"):
            return float("inf")
        match = re.fullmatch(r"(\d+(?:\.\d+)?|\.\d+)([smh]?)", value)
        if match is None or float(match[1]) == 0:
            option = param.opts[0] if param is not None and param.opts else None
            raise InputError(f"expected a time above 0 such as 30, 30s, 5m or none, found {value!r}", source=option)
        return float(match[1]) * self._units[match[2]]


def _apply(decorators: Iterable[Callable[[Any], Any]]) -> Callable[[Command], Command]:
    def decorate(command: Command) -> Command:
        for decorator in reversed(list(decorators)):
            command = decorator(command)
        return command

    return decorate


def _profile_names(ctx: click.Context) -> list[str]:
    """The devices that can be plugged in, those of ``--profiles`` among them where it is readable."""
    from models.profiles import PROFILES

    file = ctx.params.get("profiles")
    if file is None:
        return list(PROFILES)
    from models.profiles_file import known_profiles

    try:
        return list(known_profiles(Path(file)))
    except InputError:
        return list(PROFILES)


def complete_profile(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Names of devices that can be plugged in."""
    return [CompletionItem(name) for name in _profile_names(ctx) if name.startswith(incomplete)]


def _complete_device(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    return [CompletionItem(f"{name}@") for name in _profile_names(ctx) if name.startswith(incomplete)]


inputs = click.argument("inputs", metavar="[INPUT...]", nargs=-1, type=click.Path(allow_dash=True))
"""Texts, folders or documents of one machine; ``-`` is standard input; none is the running machine."""

profiles = click.option(
    "--profiles",
    type=click.Path(dir_okay=False),
    metavar="FILE.toml",
    help="Kinds of devices of your own, beside those that barplan knows: [NAME] with bars, what, source "
    "(see docs/devices.md).",
)

edits = _apply(
    [
        click.option(
            "--plug",
            metavar="DEVICE@BRIDGE",
            multiple=True,
            shell_complete=_complete_device,
            help="Add a device behind a bridge or on a root bus: nvme@0000:00:1c.0 (barplan profiles lists them); or "
            "its BARs spelled out, mem64p:16G,mem32:16M,vf64p:1M*8@0000:00:1c.0; or one of another machine, "
            "other.json:0000:41:00.0@0000:00:1c.0, a bridge with all behind it. Repeatable.",
        ),
        profiles,
        click.option(
            "--unplug", metavar="FUNCTION", multiple=True, help="Remove a function and all behind it. Repeatable."
        ),
        click.option(
            "--vfs",
            metavar="FUNCTION=N",
            multiple=True,
            help="Ask for room for N virtual functions of a function, or max for all it has; solve also takes fit, as "
            "many as fit. Repeatable.",
        ),
        click.option(
            "--driver",
            metavar="FUNCTION=NAME",
            multiple=True,
            help="Say which driver is bound; none: no driver. Repeatable.",
        ),
        click.option(
            "--resize",
            metavar="BAR=SIZE",
            multiple=True,
            help="Give a Resizable BAR another size: 0000:01:00.0:1=16G; =max: its largest; =any: as --minimize rebar "
            "decides. It may move, whatever the policy. Repeatable.",
        ),
    ]
)

drivers = click.option(
    "--drivers",
    type=click.Path(dir_okay=False),
    metavar="FILE.toml",
    help="What you know of drivers, beside the built-in table: [drivers.NAME] with hooks, verified, source "
    "(see barplan drivers).",
)

reserve = click.option(
    "--reserve",
    metavar="BRIDGE=ROOM",
    multiple=True,
    help="Leave room behind a bridge for what is plugged in later: 0000:00:1c.0=mem:64M,pref:16G,io:4K; hotplug=... is "
    "for every hotplug port. Repeatable.",
)

policy = _apply(
    [
        click.option(
            "--policy",
            type=Name("policy", policy_names),
            default="safe",
            metavar="POLICY",
            show_default=True,
            help="What may move. safe: BARs whose driver is verified to survive it, and BARs with no driver; "
            "always: every BAR, naming each unprepared driver; on-demand: every BAR, with as few unprepared drivers as "
            "can be; refuse: nothing if one unprepared driver is met; never: nothing.",
        ),
        click.option(
            "--pin",
            metavar="BAR",
            multiple=True,
            help="A BAR (0000:01:00.0:2), or all of a function (0000:01:00.0), that must stay. Repeatable.",
        ),
        click.option(
            "--free",
            metavar="BAR",
            multiple=True,
            help="A BAR, or all of a function, that may move whatever the policy says. Repeatable.",
        ),
        drivers,
    ]
)

scope = _apply(
    [
        click.option(
            "--domain",
            metavar="DOMAIN",
            multiple=True,
            help="Change nothing outside of this PCI domain (0000, 10000): its BARs, and bridge windows, stay as they "
            "are. Repeatable. cp-sat only, as the next two.",
        ),
        click.option(
            "--under",
            metavar="BRIDGE",
            multiple=True,
            help="Change nothing but this bridge's own windows and what is behind it; the windows above it stay as "
            "they are. Repeatable.",
        ),
        click.option(
            "--keep-root-bus", is_flag=True, help="BARs of functions on a root bus keep the addresses they have."
        ),
    ]
)

weight = click.option(
    "--weight",
    metavar="WHAT=COST",
    multiple=True,
    help="What preparing a driver costs under policy on-demand, 1 unless said: driver:nvidia=5, class:03=9, "
    "0000:01:00.0=2. Repeatable.",
)

minimize = click.option(
    "--minimize",
    type=Name("objective", objective_names, several=True),
    default="moves",
    metavar="ORDER",
    show_default=True,
    help="moves: the smallest change (unplaced,moved_bars,windows_changed); waste: the tightest windows "
    "(unplaced,wasted_bytes,moved_bars); rebar: the largest Resizable BARs (unplaced,rebar,moved_bars); "
    "headroom: the most room behind empty hotplug ports (unplaced,headroom,moved_bars); or any objectives in "
    "the order of their weight, separated by commas.",
)

window_rule = click.option(
    "--window-rule",
    type=Name("window rule", window_rule_names),
    default="free",
    metavar="RULE",
    show_default=True,
    help="Where cp-sat puts 32-bit prefetchable BARs. free: in any legal window; kernel: never in a 64-bit "
    "prefetchable one, as Linux has it.",
)

threads = _apply(
    [
        click.option(
            "--workers",
            type=click.IntRange(min=0),
            default=0,
            show_default=True,
            metavar="N",
            help="Solver threads; 0: one per core.",
        ),
        click.option("--seed", type=int, default=0, show_default=True, metavar="N", help="Seed of the solver."),
    ]
)

search = _apply(
    [
        minimize,
        window_rule,
        click.option(
            "--time-limit",
            type=Duration(),
            default="60s",
            metavar="TIME",
            show_default=True,
            help="Wall time for each engine: 30, 30s, 5m, none.",
        ),
        threads,
        click.option(
            "--option",
            metavar="[ENGINE:]KEY=VALUE",
            multiple=True,
            help="A choice of an engine, for instance a kernel parameter: realloc=on, linux-6.1:hpmmiosize=16M, "
            "arch=generic, coreboot:top_down=off. Repeatable; cp-sat has only cp-sat:without=LEVERS (docs/proof.md).",
        ),
        weight,
    ]
)

as_json = click.option("--json", "as_json", is_flag=True, help="Print one JSON document instead of text.")


def verbose(what: str) -> Callable[[Command], Command]:
    """``-v`` with what it adds."""
    return click.option("-v", "--verbose", count=True, help=f"Also print {what}.")


def output(what: str) -> Callable[[Command], Command]:
    """``-o``/``--output`` for a document; the file is written whole or not at all."""
    return click.option(
        "-o",
        "--output",
        type=click.Path(dir_okay=False, allow_dash=True),
        metavar="FILE",
        help=f"Write {what} to FILE.",
    )
