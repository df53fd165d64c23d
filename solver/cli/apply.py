"""``barplan apply``: carry a plan out on the running kernel, with rollback."""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from models.errors import InputError
from solver.cli import options
from solver.cli import output as out
from solver.cli.output import Exit

if TYPE_CHECKING:
    from models.topology import Topology
    from solver.apply.session import Session
    from solver.steps.step import Steps

JOURNALS = "/var/lib/barplan"


@click.command()
@click.argument("plan_file", metavar="[PLAN]", type=click.Path(dir_okay=False), required=False)
@options.inputs
@options.edits
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--dry-run", is_flag=True, help="Print the register writes, as setpci would make them; do nothing.")
@click.option(
    "--force",
    metavar="FUNCTION",
    multiple=True,
    help="Take this function down although something uses it. Repeatable; each one has to be named.",
)
@click.option("--undo", is_flag=True, help="Take the last run back, whether it was cut off or came to its end.")
@click.option("--resume", is_flag=True, help="Go on with a run that was cut off.")
@click.option("--build-module", is_flag=True, help="Build the kernel module for the running kernel and load it.")
@click.option(
    "--journal",
    "folder",
    type=click.Path(file_okay=False),
    default=JOURNALS,
    metavar="DIR",
    show_default=True,
    help="Where it is written down what was done, before it is done.",
)
@options.as_json
@options.shared
def apply(
    plan_file: str | None,
    inputs: tuple[str, ...],
    given: options.SharedOptions,
    yes: bool,
    dry_run: bool,
    force: tuple[str, ...],
    undo: bool,
    resume: bool,
    build_module: bool,
    folder: str,
    as_json: bool,
) -> Exit:
    """Carry a plan out on the running kernel.

    INPUT is what the plan was made from; with none it is the running machine. Nothing is done where the machine is no
    longer as it was, where a function that goes down is in use (a mounted file system, swap, a member of RAID or LVM,
    the link of the default route), or without the kernel module. It shows what will happen and asks. Each write is read
    back; at the end the kernel's own view has to be the plan. On a failure or a signal everything is taken back.

    Exits with 0 when the plan is in place, with 1 when it is not (refused, or taken back), with 130 when it was
    interrupted and taken back.

    \b
    Examples:
      sudo barplan apply --build-module
      sudo barplan apply plan.json machine.json
      sudo barplan apply plan.json machine.json --force 0000:03:00.0 --yes
      barplan apply plan.json machine.json --dry-run
      sudo barplan apply --undo
    """
    if build_module:
        built = _build_module(folder)
        if plan_file is None and not (undo or resume):
            return built
    if undo + resume + (plan_file is not None) != 1:
        raise InputError("expected a PLAN, --undo or --resume, and one of them only", source="apply")
    if plan_file is None:
        return _go_on(folder, undo, as_json)
    from solver.cli.check import load_plan_for
    from solver.cli.inputs import read_machine
    from solver.steps.planning import steps_for

    topology = read_machine(inputs, given).topology
    plan = load_plan_for(plan_file, topology)
    steps = steps_for(topology, plan, "live", source=plan_file)
    forced = [_function(text, topology) for text in force]
    if dry_run:
        from solver.apply.dry import dry_run as dry

        out.show(dry(steps))
        return Exit.DONE
    with _session(folder) as session:
        refusals = session.refusals(topology, steps, forced)
        if refusals:
            return _report(as_json, "refused", refusals)
        if not steps.groups:
            return _report(as_json, "applied", ["nothing changes"])
        if not yes and not _asked(steps, as_json):
            return _report(as_json, "refused", ["not confirmed; nothing was done"])
        with _until_finished(session, as_json):
            journal = session.apply(topology, plan.placement, steps)
        return _report(as_json, "applied", [], str(journal.path))


def _function(text: str, topology: Topology) -> str:
    from models.resources import parse_function_address

    try:
        address = parse_function_address(text)
    except ValueError as error:
        raise InputError(str(error), source="--force") from None
    if topology.function(address) is None:
        raise InputError(f"no function {address} in the machine", source="--force")
    return address


def _build_module(folder: str) -> Exit:
    from solver.apply.building import DEVICE, BuildError, build_module, load_module

    _need_root()
    try:
        module = build_module(Path(folder) / "module")
        if not Path(DEVICE).exists():
            load_module(module)
    except (BuildError, OSError) as error:
        out.complain(str(error))
        return Exit.FAILURE
    out.complain(f"{module} is loaded")
    return Exit.DONE


def _go_on(folder: str, undo: bool, as_json: bool) -> Exit:
    with _session(folder) as session:
        if undo:
            journal, left = session.undo()
            return _report(as_json, "broken" if left else "taken back", left, str(journal.path), done=not left)
        with _until_finished(session, as_json):
            journal = session.resume()
        return _report(as_json, "applied", [], str(journal.path))


def _need_root() -> None:
    if os.geteuid() != 0:
        raise InputError("needs root", source="apply")


@contextmanager
def _session(folder: str) -> Iterator[Session]:
    """A session that no other one runs beside; what fails in it ends as the report of a run that was taken back."""
    from solver.apply.files import LocalFiles
    from solver.apply.journal import only_one
    from solver.apply.linux import LinuxMachine
    from solver.apply.session import Session

    _need_root()
    with only_one(Path(folder)):
        yield Session(LinuxMachine(LocalFiles()), Path(folder), tell=_tell)


def _tell(line: str) -> None:
    """A terminal that is gone, or a pipe that nobody reads, is no reason to stop half way, or half way back."""
    with suppress(OSError):
        print(f"  {line}", file=sys.stderr, flush=True)


@contextmanager
def _until_finished(session: Session, as_json: bool) -> Iterator[None]:
    """Signals do not end the process: they make the run stop and take itself back."""
    from solver.apply.executor import NotAppliedError

    received: list[int] = []
    session.stopped = lambda: bool(received)
    signals = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)
    before = {number: signal.signal(number, lambda number, _: received.append(number)) for number in signals}
    try:
        yield
    except NotAppliedError as error:
        _report(as_json, "broken" if error.left else "taken back", [str(error), *error.left])
        raise SystemExit(int(Exit.INTERRUPTED if received else Exit.FAILURE)) from None
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _asked(steps: Steps, as_json: bool) -> bool:
    """Show what will happen and ask."""
    from solver.steps.text import steps_text

    if as_json or not sys.stdin.isatty():
        raise InputError("nobody there to ask; give --yes", source="apply")
    out.show(steps_text(steps) + "\n")
    return click.confirm("Do it?", default=False)


def _report(
    as_json: bool, result: str, lines: list[str], journal: str | None = None, *, done: bool | None = None
) -> Exit:
    """Print what came of it; the exit code is 0 for a plan that is in place, or what ``done`` says."""
    if as_json:
        document: dict[str, Any] = {
            "format": "barplan-apply/1",
            "result": result,
            "lines": lines,
            "journal": journal,
        }
        out.write_document(json.dumps(document, indent=2), None)
    else:
        words = {
            "applied": "The plan is in place: registers and the kernel's resources hold it.",
            "taken back": "The plan is not in place; everything is as it was.",
            "broken": "Not everything could be taken back; the journal says how far it is.",
            "refused": "Nothing was done.",
        }
        for line in lines:
            out.complain(line)
        out.show(words[result] + "\n")
    return Exit.DONE if (result == "applied" if done is None else done) else Exit.FAILURE
