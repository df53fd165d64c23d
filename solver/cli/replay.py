"""``barplan replay``: a kernel log's assignments, run again through engines."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import click

from models.errors import InputError
from solver.cli import options
from solver.cli import output as out

MOVES_NOTHING = (
    "a log names no drivers, so under this policy cp-sat moves no BAR that has an address; "
    "--policy always or --free BAR lets it"
)


@click.command()
@click.argument("log", metavar="LOG", type=click.Path(allow_dash=True))
@click.option(
    "--engines",
    type=options.Name("engine", options.engine_names, several=True),
    metavar="ENGINES",
    help="Engines to run, separated by commas; the one of the log's kernel and cp-sat unless named.",
)
@click.option(
    "--boot",
    type=int,
    metavar="N",
    show_default="the last complete one",
    help="Which of several boots in the log, from 1.",
)
@click.option(
    "--trace",
    is_flag=True,
    help="Print every decision of the kernel engines, one line each: what, who, base, size, alignment, window, why.",
)
@options.policy
@click.option(
    "--time-limit",
    type=options.Duration(),
    default="10s",
    metavar="TIME",
    show_default=True,
    help="Wall time for each run of cp-sat: 30, 30s, 5m, none.",
)
@options.as_json
@options.verbose("every difference, not only the first few")
@options.shared
def replay(
    log: str,
    given: options.SharedOptions,
    engines: str | None,
    boot: int | None,
    trace: bool,
    as_json: bool,
    verbose: int,
) -> None:
    """Replay a kernel log: its outcome beside each engine's.

    The machine is rebuilt as the kernel met it, each engine assigns, and the kernel's own outcome stands beside
    theirs. Where a kernel engine differs from the log, its first differing decision is shown with the rule that took
    it. With --json it is one document of the format barplan-replay/1.

    \b
    Examples:
      barplan replay dmesg.txt
      dmesg | barplan replay - --engines linux-6.1,linux-7 --trace
    """
    from models.sources.history import read_history
    from solver.cli.inputs import make_request
    from solver.render.replay import document, head_text, stage_text
    from solver.replay import ignored_parameters, kernel_engine, run_stage

    history = read_history(_text(log), "<stdin>" if log == "-" else log, boot=boot)
    own = kernel_engine(history.kernel, names_resources=history.names_resources)
    names = [name.strip() for name in engines.split(",")] if engines else [own, "cp-sat"]
    notes = list(history.notes)
    if history.kernel is None:
        notes.append(f"the log does not name its kernel; {own} is taken for it")
    ignored = ignored_parameters(history)
    if ignored:
        notes.append(f"no engine knows pci={','.join(ignored)}")
    if (
        given.policy in ("safe", "refuse")
        and "cp-sat" in names
        and any(bar.address is not None for stage in history.stages for _, bar in stage.before.bars())
    ):
        notes.append(MOVES_NOTHING)
    done = []
    if not as_json:
        out.show(head_text(history, notes))
    for number, stage in enumerate(history.stages, start=1):
        last = stage.before
        request = make_request(last, given)
        with out.progress(f"stage {number} of {len(history.stages)}"):
            replayed = run_stage(history, stage, dict.fromkeys(names), request)
        done.append(replayed)
        if not as_json:
            out.show(stage_text(replayed, number, trace=trace, every=verbose > 0))
    if as_json:
        out.write_document(json.dumps(document(history, done, notes, trace=trace), indent=2), None)


def _text(log: str) -> str:
    from models.sources.archive import FILE_LIMIT
    from models.sources.detect import decode
    from models.sources.kernel_log import looks_like_kernel_log

    shown = "<stdin>" if log == "-" else log
    if log == "-":
        data = sys.stdin.buffer.read(FILE_LIMIT + 1)
    else:
        path = Path(log)
        try:
            with path.open("rb") as stream:
                data = stream.read(FILE_LIMIT + 1)
        except OSError as error:
            raise InputError(error.strerror or str(error), source=shown) from error
    if len(data) > FILE_LIMIT:
        raise InputError(f"more than {FILE_LIMIT >> 20} MiB; expected one machine's kernel log", source=shown)
    text = decode(data, shown)
    if not looks_like_kernel_log(text):
        raise InputError("no kernel log; expected one with the lines in which Linux enumerates PCI", source=shown)
    return text
