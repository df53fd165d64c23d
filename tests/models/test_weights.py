"""What preparing a driver costs: how it is spelled, and which of several costs counts."""

from __future__ import annotations

import pytest

from models.errors import InputError
from models.mobility import preparation_cost
from models.weights import MOST, parse_weights
from tests.topologies import bar, function, machine

AUDIO = function("00:1f.3", bar(0, at=0x80000000), driver="snd_hda_codec", class_code="040300")
MACHINE = machine(AUDIO)


@pytest.mark.parametrize(
    ("spelled", "key"),
    [
        ("driver:snd_hda_codec=7", "driver:snd_hda_codec"),
        ("driver:snd-hda-codec=7", "driver:snd_hda_codec"),
        ("class:04=7", "class:04"),
        ("class:0x0403=7", "class:0403"),
        ("class:0403=7", "class:0403"),
        ("0:1f.3=7", "0000:00:1f.3"),
        (" 0000:00:1f.3 = 7 ", "0000:00:1f.3"),
    ],
)
def test_a_cost_is_for_a_driver_a_class_or_a_function(spelled: str, key: str) -> None:
    weights = parse_weights(MACHINE, [spelled])
    assert weights == {key: 7}
    assert preparation_cost(AUDIO, weights) == 7


def test_capital_digits_of_a_class_count_as_small_ones() -> None:
    (host,) = (function("00:00.0", bar(0, at=0x80000000), driver="x", class_code="0c0330"),)
    assert preparation_cost(host, parse_weights(MACHINE, ["class:0C03=3"])) == 3


def test_the_function_counts_before_the_driver_and_the_driver_before_the_longest_class() -> None:
    spelled = ["class:04=2", "class:0403=3", "driver:snd_hda_codec=4", "00:1f.3=5"]
    costs = [preparation_cost(AUDIO, parse_weights(MACHINE, spelled[:number])) for number in range(5)]
    assert costs == [1, 2, 3, 4, 5]


def test_the_last_of_two_costs_counts() -> None:
    assert parse_weights(MACHINE, ["class:04=2", "class:04=0"]) == {"class:04": 0}


@pytest.mark.parametrize(
    ("spelled", "complaint"),
    [
        ("driver:xdma", "expected driver:NAME=COST"),
        ("driver:=5", "expected driver:NAME=COST"),
        ("=5", "expected driver:NAME=COST"),
        ("driver:xdma=-5", "expected driver:NAME=COST"),
        ("driver:xdma=1e3", "expected driver:NAME=COST"),
        ("driver:xdma=\u0663", "expected driver:NAME=COST"),
        (f"driver:xdma={MOST + 1}", "is too large; expected at most 1000000"),
        ("driver:xdma=" + "9" * 30, "is too large; expected at most 1000000"),
        ("class:zz=5", "expected the digits of a class code"),
        ("class:=5", "expected the digits of a class code"),
        ("class:03000000=5", "expected the digits of a class code"),
        ("clas:03=5", "expected a function address"),
        ("0000:09:00.0=5", "there is no function 0000:09:00.0; the nearest is 0000:00:1f.3"),
    ],
)
def test_what_names_nothing_is_refused(spelled: str, complaint: str) -> None:
    with pytest.raises(InputError, match=r"^--weight: ") as refusal:
        parse_weights(MACHINE, [spelled])
    assert complaint in str(refusal.value)
