"""What an address map says of each thing: short labels that fit into boxes, and everything for who asks."""

from __future__ import annotations

from models.resources import FunctionAddress, Range, Size, Space, format_size
from models.topology import BarIndex, BarKey, WindowKey, bar_name
from solver.map.scene import Band, Item, Scene
from solver.render.classes import class_name
from solver.render.words import address, bar_kind, range_text, root_window_kind

WINDOW_NAMES = {"io": "I/O", "mem": "memory", "pref": "prefetchable"}


def tiny_size(size: Size) -> str:
    """A size of at most five characters: exact where that is short, else rounded down with a tilde (``~1.4G``)."""
    exact = format_size(size)
    if len(exact) <= 5:
        return exact
    scale, unit = next((1 << shift, unit) for shift, unit in _UNITS if size >= 1 << shift)
    tenths = size * 10 // scale
    return f"~{tenths // 10}.{tenths % 10}{unit}" if tenths < 100 else f"~{tenths // 10}{unit}"


_UNITS = ((60, "E"), (50, "P"), (40, "T"), (30, "G"), (20, "M"), (10, "K"), (0, ""))


class Words:
    """Labels for one scene; the domain is left out where the machine has domain 0 alone."""

    def __init__(self, scene: Scene) -> None:
        self.scene = scene
        self.one_domain = all(root.domain == 0 for root in scene.topology.root_buses)
        reasons = [reason for reason in scene.movement.reasons.values() if reason is not None]
        shown = dict.fromkeys(
            item.stays for band in scene.bands for lane in band.lanes for item in lane.items if item.stays is not None
        )
        self.reasons = {
            reason: number for number, reason in enumerate(sorted(shown, key=lambda r: (-reasons.count(r), r)), 1)
        }

    def function(self, function: FunctionAddress | str) -> str:
        """The address of a function, without the domain where there is only domain 0."""
        return function.removeprefix("0000:") if self.one_domain else str(function)

    def index(self, index: BarIndex) -> str:
        """The name of a BAR."""
        return bar_name(index)

    def bar_lines(self, item: Item) -> tuple[str, ...]:
        """What stands in the box of a BAR: function, register, size, address, and the number of its reason."""
        assert isinstance(item.key, BarKey)
        bar = self.scene.functions[item.key.function].bar(item.key.index)
        assert bar is not None
        size = tiny_size(bar.size) + (f"x{bar.copies}" if bar.copies > 1 else "")
        size += {"moved": " *", "new": " +", "lost": " x"}.get(item.change, "")
        lines = (self.function(item.key.function), self.index(item.key.index), size, _hex(item))
        return (*lines, f"({self.reasons[item.stays]})") if item.stays is not None else lines

    def bar_line(self, item: Item) -> str:
        """The same in one line, without the address."""
        lines = self.bar_lines(item)
        return " ".join((*lines[:3], *lines[4:]))

    def leaf_lines(self, item: Item) -> tuple[str, ...]:
        """What stands in the box of anything that is no bridge window."""
        if item.kind == "bar":
            return self.bar_lines(item)
        if item.kind == "cardbus":
            return (self.function(item.name.split()[0]), "CardBus", tiny_size(item.range.size), _hex(item))
        return ("reserved", "", tiny_size(item.range.size), _hex(item))

    def leaf_line(self, item: Item) -> str:
        """The same in one line, without the address."""
        if item.kind == "bar":
            return self.bar_line(item)
        return " ".join(line for line in self.leaf_lines(item)[:3] if line)

    def window_labels(self, item: Item) -> tuple[str, ...]:
        """Labels of a bridge window, the longest first."""
        assert isinstance(item.key, WindowKey)
        bridge, size = self.function(item.key.bridge), tiny_size(item.range.size)
        name = WINDOW_NAMES[item.key.kind]
        mark = {"same": "", "changed": " *", "moved": " *", "new": " +", "lost": " x"}[item.change]
        where = range_text(item.range, item.space)
        return (
            f"{bridge} {name} window {where} {size}{mark}",
            f"{bridge} {name} window {size}{mark}",
            f"{bridge} {size}{mark}",
            f"{bridge}{mark}",
            bridge,
        )

    def band_title(self, band: Band) -> str:
        """What stands above a band: root bus, kind of window, where it is and its size."""
        if band.window is None:
            return f"outside every root window ({'I/O' if band.space == 'io' else 'memory'})"
        kind = root_window_kind(band.window)
        text = f"root bus {band.root}: {kind} window {range_text(band.range, band.space)}"
        return f"{text} [size={format_size(band.range.size)}]"

    def details(self, item: Item) -> list[tuple[str, str]]:
        """Everything that is known of an item, as labels and values."""
        found = [("address", range_text(item.range, item.space)), ("size", f"{format_size(item.range.size)}")]
        if isinstance(item.key, BarKey):
            return self.bar_details(item.key, item)
        if isinstance(item.key, WindowKey):
            changes = {
                "same": "stays as it is",
                "changed": "changes",
                "moved": "moves",
                "new": "opens",
                "lost": "closes",
            }
            name = f"{WINDOW_NAMES[item.key.kind]} window of bridge {item.key.bridge}"
            return [("what", name), *found, *self.owner(item.key.bridge), ("plan", changes[item.change])]
        return [("what", item.name), *found]

    def free_details(self, free: Range, *, largest: bool) -> list[tuple[str, str]]:
        """What is known of a gap, or of the largest aligned block of these; its name is the first value."""
        name = f"largest aligned free block {free}" if largest else f"free {free}"
        return [("what", name), ("size", format_size(free.size))]

    def bar_details(self, key: BarKey, item: Item | None) -> list[tuple[str, str]]:
        """Everything that is known of a BAR; ``item`` is ``None`` where it has no address."""
        bar = self.scene.functions[key.function].bar(key.index)
        assert bar is not None
        size = format_size(bar.size) + (f" x {bar.copies} VFs" if bar.copies > 1 else "")
        after = bar.address if self.scene.planned is None else self.scene.planned.bars.get(key)
        found = [("what", str(key)), ("size", size), ("kind", bar_kind(bar) or "I/O ports")]
        found.append(("today", _place(bar.address, bar.span, bar.space)))
        if self.scene.planned is not None:
            planned_size = self.scene.planned.sizes.get(key, bar.size)
            found.append(("plan", _place(after, planned_size * bar.copies, bar.space)))
            if planned_size != bar.size:
                found.append(("new size", format_size(planned_size)))
        found += self.owner(key.function)
        reason = self.scene.movement.reasons.get(key)
        if bar.address is not None:
            found.append(("may move", "yes" if reason is None else f"no: {reason}"))
        why = self.scene.why.get(key)
        if why is not None and why != reason:
            found.append(("why", why))
        return found

    def owner(self, address_: FunctionAddress | str) -> list[tuple[str, str]]:
        """Class, id and driver of a function."""
        function = self.scene.functions[address_]
        name = " ".join(word for word in (class_name(function.class_code), function.id and f"[{function.id}]") if word)
        driver = function.driver or ("none" if function.driver_known else "unknown")
        return [("owner", f"{function.address} {name}".strip()), ("driver", driver)]


def _hex(item: Item) -> str:
    return address(item.range.start, item.space)


def _place(start: int | None, span: Size, space: Space) -> str:
    return "no address" if start is None else range_text(Range.of(start, span), space)
