"""How the command starts: help, versions, completion, and what it must not import."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import click
import pytest

from solver.cli import main
from tests.cli.conftest import Run

VERBS = sorted(main.commands)


def python(code: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run ``code`` in a new interpreter."""
    return subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        env={**os.environ, **environment},
        check=False,
    )


def test_help_names_every_verb_and_exit_code(run: Run) -> None:
    text = run("--help").output
    for word in [*VERBS, "Exit codes", "130"]:
        assert word in text
    assert "..." not in text.split("Commands:")[1], "a verb's first sentence is too long for the list"


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_has_help_with_an_example(run: Run, verb: str) -> None:
    result = run(verb, "--help")
    assert result.exit_code == 0
    assert "Example" in result.output
    assert f"barplan {verb}" in result.output.split("Example")[1]


@pytest.mark.parametrize("verb", VERBS)
def test_every_option_has_help(verb: str) -> None:
    for parameter in main.commands[verb].params:
        if isinstance(parameter, click.Option):
            assert parameter.help, f"{verb} {parameter.opts[-1]}"


@pytest.mark.parametrize("verb", VERBS)
def test_examples_in_the_help_use_options_that_exist(verb: str) -> None:
    command = main.commands[verb]
    known = {option for parameter in command.params for option in parameter.opts}
    examples = [line for line in (command.help or "").splitlines() if f"barplan {verb} " in line]
    used = {word for line in examples for word in line.split(f"barplan {verb}")[1].split() if word[:1] == "-" != word}
    assert used <= known


def test_no_arguments_print_the_help_and_count_as_wrong_usage(run: Run) -> None:
    result = run()
    assert result.exit_code == 2
    assert result.stdout == ""
    assert "Usage: barplan" in result.stderr


def test_version(run: Run) -> None:
    assert run("--version").output.startswith("barplan ")


def test_verbose_version_names_packages_and_paths(run: Run) -> None:
    text = run("--version", "-v").output
    for word in ["Python", "ortools", "numpy", "pandas", "click", "rich", "pydantic", "platform"]:
        assert f"{word}: " in text
    for package in ["solver", "models"]:
        assert str(Path(package, "__init__.py")) in text


def test_help_and_versions_import_nothing_heavy() -> None:
    for args in (["--help"], ["solve", "--help"], ["--version", "-v"]):
        code = f"import sys\nfrom solver.cli import main\ntry:\n main({args!r})\nexcept SystemExit: pass\n"
        code += "print('LOADED', sorted({'ortools','pandas','numpy','rich','pydantic'} & set(sys.modules)))"
        assert python(code).stdout.splitlines()[-1] == "LOADED []", args


def test_show_imports_neither_ortools_nor_pandas(machine: object, save: object) -> None:
    file = save(machine)  # type: ignore[operator]
    code = f"import sys\nfrom solver.cli import main\ntry:\n main(['show', {file!r}])\nexcept SystemExit: pass\n"
    code += "print('LOADED', sorted({'ortools','pandas','numpy','rich'} & set(sys.modules)))"
    finished = python(code)
    assert "0000:02:00.0" in finished.stdout
    assert finished.stdout.splitlines()[-1] == "LOADED []"


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_scripts(run: Run, shell: str) -> None:
    text = run("completion", shell).output
    assert "_BARPLAN_COMPLETE" in text
    assert f"{shell}_complete" in text


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("barplan so", "solve"),
        ("barplan solve --policy a", "always"),
        ("barplan solve --engine lin", "linux-6.1"),
        ("barplan solve --plug nv", "nvme@"),
        ("barplan solve --minimize was", "waste"),
        ("barplan solve --minimize unplaced,mov", "unplaced,moved_bars"),
        ("barplan compare --engines cp-sat,lin", "cp-sat,linux-6.1"),
    ],
)
def test_completion_knows_the_tables(words: str, expected: str) -> None:
    finished = python(
        "import sys; sys.argv = ['barplan']\nfrom solver.cli import main\nmain()",
        _BARPLAN_COMPLETE="bash_complete",
        COMP_WORDS=words,
        COMP_CWORD=str(len(words.split()) - 1),
    )
    assert f"plain,{expected}" in finished.stdout.split()


@pytest.mark.parametrize(
    ("args", "complaint"),
    [
        (["sovle"], "barplan: no such command 'sovle'"),
        (["show", "--nonsense"], "barplan: no such option '--nonsense'"),
        (["solve", "--policy", "brave"], "barplan: --policy: unknown policy 'brave', expected one of safe, always"),
        (["solve", "--engine", "magic"], "barplan: --engine: unknown engine 'magic', expected one of cp-sat"),
        (["compare", "--engines", "cp-sat,magic"], "barplan: --engines: unknown engine 'magic'"),
        (["solve", "--minimize", "pain"], "barplan: --minimize: unknown objective 'pain', expected one of moves"),
        (["solve", "--time-limit", "soon"], "barplan: --time-limit: expected a time above 0"),
        (["solve", "--time-limit", "0"], "barplan: --time-limit: expected a time above 0"),
        (["solve", "--workers", "many"], "barplan: invalid value for '--workers'"),
        (["capture", "--root", "x", "y"], "barplan: --root: takes no INPUT beside it"),
    ],
)
def test_wrong_usage_is_one_line_and_exit_code_2(run: Run, args: list[str], complaint: str) -> None:
    result = run(*args)
    assert result.exit_code == 2
    assert result.stdout == ""
    assert result.stderr.startswith(complaint)
    assert result.stderr.count("\n") == 1


def test_the_documents_of_help_are_stable_json(run: Run, machine: object, save: object) -> None:
    result = run("show", save(machine), "--json")  # type: ignore[operator]
    assert json.loads(result.stdout)["format"] == "barplan-topology/1"
