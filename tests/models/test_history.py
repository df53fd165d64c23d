from __future__ import annotations

import pytest

from models.errors import InputError
from models.resources import FunctionAddress, Range
from models.sources.history import History, Stage, read_history
from models.topology import BarKey, WindowKey
from tests.corpus import CORPUS, needs_corpus

BOOT = """\
Linux version 6.1.7-made-up (someone@somewhere) #1 SMP
Command line: root=/dev/vda1 pci=realloc,hpmmiosize=4M quiet
BIOS-e820: [mem 0x0000000000000000-0x000000000009ffff] usable
PCI host bridge to bus 0000:00
pci_bus 0000:00: root bus resource [io  0x1000-0xffff window]
pci_bus 0000:00: root bus resource [mem 0x80000000-0xbfffffff window]
pci_bus 0000:00: root bus resource [mem 0x3000000000-0x30ffffffff window]
pci_bus 0000:00: root bus resource [bus 00-1f]
pci 0000:00:03.0: [8086:beef] type 01 class 0x060400
pci 0000:00:1f.3: [8086:cafe] type 00 class 0x0c0330
pci 0000:00:1f.3: reg 0x10: [mem 0x80400000-0x8040ffff 64bit]
pci 0000:00:1f.5: [8086:cafd] type 00 class 0x0c8000
pci 0000:00:1f.5: reg 0x10: [mem 0x00000000-0x00000fff]
pci 0000:01:00.0: [10de:0001] type 00 class 0x030000
pci 0000:01:00.0: reg 0x10: [mem 0x80000000-0x800fffff]
pci 0000:01:00.0: reg 0x14: [mem 0x3000000000-0x300fffffff 64bit pref]
pci 0000:00:03.0: PCI bridge to [bus 01-02]
pci 0000:00:03.0:   bridge window [mem 0x80000000-0x800fffff]
pci 0000:00:03.0:   bridge window [mem 0x3000000000-0x300fffffff 64bit pref]
pci 0000:00:1f.5: BAR 0: assigned [mem 0x80100000-0x80100fff]
pci_bus 0000:00: resource 4 [io  0x1000-0xffff window]
pcieport 0000:00:03.0: PME: Signaling with IRQ 40
xhci_hcd 0000:00:1f.3: xHCI Host Controller
"""

PLUG = """\
pcieport 0000:00:03.0: pciehp: Slot(3): Card present
pci 0000:02:00.0: [144d:0042] type 00 class 0x010802
pci 0000:02:00.0: reg 0x10: [mem 0x00000000-0x00003fff 64bit]
pci 0000:02:00.0: BAR 0: no space for [mem size 0x00004000 64bit]
pci 0000:02:00.0: BAR 0: failed to assign [mem size 0x00004000 64bit]
"""

RESIZE = """\
amdgpu 0000:01:00.0: BAR 1: releasing [mem 0x3000000000-0x300fffffff 64bit pref]
pcieport 0000:00:03.0: BAR 15: releasing [mem 0x3000000000-0x300fffffff 64bit pref]
pcieport 0000:00:03.0: BAR 15: assigned [mem 0x3000000000-0x303fffffff 64bit pref]
amdgpu 0000:01:00.0: BAR 1: assigned [mem 0x3000000000-0x303fffffff 64bit pref]
"""

NEW = FunctionAddress("0000:02:00.0")
GPU = FunctionAddress("0000:01:00.0")
PORT = FunctionAddress("0000:00:03.0")


def history(*parts: str, boot: int | None = None) -> History:
    return read_history("".join(parts), "log", boot=boot)


def only_event(*parts: str) -> Stage:
    boot, event = history(BOOT, *parts).stages
    assert boot.kind == "boot"
    return event


def test_the_boot_begins_with_what_firmware_had_set_up() -> None:
    (boot,) = history(BOOT).stages
    before = dict(boot.before.bars())
    assert before[BarKey(FunctionAddress("0000:00:1f.3"), 0)].address == 0x80400000
    assert before[BarKey(FunctionAddress("0000:00:1f.5"), 0)].address is None
    assert boot.outcome.bars[BarKey(FunctionAddress("0000:00:1f.5"), 0)] == 0x80100000
    assert boot.outcome.windows[WindowKey(PORT, "pref")] == Range(0x3000000000, 0x3010000000)


def test_a_difference_names_its_kernel_in_its_header() -> None:
    lines = "".join(f"+{line}\n" for line in BOOT.splitlines()[1:])
    header = "--- old-6.2.1 2026-01-01\n+++ dmesg_6.18-rc5-x  2026-01-02\n@@ -1,9 +1,9 @@\n"
    assert history(header, lines).kernel == "6.18-rc5-x"
    assert history(lines).kernel is None


def test_the_platform_and_the_command_line_are_told() -> None:
    read = history(BOOT)
    assert (read.kernel, read.arch, read.parameters) == ("6.1.7-made-up", "x86", "realloc,hpmmiosize=4M")


def test_a_board_whose_kernel_assigns_everything_anew_starts_with_nothing_assigned() -> None:
    board = BOOT.replace("BIOS-e820: [mem 0x0000000000000000-0x000000000009ffff] usable", "Machine model: A Board")
    lines = "".join(
        f"pci {function}: BAR {number}: assigned [mem {start:#x}-{start + size - 1:#x}]\n"
        for function, number, start, size in (
            ("0000:00:1f.3", 0, 0x80200000, 0x10000),
            ("0000:01:00.0", 0, 0x80300000, 0x100000),
            ("0000:01:00.0", 1, 0x3010000000, 0x10000000),
        )
    )
    (boot,) = history(
        board.replace("pci 0000:00:1f.5: BAR 0: assigned", lines + "pci 0000:00:1f.5: BAR 0: assigned")
    ).stages
    assert history(board).arch == "generic"
    assert all(bar.address is None for _, bar in boot.before.bars())
    assert all(window.range is None for _, window in boot.before.windows())
    assert boot.outcome.bars[BarKey(GPU, 0)] == 0x80300000


def test_what_a_retry_moved_had_been_claimed() -> None:
    retried = BOOT.replace(
        "pci 0000:00:1f.5: BAR 0: assigned",
        "pci_bus 0000:00: No. 2 try to assign unassigned res\n"
        "pci 0000:00:03.0: resource 15 [mem 0x3000000000-0x300fffffff 64bit pref] released\n"
        "pci 0000:01:00.0: BAR 1: assigned [mem 0x3010000000-0x301fffffff 64bit pref]\n"
        "pci 0000:01:00.0: BAR 0: assigned [mem 0x80300000-0x803fffff]\n"
        "pci 0000:00:1f.3: BAR 0: assigned [mem 0x80200000-0x8020ffff 64bit]\n"
        "pci 0000:00:1f.5: BAR 0: assigned",
    )
    (boot,) = history(retried).stages
    assert dict(boot.before.bars())[BarKey(GPU, 1)].address == 0x3000000000


def test_what_the_kernel_never_touches_stays_where_it_is() -> None:
    board = BOOT.replace("BIOS-e820: [mem 0x0000000000000000-0x000000000009ffff] usable", "CPU0 revision is: 00000f24")
    moved = "".join(
        f"pci {function}: BAR {number}: assigned [mem {start:#x}-{start + size - 1:#x}]\n"
        for function, number, start, size in (
            ("0000:00:1f.3", 0, 0x80200000, 0x10000),
            ("0000:01:00.0", 0, 0x80300000, 0x100000),
        )
    )
    odd = "pci 0000:00:04.0: [8086:0005] type 00 class 0x000000\npci 0000:00:04.0: reg 0x10: [mem 0x600000-0x601fff]\n"
    text = board.replace("pci 0000:00:1f.3: [", odd + "pci 0000:00:1f.3: [")
    read = history(text.replace("pci 0000:00:1f.5: BAR 0: assigned", moved + "pci 0000:00:1f.5: BAR 0: assigned"))
    before = dict(read.stages[0].before.bars())
    assert read.arch == "mips"
    assert before[BarKey(FunctionAddress("0000:00:04.0"), 0)].address == 0x600000
    assert before[BarKey(FunctionAddress("0000:00:1f.3"), 0)].address is None


def test_a_window_of_some_size_at_bus_address_0_is_open() -> None:
    root = "pci_bus 0000:00: root bus resource [io  0x1000-0xffff window]"
    offset = "pci_bus 0000:00: root bus resource [io  0x80000-0x8ffff] (bus address [0x0000-0xffff])"
    window = "pci 0000:00:03.0:   bridge window [mem 0x80000000-0x800fffff]"
    for last, expected in ((0x83FFF, Range(0x80000, 0x84000)), (0x80FFF, None)):
        line = f"pci 0000:00:03.0:   bridge window [io  0x80000-{last:#x}]\n"
        (boot,) = history(BOOT.replace(root, offset).replace(window, line + window)).stages
        assert dict(boot.before.windows())[WindowKey(PORT, "io")].range == expected


def test_an_address_refused_for_what_is_not_pci_is_not_taken() -> None:
    refused = BOOT.replace(
        "pci 0000:00:1f.5: BAR 0: assigned",
        "pci 0000:00:1f.3: can't claim BAR 0 [mem 0x80400000-0x8040ffff 64bit]: "
        "address conflict with THING:00 [mem 0x80408000-0x80408fff]\n"
        "pci 0000:00:1f.3: BAR 0: assigned [mem 0x3010000000-0x301000ffff 64bit]\n"
        "pci 0000:00:1f.5: BAR 0: assigned",
    )
    (boot,) = history(refused).stages
    assert dict(boot.before.bars())[BarKey(FunctionAddress("0000:00:1f.3"), 0)].address is None
    assert any(entry.range == Range(0x80408000, 0x80409000) for entry in boot.before.reserved)


def test_a_rom_that_is_a_copy_in_ram_is_not_placed() -> None:
    shadowed = BOOT.replace(
        "pci 0000:00:03.0: PCI bridge to [bus 01-02]",
        "pci 0000:01:00.0: reg 0x30: [mem 0x00000000-0x0001ffff pref]\n"
        "pci 0000:01:00.0: Video device with shadowed ROM at [mem 0x000c0000-0x000dffff]\n"
        "pci 0000:00:03.0: PCI bridge to [bus 01-02]",
    )
    (boot,) = history(shadowed).stages
    rom = dict(boot.before.bars())[BarKey(GPU, "rom")]
    assert (rom.fixed, rom.address) == (True, None)


def test_the_firmwares_memory_map_is_kept_out_of_windows_unless_it_is_ignored() -> None:
    mapped = "BIOS-e820: [mem 0x00000000a0000000-0x00000000a00fffff] reserved\n"
    first, rest = BOOT.split("PCI host bridge", 1)
    ignored = "PCI: Ignoring E820 reservations for host bridge windows\n"
    for text, expected in ((mapped, True), (mapped + ignored, False)):
        (boot,) = history(first, text, "PCI host bridge", rest).stages
        assert any(entry.range == Range(0xA0000000, 0xA0100000) for entry in boot.before.reserved) == expected


@pytest.mark.parametrize(
    ("line", "hotplug"),
    [
        ("pci 0000:00:03.0: bridge window [io  0x1000-0x0fff] to [bus 01-02] add_size 1000", True),
        ("pci 0000:00:03.0: nothing", False),
    ],
)
def test_a_port_that_wants_room_for_nothing_is_hotpluggable(line: str, *, hotplug: bool) -> None:
    (boot,) = history(
        BOOT.replace("pci 0000:00:1f.5: BAR 0: assigned", f"{line}\npci 0000:00:1f.5: BAR 0: assigned")
    ).stages
    port = boot.before.function(PORT)
    assert port is not None
    assert port.bridge is not None
    assert port.bridge.hotplug == hotplug


def test_room_that_is_wanted_only_later_says_nothing_of_the_boot() -> None:
    later = "pci 0000:00:03.0: bridge window [io  0x1000-0x0fff] to [bus 01-02] add_size 1000\n"
    boot, event = history(BOOT, later, "pcieport 0000:00:03.0: BAR 13: assigned [io  0x2000-0x2fff]\n").stages
    assert event.kind == "reassign"
    ports = [stage.before.function(PORT) for stage in (boot, event)]
    assert [port.bridge.hotplug for port in ports if port is not None and port.bridge is not None] == [False, True]


@pytest.mark.parametrize(
    ("line", "reallocates"),
    [
        ("pci_bus 0000:00: Some PCI device resources are unassigned, try booting with pci=realloc", False),
        ("pci_bus 0000:00: No. 2 try to assign unassigned res", True),
        ("pci_bus 0000:00: nothing", None),
    ],
)
def test_whether_windows_are_moved_shows_in_what_the_kernel_says(line: str, reallocates: bool | None) -> None:
    assert history(BOOT, f"{line}\n").reallocates is reallocates


def test_a_hot_add_begins_with_the_machine_as_it_ran() -> None:
    event = only_event(PLUG)
    assert (event.kind, event.under, event.added, event.line) == ("hot-add", PORT, (NEW,), 25)
    before = dict(event.before.bars())
    assert before[BarKey(NEW, 0)].address is None
    assert before[BarKey(GPU, 1)].address == 0x3000000000
    assert event.outcome.bars[BarKey(NEW, 0)] is None
    assert [failure.what for failure in event.failures] == ["no space", "failed to assign"]


def test_what_no_slot_announced_is_a_rescan() -> None:
    assert only_event("".join(PLUG.splitlines(keepends=True)[1:])).kind == "rescan"


@pytest.mark.parametrize(
    "words",
    [
        "Slot #3 AttnBtn- PwrCtrl- HotPlug+ Surprise+",
        "Slot(3): Link Down",
        "Slot(3): Card not present",
        "Slot(3): Powering off due to button press",
    ],
)
def test_a_slot_that_announces_no_card_adds_none(words: str) -> None:
    lines = PLUG.splitlines(keepends=True)
    assert only_event("".join([lines[0].replace("Slot(3): Card present", words), *lines[1:]])).kind == "rescan"


def test_a_slot_that_speaks_after_a_rescan_began_adds_nothing() -> None:
    slot, found, *rest = PLUG.splitlines(keepends=True)
    assert only_event("".join([found, slot, *rest])).kind == "rescan"


def test_what_firmware_set_up_before_a_rescan_and_was_left_there_is_taken() -> None:
    lines = PLUG.replace("0x00000000-0x00003fff 64bit", "0x80000000-0x80003fff 64bit").splitlines(keepends=True)[1:3]
    reserve = "pcieport 0000:00:03.0: BAR 13: failed to assign [io  size 0x1000]\n"
    event = only_event(*lines, reserve)
    assert event.kind == "rescan"
    assert dict(event.before.bars())[BarKey(NEW, 0)].address == event.outcome.bars[BarKey(NEW, 0)] == 0x80000000


def test_a_bar_that_its_driver_releases_is_resized() -> None:
    event = only_event(RESIZE)
    assert event.kind == "resize"
    assert event.resized == ((BarKey(GPU, 1), Range(0x3000000000, 0x3010000000)),)
    bar = dict(event.before.bars())[BarKey(GPU, 1)]
    assert (bar.size, bar.address) == (0x40000000, None)
    assert dict(event.before.windows())[WindowKey(PORT, "pref")].range == Range(0x3000000000, 0x3010000000)
    assert event.outcome.bars[BarKey(GPU, 1)] == 0x3000000000
    assert event.outcome.windows[WindowKey(PORT, "pref")] == Range(0x3000000000, 0x3040000000)


def test_each_event_begins_where_the_one_before_it_ended() -> None:
    _, resize, plug = history(BOOT, RESIZE, "amdgpu 0000:01:00.0: ready\n", PLUG).stages
    assert (resize.kind, plug.kind) == ("resize", "hot-add")
    assert dict(plug.before.windows())[WindowKey(PORT, "pref")].range == resize.outcome.windows[WindowKey(PORT, "pref")]


def test_a_removal_at_the_end_is_a_stage_with_nothing_to_assign() -> None:
    _, _, removal = history(BOOT, PLUG, "pcieport 0000:00:03.0: pciehp: Slot(3): Card not present\n").stages
    assert removal.kind == "removal"
    assert set(removal.removed) >= {NEW}


def test_a_function_that_is_only_looked_at_is_no_event() -> None:
    found = "pci 0000:00:1f.1: [8086:0001] type 00 class 0x058000\n"
    (boot,) = history(BOOT, found, "pci 0000:00:1f.1: reg 0x10: [mem 0xbd000000-0xbdffffff 64bit]\n").stages
    assert boot.before.function(FunctionAddress("0000:00:1f.1")) is None


def test_a_virtual_function_that_appears_is_no_event() -> None:
    assert len(history(BOOT, "pci 0000:01:00.4: [10de:0002] type 7f class 0x030000\n").stages) == 1


def test_a_boot_is_chosen() -> None:
    both = history(BOOT, PLUG, BOOT, boot=1)
    assert (both.boot, both.boots, len(both.stages)) == (1, 2, 2)
    assert len(history(BOOT, PLUG, BOOT).stages) == 1


def test_a_boot_that_is_not_there_is_refused() -> None:
    with pytest.raises(InputError, match="expected 1 to 1, found 2"):
        history(BOOT, boot=2)


def test_a_text_without_functions_is_refused() -> None:
    with pytest.raises(InputError, match="no PCI function"):
        history("Linux version 6.1.0 (someone)\n")


def test_what_an_allocator_would_need_and_the_log_lacks_is_said() -> None:
    cut = "".join(line for line in BOOT.splitlines(keepends=True) if "root bus resource [mem" not in line)
    (boot,) = history(cut, "").stages
    assert any("root buses are not told" in gap for gap in boot.gaps)


@needs_corpus
@pytest.mark.parametrize(
    ("name", "kinds"),
    [
        ("laptop/asus-zephyrus-g14", ["boot", "rescan", "resize"]),
        ("workstation/asrock-x299-taichi-xe", ["boot", "resize"]),
        ("server/dell-poweredge-r740", ["boot"]),
        ("vm/qemu-arm64-virt", ["boot"]),
    ],
)
def test_the_stages_of_real_logs(name: str, kinds: list[str]) -> None:
    text = (CORPUS / name / "dmesg.txt").read_text(errors="replace")
    assert [stage.kind for stage in read_history(text, name).stages] == kinds
