"""The words of lspci and /proc/iomem for BARs, windows and sizes."""

from __future__ import annotations

from models.resources import Address, Range, Size, Space, WindowKind, format_size
from models.topology import Bar, BridgeWindow, RootWindow
from models.words import count as count

WINDOW_WORDS: dict[WindowKind, str] = {
    "io": "I/O behind bridge",
    "mem": "Memory behind bridge",
    "pref": "Prefetchable memory behind bridge",
}
"""What lspci calls the three windows of a bridge."""

UNASSIGNED = "<unassigned>"


def address(value: Address | None, space: Space = "mem") -> str:
    """An address as lspci prints it: bare hex, eight digits for memory, four for I/O."""
    if value is None:
        return UNASSIGNED
    return f"{value:04x}" if space == "io" else f"{value:08x}"


def range_text(range_: Range | None, space: Space = "mem") -> str:
    """An inclusive range as lspci prints it; ``[disabled]`` where a window is closed."""
    if range_ is None:
        return "[disabled]"
    return f"{address(range_.start, space)}-{address(range_.last, space)}"


def bar_kind(bar: Bar) -> str:
    """``64-bit, prefetchable`` and its like; empty for I/O."""
    if bar.space == "io":
        return ""
    return f"{bar.width}-bit, {'prefetchable' if bar.prefetchable else 'non-prefetchable'}"


def bar_size(bar: Bar) -> str:
    """``[size=32M]``, with the number of virtual functions where the BAR is repeated."""
    text = f"[size={format_size(bar.size)}]"
    return f"{text} x {bar.copies} VFs" if bar.copies > 1 else text


def bar_text(bar: Bar) -> str:
    """A BAR as lspci shows it: ``Memory at f6000000 (64-bit, prefetchable) [size=32M]``."""
    if bar.space == "io":
        return f"I/O ports at {address(bar.address, 'io')} {bar_size(bar)}"
    if bar.index == "rom":
        return f"Expansion ROM at {address(bar.address)} {bar_size(bar)}"
    return f"Memory at {address(bar.address)} ({bar_kind(bar)}) {bar_size(bar)}"


def window_text(window: BridgeWindow) -> str:
    """A bridge window as lspci shows it: ``Memory behind bridge: f9f00000-f9ffffff [size=1M] [32-bit]``."""
    words = f"{WINDOW_WORDS[window.kind]}: {range_text(window.range, window.space)}"
    if window.range is not None:
        words += f" [size={format_size(window.range.size)}]"
    return f"{words} [{window.width}-bit]"


def root_window_kind(window: RootWindow) -> str:
    """``I/O``, ``memory`` or ``prefetchable memory``."""
    if window.space == "io":
        return "I/O"
    return "prefetchable memory" if window.prefetchable else "memory"


def short_size(size: Size) -> str:
    """A size of at most four digits: exact where lspci's form is that short, else rounded (``about 1.4G``)."""
    exact = format_size(size)
    if len(exact) <= 5:
        return exact
    scale, unit = next((scale, unit) for scale, unit in _SCALES if round(size / scale, 1) >= 1)
    return f"about {size / scale:.1f}{unit}"


_SCALES = [(1 << shift, unit) for shift, unit in ((60, "E"), (50, "P"), (40, "T"), (30, "G"), (20, "M"), (10, "K"))]
