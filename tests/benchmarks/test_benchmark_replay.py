from __future__ import annotations

from pathlib import Path

from click.testing import CliRunner

from benchmarks.__main__ import main
from benchmarks.replay import rows

LOG = """\
Linux version 6.1.0-made-up (someone@somewhere) #1 SMP
smpboot: two
PCI host bridge to bus 0000:00
pci_bus 0000:00: root bus resource [mem 0x80000000-0x8fffffff window]
pci_bus 0000:00: root bus resource [bus 00-1f]
pci 0000:00:02.0: [8086:0001] type 00 class 0x028000
pci 0000:00:02.0: reg 0x10: [mem 0x00000000-0x000fffff]
pci 0000:00:02.0: BAR 0: assigned [mem 0x{start:x}-0x{end:x}]
"""


def save(folder: Path, name: str, start: int) -> None:
    machine = folder / "invented" / name
    machine.mkdir(parents=True)
    (machine / "source.txt").write_text("PCI host bridge to bus 0000:00\n")
    (machine / "dmesg.txt").write_text(LOG.format(start=start, end=start + 0xFFFFF))


def test_each_log_is_one_row(tmp_path: Path) -> None:
    save(tmp_path, "alike", 0x80000000)
    save(tmp_path, "other", 0x80100000)
    alike, other = rows(tmp_path, "*")
    assert (alike.name, alike.engine, alike.total("equal"), alike.first_difference) == (
        "invented/alike",
        "linux-6.1",
        1,
        "",
    )
    assert other.first_difference.startswith("boot: 0000:00:02.0 BAR 0 (required: first fit")


def test_what_differs_for_no_known_reason_is_a_failure(tmp_path: Path) -> None:
    save(tmp_path, "alike", 0x80000000)
    result = CliRunner().invoke(main, ["replay", "--corpus", str(tmp_path)])
    assert result.exit_code == 0
    assert "1 of 1 (100.0 %)" in result.output
    save(tmp_path, "other", 0x80100000)
    result = CliRunner().invoke(main, ["replay", "--corpus", str(tmp_path)])
    assert result.exit_code == 1
    assert "Logs that differ without an explanation: 1." in result.output


def test_only_some_are_replayed(tmp_path: Path) -> None:
    save(tmp_path, "alike", 0x80000000)
    save(tmp_path, "other", 0x80100000)
    assert [row.name for row in rows(tmp_path, "*/other")] == ["invented/other"]
