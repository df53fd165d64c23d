"""Every kernel log of a corpus, replayed: how much of the kernel's assignment its engine reproduces."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path
from typing import TYPE_CHECKING

import click

from solver.cli.output import Exit, progress, write_document

if TYPE_CHECKING:
    from models.sources.history import Stage
    from solver.replay import Run

CAUSES: dict[str, str] = {
    "arm64/rpi-cm4-radeon-5450": "missing input: the excerpt ends before anything is assigned",
    "legacy/sun-ultra60": "missing input: the log tells no bridge windows; addresses are the firmware's",
    "power/cyrus-p5040": "platform: the windows of the root port are made those of the host bridge",
    "power/power8-s822lc-8335": "platform: PowerNV aligns windows to its segments and stretches those of root ports",
    "power/talos2-aacraid-eeh": "platform: PowerNV aligns windows to its segments and stretches those of root ports",
    "power/talos2-power9": "platform: PowerNV aligns windows to its segments and stretches those of root ports",
}
"""Why the engine differs from the log, by machine; ``open`` = what is seen, without a reason for it."""


@dataclass(frozen=True, slots=True)
class Row:
    """One log.

    Attributes
    ----------
    stages
        Every stage with the run of the kernel's own engine; ``None`` where nothing was to be assigned.
    gap
        What the log does not tell; empty for a complete enumeration.
    """

    name: str
    kernel: str
    engine: str
    stages: tuple[tuple[Stage, Run | None], ...]
    gap: str = ""

    def total(self, field: str) -> int:
        """The sum of a count over all stages."""
        return sum(getattr(run, field) for _, run in self.stages if run is not None)

    @property
    def first_difference(self) -> str:
        """The first difference of the first stage that has one, with the engine's rule."""
        for stage, run in self.stages:
            if run is not None and run.differences:
                first = run.differences[0]
                why = first.decision.why if first.decision is not None else "no decision"
                return f"{stage.kind}: {first.key} ({why})"
        return ""

    @property
    def cause(self) -> str:
        """Why it differs; empty where it does not."""
        return CAUSES.get(self.name, "unknown") if self.first_difference else ""


def rows(folder: Path, only: str, report: Callable[[str], None] | None = None) -> Iterator[Row]:
    """Every kernel log below ``folder`` whose machine matches ``only``, replayed by the engine of its kernel."""
    from models.sources.history import read_history
    from models.sources.kernel_log import looks_like_kernel_log
    from solver.replay import kernel_engine, run_stage
    from solver.request import Request

    for path in sorted(folder.glob("*/*/*.txt")):
        name = f"{path.parent.parent.name}/{path.parent.name}"
        if path.name == "source.txt" or not fnmatch(name, only):
            continue
        text = path.read_text(errors="replace")
        if not looks_like_kernel_log(text):
            continue
        if report is not None:
            report(name)
        history = read_history(text, path.name)
        engine = kernel_engine(history.kernel, names_resources=history.names_resources)
        done = [run_stage(history, stage, [engine], Request()) for stage in history.stages]
        stages = tuple((one.stage, one.runs[0] if one.runs else None) for one in done)
        gaps = history.stages[0].gaps
        yield Row(name, history.kernel or "not named", engine, stages, gaps[0] if gaps else "")


_OPEN = ("open", "unknown")

HEAD = (
    "machine",
    "kernel",
    "engine",
    "compared",
    "equal",
    "had to place",
    "equal",
    "events",
    "first difference",
    "cause",
)


def as_markdown(done: Sequence[Row]) -> str:
    """The table, then what it adds up to, then the logs without a complete enumeration."""
    complete = [row for row in done if not row.gap]
    lines = [f"| {' | '.join(HEAD)} |", f"|{'---|' * len(HEAD)}"]
    lines += [f"| {' | '.join(_cells(row))} |" for row in complete]
    equal, compared = (sum(row.total(field) for row in complete) for field in ("equal", "compared"))
    placed, had_to = (sum(row.total(field) for row in complete) for field in ("decided_equal", "decided"))
    same = sum(not row.first_difference for row in complete)
    lines += [
        "",
        f"{len(complete)} logs with a complete enumeration, {same} of them reproduced in every BAR and window.",
        f"BARs and windows where the kernel has them: {equal} of {compared} ({_share(equal, compared)}); "
        f"of those that it had to place: {placed} of {had_to} ({_share(placed, had_to)}).",
        f"Logs that differ without an explanation: {sum(row.cause.startswith(_OPEN) for row in complete)}.",
    ]
    cut = [row for row in done if row.gap]
    if cut:
        lines += ["", f"Not complete ({len(cut)}):", *(f"* {row.name}: {row.gap}" for row in cut)]
    return "\n".join(lines) + "\n"


def _cells(row: Row) -> tuple[str, ...]:
    events = ", ".join(stage.kind for stage, _ in row.stages[1:])
    compared, equal, decided, decided_equal = (
        row.total(field) for field in ("compared", "equal", "decided", "decided_equal")
    )
    shares = (str(compared), _share(equal, compared), str(decided), _share(decided_equal, decided))
    return (row.name, row.kernel, row.engine, *shares, events, row.first_difference, row.cause)


def _share(part: int, whole: int) -> str:
    return f"{100 * part / whole:.1f} %" if whole else "-"


@click.command()
@click.option(
    "--corpus",
    "folder",
    type=click.Path(path_type=Path),
    default=Path(__file__).resolve().parents[2] / "shared" / "corpus",
    help="Where the machines are.",
    metavar="DIR",
)
@click.option("--only", default="*", help="Only machines whose names match, for instance 'laptop/*'.", metavar="GLOB")
@click.option("-o", "--output", type=click.Path(), help="Write the table to FILE.", metavar="FILE")
@click.pass_context
def replay(ctx: click.Context, folder: Path, only: str, output: str | None) -> None:
    """Replay every kernel log of a corpus with the engine of its kernel: one line each, and totals.

    Exit code 1 says that a log with a complete enumeration differs and nothing is known of it.
    """
    with progress("replay") as report:
        done = list(rows(folder, only, report))
    write_document(as_markdown(done), output)
    ctx.exit(int(Exit.FAILURE if any(row.cause == "unknown" and not row.gap for row in done) else Exit.DONE))
