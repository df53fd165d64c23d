"""The room behind empty hotplug ports, port by port."""

from __future__ import annotations

from models.headroom import PortHeadroom, headroom
from models.placement import Placement
from models.resources import format_size
from models.topology import Topology
from solver.render.columns import columns, section
from solver.render.words import WINDOW_WORDS


def headroom_text(topology: Topology, planned: Placement | None = None) -> str:
    """A section with the largest device that each empty hotplug port still takes, today or, if given, as planned."""
    ports = headroom(topology, planned or Placement.today(topology))
    if planned is None:
        rows = [(port.port, _kind(port), _room(port.block)) for port in ports]
    else:
        before = headroom(topology, Placement.today(topology))
        rows = [
            (port.port, _kind(port), f"{_room(old.block)} -> {_room(port.block)}")
            for old, port in zip(before, ports, strict=True)
        ]
    return section(f"Largest block free behind empty hotplug ports ({len({row[0] for row in rows})})", columns(rows))


def headroom_document(topology: Topology) -> list[dict[str, str]]:
    """The same of today, for programs."""
    return [
        {"port": port.port, "window": port.kind, "largest_block": hex(port.block), "possible": hex(port.most)}
        for port in headroom(topology, Placement.today(topology))
    ]


def _kind(port: PortHeadroom) -> str:
    return WINDOW_WORDS[port.kind].removesuffix(" behind bridge")


def _room(block: int) -> str:
    return format_size(block) if block else "none"
