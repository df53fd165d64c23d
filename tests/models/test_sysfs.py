"""Trees of /sys built in a temporary folder, as the kernel lays them out and as people copy them."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import pytest

from models.errors import InputError
from models.resources import GIB, KIB, MIB, FunctionAddress, Range
from models.sources.observation import SeenBar, SeenFunction
from models.sources.sysfs import looks_like_sysfs_resource, read_sysfs, read_sysfs_resource

MEM, MEM_64, PREFETCHABLE, IO = 0x40200, 0x100004, 0x2008, 0x40101
UNSET, FIXED, SHADOW = 0x20000000, 0x10, 0x2
WINDOW = 0x200000


def line(start: int = 0, size: int = 0, flags: int = 0) -> str:
    last = start + size - 1 if size else 0
    return f"0x{start:016x} 0x{last:016x} 0x{flags:016x}"


def resources(lines: dict[int, str], count: int = 13) -> str:
    return "\n".join(lines.get(index, line()) for index in range(count)) + "\n"


def little(value: int, size: int = 4) -> bytes:
    return value.to_bytes(size, "little")


def config(length: int = 64, *, header: int = 0, code: int = 0x020000, **at: bytes) -> bytes:
    """Configuration space with bytes at offsets given as ``x10=...``."""
    data = bytearray(length)
    data[0:4] = little(0x0C011AB4)
    data[4] = 0x3
    data[8:12] = little(code << 8 | 1)
    data[14] = header
    for name, value in at.items():
        offset = int(name[1:], 16)
        data[offset : offset + len(value)] = value
    return bytes(data)


@dataclass
class Tree:
    """A /sys tree with PCI functions."""

    root: Path
    links: bool = True
    made: dict[str, Path] = field(default_factory=dict)

    def add(self, path: str, lines: str, data: bytes = b"", **files: str) -> Path:
        """Add a function at a path below sys/devices."""
        name = path.rsplit("/", 1)[-1]
        listing = self.root / "sys/bus/pci/devices"
        listing.mkdir(parents=True, exist_ok=True)
        folder = self.root / "sys/devices" / path if self.links else listing / name
        folder.mkdir(parents=True, exist_ok=True)
        if self.links:
            (listing / name).symlink_to(Path("../../../devices") / path)
        (folder / "resource").write_text(lines)
        (folder / "config").write_bytes(data or config())
        for key, text in {"vendor": "0x1ab4", "device": "0x0c01", "class": "0x020000", **files}.items():
            (folder / key).write_text(text + "\n")
        self.made[name] = folder
        return folder

    def bind(self, name: str, driver: str) -> None:
        target = self.root / "sys/bus/pci/drivers" / driver
        target.mkdir(parents=True, exist_ok=True)
        (self.made[name] / "driver").symlink_to(target)


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    return Tree(tmp_path)


def only(tree: Tree) -> SeenFunction:
    (function,) = read_sysfs(tree.root).functions.values()
    return function


class TestResources:
    def test_bars_of_every_kind(self, tree: Tree) -> None:
        tree.add(
            "pci0000:00/0000:00:05.0",
            resources(
                {
                    0: line(0xE9000000, 16 * MIB, MEM),
                    1: line(0x5100000000, 256 * MIB, MEM | MEM_64 | PREFETCHABLE),
                    3: line(0xD100, 128, IO),
                    6: line(0xEA000000, 512 * KIB, MEM | 0xE000),
                }
            ),
        )
        bars = only(tree).bars
        assert list(bars) == [0, 1, 3, "rom"]
        assert bars[0] == SeenBar(0, "mem", 16 * MIB, 32, False, 0xE9000000, True, enabled=True)
        assert bars[1] == SeenBar(1, "mem", 256 * MIB, 64, True, 0x5100000000, True, enabled=True)
        assert bars[3] == SeenBar(3, "io", 128, 32, False, 0xD100, True, enabled=True)
        assert bars["rom"] == SeenBar("rom", "mem", 512 * KIB, 32, True, 0xEA000000, True, enabled=False)

    @pytest.mark.parametrize("flags", [MEM | UNSET, MEM])
    def test_an_unset_bar_has_a_size_and_no_address(self, tree: Tree, flags: int) -> None:
        tree.add("pci0000:00/0000:00:05.0", resources({0: line(0, 64 * KIB, flags)}))
        bar = only(tree).bars[0]
        assert (bar.size, bar.address, bar.assigned) == (64 * KIB, None, False)

    @pytest.mark.parametrize(("flags", "prefetchable"), [(0x20200, False), (0x21208, True), (0x12120C, True)])
    def test_flags_of_old_kernels(self, tree: Tree, flags: int, prefetchable: bool) -> None:
        tree.add("pci0000:00/0000:00:05.0", resources({0: line(0xE9000000, MIB, flags)}))
        bar = only(tree).bars[0]
        assert (bar.prefetchable, bar.width) == (prefetchable, 64 if flags & 4 else 32)

    def test_fixed_resource(self, tree: Tree) -> None:
        tree.add("pci0000:00/0000:00:05.0", resources({0: line(0x1F0, 8, 0x100 | FIXED), 4: line(0xC000, 16, IO)}))
        bars = only(tree).bars
        assert (bars[0].fixed, bars[4].fixed) == (True, False)

    def test_shadow_rom_says_nothing_of_the_register(self, tree: Tree) -> None:
        tree.add("pci0000:00/0000:00:02.0", resources({6: line(0xC0000, 128 * KIB, 0x200 | SHADOW | FIXED)}))
        rom = only(tree).bars["rom"]
        assert (rom.address, rom.assigned, rom.size, rom.fixed) == (None, False, None, False)

    @pytest.mark.parametrize(("count", "first"), [(17, 13), (18, 13), (11, 7), (12, 7)])
    def test_windows_follow_the_vf_bars_if_the_kernel_has_them(self, tree: Tree, count: int, first: int) -> None:
        lines = {
            first: line(0xD000, 0x1000, 0x100 | WINDOW),
            first + 1: line(0xE9000000, 2 * MIB, 0x200 | WINDOW),
            first + 2: line(0x5100000000, GIB, 0x102200 | WINDOW),
        }
        data = config(header=1, code=0x060401, x1c=b"\x01\x01", x18=b"\x00\x03\x05")
        tree.add("pci0000:00/0000:00:1c.0", resources(lines, count), data, **{"class": "0x060401"})
        port = only(tree)
        assert {kind: (seen.range, seen.closed, seen.width) for kind, seen in port.windows.items()} == {
            "io": (Range(0xD000, 0xE000), False, 32),
            "mem": (Range(0xE9000000, 0xE9200000), False, 32),
            "pref": (Range(0x5100000000, 0x5140000000), False, 64),
        }
        assert (port.header, port.secondary, port.subordinate, port.subtractive) == (1, 3, 5, True)
        assert not port.bars

    def test_closed_windows(self, tree: Tree) -> None:
        lines = {13: line(), 14: line(0, MIB, 0x200 | UNSET), 15: line(0, MIB, 0x102200)}
        tree.add("pci0000:00/0000:00:1c.0", resources(lines, 17), config(header=1, x20=b"\x00\xe9\x00\xe9"))
        assert {kind: (seen.range, seen.closed) for kind, seen in only(tree).windows.items()} == {
            "io": (None, True),
            "mem": (None, True),
            "pref": (None, True),
        }

    def test_cardbus_windows(self, tree: Tree) -> None:
        lines = {13: line(0x1000, 256, 0x100), 15: line(0x88000000, 64 * MIB, 0x2200), 16: line(0, MIB, 0x200 | UNSET)}
        tree.add("pci0000:00/0000:00:04.0", resources(lines, 17), config(header=2, code=0x060700))
        assert only(tree).cardbus == [
            ("io", Range(0x1000, 0x1100), False),
            ("mem", Range(0x88000000, 0x8C000000), True),
        ]

    def test_numbers_of_the_kernel_come_before_the_registers(self, tree: Tree) -> None:
        tree.add(
            "pci0000:00/0000:00:1c.0",
            resources({}, 17),
            config(header=1, x18=b"\x00\x03\x05"),
            secondary_bus_number="10",
            subordinate_bus_number="12",
        )
        assert (only(tree).secondary, only(tree).subordinate) == (10, 12)


class TestTree:
    def test_parents_and_root_buses_come_from_the_path(self, tree: Tree) -> None:
        tree.add("pci10000:e0/10000:e0:02.0", resources({}, 17), config(header=1))
        tree.add("pci10000:e0/10000:e0:02.0/10000:e1:00.0", resources({0: line(0xE9000000, 16 * KIB, MEM)}))
        observation = read_sysfs(tree.root)
        assert list(observation.functions) == ["10000:e0:02.0", "10000:e1:00.0"]
        assert observation.functions[FunctionAddress("10000:e1:00.0")].parent == "10000:e0:02.0"
        assert observation.functions[FunctionAddress("10000:e0:02.0")].parent is None
        assert list(observation.root_buses) == [(0x10000, 0xE0)]

    def test_a_copy_with_real_folders_tells_no_parents(self, tmp_path: Path) -> None:
        tree = Tree(tmp_path, links=False)
        tree.add("0000:03:00.0", resources({0: line(0xE9000000, 16 * KIB, MEM)}))
        observation = read_sysfs(tree.root)
        assert observation.functions[FunctionAddress("0000:03:00.0")].parent is None
        assert not observation.root_buses

    def test_identity(self, tree: Tree) -> None:
        tree.add("pci0000:00/0000:00:05.0", resources({}))
        assert (only(tree).id, only(tree).class_code, only(tree).header) == ("1ab4:0c01", "020000", 0)

    def test_links_out_of_the_tree_are_not_followed(self, tree: Tree) -> None:
        tree.add("pci0000:00/0000:00:05.0", resources({}))
        listing = tree.root / "sys/bus/pci/devices"
        (listing / "0000:00:06.0").symlink_to("../../../devices/pci0000:00/0000:00:06.0")
        (listing / "0000:00:07.0").symlink_to("/")
        observation = read_sysfs(tree.root)
        assert list(observation.functions) == ["0000:00:05.0"]
        assert any(note.startswith("2 entries") for note in observation.notes)

    def test_a_folder_without_sysfs_is_refused(self, tmp_path: Path) -> None:
        with pytest.raises(InputError, match="no sys/bus/pci/devices in it"):
            read_sysfs(tmp_path)

    def test_machine_and_kernel(self, tree: Tree) -> None:
        tree.add("pci0000:00/0000:00:05.0", resources({}))
        for path, text in (
            ("sys/class/dmi/id/sys_vendor", "Example Inc.\n"),
            ("sys/class/dmi/id/product_name", "Workhorse 9\n"),
            ("proc/sys/kernel/osrelease", "6.9.1\n"),
        ):
            (tree.root / path).parent.mkdir(parents=True, exist_ok=True)
            (tree.root / path).write_text(text)
        observation = read_sysfs(tree.root)
        assert (observation.machine, observation.kernel) == ("Example Inc. Workhorse 9", "6.9.1")


class TestDrivers:
    def test_links(self, tree: Tree) -> None:
        for name in ("0000:00:05.0", "0000:00:06.0"):
            tree.add(f"pci0000:00/{name}", resources({}))
        tree.bind("0000:00:05.0", "examplenic")
        observation = read_sysfs(tree.root)
        drivers = [(seen.driver, seen.driver_known) for seen in observation.functions.values()]
        assert drivers == [("examplenic", True), (None, True)]
        assert observation.names_drivers

    def test_uevent_of_a_copy_without_links(self, tree: Tree) -> None:
        tree.add("pci0000:00/0000:00:05.0", resources({}), uevent="DRIVER=examplenic\nPCI_CLASS=20000")
        tree.add("pci0000:00/0000:00:06.0", resources({}), uevent="PCI_CLASS=20000")
        drivers = [(seen.driver, seen.driver_known) for seen in read_sysfs(tree.root).functions.values()]
        assert drivers == [("examplenic", True), (None, True)]

    def test_a_copy_with_neither_names_none(self, tree: Tree) -> None:
        tree.add("pci0000:00/0000:00:05.0", resources({}))
        assert not read_sysfs(tree.root).names_drivers
        assert not only(tree).driver_known


def extended(identifier: int, following: int = 0) -> int:
    return identifier | 1 << 16 | following << 20


SRIOV = little(extended(0x10)) + bytes(8) + little(8 << 16 | 8) + bytes(4) + little(1 << 16 | 2)
"""An SR-IOV capability of 8 VFs."""


class TestCapabilities:
    def test_vf_bars_are_the_block_divided_by_all_vfs(self, tree: Tree) -> None:
        lines = {7: line(0x4011800000, 8 * MIB, MEM | MEM_64 | PREFETCHABLE), 9: line(0, 128 * KIB, MEM | UNSET)}
        data = config(4096, x100=SRIOV)
        tree.add("pci0000:00/0000:00:05.0", resources(lines), data, sriov_totalvfs="4")
        bars = only(tree).bars
        assert (bars["vf0"].size, bars["vf0"].copies, bars["vf0"].address) == (MIB, 8, 0x4011800000)
        assert (bars["vf2"].size, bars["vf2"].copies, bars["vf2"].assigned) == (16 * KIB, 8, False)

    def test_without_root_the_number_of_vfs_comes_from_its_file(self, tree: Tree) -> None:
        lines = resources({7: line(0x4011800000, 8 * MIB, MEM | MEM_64 | PREFETCHABLE)})
        tree.add("pci0000:00/0000:00:05.0", lines, sriov_totalvfs="8")
        assert only(tree).bars["vf0"].size == MIB
        assert any("without root only 64 bytes" in note for note in read_sysfs(tree.root).notes)

    def test_an_enabled_vf_shows_the_size_where_a_driver_lowered_the_number(self, tree: Tree) -> None:
        lines = resources({7: line(0x4011800000, 8 * MIB, MEM | MEM_64 | PREFETCHABLE)})
        folder = tree.add("pci0000:00/0000:00:05.0", lines, sriov_totalvfs="4")
        virtual = tree.add("pci0000:00/0000:00:05.2", resources({0: line(0x4011800000, MIB, MEM | MEM_64)}))
        (folder / "virtfn0").symlink_to("../0000:00:05.2")
        (virtual / "physfn").symlink_to("../0000:00:05.0")
        functions = read_sysfs(tree.root).functions
        block = functions[FunctionAddress("0000:00:05.0")].bars["vf0"]
        assert (block.size, block.copies) == (MIB, 8)
        assert functions[FunctionAddress("0000:00:05.2")].virtual is True
        assert functions[FunctionAddress("0000:00:05.0")].virtual is None

    @pytest.mark.parametrize(
        ("flags", "slot", "hotplug"), [(0x142, 0x40, True), (0x142, 0, False), (0x42, 0x40, False), (0x102, 0x40, None)]
    )
    def test_hotplug_slot(self, tree: Tree, flags: int, slot: int, hotplug: bool | None) -> None:
        express = little(0x10)[:2] + little(flags, 2) + bytes(16) + little(slot)
        data = config(256, header=1, code=0x060400, x6=b"\x10", x34=b"\x50", x50=express)
        tree.add("pci0000:00/0000:00:1c.0", resources({}, 17), data)
        assert only(tree).hotplug is hotplug

    def test_resizable_bar(self, tree: Tree) -> None:
        rebar = little(extended(0x15)) + little(0b1001 << 10) + little(1 << 5 | 1 | 6 << 8)
        lines = resources({1: line(0x5100000000, 64 * MIB, MEM | MEM_64 | PREFETCHABLE)})
        tree.add("pci0000:00/0000:00:05.0", lines, config(4096, x100=rebar))
        assert only(tree).bars[1].sizes == (64 * MIB, 512 * MIB)

    def test_resize_file(self, tree: Tree) -> None:
        lines = resources(
            {1: line(0x5100000000, 256 * MIB, MEM | MEM_64), 3: line(0x5110000000, 32 * MIB, MEM | MEM_64)}
        )
        tree.add("pci0000:00/0000:00:05.0", lines, resource1_resize="0000000000002100")
        bars = only(tree).bars
        assert bars[1].sizes == (256 * MIB, 8 * GIB)
        assert bars[3].sizes == ()

    def test_enhanced_allocation_fixes_what_the_kernel_shows(self, tree: Tree) -> None:
        entry = little(1 << 31 | 0xFF << 16 | 0 << 4 | 2) + little(0xF8000000) + little(0x3FFFC)
        data = config(256, x6=b"\x10", x34=b"\x9c", x9c=little(0x14)[:2] + little(1, 2) + entry)
        tree.add("pci0000:00/0000:00:05.0", resources({0: line(0x1F8000000, 256 * KIB, MEM)}), data)
        bar = only(tree).bars[0]
        assert (bar.address, bar.size, bar.fixed) == (0x1F8000000, 256 * KIB, True)

    @pytest.mark.parametrize(
        ("control", "isa", "vga"), [(0, False, 0), (4, True, 0), (8, False, 10), (0x18, False, 16), (0x10, False, 0)]
    )
    def test_legacy_bits_of_a_bridge(self, tree: Tree, control: int, isa: bool, vga: int) -> None:
        data = config(x18=b"\x00\x01\x01\x00", x3e=little(control, 2), code=0x060400, header=1)
        tree.add("pci0000:00/0000:00:01.0", resources({}), data)
        assert (only(tree).isa, only(tree).vga) == (isa, vga)


class TestWhatIsMissing:
    def test_a_bar_the_kernel_gave_up_has_a_register_and_no_size(self, tree: Tree) -> None:
        tree.add("pci0000:00/0000:00:05.0", resources({}), config(x10=little(0xE900000C) + little(0x51)))
        observation = read_sysfs(tree.root)
        assert only(tree).bars[0] == SeenBar(0, "mem", None, 64, True, None, False, enabled=True)
        assert any("given up by the kernel" in note and "0000:00:05.0" in note for note in observation.notes)

    def test_hidden_addresses_are_noted(self, tree: Tree) -> None:
        tree.add("pci0000:00/0000:00:05.0", resources({0: line(0, 0, MEM)}))
        assert "the kernel hides addresses without root: run as root" in read_sysfs(tree.root).notes

    def test_a_function_that_reads_as_all_ones_keeps_what_the_kernel_knows(self, tree: Tree) -> None:
        tree.add("pci0000:00/0000:00:05.0", resources({0: line(0xE9000000, MIB, MEM)}), b"\xff" * 64)
        assert (only(tree).header, only(tree).bars[0].size) == (None, MIB)
        assert any("all ones" in note for note in read_sysfs(tree.root).notes)


class TestText:
    BODY = "\n".join([line(0xE9000000, MIB, MEM), *[line()] * 12])

    @pytest.mark.parametrize(
        "text",
        [
            f"# /sys/devices/pci0000:00/0000:00:1c.0/0000:03:00.0/resource\n{BODY}\n",
            f"==> /sys/bus/pci/devices/0000:03:00.0/resource <==\n{BODY}\n",
            "".join(f"/sys/bus/pci/devices/0000:03:00.0/resource:{one}\n" for one in BODY.splitlines()),
        ],
    )
    def test_gathered_resource_files(self, text: str) -> None:
        assert looks_like_sysfs_resource(text)
        observation = read_sysfs_resource(text, "gathered.txt")
        function = observation.functions[FunctionAddress("0000:03:00.0")]
        assert function.bars == {0: SeenBar(0, "mem", MIB, 32, False, 0xE9000000, True)}
        assert function.parent == ("0000:00:1c.0" if text.startswith("#") else None)

    def test_vf_bars_have_no_size_without_the_number_of_vfs(self) -> None:
        body = "\n".join([*[line()] * 7, line(0xE9000000, MIB, MEM), *[line()] * 5])
        observation = read_sysfs_resource(f"# /sys/devices/pci0000:00/0000:00:05.0/resource\n{body}\n", "gathered.txt")
        bar = observation.functions[FunctionAddress("0000:00:05.0")].bars["vf0"]
        assert (bar.address, bar.size, bar.copies) == (0xE9000000, None, None)
        assert list(observation.root_buses) == [(0, 0)]

    @pytest.mark.parametrize("text", ["", f"{BODY}\n", "/sys/bus/pci/devices/0000:03:00.0/resource is empty\n"])
    def test_other_texts(self, text: str) -> None:
        assert not looks_like_sysfs_resource(text)
