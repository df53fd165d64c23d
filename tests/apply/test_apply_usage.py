"""What keeps a function from being taken down."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from models.resources import FunctionAddress
from solver.apply.files import LocalFiles
from solver.apply.session import touched
from solver.apply.usage import uses
from solver.steps.planning import make_steps
from tests.topologies import bar, bridge, changed, function, key, machine

DRIVE, CARD, GUEST = (FunctionAddress(f"0000:0{n}:00.0") for n in (3, 4, 5))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A machine with a drive of two partitions, a network card and a function that a guest may have."""
    devices = tmp_path / "sys/devices/pci0000:00"
    listed = tmp_path / "sys/bus/pci/devices"
    listed.mkdir(parents=True)
    for one in (DRIVE, CARD, GUEST):
        (devices / one).mkdir(parents=True)
        (listed / one).symlink_to(devices / one)
    block = devices / DRIVE / "nvme/nvme0/nvme0n1"
    for folder, number in ((block, "259:0"), (block / "nvme0n1p1", "259:1"), (block / "nvme0n1p2", "259:2")):
        (folder / "holders").mkdir(parents=True)
        (folder / "dev").write_text(f"{number}\n")
    (tmp_path / "sys/block").mkdir()
    (tmp_path / "sys/block/nvme0n1").symlink_to(block)
    (devices / CARD / "net/eth0").mkdir(parents=True)
    (tmp_path / "sys/class/net").mkdir(parents=True)
    (tmp_path / "sys/class/net/eth0").symlink_to(devices / CARD / "net/eth0")
    (tmp_path / "proc/self").mkdir(parents=True)
    write(tmp_path, "proc/self/mountinfo", "21 1 8:1 / / rw - ext4 /dev/sda1 rw\n")
    write(tmp_path, "proc/swaps", "Filename Type Size Used Priority\n/dev/sda2 partition 1 0 -2\n")
    write(tmp_path, "proc/net/route", "Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\n")
    return tmp_path


def write(root: Path, name: str, text: str) -> None:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def test_nothing_uses_an_idle_machine(root: Path) -> None:
    for one in (DRIVE, CARD, GUEST, FunctionAddress("0000:09:00.0")):
        assert uses(LocalFiles(root), one) == []


def test_a_mounted_partition(root: Path) -> None:
    write(root, "proc/self/mountinfo", "30 1 259:1 / /home rw shared:1 - ext4 /dev/nvme0n1p1 rw\n")
    assert uses(LocalFiles(root), DRIVE) == ["/dev/nvme0n1p1 is mounted on /home"]
    assert uses(LocalFiles(root), CARD) == []


def test_swap(root: Path) -> None:
    write(root, "proc/swaps", "Filename Type Size Used Priority\n/dev/nvme0n1p2 partition 1 0 -2\n")
    assert uses(LocalFiles(root), DRIVE) == ["/dev/nvme0n1p2 is swap"]


@pytest.mark.parametrize(("holder", "name"), [("md0", "/dev/md0"), ("dm-0", "/dev/mapper/vg-root")])
def test_a_member_of_raid_or_lvm(root: Path, holder: str, name: str) -> None:
    (root / "sys/block/nvme0n1/nvme0n1p2/holders" / holder).mkdir()
    write(root, "sys/block/dm-0/dm/name", "vg-root\n")
    assert uses(LocalFiles(root), DRIVE) == [f"/dev/nvme0n1p2 is part of {name}"]


def test_a_drive_with_several_ways_to_it(root: Path) -> None:
    """With multipath the block device stands below no function; its controller leads there."""
    (root / "sys/block/nvme0n1").unlink()
    write(root, "sys/block/nvme0n1/dev", "259:7\n")
    (root / "sys/class/nvme").mkdir()
    (root / "sys/class/nvme/nvme0").symlink_to(root / "sys/devices/pci0000:00" / DRIVE / "nvme/nvme0")
    for name in ("nvme0", "nvme0n1"):
        (root / "sys/class/nvme-subsystem/nvme-subsys0" / name).mkdir(parents=True)
    write(root, "proc/self/mountinfo", "30 1 259:7 / /data rw - xfs /dev/nvme0n1 rw\n")
    assert uses(LocalFiles(root), DRIVE) == ["/dev/nvme0n1 is mounted on /data"]


def test_the_link_of_the_default_route(root: Path) -> None:
    head = "Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\tMTU\tWindow\tIRTT\n"
    write(root, "proc/net/route", head + "eth0\t0000A8C0\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0\n")
    assert uses(LocalFiles(root), CARD) == []
    write(root, "proc/net/route", head + "eth0\t00000000\t0100A8C0\t0003\t0\t0\t0\t00000000\t0\t0\t0\n")
    assert uses(LocalFiles(root), CARD) == ["eth0 carries the default route"]


def test_a_default_route_through_a_bridge_on_a_bond(root: Path) -> None:
    (root / "sys/class/net/eth0/upper_bond0").mkdir()
    (root / "sys/class/net/bond0/upper_br0").mkdir(parents=True)
    zero = "0" * 32
    line = f"{zero} 00 {zero} 00 fe800000000000000000000000000001 00000400 1 0 00000003      br0\n"
    write(root, "proc/net/ipv6_route", line)
    assert uses(LocalFiles(root), CARD) == ["eth0 carries the default route through br0"]


def test_a_function_that_a_guest_may_have(root: Path) -> None:
    driver = root / "sys/bus/pci/drivers/vfio-pci"
    driver.mkdir(parents=True)
    (root / "sys/devices/pci0000:00" / GUEST / "driver").symlink_to(driver)
    assert uses(LocalFiles(root), GUEST) == ["it is bound to vfio-pci: a virtual machine may have it"]


def test_a_mounted_btrfs_has_a_device_number_of_its_own(root: Path) -> None:
    write(root, "proc/self/mountinfo", "30 1 0:35 /@ /data rw,noatime shared:1 - btrfs /dev/nvme0n1p2 rw,subvol=/@\n")
    assert uses(LocalFiles(root), DRIVE) == ["/dev/nvme0n1p2 is mounted on /data"]


def test_what_no_list_of_this_process_shows(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A pool of several drives, a mount in another namespace: the kernel gives the drive to nobody else."""
    asked: list[str] = []

    def claimed(files: LocalFiles, path: str) -> bool:
        asked.append(path)
        return path == "/dev/nvme0n1p1"

    monkeypatch.setattr(LocalFiles, "claimed", claimed)
    (said,) = uses(LocalFiles(root), DRIVE)
    assert said.startswith("/dev/nvme0n1p1 is in use")
    assert asked == ["/dev/nvme0n1", "/dev/nvme0n1p1"]


def test_a_drive_that_cannot_be_had_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: Path, flags: int) -> int:
        assert flags == os.O_RDONLY | os.O_EXCL
        raise OSError(errno.EBUSY if path.name == "busy" else errno.ENOENT, "no")

    monkeypatch.setattr("os.open", refuse)
    assert LocalFiles(tmp_path).claimed("/dev/busy")
    assert not LocalFiles(tmp_path).claimed("/dev/none")


def test_a_virtual_function_that_a_guest_may_have(root: Path) -> None:
    driver = root / "sys/bus/pci/drivers/vfio-pci"
    driver.mkdir(parents=True)
    (root / "sys/devices/pci0000:00" / GUEST / "driver").symlink_to(driver)
    (root / "sys/devices/pci0000:00" / CARD / "virtfn0").symlink_to(root / "sys/devices/pci0000:00" / GUEST)
    (said,) = uses(LocalFiles(root), CARD)
    assert said == f"its virtual function {GUEST}: it is bound to vfio-pci: a virtual machine may have it"


def test_a_drive_that_a_hot_add_cut_off_may_be_mounted_still() -> None:
    """It does not work, so it is not down; but it has a driver, which is unbound when it gets an address again."""
    at = 0x80000000
    dead, idle = function("01:00.0", bar(0, "1M"), driver="nvme"), function("01:01.0", bar(0, "1M"))
    topology = machine(bridge("00:01.0", dead, idle, mem=(at, at + 0x1FFFFF)))
    steps = make_steps(topology, changed(topology, {key("01:00.0"): at, key("01:01.0"): at + 0x100000}))
    assert [group.down for group in steps.groups] == [()]
    assert touched(steps) == ["0000:01:00.0"]
