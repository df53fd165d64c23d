"""Families: the same seed makes the same machine, what is shipped is what is made, known plans are legal."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module

import pytest

from benchmarks.families import FAMILIES, make, make_all
from benchmarks.families.rack import GOALS
from benchmarks.instances import Instance, read_text, shipped, text_of
from models.errors import InputError
from models.legality import new_breaches, today_breaches
from models.mobility import Policy
from models.placement import measure

SMALL = 130
"""Larger ones take longer to make than a test should."""


def small_instances() -> Iterator[tuple[str, str, int, dict[str, int | str]]]:
    for family, module in FAMILIES.items():
        for name, seed, parameters in import_module(module).instances():
            sizes = [value for value in parameters.values() if isinstance(value, int)]
            if max(sizes, default=0) <= SMALL or family == "gpu-box":
                yield family, name, seed, parameters


CASES = list(small_instances())


def test_every_family_is_there_and_has_a_file_for_each_instance() -> None:
    names = {
        f"{family}/{name}" for family, module in FAMILIES.items() for name, _, _ in import_module(module).instances()
    }
    assert {entry.name for entry in shipped()} == names
    assert {family for family, _, _, _ in CASES} == set(FAMILIES)


@pytest.mark.parametrize(("family", "name", "seed", "parameters"), CASES, ids=[f"{one[0]}-{one[1]}" for one in CASES])
def test_an_instance_is_legal_and_the_one_that_is_shipped(
    family: str, name: str, seed: int, parameters: dict[str, int | str]
) -> None:
    made = make_all(family, seed=seed, **parameters)
    assert not today_breaches(made.topology)
    if made.known is not None:
        immovable = made.request.mobility(made.topology).immovable
        assert not new_breaches(made.topology, made.known, immovable=immovable)
        assert measure(made.topology, made.known).unplaced == 0
    instance = Instance(f"{family}/{name}", made.topology, made.request, seed, parameters)
    entry = next(one for one in shipped() if one.name == instance.name)
    assert read_text(entry.path) == text_of(instance)


def test_another_seed_makes_another_machine() -> None:
    one, other = (make("rack", seed=seed, bars=30)[0] for seed in (1, 2))
    assert one.root_buses != other.root_buses


@pytest.mark.parametrize("goal", GOALS)
def test_a_rack_is_what_its_goal_says(goal: str) -> None:
    topology, request = make(
        "rack", seed=5, bars=120, new=10 if goal.startswith("moves") else 0, goal=goal, per_host=60
    )
    bars = [bar for _, bar in topology.bars()]
    missing = [bar for bar in bars if bar.address is None]
    assert len(topology.root_buses) == 2
    assert bool(missing) == (goal not in ("waste", "waste-pinned"))
    if goal.startswith("boot"):
        assert missing == bars
    pinned = len(request.mobility(topology).immovable)
    assert (0 < pinned < len(bars) / 3) == (request.policy is Policy.SAFE)
    assert request.minimize[1] == ("moved_bars" if goal.startswith("moves") else "wasted_bytes")


def test_an_unknown_family_is_refused() -> None:
    with pytest.raises(InputError, match="unknown family 'rock', expected one of toy"):
        make("rock")
