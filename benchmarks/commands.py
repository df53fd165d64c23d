"""``python -m benchmarks make``, ``run`` and ``bks``."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from solver.cli.output import Exit, complain, progress

_FOLDER = click.Path(path_type=Path)


@click.command()
@click.option("--family", help="Families, separated by commas; all unless named.", metavar="NAMES")
@click.option("-o", "--output", type=_FOLDER, help="Folder to write into; benchmarks/instances unless named.")
@click.option("--check", is_flag=True, help="Write nothing; exit code 1 says that a file would change.")
@click.pass_context
def make(ctx: click.Context, family: str | None, output: Path | None, check: bool) -> None:
    """Make the instances of all families anew, the same ones each time.

    \b
    Example:
      python -m benchmarks make --family toy,desktop -o instances
    """
    from benchmarks.families import FAMILIES
    from benchmarks.instances import INSTANCES, generate, read_text, text_of, write
    from models.errors import InputError

    names = [name.strip() for name in family.split(",")] if family else list(FAMILIES)
    for name in names:
        if name not in FAMILIES:
            raise InputError(f"unknown family {name!r}, expected one of {', '.join(FAMILIES)}", source="--family")
    folder = output or INSTANCES
    changed = 0
    with progress("make") as report:
        for instance in generate(names):
            if report is not None:
                report(instance.name)
            if not check:
                write(instance, folder)
                continue
            paths = [folder / f"{instance.name}.json", folder / f"{instance.name}.json.gz"]
            if not any(path.is_file() and read_text(path) == text_of(instance) for path in paths):
                changed += 1
                complain(f"{instance.name} would change")
    if changed:
        ctx.exit(int(Exit.FAILURE))


@click.command()
@click.option(
    "--family",
    help="Families, separated by commas; all shipped ones unless named; corpus: real machines.",
    metavar="NAMES",
)
@click.option("--only", default="*", help="Only instances whose names match, such as 'rack/moves-*'.", metavar="GLOB")
@click.option("--engine", "engines", help="Engines and peers, separated by commas; all unless named.", metavar="NAMES")
@click.option("--seeds", default="1", show_default=True, help="Seeds, separated by commas.", metavar="SEEDS")
@click.option(
    "--time-limit", "limits", default="60", show_default=True, help="Seconds per solve; several give one row each."
)
@click.option("--minimize", default="", help="Objectives or a preset in place of each instance's own.")
@click.option(
    "--without",
    "without",
    multiple=True,
    metavar="LEVERS",
    help="Run cp-sat without these levers, separated by commas; repeat it for several runs. none: with all of them; "
    "each: with all of them, and without each.",
)
@click.option("--workers", type=click.IntRange(min=0), default=0, help="Solver threads; 0 = one per core.")
@click.option(
    "--memory-limit", type=click.FloatRange(min=0), default=6.0, show_default=True, help="GiB per solve; 0 = none."
)
@click.option("--max-bars", type=click.IntRange(min=1), help="Leave out instances whose names say that they have more.")
@click.option("--corpus", type=_FOLDER, help="Where the real machines are; ../shared/corpus unless named.")
@click.option("--ports", type=click.IntRange(min=0), default=3, show_default=True, help="Ports per machine; 0 = all.")
@click.option("--instances", type=_FOLDER, help="Folder of instances; benchmarks/instances unless named.")
@click.option("-o", "--output", type=_FOLDER, required=True, help="Folder of rows; what is there is not run again.")
@click.pass_context
def run(
    ctx: click.Context,
    family: str | None,
    only: str,
    engines: str | None,
    seeds: str,
    limits: str,
    minimize: str,
    without: tuple[str, ...],
    workers: int,
    memory_limit: float,
    max_bars: int | None,
    corpus: Path | None,
    ports: int,
    instances: Path | None,
    output: Path,
) -> None:
    """Run instances x engines x seeds; one row each in OUTPUT/rows.jsonl, written at once.

    Exit code 1 says that a plan of an exact engine is refused by the checker, that cp-sat failed, or that a row
    contradicts bks.json or has a better plan.

    \b
    Examples:
      python -m benchmarks run --family toy --time-limit 10 -o results
      python -m benchmarks run --only 'rack/*-500' --engine cp-sat,textbook -o results
      python -m benchmarks run --family corpus --engine cp-sat --time-limit 10 -o results
    """
    from benchmarks.best_known import Review, read_table
    from benchmarks.instances import CORPUS, INSTANCES, real, select, shipped
    from benchmarks.runner import Plan, complaints, engines_of
    from benchmarks.runner import run as run_plan
    from models.errors import InputError

    numbers = [_whole(text, "--seeds") for text in seeds.split(",")]
    seconds = [_seconds(text) for text in limits.split(",")]
    wanted = (family or "").split(",")
    entries = list(shipped(instances or INSTANCES))
    if "corpus" in wanted:
        folder = corpus or CORPUS
        if not folder.is_dir():
            raise InputError("no such folder, expected a corpus of machines", source=str(folder))
        entries += real(folder, ports=ports, only=only)
    entries = select(entries, family, only)
    if max_bars is not None:
        entries = [one for one in entries if max(_numbers(one.name), default=0) <= max_bars]
    plan = Plan(
        entries,
        engines_of(engines, complain),
        numbers,
        seconds,
        minimize,
        [levers for text in without for levers in _levers(text)] or [""],
        workers,
        memory_limit,
    )
    if output.exists() and not output.is_dir():
        raise InputError("expected a folder, found a file", source=str(output))
    found, bad = Review(read_table()), 0
    try:
        with progress("run") as report:
            for row in run_plan(plan, output, report):
                for line in [*complaints([row]), *found.take(row)]:
                    complain(line)
                    bad += 1
                if not sys.stderr.isatty():
                    took = "" if row.wall_seconds is None else f" {row.wall_seconds:.2f} s"
                    print(f"{row.instance} {row.engine} seed {row.seed}: {row.status}{took}", flush=True)
    except KeyboardInterrupt:
        complain(f"interrupted; the rows that are done are in {output}")
        ctx.exit(int(Exit.INTERRUPTED))
    if found.beaten:
        complain(f"{len(found.beaten)} plans are better than bks.json: python -m benchmarks bks --update {output}")
    if bad:
        ctx.exit(int(Exit.FAILURE))


@click.command()
@click.option("--update", is_flag=True, help="Take over better plans and bounds.")
@click.option("--generators", is_flag=True, help="With --update: plans that generators know, too.")
@click.option("--table", type=_FOLDER, help="Another table than benchmarks/bks.json.", metavar="FILE")
@click.argument("folders", nargs=-1, type=_FOLDER, metavar="[RESULTS]...")
@click.pass_context
def bks(ctx: click.Context, update: bool, generators: bool, table: Path | None, folders: tuple[Path, ...]) -> None:
    """Compare rows with the best known values; exit code 1 says that they contradict these, or beat them.

    The table that is shipped is of shipped instances: rows of other ones are left out, unless --table names another.

    \b
    Example:
      python -m benchmarks bks --update results
    """
    from benchmarks.best_known import BKS, read_table, review, write_table
    from benchmarks.instances import shipped
    from benchmarks.known_plans import known_rows
    from benchmarks.rows import read_rows
    from models.errors import InputError

    for folder in folders:
        if not folder.is_dir():
            raise InputError("no such folder, expected one that holds rows", source=str(folder))
    path = table or BKS
    names = {entry.name for entry in shipped()}
    rows = [row for folder in folders for row in read_rows(folder) if row.instance in names or table is not None]
    if generators:
        rows += known_rows()
    found = review(rows, read_table(path))
    for line in found.wrong:
        complain(f"CONTRADICTION: {line}")
    for line in found.beaten:
        print(line)
    if update:
        write_table(found.table, path)
    closed = sum(known.closed for known in found.table.values())
    print(f"{len(found.table)} instances, {closed} closed; {len(found.wrong)} contradictions")
    if found.wrong or (found.beaten and not update):
        ctx.exit(int(Exit.FAILURE))


def _numbers(name: str) -> list[int]:
    return [int(part) for part in name.partition("/")[2].replace("+", "-").split("-") if part.isdecimal()]


def _whole(text: str, option: str) -> int:
    from models.errors import InputError

    if not text.strip().isdecimal():
        raise InputError(f"expected whole numbers separated by commas, found {text!r}", source=option)
    return int(text)


def _seconds(text: str) -> float:
    from models.errors import InputError

    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds < 1e6:
        raise InputError(f"expected seconds, found {text!r}", source="--time-limit")
    return seconds


def _levers(text: str) -> list[str]:
    """Sets of levers, each in one order: ``none`` = all stay on, ``each`` = that, and each one off."""
    from solver.levers import LEVERS, parse_without

    if text.strip() == "each":
        return ["", *LEVERS]
    return ["" if text.strip() == "none" else ",".join(sorted(parse_without({"without": text})))]
