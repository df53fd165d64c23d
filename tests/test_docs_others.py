"""What the READMEs of the benchmarks, the samples and the module say exists: commands, families, engines, files."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import click
import pytest

import solver
from benchmarks.__main__ import main
from benchmarks.families import FAMILIES
from solver.cli import main as barplan

ROOT = Path(__file__).resolve().parents[1]
MODULE_FOLDER = Path(solver.__path__[0]) / "module"
TEXTS = [ROOT / "README.md", *sorted(ROOT.glob("docs/*.md")), ROOT / "benchmarks" / "README.md"]
BENCHMARKS = (ROOT / "benchmarks" / "README.md").read_text(encoding="utf-8")
SAMPLES = (ROOT / "samples" / "README.md").read_text(encoding="utf-8")
MODULE = (MODULE_FOLDER / "README.md").read_text(encoding="utf-8")


def benchmark_commands() -> list[str]:
    """Every ``python -m benchmarks VERB ...`` of the texts, once."""
    found = [
        match.strip()
        for text in TEXTS
        for match in re.findall(r"python -m benchmarks ([^`\n#]+)", text.read_text(encoding="utf-8"))
    ]
    return list(dict.fromkeys(found))


@pytest.mark.parametrize("command", benchmark_commands())
def test_every_benchmark_command_can_be_parsed(command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for folder in ("RESULTS", *re.findall(r" -o (\S+)", "\n".join(benchmark_commands()))):  # earlier commands make them
        (tmp_path / folder).mkdir(parents=True, exist_ok=True)
    (tmp_path / "README.md").touch()
    monkeypatch.chdir(tmp_path)
    verb, *args = shlex.split(command)
    main.commands[verb].make_context(verb, args, parent=click.Context(main))


def test_every_family_has_a_row() -> None:
    rows = re.findall(r"^\| `([\w-]+)` \|", BENCHMARKS, re.MULTILINE)
    assert set(rows) == {*FAMILIES, "corpus"}


@pytest.mark.parametrize("folder", ["benchmarks", "samples"])
def test_links_of_a_readme_lead_somewhere(folder: str) -> None:
    text = (ROOT / folder / "README.md").read_text(encoding="utf-8")
    for link in re.findall(r"\]\((?!https?:)([^)#]+)", text):
        assert (ROOT / folder / link).exists(), link


def test_every_sample_has_a_row_and_every_row_a_sample() -> None:
    rows = {name.rstrip("/") for name in re.findall(r"^\| `([\w./-]+)` \|", SAMPLES, re.MULTILINE)}
    assert rows == {path.name for path in (ROOT / "samples").iterdir()} - {"README.md"}


def test_the_module_is_built_by_the_command_its_readme_names() -> None:
    (command,) = re.findall(r"^    barplan (apply [^#\n]+)", MODULE, re.MULTILINE)
    verb, *args = shlex.split(command)
    barplan.commands[verb].make_context(verb, args, parent=click.Context(barplan))


def test_the_module_has_the_parameters_its_readme_names() -> None:
    source = "".join(path.read_text(encoding="utf-8") for path in sorted(MODULE_FOLDER.glob("*.c")))
    assert set(re.findall(r"`(fail_\w+)`", MODULE)) == set(re.findall(r"module_param\((\w+)", source))
