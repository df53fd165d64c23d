"""The colours of maps: colour-blind readers tell them apart, and black text is readable on each.

Colour blindness is simulated as by G. M. Machado, M. M. Oliveira and L. A. F. Fernandes, "A Physiologically-based Model
for Simulation of Color Vision Deficiency", IEEE TVCG 15(6), 2009, table of severity 1.0, in linear RGB; differences are
CIE 1976 distances in L*a*b* (D65), contrast is that of WCAG 2.
"""

from __future__ import annotations

import re
from itertools import combinations

import numpy as np
import pytest
from numpy.typing import NDArray

from solver.map.svg import style

Colour = NDArray[np.float64]

KINDS = ("bar", "moved", "new", "lost", "window", "reserved")

VISION = {
    "usual": np.eye(3),
    "protanopia": np.array(
        [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]]
    ),
    "deuteranopia": np.array(
        [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]
    ),
    "tritanopia": np.array(
        [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]]
    ),
}

TO_XYZ = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])


def linear(text: str) -> Colour:
    """``#abc`` or ``#aabbcc`` as linear RGB."""
    digits = text if len(text) == 6 else "".join(digit * 2 for digit in text)
    values = np.array([int(digits[place : place + 2], 16) / 255 for place in (0, 2, 4)])
    return np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)


def lab(colour: Colour) -> Colour:
    xyz = TO_XYZ @ np.clip(colour, 0, 1) / TO_XYZ.sum(axis=1)
    f = np.where(xyz > 216 / 24389, np.cbrt(xyz), (24389 / 27 * xyz + 16) / 116)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


def fills() -> dict[str, Colour]:
    found = dict(re.findall(r"\.map \.(\w+)\{fill:#(\w+)", style()))
    return {kind: linear(found[kind]) for kind in KINDS}


def closest(colours: dict[str, Colour], vision: str) -> tuple[float, str, str]:
    """The smallest distance of two colours, and which they are."""
    seen = {kind: lab(VISION[vision] @ colour) for kind, colour in colours.items()}
    return min((float(np.linalg.norm(seen[one] - seen[two])), one, two) for one, two in combinations(seen, 2))


@pytest.mark.parametrize("vision", VISION)
def test_every_reader_tells_the_colours_apart(vision: str) -> None:
    assert closest(fills(), vision) > (12.0, "", "")  # 2.3 is just noticeable


def test_red_and_green_of_one_lightness_are_not_told_apart() -> None:
    assert closest({"red": linear("c88a7a"), "green": linear("9aa07a")}, "deuteranopia")[0] < 12


def test_labels_are_readable_on_every_colour() -> None:
    text = TO_XYZ[1] @ linear("111")
    for kind, colour in fills().items():
        assert (TO_XYZ[1] @ colour + 0.05) / (text + 0.05) > 4.5, kind
