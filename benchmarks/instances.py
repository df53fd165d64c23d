"""Instances: a machine with a request, in a file of its own; real machines of a corpus are read in place.

An instance is a topology document with one more key, ``benchmark``, which readers of the format ignore: family,
generator, seed and parameters, policy and objectives. Large ones are compressed. The largest have no machine in their
file but its hash, and are made when they are needed.
"""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from fnmatch import fnmatch
from importlib import import_module
from pathlib import Path
from typing import Any

from benchmarks.families import FAMILIES, make_all
from models.document import dump_topology, load_topology, topology_sha256
from models.edit import plug
from models.errors import InputError
from models.mobility import Policy
from models.placement import Placement
from models.resources import FunctionAddress
from models.topology import Topology
from solver.request import Request, parse_minimize

INSTANCES = Path(__file__).resolve().parent / "instances"
CORPUS = Path(__file__).resolve().parents[2] / "shared" / "corpus"

GENERATOR = "barplan-families/1"
"""Name and version of the generators; another version makes other machines of the same seed."""

PLAIN_BYTES = 30_000
"""Files up to this length are not compressed."""

LARGEST = 3000
"""Machines with more BARs are made when they are needed."""

PLUGGED = ("nvme", "gpu-16g")
"""What is plugged into real machines."""

FIRST_PORTS = 3
"""Ports of a real machine into which it is plugged, unless all are asked for."""


@dataclass(frozen=True, slots=True)
class Instance:
    """A machine with a request.

    Attributes
    ----------
    name
        ``family/name``.
    seed, parameters
        What the generator was given.
    known
        A plan that the generator knows, where it made this instance just now.
    """

    name: str
    topology: Topology
    request: Request
    seed: int = 0
    parameters: dict[str, int | str] = field(default_factory=dict)
    known: Placement | None = None

    @property
    def family(self) -> str:
        return self.name.partition("/")[0]


@dataclass(frozen=True, slots=True)
class Entry:
    """Where an instance is: a file, or a machine of a corpus with what is plugged into it."""

    name: str
    path: Path
    plugged: str = ""

    @property
    def family(self) -> str:
        return self.name.partition("/")[0]

    def load(self) -> Instance:
        """Read the instance.

        Raises
        ------
        InputError
            If the file is no instance, or its generator makes another machine by now.
        """
        return _load_file(self) if not self.plugged else _load_machine(self)

    def asked(self) -> tuple[Policy, tuple[str, ...]]:
        """Policy and objectives, without reading the machine.

        Raises
        ------
        InputError
            If the file is no instance.
        """
        if self.plugged:
            return Request().policy, Request().minimize
        about = _about(read_text(self.path), str(self.path))
        return Policy(about["policy"]), tuple(about["minimize"])


# -- the shipped families -----------------------------------------------------------------------------------------


def generate(families: Iterable[str] = tuple(FAMILIES)) -> Iterator[Instance]:
    """Every instance of these families, made anew."""
    for family in families:
        for name, seed, parameters in import_module(FAMILIES[family]).instances():
            made = make_all(family, seed=seed, **parameters)
            yield Instance(f"{family}/{name}", made.topology, made.request, seed, parameters, made.known)


def text_of(instance: Instance) -> str:
    """The text of the instance's file."""
    request = instance.request
    about: dict[str, Any] = {
        "name": instance.name,
        "generator": GENERATOR,
        "seed": instance.seed,
        "parameters": instance.parameters,
        "policy": str(request.policy),
        "minimize": list(request.minimize),
    }
    if sum(1 for _ in instance.topology.bars()) > LARGEST:
        about["topology_sha256"] = topology_sha256(instance.topology)
        return json.dumps({"benchmark": about}, indent=2) + "\n"
    text = dump_topology(instance.topology)
    first, rest = text.split("\n", 1)
    return f'{first}\n  "benchmark": {json.dumps(about)},\n{rest}'


def write(instance: Instance, folder: Path = INSTANCES) -> Path:
    """Write the instance's file, unless it is there already; the file."""
    text = text_of(instance)
    plain = folder / f"{instance.name}.json"
    packed = folder / f"{instance.name}.json.gz"
    path, other = (plain, packed) if len(text) <= PLAIN_BYTES else (packed, plain)
    other.unlink(missing_ok=True)
    if not path.is_file() or read_text(path) != text:
        path.parent.mkdir(parents=True, exist_ok=True)
        raw = text.encode("utf-8")
        path.write_bytes(raw if path is plain else gzip.compress(raw, 9, mtime=0))
    return path


def read_text(path: Path) -> str:
    """The text of an instance's file.

    Raises
    ------
    InputError
        If it cannot be read.
    """
    try:
        raw = path.read_bytes()
        return (gzip.decompress(raw) if path.suffix == ".gz" else raw).decode("utf-8")
    except (OSError, EOFError, UnicodeDecodeError) as error:
        raise InputError(f"cannot be read: {error}", source=str(path)) from None


def shipped(folder: Path = INSTANCES) -> list[Entry]:
    """The instances in a folder, family by family, small ones first."""
    paths = [*folder.glob("*/*.json"), *folder.glob("*/*.json.gz")]
    entries = [Entry(f"{path.parent.name}/{path.name.partition('.json')[0]}", path) for path in paths]
    families = list(FAMILIES)
    order = {family: number for number, family in enumerate(families)}
    return sorted(entries, key=lambda one: (order.get(one.family, len(order)), _natural(one.name)))


def _natural(name: str) -> list[tuple[int, str]]:
    """Sorts ``moves-500`` before ``moves-2000``."""
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in name.replace("/", "-").split("-")]


def _about(text: str, source: str) -> dict[str, Any]:
    """What an instance says of itself: it stands in one line of its own, or there is nothing else."""
    match = re.search(r'^  "benchmark": (\{.*\}),$', text, re.MULTILINE)
    try:
        about: dict[str, Any] = json.loads(match[1]) if match else json.loads(text)["benchmark"]
        Policy(about["policy"])
        _ = about["name"], about["seed"], about["parameters"], about["minimize"]
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(f"no instance: {error!r}", source=source, where="benchmark") from None
    return about


def _load_file(entry: Entry) -> Instance:
    source = str(entry.path)
    text = read_text(entry.path)
    about = _about(text, source)
    name, seed, parameters = about["name"], about["seed"], about["parameters"]
    policy, minimize = Policy(about["policy"]), tuple(about["minimize"])
    if "topology_sha256" not in about:
        request = Request(policy=policy, minimize=parse_minimize(",".join(minimize), policy))
        return Instance(name, load_topology(text, source), request, seed, parameters)
    made = make_all(entry.family, seed=seed, **parameters)
    if topology_sha256(made.topology) != about["topology_sha256"]:
        raise InputError("the generator makes another machine than it did", source=source, where="topology_sha256")
    return Instance(name, made.topology, made.request, seed, parameters, made.known)


# -- real machines ------------------------------------------------------------------------------------------------


def real(corpus: Path = CORPUS, *, ports: int = FIRST_PORTS, only: str = "*") -> Iterator[Entry]:
    """Real machines of a corpus, each with something plugged into its hotplug-capable and empty ports.

    Parameters
    ----------
    ports
        How many ports of each machine, at most; 0 = all.
    only
        Machines whose names cannot match are not read.
    """
    from models.sources.machine import read_machine

    beginning = re.split(r"[*?\[]", only)[0]
    for source in sorted(corpus.glob("*/*/source.txt")):
        machine = source.parent
        name = f"corpus/{machine.relative_to(corpus).as_posix()}+"
        if not (name.startswith(beginning) or beginning.startswith(name)):
            continue
        try:
            topology = read_machine([machine]).topology
        except InputError:
            continue
        for port in free_ports(topology)[: ports or None]:
            for what in PLUGGED:
                plugged = f"{what}@{port}"
                try:
                    plug(topology, plugged)
                except InputError:  # no device number is free there
                    continue
                entry = Entry(name + plugged, machine, plugged)
                if fnmatch(entry.name, only):
                    yield entry


def free_ports(topology: Topology) -> list[FunctionAddress]:
    """The bridges behind which something can be plugged in: those that take hotplug, and empty ones."""
    return [
        function.address
        for function, _ in topology.functions()
        if function.bridge is not None
        and function.bridge.secondary
        and (function.bridge.hotplug or not function.bridge.functions)
    ]


def _load_machine(entry: Entry) -> Instance:
    from models.sources.machine import read_machine

    topology = plug(read_machine([entry.path]).topology, entry.plugged)
    return Instance(entry.name, topology, Request(), parameters={"plug": entry.plugged})


def select(entries: Iterable[Entry], families: str | None = None, only: str = "*") -> list[Entry]:
    """The entries of these families (separated by commas) whose names match.

    Raises
    ------
    InputError
        If a family is unknown, or nothing is left.
    """
    wanted = None if families is None else [name.strip() for name in families.split(",")]
    for name in wanted or ():
        if name not in FAMILIES and name != "corpus":
            raise InputError(
                f"unknown family {name!r}, expected one of {', '.join(FAMILIES)}, corpus", source="--family"
            )
    found = [one for one in entries if (wanted is None or one.family in wanted) and fnmatch(one.name, only)]
    if not found:
        raise InputError(f"no instance matches {only!r}", source="--only")
    return found
