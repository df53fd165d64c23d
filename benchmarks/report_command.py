"""``python -m benchmarks report``: tables, pictures and a text out of rows."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from benchmarks import rows
from models.errors import InputError
from solver.cli.output import complain, write_document

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from pandas import DataFrame

    from benchmarks.report_figures import Picture


@click.command()
@click.argument("results", type=click.Path(path_type=Path, exists=True, file_okay=False), metavar="RESULTS")
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), required=True, help="Folder to write into.", metavar="DIR"
)
@click.option(
    "--readme",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="Put the headline table between the marks of FILE, and its numbers into benchmarks/results/headline.csv.",
    metavar="FILE",
)
def report(results: Path, output: Path, readme: Path | None) -> None:
    """Report on the rows in the *.jsonl files of RESULTS.

    Writes report.md, a CSV file for each table and for the rows, Parquet where pyarrow is installed, and a picture for
    each question where matplotlib is.

    \b
    Example:
      python -m benchmarks report RESULTS -o report
    """
    frame = rows.frame(rows.read_rows(results))
    if frame.empty:
        raise InputError("has no rows of results (*.jsonl)", source=str(results))
    output.mkdir(parents=True, exist_ok=True)
    write(frame, output)
    if readme is not None:
        from benchmarks.report_headline import SUMMARY, headline, insert

        summary = headline(frame)
        SUMMARY.parent.mkdir(exist_ok=True)
        write_document(_csv(summary), str(SUMMARY))
        insert(readme, summary)


def write(frame: DataFrame, output: Path) -> None:
    """Everything the report consists of, into a folder that is there."""
    from benchmarks.report_headline import headline
    from benchmarks.report_text import SECTIONS, markdown

    for name, _, make, _ in SECTIONS:
        write_document(_csv(make(frame)), str(output / f"{name}.csv"))
    write_document(_csv(headline(frame)), str(output / "headline.csv"))
    write_document(_csv(frame), str(output / "rows.csv"))
    pictures = draw(frame, output)
    write_document(markdown(frame, pictures=pictures, parquet=_parquet(frame, output)), str(output / "report.md"))


def _csv(table: DataFrame) -> str:
    return str(table.to_csv(index=False, float_format="%.6g"))


def _parquet(frame: DataFrame, output: Path) -> str:
    try:
        frame.to_parquet(output / "rows.parquet", index=False)
    except ImportError:
        complain("pyarrow is not installed: rows.parquet is not written, rows.csv is")
        return "`rows.parquet` was not written, as pyarrow was not installed."
    return "`rows.parquet` has them with their types."


def draw(frame: DataFrame, output: Path) -> bool:
    """Every picture as an SVG file that is the same for the same rows; whether matplotlib is there to do it."""
    try:
        import matplotlib as mpl
    except ModuleNotFoundError:
        complain("matplotlib is not installed (the extra notebooks has it): there are no pictures")
        return False
    from benchmarks.report_figures import FIGURES

    with mpl.rc_context({"svg.hashsalt": "barplan", "svg.fonttype": "none"}):
        for name, picture in FIGURES.items():
            figure = _figure(picture, frame)
            if figure is not None:
                figure.savefig(output / f"{name}.svg", metadata={"Date": None})
    return True


def _figure(picture: Picture, frame: DataFrame) -> Figure | None:
    """The picture with its panels, two in a row; none where there is nothing to show."""
    from matplotlib.figure import Figure

    if picture.table is not None and picture.table(frame).empty:
        return None
    if picture.panels is None:
        figure = Figure(figsize=(8, 5), layout="constrained")
        picture.plot(frame, ax=figure.subplots())
        return figure
    names = picture.panels(frame)
    if not names:
        return None
    across = min(2, len(names))
    down = -(-len(names) // across)
    figure = Figure(figsize=(8 if across == 1 else 11, 5 * down), layout="constrained")
    places = list(figure.subplots(down, across, squeeze=False, sharey=picture.sharey).flat)
    for name, ax in zip(names, places, strict=False):
        picture.plot(frame, name, ax=ax)
    for ax in places[len(names) :]:
        ax.set_axis_off()
    return figure
