"""What makes the engine ``cp-sat`` fast without making it less exact; each can be switched off to see what it buys.

The option ``without`` names those to leave out, separated by commas:
``--option cp-sat:without=shapes,groups``.
"""

from __future__ import annotations

from collections.abc import Mapping

from models.errors import InputError

LEVERS: dict[str, str] = {
    "groups": "each function of the root bus is placed by itself, in each address space, while that is exact",
    "idle": "root buses where everything has an address and no rule is broken stay as they are, without a model",
    "greedy": "the best placement of some greedy engines: at first where time is short, else for what is open at last",
    "packings": "plans built without a solver",
    "floors": "values that no plan undercuts, by counting",
    "shapes": "exact shortest windows, by dynamic programming: a bound, and windows that reach it",
    "siblings": "an order among BARs and bridges of the same shape",
    "exchange": "an order among windows that hold the same, away from its address",
    "race": "searches without linear relaxations beside the solver's own, the first proof of any counts",
    "cores": "what is counted, moves and then windows, minimised in one model by the cores of what cannot be avoided",
    "parts": "what was proved of groups alone bounds their shares when they become one",
    "bystanders": "groups that may stay as they are, in the model of those that collide, are only in the way",
    "passes": "bytes, where they come before moves, are proved on every root bus before moves are looked at on any",
    "beside": "as many root buses searched at a time as there are threads",
    "hints": "the best known plan as a hint to the solver",
    "room": "what each group is worth with how much of the memory below 4 GiB, and the best way to share that",
    "parting": "where bytes come before moves, windows that collide around immovable BARs are parted, pair by pair",
    "yielding": "where bytes come before moves, groups take their places one after the other, around those before them",
    "insertion": "where a plan takes long or time is short, one that lets new BARs in beside as much as can stay",
}
"""Levers by name, with what each does."""


def parse_without(options: Mapping[str, str]) -> frozenset[str]:
    """The levers that the options switch off.

    Raises
    ------
    InputError
        If an option is unknown, or a lever is.
    """
    for name in options:
        if name != "without":
            raise InputError(f"unknown option {name!r}, expected without", source="cp-sat option")
    names = [name.strip() for name in options.get("without", "").split(",") if name.strip()]
    for name in names:
        if name not in LEVERS:
            raise InputError(f"unknown lever {name!r}, expected some of {', '.join(LEVERS)}", source="cp-sat option")
    return frozenset(names)
