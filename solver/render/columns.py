"""Aligned text: columns and labels, as wide as their contents and never cut."""

from __future__ import annotations

from collections.abc import Iterable, Sequence


def columns(rows: Iterable[Sequence[str]], *, right: Sequence[int] = (), indent: str = "  ", gap: str = "  ") -> str:
    """Rows as aligned columns, one line each; the columns numbered in ``right`` are right-aligned.

    A column that is empty in every row takes no room.
    """
    rows = [list(row) for row in rows]
    if not rows:
        return ""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = []
    for row in rows:
        cells = [
            cell.rjust(width) if column in right else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
            if width
        ]
        lines.append((indent + gap.join(cells)).rstrip())
    return "\n".join(lines) + "\n"


def labels(pairs: Iterable[tuple[str, str]], *, indent: str = "  ") -> str:
    """``label: value`` lines with the labels right-aligned."""
    pairs = list(pairs)
    width = max((len(label) for label, _ in pairs), default=0)
    return "".join(f"{indent}{label:>{width}}: {value}".rstrip() + "\n" for label, value in pairs)


def section(title: str, body: str) -> str:
    """A titled block with an empty line before it; nothing where there is no body."""
    return f"\n{title}\n{body}" if body else ""


def bullets(lines: Iterable[str], *, indent: str = "  ") -> str:
    """One indented line each."""
    return "".join(f"{indent}{line}\n" for line in lines)
