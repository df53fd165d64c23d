"""``python -m benchmarks VERB``: what barplan is measured by."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from benchmarks.commands import bks, make, run
from benchmarks.questions import questions
from benchmarks.ratio_command import ratio
from benchmarks.replay import replay
from benchmarks.report_command import report
from benchmarks.verdicts import verdicts
from solver.cli import Barplan
from solver.cli.output import Exit, complain, progress, write_document

if TYPE_CHECKING:
    from benchmarks.corpus import Task

CORPUS = Path(__file__).resolve().parents[2] / "shared" / "corpus"
"""The corpus of real machines, beside the repository."""


@click.group(cls=Barplan, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
def main() -> None:
    """Measure barplan."""


@main.command()
@click.option(
    "--corpus", "folder", type=click.Path(path_type=Path), default=CORPUS, help="Where the machines are.", metavar="DIR"
)
@click.option("--only", default="*", help="Only machines whose names match, for instance 'laptop/*'.", metavar="GLOB")
@click.option("--engines", help="Engines to run, separated by commas; all unless named.", metavar="NAMES")
@click.option("--minimize", default="moves,waste", show_default=True, help="Presets to run.", metavar="PRESETS")
@click.option("--policy", default="safe", show_default=True, help="What may move.")
@click.option("--time-limit", type=click.FloatRange(min=0), default=10.0, show_default=True, help="Seconds per solve.")
@click.option("--workers", type=click.IntRange(min=0), default=0, help="Solver threads; 0 = one per core.")
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Write a .md or .csv file.", metavar="FILE")
@click.pass_context
def corpus(
    ctx: click.Context,
    folder: Path,
    only: str,
    engines: str | None,
    minimize: str,
    policy: str,
    time_limit: float,
    workers: int,
    output: Path | None,
) -> None:
    """Read and solve every machine of a corpus: one line each, and totals.

    Exit code 1 says that a machine failed, that counts differ from the index for no known reason, or that a plan of
    the exact engine is refused by the checker or worse than another engine's.
    """
    from benchmarks import table
    from benchmarks.corpus import Interrupted, run_corpus

    if output is not None:
        table.check_output(output)
    task = _task(engines, minimize, policy, time_limit, workers)
    code = Exit.DONE
    try:
        with progress("corpus") as report:
            rows = run_corpus(folder, only, task, report)
    except Interrupted as stopped:
        rows, code = stopped.rows, Exit.INTERRUPTED
        complain("interrupted: the table ends here")
    text = table.as_csv(rows) if output and output.suffix == ".csv" else table.as_markdown(rows, time_limit)
    write_document(text, str(output) if output else None)
    if output is not None:
        print("\n".join(table.totals(rows, time_limit)))
    if code is Exit.DONE and not table.good(rows):
        code = Exit.FAILURE
    ctx.exit(int(code))


def _task(engines: str | None, minimize: str, policy: str, time_limit: float, workers: int) -> Task:
    from benchmarks.corpus import Task
    from models.errors import InputError
    from models.mobility import Policy
    from solver.engines import ENGINES
    from solver.request import PRESETS, Request

    names = tuple(name.strip() for name in engines.split(",")) if engines else tuple(ENGINES)
    for name in names:
        if name not in ENGINES:
            raise InputError(f"unknown engine {name!r}, expected one of {', '.join(ENGINES)}", source="--engines")
    presets = tuple(name.strip() for name in minimize.split(","))
    for preset in presets:
        if preset not in PRESETS:
            raise InputError(f"unknown preset {preset!r}, expected one of {', '.join(PRESETS)}", source="--minimize")
    if policy not in list(Policy):
        raise InputError(f"unknown policy {policy!r}, expected one of {', '.join(Policy)}", source="--policy")
    return Task(names, presets, Request(policy=Policy(policy), time_limit=time_limit, workers=workers))


main.add_command(make)
main.add_command(run)
main.add_command(bks)
main.add_command(questions)
main.add_command(ratio)
main.add_command(replay)
main.add_command(report)
main.add_command(verdicts)


if __name__ == "__main__":
    main(prog_name="python -m benchmarks")
