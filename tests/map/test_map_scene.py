"""What a map shows is what the models say: free space, waste, changes; no two labels share a place."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from random import Random

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from models.errors import InputError
from models.mobility import mobility
from models.placement import Placement, free_space, measure
from models.resources import GIB, MIB
from models.sources.machine import read_machine
from models.topology import Topology
from solver.map.layout import lay_out
from solver.map.picture import CHARACTER, LINE, TICK_CHARACTER, Label, Picture
from solver.map.scene import Scene, make_scene
from solver.map.stages import TOGETHER, stages
from solver.map.svg import draw
from solver.map.words import Words, tiny_size
from tests.corpus import machines, needs_corpus
from tests.map.machines import big_server, rearranged
from tests.map.shipped import sample
from tests.random_machines import random_machine
from tests.strategies import topologies
from tests.topologies import bar, bridge, changed, function, key, machine, window_key


def scene_of(topology: Topology, planned: Placement | None = None) -> Scene:
    return make_scene(topology, mobility(topology), planned)


def laptop() -> Topology:
    return sample("laptop-thunderbolt")[0]


def test_free_space_and_largest_blocks_are_those_of_the_models() -> None:
    for topology in (laptop(), big_server(100)):
        scene = scene_of(topology)
        expected = [(space.free, space.largest_block) for space in free_space(topology, Placement.today(topology))]
        found = [(band.today.free_bytes, band.today.largest.size if band.today.largest else 0) for band in scene.bands]
        assert found == expected


def test_dotted_bytes_are_the_wasted_bytes_of_the_models() -> None:
    topology = big_server(200)
    planned = rearranged(topology)
    bands = scene_of(topology, planned).bands
    today = sum(gap.size for band in bands for _, gap in band.today.waste)
    after = sum(gap.size for band in bands if band.plan for _, gap in band.plan.waste)
    assert today == measure(topology, Placement.today(topology)).wasted_bytes > 0
    assert after == measure(topology, planned).wasted_bytes > 0


def test_what_moves_comes_goes_and_changes_is_told_apart() -> None:
    port = bridge(
        "00:01.0",
        function("01:00.0", bar(0, at=0x8000_0000), bar(1), bar(2, at=0x8010_0000)),
        mem=(0x80000000, 0x801FFFFF),
    )
    topology = machine(port)
    planned = changed(
        topology,
        {key("01:00.0", 0): 0x8030_0000, key("01:00.0", 1): 0x8020_0000, key("01:00.0", 2): None},
        {window_key("00:01.0", "mem"): (0x80100000, 0x803FFFFF)},
    )
    scene = scene_of(topology, planned)
    found = {
        (lane_number, item.name): item.change
        for band in scene.bands
        for lane_number, lane in enumerate(band.lanes)
        for item in lane.items
    }
    assert found == {
        (0, "0000:01:00.0 BAR 0"): "moved",
        (0, "0000:01:00.0 BAR 2"): "lost",
        (0, "0000:00:01.0 mem window"): "changed",
        (1, "0000:01:00.0 BAR 0"): "moved",
        (1, "0000:01:00.0 BAR 1"): "new",
        (1, "0000:00:01.0 mem window"): "changed",
    }
    assert [(str(waiting.key), waiting.before, waiting.after) for waiting in scene.waiting] == [
        ("0000:01:00.0 BAR 1", None, 0x80200000),
        ("0000:01:00.0 BAR 2", 0x80100000, None),
    ]


def test_what_moves_is_not_hatched_as_if_it_stayed() -> None:
    topology = big_server(200)
    lanes = [lane for band in scene_of(topology, rearranged(topology)).bands for lane in band.lanes]
    bars = [item for lane in lanes for item in lane.items if item.kind == "bar"]
    assert {item.change for item in bars if item.stays is not None} == {"same"}
    reasons = mobility(topology).reasons
    assert any(item.change != "same" and reasons[item.key] is not None for item in bars)  # type: ignore[index]


def test_what_lies_outside_the_root_windows_has_a_band_of_its_own() -> None:
    topology = machine(function("00:02.0", bar(0, at=0x1000_0000)))
    band = scene_of(topology).bands[-1]
    assert band.window is None
    assert [item.name for item in band.today.items] == ["0000:00:02.0 BAR 0"]


def labels_of(picture: Picture) -> list[tuple[float, float, float, float, str]]:
    """Left, top, right and bottom of every label of the bands, with its text."""
    rectangles = []
    for band in picture.bands:
        for lane in band.lanes:
            labels = [(label, CHARACTER) for box in lane.boxes for label in box.labels]
            labels += [(label, TICK_CHARACTER) for label in lane.ticks]
            rectangles += [_rectangle(label, band.x, band.y, pixels) for label, pixels in labels]
    return rectangles


def _rectangle(label: Label, dx: float, dy: float, pixels: float) -> tuple[float, float, float, float, str]:
    width, x, y = len(label.text) * pixels, label.x + dx, label.y + dy
    shift = {"start": 0.0, "middle": width / 2, "end": width}[label.anchor]
    if label.rotated:
        bottom = y + shift
        return x - LINE + 3, bottom - width, x + 2, bottom, label.text
    return x - shift, y - LINE + 3, x - shift + width, y + 2, label.text


def collisions(picture: Picture) -> list[tuple[str, str]]:
    rectangles = sorted(labels_of(picture))
    found = []
    for number, (_, top, right, bottom, text) in enumerate(rectangles):
        for left, other_top, _, other_bottom, other in rectangles[number + 1 :]:
            if left > right - 0.5:
                break
            if min(bottom, other_bottom) - max(top, other_top) > 0.5:
                found.append((text, other))
    return found


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10**9))
def test_no_labels_collide_whatever_rules_are_broken(seed: int) -> None:
    topology = random_machine(Random(seed))
    assume(all(bar.address is None or bar.address >= 0 for _, bar in topology.bars()))
    picture = lay_out(scene_of(topology, _shaken(topology, Random(seed))), ["a machine"])
    assert collisions(picture) == []


def _shaken(topology: Topology, rng: Random) -> Placement:
    """Half of the BARs elsewhere: at each other's places, which may break any rule."""
    today = Placement.today(topology)
    keys = [key for key, address in today.bars.items() if address is not None and rng.random() < 0.5]
    addresses = [today.bars[key] for key in keys]
    rng.shuffle(addresses)
    return Placement({**today.bars, **dict(zip(keys, addresses, strict=True))}, today.windows)


@needs_corpus
def test_no_labels_collide_on_real_servers() -> None:
    servers = [folder for folder in machines() if folder.parent.name == "gpu-server"]
    for folder in servers:
        try:
            topology = read_machine([str(folder)]).topology
        except InputError:
            continue  # told in one line by every verb; readers have tests of their own
        assert collisions(lay_out(scene_of(topology), [topology.machine])) == [], folder.name
    assert servers


@settings(max_examples=60, deadline=None)
@given(topologies())
def test_any_machine_makes_well_formed_xml(topology: Topology) -> None:
    scene = scene_of(topology)
    ET.fromstring(draw(lay_out(scene, [topology.machine, "<&>\x00"]), Words(scene)))


def test_a_bar_of_256_gib_and_one_of_16_bytes_stand_in_one_picture() -> None:
    topology = machine(
        function("00:02.0", bar(0, 16, io=True, at=0x3000), bar(2, 256 * GIB, width=64, pref=True, at=0x4000000000))
    )
    picture = lay_out(scene_of(topology), ["both"])
    texts = {text for *_, text in labels_of(picture)}
    assert {"16", "256G", "4000000000", "3000"} <= texts
    assert picture.height < 500


def test_arrows_between_root_windows_go_round_each_on_its_own_line() -> None:
    moving = [function(f"00:0{device}.0", bar(0, width=64, at=0x9000_0000 + (device << 20))) for device in (2, 3, 4)]
    topology = machine(*moving)
    places = {key("00:02.0"): 0x4000000000, key("00:03.0"): 0x4000100000, key("00:04.0"): 0x8000_0000}
    picture = lay_out(scene_of(topology, changed(topology, places)), ["a machine"])
    first, second, third = picture.arrows
    assert first.gutter is not None
    assert second.gutter is not None
    assert (first.gutter, first.step) < (second.gutter, second.step)
    assert max(first.gutter, second.gutter) < picture.width
    assert third.gutter is None
    assert first.start[1] < third.end[1] < first.end[1]


def test_stages_lead_from_today_to_the_plan_and_free_a_place_before_it_is_taken() -> None:
    topology = big_server(200)
    planned = rearranged(topology)
    way = stages(topology, planned)
    leave = [key for stage in way for key in stage.leave]
    arrive = [key for stage in way for key in stage.arrive]
    today = Placement.today(topology)
    moved = {str(name) for name, at in planned.bars.items() if at not in (None, today.bars[name])}
    lost = {str(name) for name, at in today.bars.items() if at is not None and planned.bars[name] is None}
    assert {name for name in leave if "window" not in name} == moved | lost
    assert {name for name in arrive if "window" not in name} == moved
    assert len(leave) == len(set(leave))
    last_leaving = max(number for number, stage in enumerate(way) if any("BAR" in name for name in stage.leave))
    first_arriving = min(number for number, stage in enumerate(way) if any("BAR" in name for name in stage.arrive))
    assert last_leaving < first_arriving
    assert stages(topology, today) == []


def test_many_functions_go_together() -> None:
    topology = big_server(500)
    assert len(stages(topology, rearranged(topology))) < TOGETHER


def test_tiny_sizes() -> None:
    assert [tiny_size(size) for size in (16, 3320, 62208, 128 * GIB, 1018 * MIB, GIB - 4096, 3 * GIB + 1)] == [
        "16", "3320", "62208", "128G", "1018M", "~1023M", "~3.0G",
    ]  # fmt: skip
