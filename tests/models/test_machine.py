from __future__ import annotations

import io
import tarfile
import zipfile
from pathlib import Path

import pytest

from models.document import dump_topology
from models.errors import InputError
from models.resources import MIB, FunctionAddress, Range
from models.sources import archive
from models.sources.archive import unpacked
from models.sources.machine import capture, read_machine
from models.topology import Bar, Function, RootBus, RootWindow, Topology

TOPOLOGY = Topology(
    (
        RootBus(
            0,
            0,
            (RootWindow("mem", Range(0xB0000000, 0xC0000000)),),
            (
                Function(
                    FunctionAddress("0000:00:02.0"),
                    driver="e1000e",
                    driver_known=True,
                    bars=(Bar(0, "mem", MIB, address=0xB0000000),),
                ),
            ),
        ),
    ),
    machine="made up",
)
DOCUMENT = dump_topology(TOPOLOGY)


def tar_of(path: Path, members: dict[str, str | tarfile.TarInfo]) -> Path:
    with tarfile.open(path, "w:gz") as made:
        for name, content in members.items():
            if isinstance(content, tarfile.TarInfo):
                made.addfile(content)
            else:
                info = tarfile.TarInfo(name)
                info.size = len(content.encode())
                made.addfile(info, io.BytesIO(content.encode()))
    return path


def link(name: str, target: str) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = tarfile.SYMTYPE, target
    return info


def test_topology_document_is_returned_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "machine.json"
    path.write_text(DOCUMENT)
    reading = read_machine([path])
    assert reading.topology == TOPOLOGY
    assert reading.kinds == ["topology document"]
    assert reading.drivers_known


def test_standard_input() -> None:
    assert read_machine(["-"], stdin=io.StringIO(DOCUMENT)).topology == TOPOLOGY


def test_tar_and_zip_with_one_folder_inside(tmp_path: Path) -> None:
    tar = tar_of(tmp_path / "a.tar.gz", {"machine/t.json": DOCUMENT, "machine/README.md": "words"})
    assert read_machine([tar]).topology == TOPOLOGY
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as made:
        made.writestr("machine/t.json", DOCUMENT)
    assert read_machine([str(tmp_path / "a.zip")]).topology == TOPOLOGY


def test_folder_says_what_it_skipped(tmp_path: Path) -> None:
    (tmp_path / "t.json").write_text(DOCUMENT)
    (tmp_path / "source.txt").write_text("where it came from")
    (tmp_path / "notes.txt").write_text("nothing of use")
    (note,) = read_machine([tmp_path]).notes
    assert "notes.txt, source.txt" in note


def test_document_beside_another_input_is_refused(tmp_path: Path) -> None:
    (tmp_path / "t.json").write_text(DOCUMENT)
    with pytest.raises(InputError, match="describes a machine alone"):
        read_machine([tmp_path / "t.json", tmp_path / "t.json"])


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "empty"),
        (b"  \n", "empty"),
        (b"\0\1\2\3" * 100, "binary"),
        (bytes(range(128, 256)) * 8, "binary"),
        (b"Dear all,\nnothing here.\n", "no form that barplan knows"),
        (b'{"format": "barplan-plan/1"}', "a plan document"),
        (b'{"format": "barplan-topology/9"}', "version"),
        (b"\x1f\x8b\x08\x00junkjunkjunk", "compressed"),
        (b"hostb0@pci0:0:0:0:\tclass=0x060000 card=0x1\n", "pciconf"),
        (b"bar(addr(0, 1, 0), 0, 2957049856, 4096, mem, nonprefetchable, 32).\n", "Barrelfish"),
        (b"b0000000-bfffffff : PCI Bus 0000:00\n  b0000000-b00fffff : 0000:00:02.0\n", "no PCI function"),
    ],
)
def test_refused_files(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "given.txt"
    path.write_bytes(content)
    with pytest.raises(InputError, match=message) as caught:
        read_machine([path])
    assert "given.txt" in str(caught.value)
    assert "\n" not in str(caught.value)


def copied_tree(root: Path, iomem: str) -> Path:
    """A tree with one function, as copied from /sys and /proc."""
    folder = root / "sys/bus/pci/devices/0000:00:02.0"
    folder.mkdir(parents=True)
    lines = ["0x00000000b0000000 0x00000000b00fffff 0x0000000000040200"]
    lines += ["0x0000000000000000 0x0000000000000000 0x0000000000000000"] * 12
    (folder / "resource").write_text("\n".join(lines) + "\n")
    for name, content in (("vendor", "0x1234"), ("device", "0x5678"), ("class", "0x020000")):
        (folder / name).write_text(content + "\n")
    (root / "proc").mkdir()
    (root / "proc/iomem").write_text(iomem)
    (root / "proc/ioports").write_text(
        "0000-0cf7 : PCI Bus 0000:00\n0cf8-0cff : PCI conf1\n0d00-ffff : PCI Bus 0000:00\n"
    )
    return root


IOMEM = "b0000000-bfffffff : PCI Bus 0000:00\n  b0000000-b00fffff : 0000:00:02.0\nfec00000-fec003ff : IOAPIC 0\n"


def test_copied_tree_with_its_root_windows(tmp_path: Path) -> None:
    reading = capture(copied_tree(tmp_path, IOMEM))
    (root,) = reading.topology.root_buses
    assert [str(window.range) for window in root.windows if window.space == "mem"] == ["b0000000-bfffffff"]
    assert [str(window.range) for window in root.windows if window.space == "io"] == [
        "00000000-00000cf7",
        "00000d00-0000ffff",
    ]
    assert [bar.address for _, bar in reading.topology.bars()] == [0xB0000000]
    assert reading.kinds == ["sysfs", "iomem", "ioports"]
    assert not any("estimated" in note for note in reading.notes)


def test_hidden_addresses_are_said_and_root_windows_estimated(tmp_path: Path) -> None:
    hidden = "00000000-00000000 : PCI Bus 0000:00\n  00000000-00000000 : 0000:00:02.0\n"
    reading = capture(copied_tree(tmp_path, hidden))
    assert any("run as root" in note for note in reading.notes)
    assert any("estimated" in note for note in reading.notes)
    (window,) = (w for w in reading.topology.root_buses[0].windows if w.space == "mem")
    assert str(window.range) == "b0000000-b00fffff"


def test_copied_tree_in_an_archive_beside_texts(tmp_path: Path) -> None:
    tree = copied_tree(tmp_path / "machine", IOMEM)
    (tree / "dmesg.txt").write_text(
        "[    0.1] pci_bus 0000:00: root bus resource [mem 0xb0000000-0xcfffffff window]\n"
        "[    0.2] pci 0000:00:02.0: [1234:5678] type 00 class 0x020000\n"
        "[    0.2] pci 0000:00:02.0: reg 0x10: [mem 0xb0000000-0xb00fffff]\n"
    )
    with tarfile.open(tmp_path / "a.tar", "w") as made:
        made.add(tree, "machine")
    reading = read_machine([tmp_path / "a.tar"])
    assert {"sysfs", "iomem", "kernel log"} <= set(reading.kinds)
    windows = [str(window.range) for window in reading.topology.root_buses[0].windows if window.space == "mem"]
    assert windows == ["b0000000-cfffffff"]


@pytest.mark.parametrize("part", ["", "sys", "sys/bus/pci/devices"])
def test_a_tree_may_be_named_by_its_sys_or_its_devices(tmp_path: Path, part: str) -> None:
    tree = copied_tree(tmp_path / "machine", IOMEM)
    assert read_machine([tree / part]).topology == capture(tree).topology


def test_missing_and_empty_places(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        read_machine([tmp_path / "absent"])
    with pytest.raises(InputError, match="nothing in the folder"):
        read_machine([tmp_path])
    with pytest.raises(InputError, match="sys/bus/pci/devices"):
        capture(tmp_path)


def test_folder_with_only_refused_forms_names_the_form(tmp_path: Path) -> None:
    (tmp_path / "pciconf.txt").write_text("hostb0@pci0:0:0:0:\tclass=0x060000 card=0x1\n")
    with pytest.raises(InputError, match=r"pciconf\.txt: pciconf output"):
        read_machine([tmp_path])


def test_damaged_archive(tmp_path: Path) -> None:
    whole = tar_of(tmp_path / "a.tar.gz", {"t.json": DOCUMENT * 200})
    cut = tmp_path / "cut.tar.gz"
    cut.write_bytes(whole.read_bytes()[:-40])
    with pytest.raises(InputError, match="cannot be unpacked"):
        read_machine([cut])


def test_nothing_leaves_the_folder(tmp_path: Path) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text("secret")
    members: dict[str, str | tarfile.TarInfo] = {
        "../evil.txt": "x",
        "/etc/evil.txt": "x",
        "out": link("out", str(secret)),
        "up": link("up", "../.."),
        "here": link("here", "."),
        "sly": link("sly", "here/../.."),
        "inner": link("inner", "a/file.txt"),
        "a/file.txt": "kept",
        "sly/evil.txt": "x",
    }
    with unpacked(tar_of(tmp_path / "a.tar.gz", members)) as folder:
        root = folder.resolve()
        found = {str(path.relative_to(folder)): path.resolve() for path in folder.rglob("*")}
        assert all(path.is_relative_to(root) for path in found.values())
        assert (folder / "inner").read_text() == "kept"
        assert "out" not in found
        assert "up" not in found
        assert not (folder.parent / "evil.txt").exists()


def test_archive_bomb_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive, "TOTAL_LIMIT", 1000)
    with pytest.raises(InputError, match="unpacks to more than"):
        read_machine([tar_of(tmp_path / "a.tar.gz", {"a": "x" * 600, "b": "x" * 600})])
