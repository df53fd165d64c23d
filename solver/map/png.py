"""An address map as PNG, through a browser or a renderer that the machine has."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

from models.errors import InputError

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
"""Commands of browsers that draw without a screen."""

_LARGEST = 16000
"""Pixels that such a browser draws in one direction."""


def find_browser() -> str | None:
    """The path of a browser that draws without a screen; ``None`` where there is none."""
    return next((path for name in BROWSERS if (path := shutil.which(name))), None)


def find_renderer() -> str:
    """The path of a program that draws SVG: a Chromium or rsvg-convert.

    Raises
    ------
    InputError
        If there is none.
    """
    path = find_browser() or shutil.which("rsvg-convert")
    if path is not None:
        return path
    raise InputError(
        "a PNG needs Chromium (Debian: apt install chromium) or rsvg-convert (apt install librsvg2-bin); "
        "SVG and HTML need neither",
        source="--output",
    )


def write_png(svg: str, target: Path, renderer: str) -> None:
    """Draw ``svg`` into the file ``target``, twice as fine as on a screen where the size allows it.

    Raises
    ------
    InputError
        If ``renderer`` (see :func:`find_renderer`) makes no picture, or the file cannot be written.
    """
    size = re.match(r'<svg [^>]*width="([\d.]+)" height="([\d.]+)"', svg)
    assert size is not None
    width, height = (int(float(number)) + 1 for number in size.groups())
    scale = 2 if 2 * max(width, height) < _LARGEST else 1
    with tempfile.TemporaryDirectory(prefix="barplan-") as name:
        folder = Path(name)
        source, made = folder / "map.svg", folder / "map.png"
        source.write_text(svg, encoding="utf-8")
        if Path(renderer).name == "rsvg-convert":
            command = [renderer, "--zoom", str(scale), "-o", str(made), str(source)]
        else:
            command = [renderer, *browser_flags(folder), f"--force-device-scale-factor={scale}"]
            command += [f"--window-size={width},{height}", f"--screenshot={made}", source.as_uri()]
        finished = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)
        if finished.returncode or not made.exists():
            raise InputError(f"{Path(renderer).name} made no PNG of it", source=str(target))
        try:
            target.write_bytes(made.read_bytes())
        except OSError as error:
            raise InputError(f"cannot be written: {error.strerror or error}", source=str(target)) from error


def browser_flags(profile: Path) -> list[str]:
    """Flags of a browser without a screen, without the network, with a profile of its own."""
    flags = [
        "--headless",
        "--disable-gpu",
        "--disable-dev-shm-usage",
        "--disable-quic",
        "--no-first-run",
        "--hide-scrollbars",
    ]
    flags += ["--disable-background-networking", "--disable-component-update", "--disable-sync"]
    flags += [f"--user-data-dir={profile / 'profile'}"]
    return [*flags, "--no-sandbox"] if os.geteuid() == 0 else flags  # the sandbox refuses to run as root
