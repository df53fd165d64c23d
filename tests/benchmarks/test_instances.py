"""Files of instances: what they hold, how they are read, what is refused."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from benchmarks.families import make_all
from benchmarks.instances import INSTANCES, LARGEST, PLUGGED, Entry, Instance, real, select, shipped, text_of, write
from models.document import load_topology
from models.errors import InputError
from tests.corpus import CORPUS, needs_corpus

SHIPPED_BYTES = 2_000_000


def entry(name: str) -> Entry:
    return next(one for one in shipped() if one.name == name)


def test_an_instance_is_a_topology_document_with_its_request() -> None:
    one = entry("desktop/gpu-1")
    instance = one.load()
    assert (instance.family, instance.seed, instance.parameters) == ("desktop", 1, {"new": "gpu"})
    assert instance.topology == load_topology(one.path.read_text(), "x")
    assert one.asked() == (instance.request.policy, instance.request.minimize)


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    made = make_all("rack", seed=3, bars=90, new=6, goal="moves")
    instance = Instance("rack/mine", made.topology, made.request, 3, {"bars": 90, "new": 6, "goal": "moves"})
    path = write(instance, tmp_path)
    assert path.name == "mine.json.gz"
    found = shipped(tmp_path)[0].load()
    assert (found.name, found.topology, found.request) == ("rack/mine", made.topology, made.request)
    before = path.stat().st_mtime_ns
    assert write(instance, tmp_path) == path
    assert path.stat().st_mtime_ns == before


def test_the_largest_are_made_when_they_are_read(tmp_path: Path) -> None:
    path = entry("rack/boot-10000").path
    about = json.loads(path.read_text())["benchmark"]
    assert len(path.read_bytes()) < 1000
    about |= {"parameters": {"goal": "boot", "bars": 40}}
    (tmp_path / "rack").mkdir()
    other = tmp_path / "rack" / "x.json"
    other.write_text(json.dumps({"benchmark": about}))
    with pytest.raises(InputError, match="another machine than it did"):
        Entry("rack/x", other).load()
    assert LARGEST < 4000


def test_all_files_together_are_small() -> None:
    assert sum(path.stat().st_size for path in INSTANCES.rglob("*") if path.is_file()) < SHIPPED_BYTES


@pytest.mark.parametrize("text", ["{}", "[]", "no JSON", '{"benchmark": {"policy": "bold"}}'])
def test_a_file_that_is_no_instance_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "x.json"
    path.write_text(text)
    with pytest.raises(InputError, match="no instance"):
        Entry("toy/x", path).load()


def test_a_broken_archive_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.json.gz"
    path.write_bytes(gzip.compress(b"{}" * 100)[:-9])
    with pytest.raises(InputError, match="cannot be read"):
        Entry("toy/x", path).load()


def test_instances_come_family_by_family_the_small_ones_first() -> None:
    names = [one.name for one in shipped()]
    assert names[0].startswith("toy/")
    assert names.index("rack/boot-500") < names.index("rack/boot-2000") < names.index("rack/boot-10000")


def test_instances_are_chosen_by_family_and_name() -> None:
    assert {one.name for one in select(shipped(), "toy, tight", "*/moves-15")} == {"tight/moves-15"}
    with pytest.raises(InputError, match="unknown family 'rock'"):
        select(shipped(), "rock")
    with pytest.raises(InputError, match="no instance matches"):
        select(shipped(), "toy", "nothing*")


def test_a_text_says_what_made_it() -> None:
    made = make_all("toy", seed=1, kind="comb", size=3)
    text = text_of(Instance("toy/comb-3", made.topology, made.request, 1, {"kind": "comb", "size": 3}))
    about = json.loads(text)["benchmark"]
    assert about["generator"] == "barplan-families/1"
    assert about["parameters"] == {"kind": "comb", "size": 3}


@needs_corpus
def test_real_machines_have_something_plugged_in(tmp_path: Path) -> None:
    machine = next(path.parent for path in sorted((CORPUS / "laptop").glob("*/source.txt")))
    (tmp_path / "laptop").mkdir()
    (tmp_path / "laptop" / machine.name).symlink_to(machine)
    entries = list(real(tmp_path, ports=1))
    assert [one.plugged.partition("@")[0] for one in entries] == list(PLUGGED)[: len(entries)]
    assert not list(real(tmp_path, only="corpus/server/*"))
    assert list(real(tmp_path, ports=1, only=f"corpus/laptop/{machine.name}+{PLUGGED[0]}@*")) == entries[:1]
    for one in entries:
        instance = one.load()
        assert instance.family == "corpus"
        assert any(bar.address is None for _, bar in instance.topology.bars())
