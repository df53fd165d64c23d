"""What runs here: the lines of ``barplan --version``."""

from __future__ import annotations

import importlib.util
import platform
from importlib import metadata

from solver.render.columns import labels

DISTRIBUTIONS = ("ortools", "numpy", "pandas", "click", "rich", "pydantic")
"""What a bug report should name; looked up without importing any of it."""


def version_text(everything: bool) -> str:
    """``barplan 0.1.0``; with ``everything`` also versions, paths and platform."""
    first = f"barplan {version_of('barplan')}\n"
    if not everything:
        return first
    pairs = [("Python", f"{platform.python_version()} ({platform.python_implementation()})")]
    pairs += [(name, version_of(name)) for name in DISTRIBUTIONS]
    pairs += [(f"{name} package", _path(name)) for name in ("solver", "models")]
    pairs.append(("platform", platform.platform()))
    return first + labels(pairs)


def version_of(name: str) -> str:
    """The version of an installed distribution, or that it is not installed."""
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return "not installed"


def _path(package: str) -> str:
    spec = importlib.util.find_spec(package)
    return str(spec.origin) if spec is not None else "not found"
