"""``barplan completion``: the script that completes barplan's words in a shell."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

from solver.cli.output import write_document


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion(ctx: click.Context, shell: str) -> None:
    """Print the completion script for a shell.

    It completes verbs, options, files and the names of engines, policies, objectives and devices.

    \b
    Example:
      eval "$(barplan completion bash)"
    """
    complete = get_completion_class(shell)
    assert complete is not None
    script = complete(ctx.find_root().command, {}, "barplan", "_BARPLAN_COMPLETE")
    write_document(script.source_template % script.source_vars(), None)
