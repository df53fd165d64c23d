"""A machine that runs Linux, as its files show it."""

from __future__ import annotations

from pathlib import Path

import pytest

from models.placement import Placement
from models.resources import FunctionAddress, Range
from models.topology import Topology
from solver.apply.executor import NotAppliedError
from solver.apply.files import LocalFiles
from solver.apply.journal import FINISHED, Journal
from solver.apply.linux import LinuxMachine
from solver.apply.session import Session
from solver.steps.access import AccessError
from solver.steps.step import Steps

PORT, DRIVE = FunctionAddress("0000:00:1c.0"), FunctionAddress("0000:03:00.0")
NOTHING = "0x0000000000000000 0x0000000000000000 0x0000000000000000"
MEMORY = "0x00000000f6000000 0x00000000f6003fff 0x0000000000140204"
UNSET = "0x0000000000000000 0x0000000003ffffff 0x000000002014220c"
VFS = "0x00000000f6010000 0x00000000f601ffff 0x0000000000140204"
SHADOW = "0x00000000000c0000 0x00000000000dffff 0x0000000000000212"
WINDOWS = (
    "0x0000000000004000 0x0000000000004fff 0x0000000000000101",
    "0x00000000f6000000 0x00000000f60fffff 0x0000000000000200",
    "0x0000000000000000 0x0000000000000000 0x0000000000000000",
)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    devices = tmp_path / "sys/bus/pci/devices"
    driver = tmp_path / "sys/bus/pci/drivers/nvme"
    driver.mkdir(parents=True)
    for name in ("bind", "unbind"):
        (driver / name).write_text("")
    for function in (PORT, DRIVE):
        (devices / function).mkdir(parents=True)
        (devices / function / "config").write_bytes(bytes([0x34, 0x12, 0x78, 0x56, 6, 0, *[0] * 250]))
    (devices / DRIVE / "driver").symlink_to(driver)
    return tmp_path


def rows(root: Path, function: str, *lines: str) -> None:
    (root / "sys/bus/pci/devices" / function / "resource").write_text("".join(f"{line}\n" for line in lines))


def test_bars_with_and_without_an_address(root: Path) -> None:
    rows(root, DRIVE, MEMORY, NOTHING, UNSET, *[NOTHING] * 3, SHADOW, VFS, *[NOTHING] * 5)
    machine = LinuxMachine(LocalFiles(root))
    assert machine.bars(DRIVE) == {0: Range.of(0xF600_0000, 0x4000), "vf0": Range.of(0xF601_0000, 0x1_0000)}
    assert machine.windows(DRIVE) == {}


@pytest.mark.parametrize("vf_rows", [6, 0], ids=["sriov", "no-sriov"])
def test_windows_stand_behind_the_bars(root: Path, vf_rows: int) -> None:
    rows(root, PORT, *[NOTHING] * (7 + vf_rows), *WINDOWS, NOTHING)
    machine = LinuxMachine(LocalFiles(root))
    assert machine.bars(PORT) == {}
    if vf_rows:
        assert machine.windows(PORT) == {"io": Range(0x4000, 0x5000), "mem": Range.of(0xF600_0000, 1 << 20)}


def test_configuration_space(root: Path) -> None:
    machine = LinuxMachine(LocalFiles(root))
    assert machine.functions() == [PORT, DRIVE]
    assert machine.present(DRIVE)
    assert machine.read_config(DRIVE, 0, 4) == 0x5678_1234
    machine.write_config(DRIVE, 4, 2, 0x0402)
    assert machine.read_config(DRIVE, 4, 2) == 0x0402
    with pytest.raises(AccessError, match=r"shows no configuration space at 0x124: run as root"):
        machine.read_config(DRIVE, 0x124, 4)
    assert not machine.present(FunctionAddress("0000:09:00.0"))


def test_a_driver_that_does_not_let_go(root: Path) -> None:
    machine = LinuxMachine(LocalFiles(root))
    assert machine.driver_of(DRIVE) == "nvme"
    assert machine.driver_of(PORT) is None
    with pytest.raises(AccessError, match=r"nvme was not unbound from 0000:03:00\.0"):
        machine.unbind(DRIVE)
    assert (root / "sys/bus/pci/drivers/nvme/unbind").read_text() == DRIVE
    with pytest.raises(AccessError, match=r"nvme did not take 0000:00:1c\.0"):
        machine.bind(PORT, "nvme")
    with pytest.raises(AccessError, match=r"igb does not take 0000:00:1c\.0: No such file or directory"):
        machine.bind(PORT, "igb")


def test_without_the_module(root: Path) -> None:
    machine = LinuxMachine(LocalFiles(root))
    with pytest.raises(AccessError, match=r"no /dev/barplan: the kernel module is not loaded"):
        machine.transaction("barplan-place 1\nend\n")


def test_a_run_that_is_gone_on_with_ends_with_the_whole_plan_too(root: Path, tmp_path: Path) -> None:
    """All actions are done, but something has moved since: the journal knows where everything has to be."""
    rows(root, DRIVE, MEMORY, *[NOTHING] * 12)
    rows(root, PORT, *[NOTHING] * 13, *WINDOWS, NOTHING)
    for name in ("proc/sys/kernel/random/boot_id", "proc/iomem", "proc/ioports"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text("this\n")
    (root / "proc/iomem").write_text("f6000000-f60fffff : PCI Bus 0000:03\n  f6000000-f6003fff : 0000:03:00.0\n")
    session = Session(LinuxMachine(LocalFiles(root)), tmp_path / "journal")
    session.folder.mkdir()
    here = (f"bar {DRIVE} 0 - f6000000-f6003fff", f"win {PORT} mem - f6000000-f60fffff", f"win {PORT} pref - -")
    Journal.start(session.folder, "this", "sha", [], here)
    assert session.resume().end == FINISHED
    for line, said in (
        (f"bar {DRIVE} 0 - f6004000-f6007fff", "BAR 0 is at f6000000-f6003fff, planned at f6004000-f6007fff"),
        (f"win {PORT} pref - f6100000-f61fffff", "pref window is closed, planned at f6100000-f61fffff"),
    ):
        Journal.start(session.folder, "this", "sha", [], (*here, line))
        with pytest.raises(NotAppliedError, match=said):
            session.resume()
    (root / "proc/iomem").write_text("f6000000-f60fffff : PCI Bus 0000:03\n")
    Journal.start(session.folder, "this", "sha", [], here)
    with pytest.raises(NotAppliedError, match="BAR 0 is not listed at f6000000-f6003fff"):
        session.resume()


def test_a_full_disk_before_anything_is_begun(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    (root / "proc/sys/kernel/random").mkdir(parents=True)
    (root / "proc/sys/kernel/random/boot_id").write_text("this\n")
    monkeypatch.setattr(Journal, "_append", full)
    session = Session(LinuxMachine(LocalFiles(root)), tmp_path)
    with pytest.raises(NotAppliedError, match=r"no journal can be written in .*: No space left on device"):
        session.apply(Topology(()), Placement({}, {}), Steps("live", "sha", (), True, ""))
