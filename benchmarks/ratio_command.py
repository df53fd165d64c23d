"""``python -m benchmarks ratio``: runs the movable ratio and writes its table and its picture."""

from __future__ import annotations

import platform
from pathlib import Path
from typing import TYPE_CHECKING

import click

from benchmarks.ratio import EXACT, KERNELS, ROWS, Settings, contradictions, cpu, frame, run
from benchmarks.ratio_layouts import GENERATOR
from models.errors import InputError
from solver.cli.output import Exit, complain, progress, write_document

if TYPE_CHECKING:
    from pandas import DataFrame

NAME = "movable-ratio"


@click.command()
@click.option("--layouts", type=click.IntRange(1), default=200, show_default=True, help="Layouts: seeds 0 to N - 1.")
@click.option(
    "--points",
    default="0,10,20,30,40,50,60,70,80,90,100",
    show_default=True,
    help="Shares of movable BARs in per cent; 100 has to be among them.",
    metavar="SHARES",
)
@click.option(
    "--time-limit", type=click.FloatRange(min=0), default=60.0, show_default=True, help="Seconds per solve of cp-sat."
)
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), required=True, help="Folder to write into.", metavar="DIR"
)
@click.pass_context
def ratio(ctx: click.Context, layouts: int, points: str, time_limit: float, output: Path) -> None:
    """Measure how often a hotplug succeeds, and what it moves, as the share of movable BARs grows.

    Writes movable-ratio.svg, .md and .csv, and its rows, which the next run with the same settings goes on from.
    The same layouts serve every engine and every share. Exit code 1 says that two results contradict each other.

    \b
    Example:
      python -m benchmarks ratio --layouts 20 --points 0,50,100 -o ratio
    """
    settings = Settings(layouts, _shares(points), time_limit)
    try:
        with progress("ratio") as report:
            rows = run(settings, output, report)
    except KeyboardInterrupt:
        complain(f"interrupted; the layouts that are done are in {output / ROWS}")
        ctx.exit(int(Exit.INTERRUPTED))
    from benchmarks.ratio_summary import as_markdown, summary

    rows_frame = frame(rows)
    table = summary(rows_frame)
    wrong = list(contradictions(rows))
    for line in wrong:
        complain(line)
    write_document(table.to_csv(index=False, float_format="%.4f"), str(output / f"{NAME}.csv"))
    text = as_markdown(table, notes(rows_frame, table, settings))
    write_document(f"# The movable ratio\n\n![success and moves]({NAME}.svg)\n\n{text}", str(output / f"{NAME}.md"))
    try:
        draw(table, output / f"{NAME}.svg")
    except ModuleNotFoundError:
        complain("matplotlib is not installed (the extra notebooks has it): there is no picture")
    write_document(text, None)
    ctx.exit(int(Exit.FAILURE if wrong else Exit.DONE))


def _shares(points: str) -> tuple[int, ...]:
    words = [word.strip() for word in points.split(",")]
    if not all(word.isdecimal() and word.isascii() and int(word) <= 100 for word in words):
        raise InputError(f"expected shares in per cent such as 0,50,100, found {points!r}", source="--points")
    shares = tuple(sorted({int(word) for word in words}))
    if 100 not in shares:
        raise InputError("100 has to be among them: it tells how often a placement exists at all", source="--points")
    return shares


def notes(rows: DataFrame, table: DataFrame, settings: Settings) -> list[str]:
    """What a reader of the table has to know, one line each."""
    from benchmarks.ratio_summary import ceiling
    from solver.cli.versions import version_of

    exists, impossible, unknown = ceiling(table)
    once = rows.drop_duplicates("seed")
    ran = rows[~rows["derived"]]
    seconds = ", ".join(f"{name} {group.mean():.3f}" for name, group in ran.groupby("engine", observed=True)["seconds"])
    possible = f"{exists} of {settings.layouts} layouts have a placement with everything movable (the ceiling)"
    runs = len(ran[ran["engine"] == EXACT])
    unproved = int((rows["success"] & ~rows["proved"] & (rows["engine"] == EXACT)).sum())
    versions = ", ".join(f"{name} {version_of(name)}" for name in ("barplan", "ortools"))
    return [
        f"{possible}; {impossible} are proved to have none, {unknown} are open.",
        "A hotplug succeeds if every BAR of the new device has an address, nothing that had one lost it, and the "
        "checker finds the plan legal. Brackets: 95 % intervals (Wilson for shares, bootstrap for means).",
        "Moves are means over the successes of the engine at that share, so a larger share brings harder layouts in; "
        f"those of cp-sat are proved to be the fewest{f', but in {unproved} rows' if unproved else ''}. "
        f"{' and '.join(KERNELS)} move nothing.",
        "Bridge windows may change at every share for movable-bars and cp-sat; at 0 % that is all they may change.",
        f"Layouts: {GENERATOR}, seeds 0 to {settings.layouts - 1} (benchmarks/ratio_layouts.py says how they come "
        f"about); {_spread(once, 'devices')} devices and {_spread(once, 'bars')} BARs with an address before, host "
        f"bridge windows filled to {_spread(once, 'filled', 100)} % with the new device (smallest, median, largest).",
        f"CPU seconds for each run: {seconds}. Of cp-sat's rows {runs} were run; "
        "the others follow from a larger share (benchmarks.ratio.exact_rows).",
        f"{versions}, Python {platform.python_version()}, {cpu()}.",
        f"Again: `python -m benchmarks ratio --layouts {settings.layouts} --points "
        f"{','.join(str(share) for share in settings.shares)} -o DIR`",
    ]


def _spread(once: DataFrame, column: str, scale: float = 1) -> str:
    values = once[column].astype(float) * scale
    return f"{values.min():.0f}, {values.median():.0f}, {values.max():.0f}"


def draw(table: DataFrame, path: Path) -> None:
    """Both plots side by side, as SVG that is the same for the same table."""
    import matplotlib as mpl

    mpl.use("agg")
    from matplotlib import pyplot as plt

    from benchmarks.ratio_summary import plot_moves, plot_success

    with mpl.rc_context({"svg.hashsalt": NAME, "svg.fonttype": "none"}):
        figure, (left, right) = plt.subplots(1, 2, figsize=(11, 4.4), layout="constrained")
        plot_success(table, left)
        plot_moves(table, right)
        left.legend(fontsize="small", loc="upper left", bbox_to_anchor=(0, 0.9))
        right.legend(fontsize="small", loc="upper left")
        figure.savefig(path, metadata={"Date": None})
        plt.close(figure)
