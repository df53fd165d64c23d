"""A topology as a ``barplan-topology/1`` document, for people (defaults left out) or for the hash (every key)."""

from __future__ import annotations

from typing import Any

from models.resources import Range
from models.topology import (
    Bar,
    Bridge,
    BridgeWindow,
    CardbusWindow,
    Function,
    Reserved,
    RootBus,
    RootWindow,
    Topology,
    default_granularity,
    default_optional,
)

TOPOLOGY_FORMAT = "barplan-topology/1"


def topology_document(topology: Topology) -> dict[str, Any]:
    """The document a person reads: addresses and sizes in hex, keys in the format's order, rare defaults left out."""
    return _Writer(canonical=False).topology(topology)


def canonical_document(topology: Topology) -> dict[str, Any]:
    """The document that is hashed: every key explicit, every number a hex string.

    The keys of each object, all of them always there except where noted:

    * document: ``format machine root_buses reserved``
    * root bus: ``domain bus windows functions``; its windows: ``space start end prefetchable offset``
    * function: ``address id class bars``; ``driver`` where it is known (``null`` = none bound); ``bridge`` where it
      is one
    * BAR: ``index space size width prefetchable address copies sizes fixed optional``
    * bridge: ``secondary subordinate hotplug subtractive isa vga windows functions cardbus``
    * ``bridge.windows``: ``io`` (``width start end granularity``), ``mem`` (``start end``), ``pref``
      (``width start end``); one that the bridge does not implement is absent, a closed one has ``null`` for
      ``start`` and ``end``
    * ``bridge.cardbus``: a list of ``space start end prefetchable``
    * reserved: ``space start end what``

    Unknown strings (``id``, ``class``) and unknown bus numbers are ``null``, absent text is ``""``.
    """
    return _Writer(canonical=True).topology(topology)


class _Writer:
    """Writes a topology, either form."""

    def __init__(self, *, canonical: bool) -> None:
        self.canonical = canonical

    def topology(self, topology: Topology) -> dict[str, Any]:
        return {
            "format": TOPOLOGY_FORMAT,
            "machine": topology.machine,
            "root_buses": [self._root_bus(root) for root in topology.root_buses],
            "reserved": [self._reserved(item) for item in topology.reserved],
        }

    def _root_bus(self, root: RootBus) -> dict[str, Any]:
        return {
            "domain": self._count(root.domain),
            "bus": self._count(root.bus),
            "windows": [self._root_window(window) for window in root.windows],
            "functions": [self._function(function) for function in root.functions],
        }

    def _root_window(self, window: RootWindow) -> dict[str, Any]:
        prefetchable = (
            {}
            if self._left_out(window.space == "io" and not window.prefetchable)
            else {"prefetchable": window.prefetchable}
        )
        offset = {} if self._left_out(window.offset == 0) else {"offset": hex(window.offset)}
        return {"space": window.space, **_range(window.range), **prefetchable, **offset}

    def _function(self, function: Function) -> dict[str, Any]:
        document: dict[str, Any] = {"address": function.address, "id": function.id, "class": function.class_code}
        if function.driver_known:
            document["driver"] = function.driver
        document["bars"] = [self._bar(bar) for bar in function.bars]
        if function.bridge is not None:
            document["bridge"] = self._bridge(function.bridge)
        return document

    def _bar(self, bar: Bar) -> dict[str, Any]:
        document: dict[str, Any] = {
            "index": self._count(bar.index) if isinstance(bar.index, int) else bar.index,
            "space": bar.space,
            "size": hex(bar.size),
            "width": self._count(bar.width),
            "prefetchable": bar.prefetchable,
            "address": None if bar.address is None else hex(bar.address),
        }
        if not self._left_out(bar.copies == 1):
            document["copies"] = self._count(bar.copies)
        if not self._left_out(not bar.sizes):
            document["sizes"] = [hex(size) for size in bar.sizes]
        if not self._left_out(not bar.fixed):
            document["fixed"] = bar.fixed
        if not self._left_out(bar.optional == default_optional(bar.index)):
            document["optional"] = bar.optional
        return document

    def _bridge(self, bridge: Bridge) -> dict[str, Any]:
        document: dict[str, Any] = {
            "secondary": None if bridge.secondary is None else self._count(bridge.secondary),
            "subordinate": None if bridge.subordinate is None else self._count(bridge.subordinate),
            "hotplug": bridge.hotplug,
            "subtractive": bridge.subtractive,
            **({"isa": True} if bridge.isa else {}),  # hardly any has it
            **({"vga": self._count(bridge.vga)} if bridge.vga else {}),
            "windows": {window.kind: self._window(window) for window in bridge.windows},
        }
        # A CardBus bridge has no memory window of the usual kind; an empty list tells it from a closed one.
        if not self._left_out(not bridge.cardbus and bridge.window("mem") is not None):
            document["cardbus"] = [self._cardbus(window) for window in bridge.cardbus]
        document["functions"] = [self._function(function) for function in bridge.functions]
        return document

    def _window(self, window: BridgeWindow) -> dict[str, Any]:
        document: dict[str, Any] = {} if window.kind == "mem" else {"width": self._count(window.width)}
        document |= {"start": None, "end": None} if window.range is None else _range(window.range)
        if window.kind == "io" and not self._left_out(window.granularity == default_granularity("io")):
            document["granularity"] = hex(window.granularity)
        return document

    def _cardbus(self, window: CardbusWindow) -> dict[str, Any]:
        return {"space": window.space, **_range(window.range), "prefetchable": window.prefetchable}

    def _reserved(self, item: Reserved) -> dict[str, Any]:
        return {"space": item.space, **_range(item.range), "what": item.what}

    def _count(self, number: int) -> int | str:
        """A number that is no address and no size: plain for a person, hex like all others for the hash."""
        return hex(number) if self.canonical else number

    def _left_out(self, default: bool) -> bool:
        return default and not self.canonical


def _range(range_: Range) -> dict[str, Any]:
    return {"start": hex(range_.start), "end": hex(range_.last)}
