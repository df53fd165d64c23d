from __future__ import annotations

from pathlib import Path

import pytest

from models.resources import FunctionAddress
from models.sources.history import History, read_history
from models.topology import BarKey
from solver.replay import Replayed, ignored_parameters, kernel_engine, kernel_options, run_stage
from solver.request import Request
from tests.corpus import CORPUS, needs_corpus

SAMPLES = Path(__file__).parents[2] / "samples"

TWO_BARS = """\
Linux version 6.1.0-made-up (someone@somewhere) #1 SMP
smpboot: two
PCI host bridge to bus 0000:00
pci_bus 0000:00: root bus resource [mem 0x80000000-0x8fffffff window]
pci_bus 0000:00: root bus resource [bus 00-1f]
pci 0000:00:02.0: [8086:0001] type 00 class 0x028000
pci 0000:00:02.0: reg 0x10: [mem 0x00000000-0x000fffff]
pci 0000:00:03.0: [8086:0002] type 00 class 0x028000
pci 0000:00:03.0: reg 0x10: [mem 0x00000000-0x001fffff]
pci 0000:00:03.0: BAR 0: assigned [mem {large:#x}-{large_end:#x}]
pci 0000:00:02.0: BAR 0: assigned [mem {small:#x}-{small_end:#x}]
"""


def two_bars(large: int, small: int) -> History:
    text = TWO_BARS.format(large=large, large_end=large + 0x1FFFFF, small=small, small_end=small + 0xFFFFF)
    return read_history(text, "log")


def replayed(history: History, *engines: str) -> list[Replayed]:
    return [run_stage(history, stage, engines, Request()) for stage in history.stages]


@pytest.mark.parametrize(
    ("version", "engine"),
    [
        ("4.19.0-9-generic", "linux-6.1"),
        ("6.9.12", "linux-6.1"),
        ("6.10.0-rc6", "linux-6.12"),
        ("6.14.11", "linux-6.12"),
        ("6.15.0", "linux-6.15"),
        ("6.17.9-300.fc43.x86_64", "linux-6.15"),
        ("6.18-rc5", "linux-6.18.0"),
        ("6.18.2-arch2-1", "linux-6.18.0"),
        ("6.18.16", "linux-6.18"),
        ("6.19.0-rc1", "linux-6.18"),
        ("7.0.0", "linux-7"),
        (None, "linux-6.1"),
    ],
)
def test_each_kernel_has_its_engine(version: str | None, engine: str) -> None:
    assert kernel_engine(version) == engine


def test_the_wording_decides_where_the_log_names_no_kernel() -> None:
    assert kernel_engine(None, names_resources=True) == "linux-6.12"


def test_an_engine_that_does_as_the_kernel_did_has_no_difference() -> None:
    ((run,),) = (stage.runs for stage in replayed(two_bars(0x80000000, 0x80200000), "linux-6.1"))
    assert (run.equal, run.compared, run.decided_equal, run.decided) == (2, 2, 2, 2)
    assert run.differences == ()


def test_the_first_difference_is_what_the_engine_decided_first() -> None:
    ((run,),) = (stage.runs for stage in replayed(two_bars(0x80200000, 0x80000000), "linux-6.1"))
    assert run.equal == 0
    first = run.differences[0]
    assert first.key == BarKey(FunctionAddress("0000:00:03.0"), 0)
    assert (first.kernel, first.engine) == (0x80200000, 0x80000000)
    assert first.decision is not None
    assert (first.decision.kind, first.decision.base, first.decision.window) == ("placed", 0x80000000, "root")
    assert "first fit" in first.decision.why


def test_addresses_are_aligned_as_the_processor_sees_them() -> None:
    log = """\
Linux version 6.1.0-made-up (someone@somewhere) #1 SMP
Machine model: A Board
PCI host bridge to bus 0000:00
pci_bus 0000:00: root bus resource [mem 0x900010000-0x97fffffff] (bus address [0x80000000-0xfffeffff])
pci 0000:00:00.0: [201f:0001] type 00 class 0x028000
pci 0000:00:00.0: reg 0x10: [mem 0x00000000-0x000fffff]
pci 0000:00:00.0: BAR 0: assigned [mem 0x900100000-0x9001fffff]
"""
    ((run,),) = (stage.runs for stage in replayed(read_history(log, "log"), "linux-6.1"))
    assert run.differences == ()


def test_parameters_and_platform_become_options() -> None:
    text = "Kernel command line: pci=realloc=off,hpmemsize=8M,noaer\n" + TWO_BARS.format(
        large=0x80000000, large_end=0x801FFFFF, small=0x80200000, small_end=0x802FFFFF
    )
    history = read_history(text, "log")
    options = kernel_options(history, history.stages[0])
    assert options == {"arch": "x86", "event": "boot", "realloc": "off", "hpmemsize": "8M"}
    assert ignored_parameters(history) == ["noaer"]


@pytest.mark.parametrize("name", ["qemu-boot.log", "qemu-hotplug-nospace/dmesg.txt"])
def test_a_virtual_machine_is_replayed_to_the_address(name: str) -> None:
    history = read_history((SAMPLES / name).read_text(), name)
    for stage in replayed(history, kernel_engine(history.kernel)):
        assert [run.differences for run in stage.runs] == [()]
        assert [run.compared for run in stage.runs] != [0]


def test_a_resize_that_has_no_room_leaves_everything_where_it_was() -> None:
    log = """\
Linux version 6.1.0-made-up (someone@somewhere) #1 SMP
smpboot: two
PCI host bridge to bus 0000:00
pci_bus 0000:00: root bus resource [mem 0x80000000-0x8fffffff window]
pci_bus 0000:00: root bus resource [bus 00-1f]
pci 0000:00:01.0: [8086:0003] type 01 class 0x060400
pci 0000:01:00.0: [10de:0001] type 00 class 0x030000
pci 0000:01:00.0: reg 0x10: [mem 0x80000000-0x83ffffff pref]
pci 0000:00:01.0: PCI bridge to [bus 01]
pci 0000:00:01.0:   bridge window [mem 0x80000000-0x83ffffff pref]
pci_bus 0000:00: resource 4 [mem 0x80000000-0x8fffffff window]
nouveau 0000:01:00.0: NVIDIA
nouveau 0000:01:00.0: BAR 0: releasing [mem 0x80000000-0x83ffffff pref]
pcieport 0000:00:01.0: BAR 15: releasing [mem 0x80000000-0x83ffffff pref]
pcieport 0000:00:01.0: BAR 15: no space for [mem size 0x40000000 pref]
pcieport 0000:00:01.0: BAR 15: failed to assign [mem size 0x40000000 pref]
nouveau 0000:01:00.0: BAR 0: no space for [mem size 0x40000000 pref]
nouveau 0000:01:00.0: BAR 0: failed to assign [mem size 0x40000000 pref]
pcieport 0000:00:01.0: BAR 15: assigned [mem 0x80000000-0x83ffffff pref]
nouveau 0000:01:00.0: BAR 0: assigned [mem 0x80000000-0x83ffffff pref]
"""
    history = read_history(log, "log")
    _, resize = replayed(history, "linux-6.1")
    assert resize.stage.kind == "resize"
    assert resize.runs[0].differences == ()
    assert any(decision.kind == "no space" for decision in resize.runs[0].decisions)


@needs_corpus
@pytest.mark.parametrize(
    "name",
    [
        "gpu-server/dell-xe9680-8x-oam",
        "server/intel-brickland-4s",
        "storage-server/supermicro-2028bt-hnr-nvme",
        "arm64/imx8mm-venice-gw72xx",
        "vm/qemu-arm64-virt",
        "workstation/asrock-x299-taichi-xe",
        "riscv/sifive-unleashed-expansion",
        "server/bullx-x8dah-2s",
        "thunderbolt/dell-xps13-9360-usbc-adapter",
        "desktop/asus-x670e-rog-16g",
        "arm64/adlink-ava-altra-rebar-fail",
        "alloc-failure/bug220775-legacy-pci-behind-switch",
        "gpu-server/supermicro-4029gp-trt2-8gpu",
        "laptop/asus-zephyrus-g14",
        "legacy/sgi-ip30-octane",
        "power/amigaone-x1000",
        "server/dell-poweredge-r6515",
    ],
)
def test_real_machines_are_replayed_to_the_address(name: str) -> None:
    (path,) = (path for path in (CORPUS / name).glob("*dmesg*.txt"))
    history = read_history(path.read_text(errors="replace"), name)
    for stage in replayed(history, kernel_engine(history.kernel)):
        assert all(run.compared and not run.differences for run in stage.runs)
