"""Every lspci listing and sysfs dump of the corpus: counts against its index, hex dumps against the text."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from models.sources.config_space import ConfigSpace
from models.sources.lspci import looks_like_lspci, read_lspci
from models.sources.lspci_records import records_of
from models.sources.observation import Observation, SeenFunction
from models.sources.sysfs import looks_like_sysfs_resource, read_sysfs_resource
from tests.corpus import CORPUS, needs_corpus

Counts = tuple[int, int, int]
"""Functions, bridges, BARs."""

_ROW = re.compile(r"\| (?P<name>\S+/\S+) \| .* \| (?P<kinds>[^|]*) \| (\d+) \| (\d+) \| (\d+) \|")

_PART = "the listing shows a part of the machine, the log the rest"
_BRIEF = "the complete listing is a brief one, without BARs; the log has them"
_HIDDEN = "one function is in the log only: firmware hides it"
_IDE = "the index leaves out one-byte regions, which lspci prints without a size (IDE control ports)"
_IGNORED = "the index leaves out I/O regions at <ignored>"
_CLASS_FF = "the index leaves out functions whose numeric class begins with ff"

DIFFERENT: dict[str, tuple[Counts, str]] = {
    "arm64/adlink-ava-altra-rebar-fail": ((1, 0, 3), _PART),
    "arm64/rk3399-nanopc-t4": ((2, 1, 1), "the log of this kernel shows a BAR of the bridge, lspci does not"),
    "desktop/ecs-h310ch5-m2": ((14, 2, 22), _HIDDEN),
    "desktop/gigabyte-z370-hd3-16g": ((22, 9, 21), _HIDDEN),
    "gpu-server/broadwell-2s-tesla-p100": ((201, 14, 52), _IGNORED),
    "gpu-server/dell-xe9680-8x-oam": ((16, 8, 7), _PART),
    "gpu-server/supermicro-4029gp-trt2-8gpu": ((290, 22, 64), _BRIEF),
    "gpu-server/supermicro-as-4125gs-tnrt": ((149, 22, 0), _BRIEF),
    "gpu-server/x79-plx-4gpu": ((102, 12, 20), _BRIEF),
    "laptop/asus-f70sl": ((12, 2, 21), _IDE),
    "laptop/fujitsu-p8010": ((22, 4, 27), "the index leaves out the CardBus bridge's own BAR"),
    "nic-sriov/mlx5-relaxed-ordering-host": ((254, 14, 43), f"{_CLASS_FF}; {_IGNORED}"),
    "server/supermicro-p4dc6": ((16, 4, 21), _IDE),
    "thunderbolt/egpu-rebar-blocked": ((47, 19, 41), "two functions of another day are in a log only"),
    "vm/aws-g2-2xlarge": ((7, 0, 13), _IDE),
    "vm/aws-m4-2xlarge": ((7, 0, 11), f"{_CLASS_FF}; {_IDE}"),
}
"""Machines whose listings alone count otherwise than the index, which counts over all files; and why."""


def _index() -> Iterator[tuple[str, bool, Counts]]:
    """Machines, whether they have a listing, and their counts."""
    path = CORPUS / "INDEX.md"
    for line in path.read_text().splitlines() if path.is_file() else ():
        row = _ROW.match(line)
        if row is not None:
            yield row["name"], "lspci" in row["kinds"], (int(row[3]), int(row[4]), int(row[5]))


def _texts(name: str) -> Iterator[tuple[str, str]]:
    for path in sorted((CORPUS / name).iterdir()):
        if path.name != "source.txt":
            yield path.name, path.read_text(errors="replace")


def _observations(name: str) -> Iterator[Observation]:
    for source, text in _texts(name):
        if looks_like_lspci(text):
            yield read_lspci(text, source)
        if looks_like_sysfs_resource(text):
            yield read_sysfs_resource(text, source)


def _is_bridge(function: SeenFunction) -> bool:
    return function.header in (1, 2) or (function.class_code or "").startswith("0604")


def _counts(observations: list[Observation]) -> Counts:
    """Distinct functions and bridges over all files, and the most BARs any one file has."""
    functions = [function for observation in observations for function in observation.functions.values()]
    bars = [
        sum(isinstance(index, int) for function in observation.functions.values() for index in function.bars)
        for observation in observations
    ]
    return (
        len({function.address for function in functions}),
        len({function.address for function in functions if _is_bridge(function)}),
        max(bars, default=0),
    )


INDEX = {name: counts for name, has_listing, counts in _index() if has_listing}
"""What the index says of the machines that have a listing."""


@needs_corpus
@pytest.mark.parametrize("name", INDEX)
def test_counts(name: str) -> None:
    observations = list(_observations(name))
    expected, why = DIFFERENT.get(name, (INDEX[name], "as in the index"))
    assert _counts(observations) == expected, why
    assert expected != INDEX[name] or name not in DIFFERENT, "the exception is no longer one"


@needs_corpus
def test_listings_are_recognised_and_nothing_else_is() -> None:
    for name, has_listing, _ in _index():
        assert any(looks_like_lspci(text) for _, text in _texts(name)) is has_listing, name


@needs_corpus
@pytest.mark.parametrize("name", INDEX)
def test_hex_dumps_agree_with_the_text_beside_them(name: str) -> None:
    """The registers hold the low 32 bits of what the text prints, translated or not, and the same windows."""
    for source, text in _texts(name):
        if not looks_like_lspci(text):
            continue
        functions = read_lspci(text, source).functions
        for record in records_of(text):
            config = ConfigSpace(bytes(record.config))
            if not record.config or not config.responds or record.shown_bus is None:
                continue
            function = functions[record.address(record.shown_bus)]
            for index, register in config.bars().items():
                if register.address is None or index == "rom":
                    continue
                seen = function.bars[index]
                assert (seen.space, seen.width) == (register.space, register.width), (source, function.address, index)
                assert seen.address is None or seen.address % (1 << 31) == register.address % (1 << 31), (
                    function.address
                )
            for kind, window in config.windows().items():
                seen_window = function.windows[kind]
                assert seen_window.closed == window.closed, (source, function.address, kind)
                if window.range is not None and seen_window.range is not None:
                    assert seen_window.range.size == window.range.size, (source, function.address, kind)


@needs_corpus
@pytest.mark.parametrize("name", ["server/dell-r910-hwloc", "gpu-server/dcs8000z-xeon-phi-ib"])
def test_resource_files_agree_with_the_registers(name: str) -> None:
    folder = CORPUS / name
    registers = read_lspci((folder / "config-hex.txt").read_text(), "config-hex.txt").functions
    kernel = read_sysfs_resource((folder / "sysfs-resource.txt").read_text(), "sysfs-resource.txt").functions
    assert set(registers) == set(kernel)
    for address, function in registers.items():
        shown = kernel[address]
        for index, bar in function.bars.items():
            if index != "rom":
                seen = shown.bars[index]
                assert (seen.space, seen.width, seen.prefetchable, seen.address) == (
                    bar.space,
                    bar.width,
                    bar.prefetchable,
                    bar.address,
                ), (address, index)
        assert {kind: window.range for kind, window in function.windows.items()} == {
            kind: window.range for kind, window in shown.windows.items()
        }, address
        if shown.parent is not None:
            above = registers[shown.parent]
            assert above.secondary is not None
            assert address.split(":")[1] == f"{above.secondary:02x}"


@needs_corpus
def test_sizes_of_virtual_functions() -> None:
    """The one listing with enabled VFs: their sizes and number give the VF BARs of the physical functions."""
    (observation,) = _observations("nic-sriov/mellanox-ovs-offload-skylake")
    functions = observation.functions.values()
    virtual = [function for function in functions if function.virtual]
    sized = [bar for function in functions for index, bar in function.bars.items() if index == "vf0" and bar.size]
    assert len(virtual) == 6
    assert {(bar.size, bar.copies) for bar in sized} == {(1 << 20, 8)}
    assert len(sized) == 2
