"""``barplan profiles``: the devices that ``--plug`` knows by name."""

from __future__ import annotations

import json
from pathlib import Path

import click

from models.errors import InputError
from solver.cli import options
from solver.cli import output as out


@click.command()
@click.argument("names", metavar="[NAME...]", nargs=-1, shell_complete=options.complete_profile)
@options.profiles
@options.as_json
@options.verbose("each BAR on a line of its own, and the source")
def profiles(names: tuple[str, ...], profiles: str | None, as_json: bool, verbose: int) -> None:
    """Show the devices that --plug knows by name.

    With a NAME only these, with their BARs, bridges and the source of the figures. --profiles adds those of a
    TOML file. With --json it is one document of the format barplan-profiles/1.

    \b
    Examples:
      barplan profiles
      barplan profiles tb-dock gpu-80g
      barplan profiles --profiles mine.toml --json
    """
    from models.profiles_file import known_profiles
    from solver.render import profiles as render

    known = known_profiles(None if profiles is None else Path(profiles))
    for name in names:
        if name not in known:
            raise InputError(f"unknown device {name!r}, expected one of {', '.join(known)}", source="profiles")
    chosen = {name: known[name] for name in names or known}
    if as_json:
        out.write_document(json.dumps(render.profiles_document(chosen), indent=2), None)
    else:
        out.show(render.profiles_text(chosen, whole=bool(names) or verbose > 0))
