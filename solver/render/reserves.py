"""Room that a plan leaves free, for a person."""

from __future__ import annotations

from models.plan import Plan
from models.resources import format_size
from solver.render.columns import columns, section
from solver.render.words import WINDOW_WORDS, range_text


def reserves_text(plan: Plan) -> str:
    """Every reserve with the range that stays free for it; nothing where there are none."""
    rows = [
        (
            str(one.reserve.bridge),
            WINDOW_WORDS[one.reserve.kind].removesuffix(" behind bridge"),
            range_text(one.range, "io" if one.reserve.kind == "io" else "mem"),
            f"[size={format_size(one.range.size)}]",
        )
        for one in plan.reserves
    ]
    return section(f"Stay free ({len(rows)} {'reserve' if len(rows) == 1 else 'reserves'})", columns(rows))
