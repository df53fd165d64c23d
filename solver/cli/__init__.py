"""The command line: it parses, calls and prints, and decides nothing.

One file per verb. Whatever goes wrong ends here as one line on standard error
and an exit code (:class:`solver.cli.output.Exit`).
"""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Sequence
from typing import Any, NoReturn

import click

from models.errors import InputError
from solver.cli import output
from solver.cli.apply import apply
from solver.cli.capture import capture
from solver.cli.check import check
from solver.cli.compare import compare
from solver.cli.completion import completion
from solver.cli.drivers import drivers
from solver.cli.explain import explain
from solver.cli.map import map_verb
from solver.cli.output import Exit, complain
from solver.cli.profiles import profiles
from solver.cli.replay import replay
from solver.cli.show import show as show_verb
from solver.cli.solve import solve
from solver.cli.steps import steps


class Barplan(click.Group):
    """The command group: turns errors into one line and an exit code."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The verbs in the order in which one needs them."""
        return list(self.commands)

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,
        **extra: Any,
    ) -> Any:
        """Run the command line and end the process with its exit code."""
        prog_name = prog_name or "barplan"
        if not standalone_mode:
            return super().main(args, prog_name, complete_var, standalone_mode=False, **extra)
        try:
            code = super().main(args, prog_name, complete_var, standalone_mode=False, **extra)
            sys.stdout.flush()
        except BrokenPipeError:
            _leave_quietly()
        except InputError as error:
            complain(str(error))
            code = Exit.USAGE
        except click.exceptions.NoArgsIsHelpError as error:
            print(error.format_message(), file=sys.stderr)
            code = Exit.USAGE
        except click.UsageError as error:
            complain(_usage_line(error))
            code = Exit.USAGE
        except click.ClickException as error:
            complain(error.format_message())
            code = Exit.FAILURE
        except (click.Abort, KeyboardInterrupt):
            complain("interrupted")
            code = Exit.INTERRUPTED
        except MemoryError:
            complain("out of memory")
            code = Exit.FAILURE
        except Exception as error:
            complain(f"internal error: {type(error).__name__}: {error} (BARPLAN_TRACEBACK=1 shows where)")
            if os.environ.get("BARPLAN_TRACEBACK"):
                traceback.print_exc()
            code = Exit.FAILURE
        sys.exit(int(code or 0))

    def invoke(self, ctx: click.Context) -> Any:
        """Run the verb; a reader that closes the pipe early ends it quietly, an interrupt ends it with one line."""
        try:
            result = super().invoke(ctx)
            sys.stdout.flush()
        except BrokenPipeError:
            _leave_quietly()
        except KeyboardInterrupt:
            if sys.stderr.isatty():
                print(file=sys.stderr)  # the terminal has written ^C
            raise click.Abort from None
        return result


def _leave_quietly() -> NoReturn:
    """End as a process does that the closed pipe kills, with nothing said."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    raise SystemExit(128 + 13)


def _usage_line(error: click.UsageError) -> str:
    message = error.format_message().rstrip(".")
    message = message[:1].lower() + message[1:]
    path = error.ctx.command_path if error.ctx is not None else "barplan"
    return f"{message} (see {path} --help)"


@click.group(
    cls=Barplan,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.option("--version", is_flag=True, help="Print the version; with -v also what it runs on, for bug reports.")
@click.option("-v", "--verbose", count=True, help="With --version: say more.")
@click.pass_context
def main(ctx: click.Context, version: bool, verbose: int) -> None:
    """Place PCI and PCIe BARs and bridge windows, with proof.

    barplan reads a machine as it is, finds the placement that keeps what works, gives every new BAR an address
    and moves the fewest BARs, and shows what the Linux kernel would have done.

    INPUT is any of: a kernel log, the text of lspci -vv, /proc/iomem, /proc/ioports, a copy of /sys/bus/pci/devices, a
    topology document. The kind is detected. Several files of one machine can be given together; - is standard
    input; nothing is the running machine.

    \b
    Exit codes:
      0    done
      1    failure
      2    wrong usage or unreadable input
      3    proved: not everything that needs an address fits
      4    out of time without a plan
      5    rules are broken (check)
      130  interrupted
    """
    if version:
        from solver.cli.versions import version_text

        output.show(version_text(verbose > 0))
        ctx.exit(0)
    if ctx.invoked_subcommand is None:
        raise click.exceptions.NoArgsIsHelpError(ctx)


_VERBS = (
    *(capture, show_verb, solve, explain, compare, replay, check, steps, apply),
    *(map_verb, drivers, profiles, completion),
)
for _verb in _VERBS:
    main.add_command(_verb)
